"""Pages over HTTP: what they say, how they fail, how they are cached and guarded."""

from __future__ import annotations

import gzip
import logging
import re
import threading
import time
from importlib import resources

import pytest
from drawn import HOSTILE, FakeShop
from starlette.testclient import TestClient

from afterclick.analyse.feedback.feedback import Feedback
from afterclick.analyse.journey_map import JourneyMap
from afterclick.core.errors import SpecError, StoreError
from afterclick.surfaces.viz import styles
from afterclick.surfaces.web import create_app, slim
from afterclick.surfaces.web.guard import POLICY
from afterclick.surfaces.web.pages import PAGES as ALL_PAGES
from afterclick.surfaces.web.pages import named

PAGES = ["/", "/data"]


def open_shop(shop: FakeShop, **options: object) -> TestClient:
    return TestClient(create_app(shop, **{"hosts": ("testserver",), **options}), follow_redirects=False)  # type: ignore[arg-type]


def test_the_map_shows_the_numbers(client: TestClient) -> None:
    body = client.get("/?lang=en&wait=1").text
    for shown in (
        "₩442.4M",
        "182,340",
        "2.25%",
        "+0.15 pt",
        "135,016 leave",
        "612 back to Close",
        "arrived on tablet, bought on phone",
    ):
        assert shown in body
    assert '<html lang="en"' in body


def test_korean_by_the_browsers_wish_by_cookie_and_by_address(client: TestClient) -> None:
    assert "여정 지도" in client.get("/", headers={"accept-language": "fr, ko;q=0.8, en;q=0.5"}).text
    kept = client.get("/?lang=ko&theme=dark")
    assert 'data-theme="dark"' in kept.text
    client.cookies.set("afterclick_taste", "ko.dark")
    again = client.get("/")
    assert '<html lang="ko" class="ac" data-theme="dark">' in again.text
    assert "Journey map" in client.get("/?lang=en").text


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_no_page_uses_inline_script_or_style(client: TestClient, path: str, lang: str) -> None:
    body = client.get(path, params={"lang": lang, "wait": "1"}).text
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", body)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", body))


def test_bad_values_show_a_notice_and_the_default(client: TestClient, shop: FakeShop) -> None:
    answer = client.get("/?lang=en&range=<b>&where=%28%28&nonsense=1&touchpoints=x&page=-1&view=zz")
    assert answer.status_code == 200
    assert shop.asked == [JourneyMap().alone(), JourneyMap().search(), Feedback.lane(JourneyMap())]
    for name in ("range", "where", "nonsense", "touchpoints", "page", "view"):
        assert name in answer.text
    assert "&lt;b&gt;" in answer.text
    assert "<b>" not in answer.text


def test_filters_stand_as_words_and_can_be_taken_away(client: TestClient, shop: FakeShop) -> None:
    body = client.get(
        "/", params=[("lang", "en"), ("where", 'channel == "email"'), ("where", 'device_type == "mobile"')]
    ).text
    assert "channel is email" in body
    assert 'href="/?where=device_type+%3D%3D+%22mobile%22&amp;lang=en"' in body
    assert isinstance(shop.asked[0], JourneyMap)
    assert len(shop.asked[0].where) == 2


def test_a_form_leads_to_the_canonical_address(client: TestClient) -> None:
    answer = client.get("/?range=7d&filter_field=source&filter_op=is&filter_value=naver&filter_text=")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?range=7d&where=source+%3D%3D+%22naver%22"
    bad = client.get("/?from=2026-09-30&to=2026-09-01")
    assert client.get(bad.headers["location"]).text.count("2026-09-30..2026-09-01") >= 1


def test_the_drawer_is_a_section_without_script(client: TestClient) -> None:
    body = client.get("/?lang=en&people=buyers").text
    assert '<dialog class="drawer" id="drawer" open' in body
    assert "3,829 visitors" in body
    assert "1–50 of 3,829" in body
    assert "people=buyers&amp;page=2" in body
    third = client.get("/?lang=en&people=buyers&page=3").text
    assert "101–150 of 3,829" in third
    last = client.get("/?lang=en&people=buyers&page=999999").text
    assert "3,801–3,829 of 3,829" in last


def test_the_drawer_offers_the_cell_as_a_filter(client: TestClient) -> None:
    body = client.get("/", params={"lang": "en", "people": "stage=Attract;channel=paid_search"}).text
    assert "Only: Paid search" in body
    assert "where=channel+%3D%3D+%22paid_search%22" in body


def test_a_cell_that_is_not_there_says_so(client: TestClient) -> None:
    answer = client.get("/?people=nobody")
    assert answer.status_code == 200
    assert "the map has no cell" in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_hostile_names_are_text_on_every_page(path: str) -> None:
    with open_shop(FakeShop(hostile=True)) as client:
        body = client.get(path, params={"wait": "1"}).text
        assert "<script>alert" not in body
        assert "49" not in re.findall(r"<bdi>(49)</bdi>", body)
        assert "{{ 7 * 7 }}" in body or path == "/data"
        assert HOSTILE[0] not in body
        for view in ("chart", "table"):
            assert client.get(path, params={"view": view, "people": HOSTILE[0]}).status_code == 200


