"""Names that strangers send, through the collector into every page: text and nothing else, whatever they hold (case 88).
Values that strangers ask with, in every field of every question: refused or quoted, never run (case 90)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from afterclick import Segment
from afterclick.app.questions import ALL
from afterclick.store import current
from afterclick.surfaces.web import create_app
from afterclick.surfaces.web.pages import PAGES
from support.served import Served, served

SCRIPT = "<script>window.pwned=1</script>"
HOSTILE = (
    f'"><img src=x onerror=window.pwned=1>{SCRIPT}',
    "' onmouseover='window.pwned=1' x='",
    "javascript:window.pwned=1//",
    "</title></style></textarea><svg/onload=window.pwned=1>",
    "{{ 7 * 7 }}${7*7}<%= 7*7 %>",
    "]]><!--<base href=//evil.example/>",
    "\u202e\u2066=HYPERLINK(\"http://evil.example\")",
)
PATHS = [*(page.path for page in PAGES), "/live", "/api"]
NAMELESS = ("/channels", "/api")
"""Pages that show no name of strangers here."""
RANGE = "wait=1&range=all&compare=none"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A shop whose every name was made up by somebody who means ill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(current, "REFRESH_S", 0.0)
        with served(tmp_path_factory.mktemp("strangers") / "shop") as one:
            for number in range(28):
                fill(one, number, HOSTILE[number % len(HOSTILE)])
            one.live.shop.save(HOSTILE[0], Segment(rule=f"event == {quoted(HOSTILE[1])}", range="all"))
            yield one


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def fill(one: Served, number: int, text: str) -> None:
    page = {"url": f"https://shop.example/{text}?utm_source={text}&utm_medium={text}", "title": text, "path": f"/{text}",
            "referrer": f"https://evil.example/{text}"}  # fmt: skip
    product = {"product_id": text, "name": text, "category": text, "price": 1000, "currency": "KRW"}
    ids = {"anonymousId": f"{text}{number % 9}", "userId": f"u{number % 5}{text}"}
    context = {"page": page, "userAgent": f"Mozilla/5.0 {text}", "locale": text, "campaign": {"source": text, "name": text}}
    names = ("Product Viewed", "Product Added", "Order Completed", text, "Products Searched", "Survey Answered")
    events: list[dict[str, Any]] = [
        {"type": "page", "name": text, "properties": {"title": text, text: text}},
        *({"type": "track", "event": name, "properties": {**product, "query": text, "comment": text, "order_id": f"{number}",
           "revenue": 1000, "coupon": text, "score": 3, "answer": text, "survey": text}} for name in names),
        {"type": "identify", "traits": {"name": text, "email": f"{number}@{text}.example", "plan": text}},
    ]  # fmt: skip
    batch = [{**event, **ids, "context": context, "messageId": f"{number}-{i}"} for i, event in enumerate(events)]
    assert one.send("/v1/batch", {"batch": [*batch, {"type": text}, {"type": "track", "event": [text]}]}).status == 200


class Seen(HTMLParser):
    """What of a page would run, or lead away."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        # Data blocks have a type of their own, which no browser runs.
        if tag == "script" and "src" not in given and given.get("type") not in ("application/json", "application/ld+json"):
            self.bad.append(f"<{tag}> {given}")
        if tag in ("base", "object", "embed", "iframe") or any(name.startswith("on") for name in given):
            self.bad.append(f"<{tag}> {given}")
        for name in ("href", "src", "action", "formaction", "xlink:href"):
            target = given.get(name, "").strip().lower()
            if re.match(r"(javascript|vbscript|data:text)", target) or target.startswith(("http:", "https:", "//")):
                self.bad.append(f"<{tag} {name}={target[:80]}>")

    handle_startendtag = handle_starttag


@pytest.mark.parametrize("path", PATHS)
def test_case_88_what_strangers_call_things_is_text_on_every_page(shop: Served, path: str) -> None:
    for lang in ("en", "ko"):
        answer = shop.ask("GET", f"{path}?{RANGE}&lang={lang}&id={quote('u:u0' + HOSTILE[0])}")
        assert answer.status == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        seen = Seen()
        seen.feed(answer.body.decode())
        assert seen.bad == []
        assert b"<img src=x" not in answer.body
        assert SCRIPT.encode() not in answer.body
        assert (b"window.pwned" in answer.body) == (path not in NAMELESS), "the names are to be seen"


