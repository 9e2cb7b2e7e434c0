"""The Funnels page over a real store: cards with questions of their own, people, forms, saved questions, exports."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import shlex
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner
from drawn import HOSTILE
from starlette.testclient import TestClient
from test_viz_shapes import Tags

import afterclick
from afterclick.analyse.drivers import Drivers
from afterclick.analyse.funnel import Funnel
from afterclick.analyse.journey_map import JourneyMap
from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.surfaces.cli.main import group
from afterclick.surfaces.web import controls, create_app
from afterclick.surfaces.web.address import Address, moved
from afterclick.surfaces.web.answers import elsewhere
from afterclick.surfaces.web.exports import command
from afterclick.surfaces.web.marks import acts, condition_of, step_of
from afterclick.surfaces.web.page import scoped
from afterclick.surfaces.web.pages import PAGES, named
from support.shop import Shop

STEPS = ("Page Viewed", "Product Viewed", "Product Added", "Order Completed")
QUERY = {"steps": STEPS, "range": "2026-01-15..2026-01-28", "within": "1d"}
OURS = {"origin": "http://testserver"}


def _fill(shop: Shop) -> Shop:
    """Two periods of 14 days: 90 and 100 visitors of whom ever fewer go on; those with a coupon go on more often."""
    for period, count in ((0, 90), (14, 100)):
        for i in range(count):
            who, device = f"{'ab'[period // 14]}{i}", "mobile" if i % 3 else "desktop"
            at = f"{period + i % 10}d{i % 9}h"
            shop.add(who, at, "Page Viewed", url="https://shop.example/", device=device)
            if i % 10 < 8:
                shop.add(who, f"{at}1m", "Product Viewed", url="https://shop.example/p", device=device, price=20 + i)
            if i % 10 < 8 and i % 4 == 0:
                shop.add(who, f"{at}2m", "Coupon Applied", device=device)
            if i % 20 < 6 or (i % 10 < 8 and i % 4 == 0):
                shop.add(who, f"{at}3h", "Product Added", device=device, revenue=20 + i)
            if i % 20 < 3:
                shop.add(who, f"{at}4h", "Order Completed", device=device, revenue=20 + i, order_id=f"o{period}-{i}")
    shop.add("z", "30d", "Page Viewed", url="https://shop.example/", device="mobile")
    return shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("funnel") / "store"
    with _fill(Shop()).open(path, name="Shop", currency="KRW"):
        return path


@pytest.fixture
def store(folder: Path) -> Iterator[afterclick.Workspace]:
    with afterclick.open(folder) as opened:
        yield opened
        for name in list(opened.saved()):
            opened.unsave(name)


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def asked(**more: Any) -> Funnel:
    return Funnel(**{**QUERY, **more})


def test_page_json_csv_people_and_command_line_say_the_same(
    pages: TestClient, store: afterclick.Workspace, folder: Path
) -> None:
    frame = store.ask(asked()).frame.to_pylist()
    assert frame[0]["n"] == 100
    data = pages.get("/funnel.json", params=QUERY).json()
    assert [row["n"] for row in data["data"]] == [row["n"] for row in frame]
    table = rows_of(pages.get("/funnel.csv", params={**QUERY, "card": "steps"}).text)
    assert [int(row[table[0].index("n")]) for row in table[1:]] == [row["n"] for row in frame]
    body = pages.get("/funnel", params={**QUERY, "lang": "en", "wait": "1"}).text
    for row in frame:
        assert f">{row['n']:,}</a>" in body
        people = pages.get("/people.json", params={**QUERY, "question": "funnel", "people": f"step={row['step']};part=reached"})
        assert people.json()["count"] == row["n"]
        if row["lost"]:
            listed = rows_of(pages.get("/funnel.csv", params={**QUERY, "people": f"step={row['step']};part=lost"}).text)
            assert len(listed) - 1 == row["lost"]
    words = shlex.split(command(asked()).replace("DIR", shlex.quote(str(folder))))[1:]
    printed = CliRunner().invoke(group, [*words, "--format", "csv"])
    assert [int(row["n"]) for row in csv.DictReader(io.StringIO(printed.stdout))] == [row["n"] for row in frame]


def test_each_card_has_its_own_question(pages: TestClient, store: afterclick.Workspace) -> None:
    whole = pages.get("/funnel.json", params=QUERY).json()
    assert set(whole["cards"]) == {"why"}
    one = pages.get("/funnel.json", params={**QUERY, "card": "why"})
    expected = store.ask(Drivers.of(asked()))
    assert one.json()["data"] == whole["cards"]["why"]["data"]
    assert [row["behaviour"] for row in one.json()["data"]] == expected.frame["behaviour"].to_pylist()
    later = pages.get("/funnel.json", params={**QUERY, "card": "why", "why": "1"}).json()
    assert later["spec"]["step"] == 1
    assert pages.get("/funnel.json", params={**QUERY, "card": "whi"}).json()["error"]["hint"] == "did you mean 'why'?"


def test_the_tables_of_the_cards(pages: TestClient, store: afterclick.Workspace) -> None:
    result = store.ask(asked(by="device_type"))
    for card, part in (("times", "histogram"), ("trend", "trend"), ("breakdown", "breakdown")):
        rows = rows_of(pages.get("/funnel.csv", params={**QUERY, "by": "device_type", "card": card}).text)
        assert rows[0] == result.parts[part].column_names
        assert len(rows) - 1 == result.parts[part].num_rows
    assert pages.get("/funnel.csv", params={**QUERY, "card": "nothing"}).status_code == 422


def test_the_people_of_a_card_are_found_by_its_name(pages: TestClient, store: afterclick.Workspace) -> None:
    body = pages.get("/funnel", params={**QUERY, "lang": "en", "wait": "1"}).text
    link = next(unescape(href) for href in re.findall(r'href="([^"]+)"', body) if "part%3Dwent_on" in href)
    assert dict(parse_qsl(urlsplit(link).query))["card"] == "why"
    went_on = store.ask(Drivers.of(asked())).figures["went_on"]
    for href in (link, link.replace("&card=why", "")):
        opened = pages.get(href).text
        assert f"1–{min(50, went_on)} of {went_on}" in opened or f"<p class=\"n\">{went_on} visitors" in opened
        assert 'question=drivers' in opened
    assert 'id="card-steps"' in pages.get(link).text


def test_before_the_first_funnel_three_are_suggested(pages: TestClient) -> None:
    body = pages.get("/funnel?lang=en&range=all&wait=1").text
    links = [unescape(href) for href in re.findall(r'class="pick" href="([^"]+)"', body)]
    assert len(links) == 3
    for href in links:
        assert len([value for name, value in parse_qsl(urlsplit(href).query) if name == "steps"]) >= 2
        assert "range=all" in href
        assert "Steps" in pages.get(href + "&wait=1").text
    assert 'action="/saved"' not in body
    exported = [unescape(href) for href in re.findall(r'href="(/api/data\.(?:csv|json)[^"]*)"', body)]
    assert [pages.get(href).status_code for href in exported] == [200, 200]
    assert rows_of(pages.get(exported[0]).text)[0][0] == "event"
    assert "steps=" not in "".join(re.findall(r'data-key="w"[^>]*href="([^"]*)"|href="(/funnel\?range=7d[^"]*)"', body)[0])
    answer = pages.get("/funnel.json?range=all")
    assert answer.status_code == 422
    assert answer.json()["error"]["path"] == "steps"


def test_one_step_is_no_funnel_and_says_so(pages: TestClient) -> None:
    answer = pages.get("/funnel", params={"steps": "Page Viewed", "lang": "en"})
    assert answer.status_code == 200
    assert "Steps cannot be" in answer.text
    assert 'class="pick"' in answer.text


def test_a_first_step_nobody_took(pages: TestClient) -> None:
    asked = {"steps": ("Coupon Applied", "Order Completed"), "range": "today", "lang": "en", "wait": "1"}
    body = pages.get("/funnel", params=asked).text
    assert "Nobody took the step Coupon Applied" in body
    assert "Widen to all days" in body
    assert "Time to convert</h2>" not in body


def test_a_step_that_is_not_there_is_told_once(pages: TestClient) -> None:
    body = pages.get("/funnel", params={"steps": ("Nothing", "Order Completed"), "lang": "en", "wait": "1"}).text
    assert body.count("there is no event &#x27;Nothing&#x27;") == 1


def test_a_funnel_that_cannot_be_explained_has_no_why(pages: TestClient) -> None:
    body = pages.get("/funnel", params={**QUERY, "order": "any", "lang": "en", "wait": "1"}).text
    assert 'id="card-steps"' in body
    assert "Any 2 of the steps" in body
    assert 'id="card-why"' not in body
    assert "#card-why" not in body


def test_the_table_holds_every_number_of_the_drawing(pages: TestClient) -> None:
    for view in ("chart", "table"):
        body = pages.get("/funnel", params={**QUERY, "view": view, "wait": "1"}).text.split('id="card-steps"')[1]
        shown = re.sub(r"<[^>]+>", " ", body.split('id="card-why"')[0])
        for number in ("100", "90", "80", "72", "40"):
            assert re.search(rf"\b{number}\b", shown), (view, number)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("steps:up:2", "ACBD"),
        ("steps:up:0", "ABCD"),
        ("steps:down:0", "BACD"),
        ("steps:down:3", "ABCD"),
        ("steps:drop:1", "ACD"),
        ("steps:drop:9", "ABCD"),
        ("steps:fly:1", "ABCD"),
        ("::", "ABCD"),
        ("within:drop:0", "ABCD"),
    ],
)
def test_a_list_is_edited_without_script(edit: str, expected: str) -> None:
    pairs = [("steps", step) for step in "ABCD"] + [("within", "1d")] * (not edit.startswith("within"))
    assert "".join(value for name, value in moved(pairs, edit) if name == "steps") == expected


def test_the_form_leads_to_the_canonical_address(pages: TestClient) -> None:
    body = pages.get("/funnel", params={**QUERY, "lang": "en", "wait": "1"}).text
    names = set(re.findall(r'<(?:input|select)[^>]* name="(\w+)"', body.split('class="question"')[1].split("</form>")[0]))
    own = {field.name for field in Funnel.fields() if not field.scope}
    assert own <= names
    sent = [("steps", step) for step in (*STEPS, "")]
    sent += [("order", "sequential"), ("within", "2d"), ("edit", "steps:drop:1")]
    answer = pages.get("/funnel", params=sent)  # type: ignore[arg-type]
    assert answer.status_code == 303
    assert parse_qsl(urlsplit(answer.headers["location"]).query) == [
        ("steps", "Page Viewed"),
        ("steps", "Product Added"),
        ("steps", "Order Completed"),
        ("within", "2d"),
    ]


def _token(body: str) -> str:
    return re.findall(r'name="csrf" value="([^"]+)"', body)[0]


def _form(pages: TestClient, **more: str) -> dict[str, str]:
    body = pages.get("/funnel", params={**QUERY, "wait": "1"}).text
    query = unescape(re.findall(r'name="query" value="([^"]*)"', body)[0])
    return {"csrf": _token(body), "page": "funnel", "query": query, "what": "save", "name": "Purchase", **more}


def test_a_question_is_saved_opened_and_deleted(pages: TestClient, store: afterclick.Workspace, folder: Path) -> None:
    before = pages.get("/funnel", params={**QUERY, "wait": "1"})
    name = '구매 "><script>'
    kept = pages.post("/saved", data=_form(pages, name=name), headers=OURS)
    assert kept.status_code == 303
    assert store.saved() == {name: asked()}
    fingerprint = store.info()["fingerprint"]
    listed = pages.get(kept.headers["location"])
    assert "<script>" not in listed.text.split("</head>")[1]
    assert "구매 &#34;&gt;&lt;script&gt;" in listed.text
    assert listed.headers.get("etag") != before.headers.get("etag")
    assert "구매" not in pages.get("/?lang=en").text
    printed = CliRunner().invoke(group, ["saved", "list", "--store", str(folder), "--format", "json"])
    assert asked().to_json()[1:-1] in printed.stdout.replace('"name":', "")
    shown = CliRunner().invoke(group, ["saved", "show", name, "--store", str(folder), "--format", "json"])
    assert '"n":100' in shown.stdout
    gone = pages.post("/saved", data=_form(pages, name=name, what="delete"), headers=OURS)
    assert gone.status_code == 303
    assert store.saved() == {}
    assert store.info()["fingerprint"] == fingerprint
    assert CliRunner().invoke(group, ["saved", "show", name, "--store", str(folder)]).exit_code == 2


@pytest.mark.parametrize(
    ("headers", "more", "status"),
    [
        ({}, {}, 403),
        ({"origin": "https://evil.example"}, {}, 403),
        ({"origin": "null"}, {}, 403),
        ({"sec-fetch-site": "cross-site"}, {}, 403),
        (OURS, {"csrf": "wrong"}, 403),
        (OURS, {"csrf": ""}, 403),
        (OURS, {"page": "nothing"}, 422),
        (OURS, {"query": "range=7d"}, 422),
        (OURS, {"name": "  "}, 422),
        (OURS, {"name": "x" * 121}, 422),
        (OURS, {"what": "delete", "name": "none"}, 422),
        (OURS, {"name": "x" * 40_000}, 400),
    ],
)
def test_foreign_and_wrong_forms_change_nothing(
    pages: TestClient, store: afterclick.Workspace, headers: dict[str, str], more: dict[str, str], status: int
) -> None:
    assert pages.post("/saved", data=_form(pages, **more), headers=headers).status_code == status
    assert store.saved() == {}


def test_forms_are_taken_at_one_address_only(pages: TestClient) -> None:
    assert pages.post("/funnel", headers=OURS).status_code == 405
    assert pages.get("/saved").status_code == 405


def test_saved_in_python(store: afterclick.Workspace) -> None:
    store.save("  a   b ", asked())
    store.save("c", asked(within="2d"))
    store.save("a b", asked(within="3d"))
    assert list(store.saved()) == ["c", "a b"]
    assert store.saved()["a b"] == asked(within="3d")
    with pytest.raises(afterclick.core.errors.SpecError, match="there is no saved question"):
        store.unsave("d")


class Slow:
    """The store, whose answers to one kind of question wait for a gate."""

    def __init__(self, store: afterclick.Workspace, kind: type[Spec]) -> None:
        self._store, self._kind = store, kind
        self.gate = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def ask(self, spec: Spec) -> Result:
        if isinstance(spec, self._kind):
            self.gate.wait(30)
        return self._store.ask(spec)


def test_a_slow_card_delays_no_other(store: afterclick.Workspace) -> None:
    store.ask(asked())
    slow = Slow(store, Drivers)
    with TestClient(create_app(slow, hosts=("testserver",))) as client:  # type: ignore[arg-type]
        body = client.get("/funnel", params={**QUERY, "lang": "en"}).text
        assert re.findall(r'id="(card-\w+)"', body)[:2] == ["card-steps", "card-why"]
        assert body.count("data-src=") == 1
        part = unescape(re.findall(r'data-src="([^"]+)"', body)[0])
        assert "card=why" in part
        slow.gate.set()
        came = client.get(part).text
        assert "why-card" in came
        assert "card-steps" not in came


def test_the_same_page_twice_is_304(pages: TestClient) -> None:
    first = pages.get("/funnel", params={**QUERY, "wait": "1"})
    again = pages.get("/funnel", params={**QUERY, "wait": "1"}, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


def test_cells_say_what_they_filter_and_which_step_they_are() -> None:
    spec = asked(by="device_type")
    assert condition_of("group=mobile;step=2;part=reached", spec) == 'device_type == "mobile"'
    assert condition_of("group=(other);step=2;part=reached", spec) == ""
    assert condition_of('stage=Attract;channel=pa"id', asked()) == 'channel == "pa\\"id"'
    assert condition_of("step=2;part=lost", asked()) == ""
    assert step_of("stage=Close;touchpoint=/cart") == 'Page Viewed[page_group == "/cart"]'
    assert step_of("stage=Close;touchpoint=A[b]") == "A\\[b\\]"
    assert step_of("step=2") == ""
    page = named("data")
    assert page is not None
    assert acts("event=X", 'channel == "x"', page) == {"data-step": "X"}


def test_other_pages_in_the_same_scope() -> None:
    address = Address(path="/", spec=JourneyMap(range="7d", touchpoints=9), looks={"lang": "ko", "view": "table"})
    assert elsewhere("funnel", address, {}) == "/funnel?range=7d&lang=ko"
    assert elsewhere("funnel", address, {"steps": ("A", "B")}) == "/funnel?steps=A&steps=B&range=7d&lang=ko"
    assert elsewhere("funnel", address, {"steps": ("A",)}) == ""
    assert elsewhere("nowhere", address, {}) == ""
    assert elsewhere("map", address, {}) == "/?range=7d&lang=ko"


def test_scope_is_carried_from_page_to_page() -> None:
    spec = asked(bots="in", where=('channel == "email"',))
    for page in PAGES:
        if page.kind is Funnel or any(field.required for field in page.kind.fields()):
            continue
        other = scoped(page.kind, spec)
        shared = {field.name for field in page.kind.fields() if field.scope} & {"bots", "where", "range", "compare"}
        assert all(getattr(other, name) == getattr(spec, name) for name in shared)


@pytest.mark.parametrize(
    ("now", "by", "expected"),
    [
        ("28d", -1, "2026-08-03..2026-08-30"),
        ("28d", 1, ""),
        ("today", -1, "2026-09-26..2026-09-26"),
        ("last-month", -1, "2026-07-01..2026-07-31"),
        ("last-month", 1, "2026-09-01..2026-09-30"),
        ("2026-01-01..2026-03-31", -1, "2025-10-01..2025-12-31"),
        ("2026-02-01..2026-02-28", 1, "2026-03-01..2026-03-31"),
        ("all", -1, ""),
    ],
)
def test_a_period_earlier_and_later(now: str, by: int, expected: str) -> None:
    info = {"last_at": "2026-09-27T05:03:00Z", "timezone": "Asia/Seoul"}
    assert controls._moved(now, by, info) == expected
    if expected:
        first, _, last = expected.partition("..")
        assert dt.date.fromisoformat(first) <= dt.date.fromisoformat(last)


def test_hostile_event_names_stay_text(tmp_path: Path) -> None:
    names = [name for name in HOSTILE if "\x00" not in name][:6]
    shop = Shop()
    for i in range(12):
        for k, name in enumerate(names[: 2 + i % 5]):
            shop.add(f"v{i}", f"{k}m", name)
    with shop.open(tmp_path / "store") as store, TestClient(create_app(store, hosts=("testserver",))) as client:
        for lang in ("en", "ko"):
            opening = client.get("/funnel", params={"lang": lang, "wait": "1"}).text
            link = unescape(re.findall(r'class="pick" href="([^"]+)"', opening)[0])
            assert Tags(opening).tags.count("script") == 1
            assert len(opening) < 400_000
            body = client.get(link + "&wait=1&by=event").text
            assert 'id="card-steps"' in body
            assert Tags(body).tags.count("script") == 1
            assert not {name for name in Tags(body).attributes if name.startswith("on") or name == "style"}