def test_no_data_at_all_shows_how_to_get_some() -> None:
    with open_shop(FakeShop(empty=True)) as client:
        body = client.get("/?lang=en").text
        assert "No events yet" in body
        assert "afterclick demo" in body
        assert "afterclick serve --store shop" in body
        assert not re.search(r"\d{3},\d{3}", body)


def test_none_in_range_offers_to_widen(client: TestClient) -> None:
    body = client.get("/", params={"lang": "en", "range": "today", "where": 'source == "x"'}).text
    assert "Widen to all days" in body
    assert "range=all" in body
    assert "Without the filter" in body


def test_an_error_stays_in_its_card(client: TestClient, shop: FakeShop) -> None:
    shop.problem = SpecError("there is no field 'colour'", hint="did you mean 'color'?", path="where")
    answer = client.get("/?lang=en")
    assert answer.status_code == 200
    assert "there is no field" in answer.text
    assert "did you mean" in answer.text
    assert "Try again" in answer.text
    assert "Request 0" in answer.text
    assert "etag" not in answer.headers
    shop.problem = None
    assert "182,340" in client.get("/?lang=en").text


def test_a_fault_of_ours_tells_no_secrets(client: TestClient, shop: FakeShop, caplog: pytest.LogCaptureFixture) -> None:
    shop.problem = RuntimeError("password in /secret/path")
    with caplog.at_level(logging.ERROR):
        answer = client.get("/?lang=en")
    assert answer.status_code == 200
    assert "secret" not in answer.text
    assert "Something went wrong here" in answer.text
    assert "password in /secret/path" in caplog.text


def test_a_slow_question_gives_a_skeleton_and_the_part_waits_for_it(shop: FakeShop) -> None:
    shop.gate = threading.Event()
    with open_shop(shop) as client:
        body = client.get("/?lang=en&range=7d").text
        assert 'data-src="/map.part?range=7d&amp;lang=en&amp;card=map"' in body
        assert '<noscript><a class="button" href="/?range=7d&amp;lang=en&amp;wait=1">' in body
        assert client.get("/?range=7d").headers["cache-control"] == "no-store"
        shop.gate.set()
        assert "182,340" in client.get("/map.part?range=7d").text
        assert "182,340" in client.get("/?range=7d").text
        assert [spec.key_word for spec in shop.asked] == ["map", "barriers", "feedback"]


def test_the_same_page_twice_is_304_until_something_changes(client: TestClient, shop: FakeShop) -> None:
    def tag(**more: str) -> str:
        client.cookies.clear()
        return client.get("/", params={"wait": "1", **more}).headers["etag"]

    first = tag()
    again = client.get("/", headers={"if-none-match": first})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first
    assert len({first, tag(lang="ko"), tag(theme="dark"), tag(range="7d"), tag(people="buyers")}) == 5
    assert tag(compare="prev", range="28d") == first
    shop.fingerprint = "f2"
    assert tag() != first


def test_one_question_is_asked_once(client: TestClient, shop: FakeShop) -> None:
    for _ in range(3):
        client.get("/?wait=1")
    client.get("/map.json")
    client.get("/?people=buyers")
    assert shop.asked == [JourneyMap().alone(), JourneyMap().search(), Feedback.lane(JourneyMap()), JourneyMap()]