@pytest.mark.browser
def test_case_88_nothing_of_it_runs_in_a_browser(shop: Served, page: Callable[..., Any]) -> None:
    for scripts in (True, False):
        tab = page(java_script_enabled=scripts)
        for path in PATHS:
            tab.goto(f"{shop.address}{path}?{RANGE}", wait_until="domcontentloaded")
            if scripts:
                for summary in tab.locator("details > summary:visible").all()[:2]:
                    summary.hover()
                assert tab.evaluate("window.pwned === undefined"), path
            assert all(url.startswith((shop.address, "data:")) for url in tab.requested)
            assert [fault for fault in tab.faults if "Content Security Policy" in fault] == []


INJECTED = (
    "'); DROP TABLE events; --",
    '" OR 1=1 OR "',
    "../../../etc/passwd",
    "{{7*7}}\x00\r\nSet-Cookie: a=b",
    '__import__("os").system("id") == 0',
    "event == \"x\" or true or (select 1)",
)

SPECS = {spec.key_word: spec for spec in ALL}


def digest(folder: Path) -> dict[str, str]:
    """Every file that holds what was acknowledged; the tail is held to its balance, for its server keeps notes in it."""
    made_again = {folder / "projection", folder / "models"}
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not made_again & set(file.parents)]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if not file.name.startswith("live.")}


@pytest.fixture(scope="module")
def client(shop: Served) -> TestClient:
    """The API over the same store, without sockets: there are many values to try."""
    return TestClient(create_app(shop.live.shop, hosts=("testserver",)), follow_redirects=False, raise_server_exceptions=False)


@pytest.mark.parametrize("word", sorted(SPECS))
def test_case_90_no_value_of_any_field_runs_or_changes_anything(shop: Served, client: TestClient, word: str) -> None:
    store = shop.live.shop.store
    before, rows, balance = digest(store.path), store.snapshot().rows, shop.live.tail.balance()
    fields = [*SPECS[word].__struct_fields__, "lang", "view", "part", "cell", "sort", "limit", "tz"]
    for number, field in enumerate(dict.fromkeys(fields)):
        for turn in range(2):
            value = INJECTED[(2 * number + turn) % len(INJECTED)]
            answer = client.get(f"/api/{word}.json", params={field: value, "wait": "1"})
            assert answer.status_code < 500, (field, value, answer.text[:300])
            assert "set-cookie" not in answer.headers
            assert b"root:x:" not in answer.content
    assert (digest(store.path), store.snapshot().rows, shop.live.tail.balance()) == (before, rows, balance)


def test_case_90_a_quoted_value_is_a_value_and_a_filter_never_widens(shop: Served, client: TestClient) -> None:
    def visitors(**more: str) -> int:
        answer = client.get("/api/kpi.json", params={"range": "all", "compare": "none", "bots": "in", **more})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["figures"]["visitors"])

    whole = visitors()
    assert whole > 5
    for text in (*INJECTED, *HOSTILE):
        for field in ("event", "url", "p.name", "utm_source", "path"):
            where = f"{field} == {quoted(text)}"
            answer = client.get("/api/kpi.json", params={"range": "all", "compare": "none", "where": where})
            assert answer.status_code in (200, 400, 422), (where, answer.text[:200])
        assert visitors(where=f"channel == {quoted(text)}") in range(whole)


def test_case_90_a_stranger_cannot_link_or_forbid_ids_over_the_wire(shop: Served) -> None:
    """Links are made by hand alone: an event of that type would merge whom it names."""
    before = shop.live.shop.store.snapshot().rows
    events = [
        {"type": kind, "event": "Linked", "userId": "u1", "properties": {"a": "u:u1", "b": "u:u2"}, "messageId": f"l-{kind}"}
        for kind in ("link", "unlink")
    ]
    answer = shop.send("/v1/batch", {"batch": events}).json()
    assert (answer["accepted"], answer["rejected"]) == (0, 2)
    assert shop.live.shop.store.snapshot().rows == before
