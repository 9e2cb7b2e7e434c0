"""Bad input at every form of the pages: a Korean reader is refused in Korean, with what would do beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

import afterclick
from afterclick.analyse.journey_map import JourneyMap
from afterclick.store.automations import Branch, Entry, Journey, LiveRule, Node, Send, Show, Wait, Way, Words
from afterclick.store.documents import Alert, Board, BoardCard
from afterclick.surfaces.web import create_app
from support.shop import Shop

SITE = {"origin": "http://testserver"}
_HANGUL = re.compile("[가-힣]")
_CODE = re.compile(r"`[^`]*`|'[^']*'|\"[^\"]*\"|\{.*\}|\[[^\]]*\]|\S+\.[a-z]\S*|https?://\S+")
_ENGLISH = re.compile(
    r"\b(?:the|is|are|an|of|to|no|cannot|there|expected|write|such|this|that|which|needs?|with|must|one|each|at most"
    r"|give|leave|load|know|unknown|unexpected|behind|before|already|without)\b"
)


def english(text: str) -> str:
    """The first words of a text that are an English sentence and no code, name or value."""
    bare = _CODE.sub(" ", text)
    run = re.search(r"\b[a-z']+(?: [a-z']+){2,}\b", bare)
    word = _ENGLISH.search(bare)
    found = run or word
    return found[0] if found else ""


def words(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def refusal(markup: str) -> str:
    """What a page says that refuses a form."""
    found = re.search(r'<section class="panel card state"><h1>(.*?)</h1><p>(.*?)</p>', markup, re.S)
    assert found, markup[:500]
    return words(f"{found[1]} | {found[2]}")


def assert_korean(said: str) -> None:
    assert _HANGUL.search(said.partition(" | ")[0]), said
    assert not english(said), (english(said), said)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Shop()
    for i in range(12):
        made.add(f"v{i}", f"{i}d", "Page Viewed", url="https://shop.example/?utm_source=naver&utm_medium=cpc", price=10)
        made.add(f"v{i}", f"{i}d1h", "Order Completed", order_id=f"o{i}", revenue=20000 + 100 * i)
    target = tmp_path_factory.mktemp("refusals") / "store"
    with made.open(target, currency="KRW", name="Test shop") as shop:
        shop.segments.save("Buyers", "visitor.orders >= 1")
        shop.segments.save("Others", "visitor.orders == 0")
        shop.desk.put_board(Board(name="Week", cards=(BoardCard(question="kpi", figure="revenue"),)))
        shop.desk.put_alert(Alert(name="Orders", question="kpi?range=1d", figure="orders", below=5))
        shop.automations.put(LiveRule(name="Offer", when="session.pages >= 3", show=Show(words=(Words(title="Hi"),))))
        steps = (
            Node(wait=Wait(span="1h")), Node(set={"a": "1"}), Node(branch=Branch(when="visitor.orders >= 1")),
            Node(split=(Way(name="a", share=0.5), Way(name="b", share=0.5))),
            Node(send=Send(channel="email", words=(Words(title="Hi", body="There"),))),
        )  # fmt: skip
        shop.automations.put(
            Journey(name="Remind", entry=Entry(event="Product Added"), goal=("Order Completed",), steps=steps)
        )
        live = LiveRule(name="Live", when="session.pages >= 9", state="on", on_since=1, show=Show(words=(Words(title="Hi"),)))
        enters = LiveRule(name="Bring", when="session.pages >= 9", enter="Remind")
        rules = [*shop.store.definitions.rules, live, enters]
        # Written by hand, and not what these ask for: what stands there is said where it is shown.
        card = BoardCard(question="funnel?steps=Nope&steps=Order+Completed", figure="revenue")
        boards = [*shop.store.definitions.boards, Board(name="Broken", cards=(card,), alerts=("Odd",))]
        alerts = [*shop.store.definitions.alerts, Alert(name="Odd", question="kpi", figure="reveneu", below=1)]
        shop.define(rules=rules, boards=boards, alerts=alerts, segments={
            **shop.store.definitions.segments, "Odd": 'count("Nope", 1d) >= 1', "Wrong": "visitor.orders >",
        })  # fmt: skip
    return target


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[afterclick.Workspace]:
    with afterclick.open(folder, write=True) as shop:
        yield shop


@pytest.fixture(scope="module")
def pages(store: afterclick.Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(store, hosts=("testserver",)), follow_redirects=False) as made:
        yield made


@pytest.fixture(scope="module")
def csrf(pages: TestClient) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', pages.get("/boards").text)
    assert found
    return found[1]


LONG = "x" * 200
TOO_LONG = "x" * 40_000

Fields = Mapping[str, str]
RULE = {"what": "save", "kind": "rule", "was": "Offer", "name": "Offer", "when": "session.pages >= 3", "once": "session"}
SHOWN = {"does": "show", "w0_title": "Hi", "show_kind": "banner"}
JOURNEY = {"what": "save", "kind": "journey", "was": "Remind", "name": "Remind", "again": "never", "grace": "6h"}
STEP = {"what": "step", "do": "save", "name": "Remind"}
OUT = {"what": "delivery", "quiet_mode": "hold", "smtp_tls": "starttls", "per_second": "10"}

DESK: tuple[Fields, ...] = (
    {"what": "nonsense"},
    {"what": "board", "name": ""},
    {"what": "board", "name": LONG},
    {"what": "card", "board": "Nope", "question": "kpi"},
    {"what": "card", "board": "Weeek", "question": "kpi"},
    {"what": "card", "board": "Week"},
    {"what": "card", "board": "Week", "question": "kpii"},
    {"what": "card", "board": "Week", "question": "kpi?range=soon"},
    {"what": "card", "board": "Week", "question": "kpi?where=revenue+%3E"},
    {"what": "card", "board": "Week", "question": "boards"},
    {"what": "card", "board": "Week", "question": "{"},
    {"what": "card", "board": "Week", "question": "kpi", "figure": "a b c["},
    {"what": "card", "board": "Week", "question": "kpi", "figure": "data[channel].x"},
    {"what": "card", "board": "Week", "question": "kpi", "goal": "5"},
    {"what": "card", "board": "Week", "question": "kpi", "figure": "revenue", "goal": "much"},
    {"what": "alert", "name": "A", "question": "kpi", "figure": "orders"},
    {"what": "alert", "name": "A", "question": "kpi", "figure": "orders", "below": "much"},
    {"what": "alert", "name": "A", "question": "kpi", "figure": "orders", "above": "1", "below": "2"},
    {"what": "alert", "name": "A", "question": "kpi", "figure": "orders", "below": "1", "cooldown": "soon"},
    {"what": "alert", "name": "A", "question": "kpi", "figure": "orders", "below": "1", "kind": "never"},
    {"what": "alert", "name": "", "question": "kpi", "figure": "orders", "below": "1"},
    {"what": "alert", "name": "A", "question": "boards", "figure": "orders", "below": "1"},
    {"what": "alert", "name": "A", "question": "kpi", "figure": "", "below": "1"},
    {"what": "drop_board", "name": "Nope"},
    {"what": "drop_card", "board": "Week", "place": "9"},
    {"what": "drop_card", "board": "Week", "place": "x"},
    {"what": "drop_alert", "name": "Nope"},
    {"what": "watch", "board": "Week", "name": "Nope"},
    {"what": "unwatch", "board": "Nope", "name": "Orders"},
)
SEGMENT: tuple[Fields, ...] = (
    {"what": "nonsense"},
    {"what": "save", "name": "", "rule": "visitor.orders >= 1"},
    {"what": "save", "name": LONG, "rule": "visitor.orders >= 1"},
    *({"what": "save", "name": "New", "rule": rule} for rule in (
        "", "visitor.orderz >= 1", "visitor.orders >", "visitor.orders = 1", "visitor.orders > 'a'", "visitor.orders",
        "visitor.orders and visitor.known", "count(Order Completed) >", "count(", "foo(1)", "visitor.orders in [null]",
        "sum(\"Order Completed\")", "since(\"x\"", "since(visitor.orders) > 1d", "member(1)", "performed(\"A\", 7)",
        "sequence(\"A\")", "sequence(\"A\" then not \"B\")", "reached(\"A\" then not \"B\") >= 1", "was(\"a\", 1d)",
        "sequence(\"A\" then not \"B\" then \"C\" within 1d)", "visitor.country.contains(1)", "url == \"x\"",
        "visitor.orders.matches(\"[\")", "score.buying > 1", "visitor.first_seen_at > 3", "\"open", "a ? b",
        "!visitor.orders > 1", "(" * 30 + "visitor.known" + ")" * 30, "visitor.orders >= 1 visitor.known", "“a” == 1",
        "visitor.orders >= 1,000", "visitor.orders >= " + "9" * 60, "revenue >= 1", "1 in visitor.orders", LONG * 12,
        "was(trait.plan == \"gold\")", "count(\"A\", 1.5d) > 1", "trait.plan.matches(\"(\")", "utm_source == \"naver\"",
    )),
    {"what": "rename", "rule": "Buyers", "name": ""},
    {"what": "rename", "rule": "Buyers", "name": "Others"},
    {"what": "rename", "rule": "Nope", "name": "New"},
    {"what": "take", "rule": "Nope at all", "name": "L"},
    {"what": "take", "rule": "Buyers", "name": "Buyers"},
    {"what": "people", "question": "no json", "cell": "buyers", "name": "P"},
    {"what": "people", "question": '{"question": "kpii"}', "cell": "buyers", "name": "P"},
    {"what": "people", "question": '{"question": "map"}', "cell": "nobody=here", "name": "P"},
    {"what": "people", "question": '{"question": "kpi"}', "cell": "x", "name": "P"},
    {"what": "people", "question": '{"question": "map"}', "cell": "visitors", "name": ""},
    {"what": "delete", "name": "Nope"},
)  # fmt: skip
SAVED: tuple[Fields, ...] = (
    {"page": "nowhere", "name": "A"},
    {"page": "funnel", "name": "A", "query": ""},
    {"page": "overview", "name": "", "query": ""},
    {"page": "overview", "name": LONG, "query": ""},
    {"page": "overview", "what": "delete", "name": "Nope"},
)
AUTOMATION: tuple[Fields, ...] = (
    {"what": "nonsense"},
    {"what": "recipe", "recipe": "nonsense"},
    {"what": "recipe", "recipe": "signup", "v_pages": "many"},
    {"what": "recipe", "recipe": "basket", "v_wait": "soon"},
    {"what": "recipe", "recipe": "basket", "v_nonsense": "1"},
    {"what": "new", "kind": "rule", "name": "Offer"},
    {"what": "new", "kind": "journey", "name": "Remind"},
    {"what": "new", "kind": "thing", "name": "A"},
    {"what": "new", "kind": "rule", "name": ""},
    {**RULE, **SHOWN, "was": "Nope"},
    {**RULE, **SHOWN, "name": ""},
    {**RULE, **SHOWN, "name": LONG},
    {**RULE, **SHOWN, "priority": "first"},
    {**RULE, **SHOWN, "cost": "free"},
    {**RULE, **SHOWN, "holdout": "150"},
    {**RULE, **SHOWN, "holdout": "-1"},
    {**RULE, **SHOWN, "once": "sometimes"},
    {**RULE, **SHOWN, "cooldown": "soon"},
    {**RULE, **SHOWN, "show_kind": "balloon"},
    {**RULE, **SHOWN, "ttl": "soon"},
    {**RULE, "does": "enter", "enter": ""},
    {**JOURNEY, "was": "Nope"},
    {**JOURNEY, "again": "sometimes"},
    {**JOURNEY, "grace": "late"},
    {**JOURNEY, "entry_daily": "noon"},
    {**JOURNEY, "holdout": "half"},
    {"what": "arms", "name": "Nope", "do": "add"},
    {**STEP, "do": "nonsense", "place": "0"},
    {**STEP, "do": "add", "place": "", "step": "nonsense"},
    {**STEP, "do": "save", "place": "9"},
    {**STEP, "do": "up", "place": "9"},
    {**STEP, "place": "0", "span": "soon"},
    {**STEP, "place": "0", "span": "1h", "until": "10:00"},
    {**STEP, "place": "0", "event": "Order Completed"},
    {**STEP, "place": "1", "values": "no sign"},
    {**STEP, "place": "3", "ways": "a = half"},
    {**STEP, "place": "3", "ways": "a = 0.9\nb = 0.9"},
    {**STEP, "place": "3", "ways": "a.b = 0.5\nc = 0.5"},
    {**STEP, "place": "4", "cost": "free"},
    {**STEP, "name": "Nope", "place": "0"},
    {"what": "test", "kind": "rule", "name": "Nope"},
    {"what": "test", "kind": "rule", "name": "Offer", "range": "soon"},
    {"what": "trial", "name": "Remind", "address": ""},
    {"what": "trial", "name": "Remind", "address": "me@example.com", "place": "9"},
    {"what": "trial", "name": "Remind", "address": "me@example.com", "place": "4", "visitor": "nobody@example.com"},
    {"what": "trial", "name": "Nope", "address": "me@example.com"},
    {"what": "on", "kind": "rule", "name": "Offer"},
    {"what": "on", "kind": "journey", "name": "Remind"},
    {"what": "on", "kind": "rule", "name": "Nope"},
    {"what": "pause", "kind": "rule", "name": "Nope"},
    {"what": "remove", "kind": "rule", "name": "Nope"},
    {"what": "remove", "kind": "rule", "name": "Live"},
    {"what": "remove", "kind": "journey", "name": "Remind"},
    {"what": "save", "kind": "rule", "was": "Live", "name": "Other", "when": "session.pages >= 3", "once": "session", **SHOWN},
    {"what": "resend", "action_id": "x", "channel": "email"},
    {**OUT, "quiet_from": "21:00"},
    {**OUT, "quiet_from": "late", "quiet_to": "early"},
    {**OUT, "caps": "many"},
    {**OUT, "caps": "2 month"},
    {**OUT, "caps": "2 day pigeon"},
    {**OUT, "holdout_all": "most"},
    {**OUT, "per_second": "fast"},
    {**OUT, "per_second": "-5"},
    {**OUT, "smtp": "mail server"},
    {**OUT, "base_url": "shop"},
    {**OUT, "from_email": "hanbit"},
    {**OUT, "smtp_tls": "maybe"},
    {**OUT, "preset": "xx"},
)
FORMS = {"/desk": DESK, "/segment": SEGMENT, "/saved": SAVED, "/automation": AUTOMATION}
CASES = [(path, fields) for path, table in FORMS.items() for fields in table]
def named(case: tuple[str, Fields]) -> str:
    path, fields = case
    return f"{path} " + " ".join(f"{key}={value[:24]}" for key, value in fields.items() if key not in ("kind", "does"))


def post(pages: TestClient, path: str, csrf: str, fields: Fields, **headers: str) -> Any:
    return pages.post(path, data={"csrf": csrf, "lang": "ko", **fields}, headers={**SITE, **headers})


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_refused_form_speaks_korean(pages: TestClient, csrf: str, case: tuple[str, Fields]) -> None:
    path, fields = case
    pages.cookies.clear()
    answer = post(pages, path, csrf, fields)
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.headers.get("location"))
    assert '<html lang="ko"' in answer.text
    assert_korean(refusal(answer.text))


ASKED: tuple[tuple[str, Fields], ...] = (
    ("/", {"range": "soon"}),
    ("/", {"range": "0d"}),
    ("/", {"range": "2026-02-01..2026-01-01"}),
    ("/", {"compare": "x"}),
    ("/", {"as_of": "yesterday"}),
    ("/", {"as_of": "2026-02-31"}),
    ("/", {"bots": "some"}),
    ("/", {"nonsense": "1"}),
    ("/", {"view": "zz"}),
    ("/", {"page": "0"}),
    ("/", {"where": "revenue >"}),
    ("/", {"where": "revenuee > 1"}),
    ("/", {"where": "revenue = 1"}),
    ("/", {"where": "path.matches('[')"}),
    ("/", {"segment": "Nope at all"}),
    ("/", {"segment": "visitor.orders >"}),
    ("/", {"people": "nobody=here"}),
    ("/overview", {"people": "nobody=here"}),
    ("/overview", {"by": "nonsense"}),
    ("/channels", {"by": "nonsense"}),
    ("/channels", {"people": "nobody=here"}),
    ("/funnel", {"steps": "Order Completed"}),
    ("/funnel", {"steps": "Order Completed[revenue >"}),
    ("/funnel", {"steps": "Order]Completed"}),
    ("/funnel", {"steps": "Order Completed?!"}),
    ("/funnel?steps=Page+Viewed&steps=Nope+At+All", {}),
    ("/funnel?steps=Page+Viewed%3F&steps=Order+Completed", {}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed", {"within": "soon"}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed", {"without": "Nope"}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed", {"without": "Page Viewed 1..9"}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed", {"without": "Page Viewed? 1..2"}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed", {"without": "Page Viewed 2..1"}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed", {"by_value": "9"}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed", {"hold": "revenue"}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed", {"hold": "nonsense"}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed", {"value": "path"}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed!", {}),
    ("/funnel?steps=Page+Viewed&steps=Order+Completed", {"people": "step=9"}),
    ("/retention", {"interval": "fortnight"}),
    ("/retention", {"interval": "5-3"}),
    ("/retention", {"interval": "0,0"}),
    ("/retention", {"start": "Nope At All"}),
    ("/retention", {"start": "Page Viewed?"}),
    ("/retention", {"count": "rolling", "base": "previous"}),
    ("/retention", {"measure": "revenue", "back": "Page Viewed"}),
    ("/retention", {"interval": "0,1-3", "periods": "5"}),
    ("/retention", {"by": "nonsense"}),
    ("/paths", {"start": "Nope At All"}),
    ("/attribution", {"goal": "Order Completed?"}),
    ("/attribution", {"touch": "custom"}),
    ("/attribution", {"custom": "0/0/0", "touch": "custom"}),
    ("/attribution", {"within": "soon"}),
    ("/personas", {"groups": "1"}),
    ("/personas", {"groups": "many"}),
    ("/value", {"horizon": "forever"}),
    ("/value", {"horizon": "unlimited"}),
    ("/value", {"holdout": "0d"}),
    ("/value", {"margin": "much"}),
    ("/feedback", {"people": "nobody=here"}),
    ("/feedback", {"barrier": "nonsense"}),
    ("/visitors", {"cursor": "nonsense"}),
    ("/visitor/nobody@example.com", {}),
    ("/touchpoint/Nope+At+All", {}),
    ("/segments", {"rule": "visitor.orders >"}),
    ("/segments", {"rule": "Nope At All"}),
    ("/boards/Nope", {}),
    ("/automations/journey/Remind", {"visitor": "nobody@example.com"}),
    ("/live", {"who": "nobody@example.com"}),
)


def said_on(markup: str) -> list[str]:
    """What a page says that could not be done: notices, cards without an answer, a drawer without people."""
    found: list[str] = []
    for notices in re.findall(r'<div class="notices" role="status"><ul>(.*?)</ul>', markup, re.S):
        found += [words(item) for item in re.findall(r"<li>(.*?)</li>", notices, re.S)]
    for card in re.findall(r'<section class="panel card state error" role="alert">(.*?)</section>', markup, re.S):
        found += [words(line) for line in re.findall(r"<p[^>]*>(.*?)</p>", card, re.S)[:-1]]
    found += [words(line) for line in re.findall(r'<p class="selection">(.*?)</p>', markup, re.S)]
    found += [words(line) for line in re.findall(r'<p class="caption" role="status">(.*?)</p>', markup, re.S)]
    # Beside the field, and no help that always stands there.
    found += [line for line in map(words, re.findall(r'<small class="said">(.*?)</small>', markup, re.S)) if "@" in line]
    return found


@pytest.mark.parametrize("case", ASKED, ids=lambda case: f"{case[0]} " + " ".join(f"{k}={v}" for k, v in case[1].items()))
def test_a_question_that_cannot_be_is_answered_in_korean(pages: TestClient, case: tuple[str, Fields]) -> None:
    path, given = case
    pages.cookies.clear()
    sign = "&" if "?" in path else "?"
    answer = pages.get(path + sign + urlencode({"lang": "ko", "wait": "1", **given}))
    assert said_on(answer.text)
    for said in said_on(answer.text):
        assert_korean(said)


def sent(markup: str) -> set[tuple[str, str]]:
    """The address and `what` of every form of a page that changes something."""
    found = set()
    for path, form in re.findall(r'<form method="post" action="([^"]+)"(.*?)</form>', markup, re.S):
        what = re.search(r'name="what" value="([^"]+)"', form)
        found.add((path, what[1] if what else ""))
    return found


def test_every_form_of_the_pages_is_in_the_table(pages: TestClient, store: afterclick.Workspace) -> None:
    addresses = (
        "/?people=buyers", "/boards", "/boards/Week", "/segments", "/segments?rule=Buyers", "/segments?rule=visitor.known",
        "/automations", "/automations/rule/Offer", "/automations/journey/Remind", "/overview", "/funnel?steps=A&steps=B",
    )  # fmt: skip
    store.save("Kept", JourneyMap())
    found = set().union(*(sent(pages.get(path, params={}).text) for path in addresses))
    assert {path for path, _ in found} == set(FORMS)
    known = {(path, fields.get("what", "")) for path, fields in CASES}
    # These two are tried on a store of their own below.
    assert found - known <= {(path, "undo") for path in FORMS} | {("/saved", "save")}


@pytest.mark.parametrize("path", ["/desk", "/segment", "/automation"])
def test_nothing_to_take_back_is_said_in_korean(tmp_path: Path, path: str) -> None:
    made = Shop()
    made.add("v", "1d", "Page Viewed", url="https://shop.example/")
    with made.open(tmp_path / "store") as shop, TestClient(create_app(shop, hosts=("testserver",))) as client:
        token = re.search(r'name="csrf" value="([^"]+)"', client.get("/boards").text)
        assert token
        answer = client.post(path, data={"csrf": token[1], "lang": "ko", "what": "undo"}, headers=SITE)
    assert answer.status_code == 422
    assert_korean(refusal(answer.text))


@pytest.mark.parametrize("path", list(FORMS))
def test_old_and_too_large_forms_are_refused_in_the_browsers_language(pages: TestClient, csrf: str, path: str) -> None:
    pages.cookies.clear()
    wishes = {**SITE, "accept-language": "ko-KR,ko;q=0.9,en;q=0.8"}
    old = pages.post(path, data={"csrf": "old", "what": "undo"}, headers=wishes)
    large = pages.post(path, data={"csrf": csrf, "name": TOO_LONG}, headers=wishes)
    assert (old.status_code, large.status_code) == (403, 400)
    assert_korean(refusal(old.text))
    assert_korean(refusal(large.text))


def test_the_language_of_a_form_stands_before_that_of_the_browser(pages: TestClient, csrf: str) -> None:
    pages.cookies.clear()
    given = {"csrf": csrf, "what": "drop_board", "name": "Nope"}
    english_page = pages.post("/desk", data={**given, "lang": "en"}, headers={**SITE, "accept-language": "ko"})
    assert "there is no board" in refusal(english_page.text)
    korean_page = pages.post("/desk", data={**given, "lang": "ko"}, headers={**SITE, "accept-language": "en"})
    assert_korean(refusal(korean_page.text))


def test_what_is_kept_and_cannot_be_asked_says_so_in_korean(pages: TestClient) -> None:
    pages.cookies.clear()
    board = pages.get("/boards/Broken?lang=ko&wait=1").text
    assert "'Nope' 이벤트가 없습니다" in unescape(board)
    assert "'reveneu'" in unescape(board)
    segments = pages.get("/segments?lang=ko&wait=1").text
    assert "세그먼트 'Wrong': 조건이 중간에 끝났습니다" in unescape(segments)
    for shown in (board, segments):
        told = [words(cell) for cell in re.findall(r'<span class="(?:bad|told)">(.*?)</span>', shown)]
        assert not any(english(line) for line in told), told
        assert "there is no" not in unescape(shown)
    overview = unescape(pages.get("/boards?lang=ko&wait=1").text)
    assert "답에 'reveneu' 값이 없습니다" in overview


def test_data_is_refused_in_the_language_it_is_asked_for(pages: TestClient) -> None:
    pages.cookies.clear()
    for lang, said in (("ko", "항목에는 'soon' 값을 쓸 수 없습니다"), ("en", "range cannot be 'soon'")):
        for path in ("/overview.json", "/api/kpi.json"):
            error = pages.get(path, params={"range": "soon", "lang": lang}).json()["error"]
            assert said in error["message"]
            assert error["code"] == "bad_field"


def test_a_stranger_is_turned_away_in_the_browsers_language(store: afterclick.Workspace) -> None:
    korean = {"accept-language": "ko"}
    with TestClient(create_app(store, hosts=("testserver",), token="secret")) as client:
        asked = client.get("/", headers=korean)
        assert (asked.status_code, "토큰이 필요합니다" in asked.text, english(asked.text)) == (401, True, "")
        elsewhere = client.post("/desk", data={"what": "undo"}, headers={**korean, "origin": "http://evil.example"})
        assert (elsewhere.status_code, bool(_HANGUL.search(elsewhere.text)), english(elsewhere.text)) == (403, True, "")
        assert "a token is needed" in client.get("/").text