def test_headers_of_the_policy_stand_on_everything(client: TestClient) -> None:
    for path in ("/", "/nope", "/healthz", "/static/app.css", "/map.json?range=zz"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.nip.io"])
def test_foreign_hosts_are_refused(shop: FakeShop, host: str) -> None:
    with TestClient(create_app(shop)) as client:
        assert client.get("/", headers={"host": host}).status_code == 421
        for known in ("localhost:8420", "127.0.0.1:8420", "[::1]:8420", "LOCALHOST"):
            assert client.get("/healthz", headers={"host": known}).status_code == 200


ADDRESSES = [
    "/",
    "/data",
    "/map.json",
    "/map.csv",
    "/map.part",
    "/people.json",
    "/people.csv",
    "/api/map.json",
    "/schema.json",
    "/healthz",
    "/static/app.css",
    "/map",
]


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_address_is_refused_without_the_token(shop: FakeShop, path: str) -> None:
    with open_shop(shop, token="s3cret") as client:
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert client.get(path, params={"token": "wrong"}).status_code == 401
        assert shop.asked == []


def test_the_token_moves_from_the_address_into_a_cookie(shop: FakeShop) -> None:
    with open_shop(shop, token="s3cret", hosts=None) as client:
        welcome = client.get("/?range=7d&token=s3cret", headers={"host": "shop.example"})
        assert welcome.status_code == 303
        assert welcome.headers["location"] == "/?range=7d"
        assert "HttpOnly" in welcome.headers["set-cookie"]
        assert client.get("/healthz").status_code == 200
        assert (
            client.get("http://testserver//evil.example/?token=s3cret").headers["location"].startswith("/evil.example")
        )


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(client: TestClient, method: str) -> None:
    assert client.request(method, "/").status_code == 405


def test_pages_that_are_not_there(client: TestClient) -> None:
    page = client.get("/nowhere?lang=ko")
    assert page.status_code == 404
    assert 'href="/data"' in page.text
    assert client.get("/nowhere.json").json()["error"]["code"] == "not_found"
    assert client.get("/map?range=7d").headers["location"] == "/?range=7d"
    assert client.get("/static/../app.py").status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_no_link_of_a_page_is_dead(client: TestClient, path: str) -> None:
    body = client.get(path, params={"wait": "1"}).text
    targets = set(re.findall(r'(?:href|src)="(/[^"#]*)', body))
    assert len(targets) > 20
    for target in targets:
        assert client.get(target.replace("&amp;", "&")).status_code in (200, 303), target


def test_bytes_within_the_budget(client: TestClient) -> None:
    script = client.get("/static/app.js").content
    assert len(script) <= 12_000
    for path in PAGES:
        page = client.get(path, params={"wait": "1", "lang": "ko"}).content
        sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.decode())
        styles = b"".join(client.get(sheet).content for sheet in sheets)
        assert len(styles) <= 20_000, path
        assert len(gzip.compress(page)) + len(gzip.compress(script)) + len(gzip.compress(styles)) <= 60_000


@pytest.mark.parametrize("page", [page.name for page in ALL_PAGES])
def test_the_styles_of_every_page_are_within_the_budget(client: TestClient, page: str) -> None:
    core = len(client.get("/static/app.css").content)
    found = named(page)
    assert found is not None
    wanted = [*found.sheets, *(["ask"] if found.asks else [])]
    answers = [client.get(f"/static/{name}.css") for name in wanted]
    assert all(answer.status_code == 200 for answer in answers)
    assert core + sum(len(answer.content) for answer in answers) <= 20_000


def test_slim_styles_are_the_same_rules() -> None:
    core, further = styles.sections()
    for source in (core, *further.values()):
        assert _flat(slim.css(source)) == _flat(source)


def _flat(css: str, scope: str = "", at: str = "") -> list[tuple[str, str, str]]:
    """Every rule with its whole selector, outside of nesting and of blocks of a medium."""
    found = []
    for rule in styles.rules(css):
        if rule.head.startswith(("@media", "@supports")):
            found += _flat(rule.body, scope, re.sub(r"\s", "", rule.head))
        elif "{" in rule.body and not rule.head.startswith("@"):
            found += _flat(rule.body, f"{rule.head} ", at)
        else:
            whole = ",".join(f"{scope}{head}" for head in styles.selectors(rule.head))
            found.append((at, re.sub(r"\s*([,>+~:])\s*|\s+", r"\1 ", whole), re.sub(r"[\s;]", "", rule.body)))
    return found


def test_a_slim_script_keeps_texts_and_patterns() -> None:
    source = """// gone
    const a = { b: "x , y" };
    if (a && /\\.( csv|json ) $/.test(a)) go(`p ${ a.b } ; q`, 'l : m');
    """
    assert slim.javascript(source) == (
        'const a={b:"x , y"};if(a&&/\\.( csv|json ) $/.test(a))go(`p ${ a.b } ; q`,\'l : m\');\n'
    )


def test_answers_are_compressed(client: TestClient) -> None:
    assert client.get("/", headers={"accept-encoding": "gzip"}).headers["content-encoding"] == "gzip"


def test_a_store_that_refuses_is_an_error_card(client: TestClient, shop: FakeShop) -> None:
    shop.problem = StoreError("the log is damaged", hint="afterclick doctor")
    assert "afterclick doctor" in client.get("/").text
    assert client.get("/map.json").status_code == 503


def test_templates_hold_no_text_of_their_own() -> None:
    folder = resources.files("afterclick.surfaces.web") / "templates"
    for file in folder.iterdir():
        markup = re.sub(r"{%.*?%}|{{.*?}}", "", file.read_text("utf-8"), flags=re.S)
        plain = re.sub(r"<[^>]*>", " ", markup)
        assert set(re.findall(r"\w+", plain)) <= {"CSV", "JSON", "HTML", "X", "afterclick", "English", "한국어"}, file.name


def test_a_page_of_ready_results_is_built_quickly(client: TestClient) -> None:
    client.get("/?wait=1")
    took = []
    for _ in range(5):
        began = time.perf_counter()
        client.get("/?wait=1")
        took.append(time.perf_counter() - began)
    # The budget is 20 ms, which the bench looks at; here it is only not to be computed anew.
    assert min(took) < 0.5
