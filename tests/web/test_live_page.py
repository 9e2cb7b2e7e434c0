"""The Live page: its figures equal a count by hand, its stream is bounded and ends, and it works without any script."""

from __future__ import annotations

import asyncio
import gc
import html
import itertools
import re
import threading
import time
import tracemalloc
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
import uvicorn
from drawn import HOSTILE, FakeShop
from starlette.testclient import TestClient

from afterclick.app.prove.served import Served
from afterclick.collect.live.feed import Feed, Row
from afterclick.collect.live.following import Stored
from afterclick.core import clock, i18n
from afterclick.core.errors import StoreError
from afterclick.core.event import Rejected
from afterclick.core.spans import MINUTE, SECOND
from afterclick.store.live.calls import Balance, StoredCall
from afterclick.surfaces import streams
from afterclick.surfaces.web import create_app, live_stream
from afterclick.surfaces.web.guard import POLICY
from afterclick.surfaces.web.live_stream import LiveStream, Look, News, Source
from support.browsing import violations

ADDRESSES = ["/live", "/live.part", "/live.json", "/live/events"]


class FakeTail:
    """A tail whose calls and balance a test sets."""

    def __init__(self) -> None:
        self.whole = Balance()
        self.calls: list[StoredCall] = []

    def position(self) -> int:
        return self.calls[-1].seq if self.calls else 0

    def read(self, after_seq: int, limit_events: int) -> list[StoredCall]:
        return [call for call in self.calls if call.seq > after_seq]

    def rejects(self, after_seq: int = 0) -> list[Rejected]:
        return []

    def balance(self) -> Balance:
        return self.whole


def event(name: str = "Page Viewed", **fields: Any) -> Stored:
    given = {"type": "page" if name == "Page Viewed" else "track", "anonymous_id": "a1", "url": "https://shop.example/cart"}
    return Stored(event=name, **(given | fields))


def some(feed: Feed, tail: FakeTail, now: int) -> dict[str, int]:
    """Traffic of the last ten minutes, and what a person would count of it."""
    stored = duplicates = 0
    for i in range(60):
        events = [
            event("Order Completed" if k % 3 == 2 else "Page Viewed", anonymous_id=f"visitor-{(i + k) % 17}",
                  properties={"revenue": 19900, "currency": "KRW"} if k % 3 == 2 else {})
            for k in range(i % 4)
        ]  # fmt: skip
        feed.take(events, at=now - i * 10 * SECOND, source="web" if i % 2 else "app", duplicates=i % 3)
        stored += len(events)
        duplicates += i % 3
    letter = Rejected(id="1", at=now, source="web", code="id_conflict", message="came before with other content")
    feed.take([], at=now, source="web", rejected=[letter])
    tail.whole = Balance(stored + duplicates + 1, stored, duplicates, 1)
    active = {f"visitor-{(i + k) % 17}" for i in range(30) for k in range(i % 4)}
    return {"events": stored, "duplicates": duplicates, "active": len(active)}


@pytest.fixture
def now() -> Iterator[int]:
    held = 1_790_000_000 * SECOND + 50 * SECOND
    with clock.held_at(held):
        yield held


@pytest.fixture
def feed(now: int) -> Feed:
    return Feed(now - 60 * MINUTE)


@pytest.fixture
def tail() -> FakeTail:
    return FakeTail()


def opened(shop: FakeShop, feed: Feed | None = None, tail: FakeTail | None = None, **options: Any) -> TestClient:
    app = create_app(shop, **{"hosts": ("testserver",), "feed": feed, "tail": tail, **options})
    return TestClient(app, follow_redirects=False)


@pytest.fixture
def client(shop: FakeShop, feed: Feed, tail: FakeTail) -> Iterator[TestClient]:
    with opened(shop, feed, tail) as made:
        yield made


def attributes(markup: str) -> set[str]:
    """The names of all attributes, as a browser reads them."""
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update(name for name, _ in attrs)

    Reader().feed(markup)
    return found


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup)))


def test_the_figures_are_those_of_the_events(client: TestClient, feed: Feed, tail: FakeTail, now: int) -> None:
    truth = some(feed, tail, now)
    body = client.get("/live?lang=en").text
    assert re.search(rf"Active now</dt><dd>{truth['active']}<", body)
    assert re.search(rf"Events in 30 minutes</dt><dd>{truth['events']}<", body)
    assert f"{truth['events']} events in the last 30 minutes" in body
    bars = [int(n) for n in re.findall(r'class="vh">\d\d:\d\d: (\d+) events?', body)]
    assert sum(bars) == truth["events"]
    received = truth["events"] + truth["duplicates"] + 1
    said = plain(body)
    assert f"Received {received} Stored {truth['events']} Duplicates {truth['duplicates']} Rejected 1" in said
    assert "It adds up" in said
    assert "Same id, other content" in said
    data = client.get("/live.json").json()
    assert data["active"] == truth["active"]
    assert data["events"] == truth["events"] == sum(minute["events"] for minute in data["minutes"]) == len(data["rows"])
    assert sum(minute["duplicates"] for minute in data["minutes"]) == truth["duplicates"]
    assert data["balance"] == tail.whole._asdict()
    assert len(data["minutes"]) == 30


def test_a_balance_that_does_not_add_up_is_said(client: TestClient, feed: Feed, tail: FakeTail, now: int) -> None:
    some(feed, tail, now)
    tail.whole = tail.whole._replace(received=tail.whole.received + 3)
    said = plain(client.get("/live?lang=en").text)
    assert "It does not add up: 3 unaccounted for" in said
    assert "It adds up" not in said


def test_every_bar_leads_to_its_events(client: TestClient, feed: Feed, tail: FakeTail, now: int) -> None:
    some(feed, tail, now)
    body = client.get("/live?lang=en").text
    bars = re.findall(r'<a class="slice" href="([^"]+)"[^>]*>.*?(\d+) events?', body)
    assert len(bars) > 8
    for href, n in bars:
        shown = client.get(html.unescape(href)).text
        assert len(re.findall(r"<li data-n=", shown)) == int(n)
        assert "data-stream" not in shown
        assert "http-equiv" not in shown
    listed = client.get("/live?lang=en&view=table").text
    cells = re.findall(r'minute=\d+[^>]*>\d\d:\d\d</a></th><td class="r">(\d+)</td>', listed)
    assert [int(n) for n in cells] == [int(n) for _, n in reversed(bars)]


def test_a_minute_with_more_events_than_are_kept_says_so(client: TestClient, feed: Feed, now: int) -> None:
    feed.take([event() for _ in range(700)], at=now, source="web")
    shown = client.get(f"/live?lang=en&minute={now // MINUTE}").text
    assert "700 events, the newest 500 shown" in shown
    assert len(re.findall(r"<li data-n=", shown)) == 500


def test_the_list_is_filtered_without_script(client: TestClient, feed: Feed, tail: FakeTail, now: int) -> None:
    some(feed, tail, now)
    shown = client.get("/live?lang=en&filter=oRDER").text
    assert shown.count("<bdi>Order Completed</bdi>") > 5
    assert "<b><bdi>Page Viewed</bdi></b>" not in shown
    assert 'value="oRDER"' in shown
    assert "None of the newest events contains this." in client.get("/live?lang=en&filter=nowhere").text


def test_ids_are_shown_masked_and_lead_to_the_visitor(client: TestClient, feed: Feed, now: int) -> None:
    known, nobody = event(anonymous_id=None, user_id="kim.minji@shop.example"), event(anonymous_id=None)
    feed.take([known, nobody], at=now, source="web")
    for path in ("/live?lang=en", "/live.json", "/live.part"):
        body = client.get(path).text
        assert "ki…@shop.example" in body
        assert "kim.minji" not in body
    page = client.get("/live?lang=en").text
    (href,) = re.findall(r'href="(/visitor/[^"]+)"', page)
    assert href.startswith("/visitor/h%3A")
    assert '<span class="who"><bdi>nobody</bdi></span>' in page


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("path", ["/live", "/live?view=table", "/live?pause=1"])
def test_no_inline_script_or_style_and_every_link_leads_somewhere(
    client: TestClient, feed: Feed, tail: FakeTail, now: int, lang: str, path: str
) -> None:
    some(feed, tail, now)
    body = client.get(path, params={"lang": lang, **parse_qs(urlsplit(path).query)}).text
    assert f'<html lang="{lang}"' in body
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", body)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", body))
    targets = {target.replace("&amp;", "&") for target in re.findall(r'(?:href|src)="(/[^"#]*)', body)}
    assert len(targets) > 30
    for target in targets:
        assert client.get(target).status_code == 200, target
    assert not re.search(r'(?:href|src|action)="(?!/|#|\?|data:image)', body)


def test_hostile_names_are_text(client: TestClient, feed: Feed, now: int) -> None:
    for text in HOSTILE:
        row = event(text, anonymous_id=text, url=f"https://x.example/{text}", referrer=f"https://{text}/",
                    properties={"revenue": text, "currency": text, "name": text})  # fmt: skip
        letter = Rejected(id="1", at=now, source=text, code=text, message=text)
        feed.take([row, event(text, url=None, properties={"title": text}, type="page")], at=now, source=text, rejected=[letter])
    for path in ("/live", "/live?view=table", "/live.part", "/live.json"):
        answer = client.get(path)
        assert answer.status_code == 200
        if path != "/live.json":
            assert "<script>alert" not in answer.text
            assert HOSTILE[0] not in answer.text
            assert not any(name.startswith("on") for name in attributes(answer.text))
    for text in HOSTILE:
        odd = dict.fromkeys(("filter", "minute", "pause", "view", "lang", "after"), text[:900])
        assert client.get("/live", params=odd).status_code == 200


def test_a_tail_that_cannot_be_read_is_an_error_in_its_card(
    client: TestClient, feed: Feed, tail: FakeTail, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    some(feed, tail, now)

    def fails() -> Balance:
        raise StoreError("live.db cannot be read", hint="afterclick doctor")

    monkeypatch.setattr(tail, "balance", fails)
    body = client.get("/live?lang=en")
    assert body.status_code == 200
    assert "live.db cannot be read" in body.text
    assert "events in the last 30 minutes" in body.text
    assert client.get("/live.json").status_code == 503


def test_before_the_first_event_the_page_says_how_to_connect(client: TestClient) -> None:
    body = html.unescape(client.get("/live?lang=en").text)
    assert "Nothing has arrived yet" in body
    for code in (
        '<script async src="http://testserver/afterclick.js" data-key="YOUR_WRITE_KEY"></script>',
        "curl -u YOUR_WRITE_KEY: http://testserver/v1/track",
        "cdnURL: 'http://testserver'",
        "api_host: 'http://testserver'",
    ):
        assert code in body
    assert 'id="card-minutes"' not in body
    assert "data-stream" in body


def test_a_dashboard_that_only_reads_shows_what_the_tail_holds(shop: FakeShop, tail: FakeTail, now: int) -> None:
    with opened(shop, None, tail) as client:
        empty = client.get("/live?lang=en").text
        assert "start afterclick serve" in empty
        assert "YOUR_WRITE_KEY" not in empty, "nothing is collected at this address"
        body = (msgspec.json.encode(event("Signed Up")),)
        tail.calls = [StoredCall(1, now - SECOND, "web", body * 3)]
        with clock.held_at(now + 2 * SECOND):
            shown = client.get("/live?lang=en").text
        assert shown.count("<b><bdi>Signed Up</bdi></b>") == 3
        assert "YOUR_WRITE_KEY" not in shown
    with opened(shop) as client:
        body_text = client.get("/live?lang=en").text
        assert "This dashboard has no live data" in body_text
        assert "data-stream" not in body_text
        assert "http-equiv" not in body_text


def test_without_script_the_page_reloads_unless_it_is_paused(client: TestClient, feed: Feed, tail: FakeTail, now: int) -> None:
    some(feed, tail, now)
    moving = client.get("/live?lang=en").text
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in moving
    assert "This page reloads every 10 seconds." in moving
    (pause,) = re.findall(r'<a class="button" href="([^"]+)" id="pause"', moving)
    still = client.get(html.unescape(pause)).text
    assert "http-equiv" not in still
    assert "Paused: this page stands still." in still


def test_counts_that_began_within_the_half_hour_say_since_when(shop: FakeShop, now: int) -> None:
    young = Feed(now - 3 * MINUTE)
    young.take([event()], at=now, source="web")
    with opened(shop, young, FakeTail()) as client:
        body = client.get("/live?lang=en").text
    assert "Counted from" in body
    assert "Duplicates are counted from" in body


@pytest.mark.parametrize("path", ADDRESSES)
def test_nothing_is_told_without_the_token(shop: FakeShop, feed: Feed, path: str) -> None:
    with opened(shop, feed, FakeTail(), token="s3cret-and-long-enough") as client:
        assert client.get(path).status_code == 401
        assert client.post(path).status_code in (401, 405)


@pytest.mark.parametrize("path", ["/live", "/live.part", "/live.json"])
def test_headers_and_methods(client: TestClient, feed: Feed, tail: FakeTail, now: int, path: str) -> None:
    some(feed, tail, now)
    answer = client.get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in POLICY
    assert client.post(path).status_code == 405
    assert client.head("/live/events").headers["content-type"].startswith("text/event-stream")


def test_the_page_stands_in_the_navigation(client: TestClient) -> None:
    for path in ("/", "/live", "/nowhere", "/api"):
        assert re.search(r'<a href="/live[^"]*"[^>]* data-go="l" data-plain>', client.get(path).text)


def test_styles_and_script_are_within_the_budget(client: TestClient) -> None:
    styles = [client.get(f"/static/{name}.css").content for name in ("app", "chart", "lists", "live")]
    assert sum(map(len, styles)) <= 20_000
    assert len(client.get("/static/live.js").content) <= 4_000


def test_a_page_of_500_rows_is_built_quickly(client: TestClient, feed: Feed, now: int) -> None:
    feed.take([event(anonymous_id=f"v{i}") for i in range(500)], at=now, source="web")
    took = []
    for _ in range(5):
        began = time.perf_counter()
        assert client.get("/live").status_code == 200
        took.append(time.perf_counter() - began)
    assert min(took) < 0.25


# The stream, driven without a network.


class Stand:
    """A stream over rows that a test adds, with quick ticks, and clients that read or do not."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.made = 0
        self.ballast = ""
        self.stream = LiveStream(Source("7", self.look, self.written, self.cards))

    def cards(self, look: Look) -> dict[str, str]:
        return {"now": f"<p>{look.lang} {len(self.rows)}</p>"}

    def look(self, after: int, most: int) -> News:
        rows = list(reversed(self.rows[-500:]))
        new = [row for row in rows if row.number > after][:most] if most else []
        position = len(self.rows)
        return News(new, position - after - len(new) if most else 0, position)

    def written(self, news: News, look: Look) -> str:
        self.made += 1
        numbers = "+".join(str(row.number) for row in news.rows)
        return self.ballast + f"{look.lang}:{numbers}" + (f" skipped {news.skipped}" if news.skipped else "")

    def add(self, n: int = 1) -> None:
        for _ in range(n):
            self.rows.append(Row(len(self.rows) + 1, 0, "A", "track", "web", "", "", "", ""))


class Browser:
    """One client: what it got; `reads` none = everything, else as many sends as it takes before it stops."""

    def __init__(self, stand: Stand, query: str = "", last: str = "", reads: int | None = None) -> None:
        self.got: list[bytes] = []
        self.status = 0
        self.ended = False
        self.reads = reads
        self.waited = False
        self._left = asyncio.Event()
        headers = [(b"last-event-id", last.encode())] if last else []
        self._scope = {
            "type": "http", "method": "GET", "path": "/live/events", "query_string": query.encode(), "headers": headers,
        }  # fmt: skip
        self.task = asyncio.create_task(stand.stream(self._scope, self._receive, self._send))

    def leave(self) -> None:
        self._left.set()

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        if self.reads is not None and len(self.got) >= self.reads:
            self.waited = True
            await asyncio.Event().wait()
        self.got.append(message["body"])
        self.ended = not message.get("more_body")

    def events(self) -> list[tuple[str, str, Any]]:
        """(id, event, data) of what arrived, as a browser would take it apart."""
        found = []
        for block in b"".join(self.got).decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "event" in fields:
                found.append((fields.get("id", ""), fields["event"], msgspec.json.decode(fields["data"])))
        return found

    def rows(self) -> list[str]:
        return [data["html"] for _, name, data in self.events() if name == "rows"]


def alone(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In a loop and a thread of its own: where the browser's tests ran before, this thread has one that runs."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(lambda: asyncio.run(run())).result()


async def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.005)


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    monkeypatch.setattr(live_stream, "TICK", 0.02)
    monkeypatch.setattr(live_stream, "CARDS", 0.06)
    monkeypatch.setattr(streams, "PATIENCE", 0.05)
    return Stand()


def test_rows_are_written_once_for_all_who_want_the_same(stand: Stand) -> None:
    async def run() -> None:
        readers = [Browser(stand, "lang=ko") for _ in range(30)] + [Browser(stand) for _ in range(20)]
        await until(lambda: stand.stream.readers == 50)
        stand.add(3)
        await until(lambda: all(reader.rows() for reader in readers))
        assert {tuple(reader.rows()) for reader in readers[:30]} == {("ko:3+2+1",)}
        assert {tuple(reader.rows()) for reader in readers[30:]} == {("en:3+2+1",)}
        assert stand.made == 2
        await until(lambda: all(any(name == "cards" for _, name, _ in reader.events()) for reader in readers))
        before = sum(len(reader.events()) for reader in readers)
        await asyncio.sleep(0.3)
        assert sum(len(reader.events()) for reader in readers) == before  # nothing changed, nothing is said
        for reader in readers:
            reader.leave()
        await asyncio.gather(*(reader.task for reader in readers))
        assert stand.stream.readers == 0
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    alone(run)


def test_case_97_a_reader_that_comes_back_misses_nothing(stand: Stand) -> None:
    async def run() -> None:
        stand.add(5)
        one = Browser(stand, last="7-2")
        await until(lambda: one.rows() == ["en:5+4+3"])
        assert one.events()[0][0] == "7-5"
        by_query = Browser(stand, query="after=7-4")
        await until(lambda: by_query.rows() == ["en:5"])
        fresh = Browser(stand)
        await until(lambda: bool(fresh.got))
        assert fresh.events() == []
        assert b"id: 7-5" in fresh.got[0]
        # Another life of the server, or nonsense: the page is told to begin anew.
        for given in ("6-2", "x", "7-99999999999999999999", "7--1"):
            odd = Browser(stand, last=given)
            await until(lambda odd=odd: bool(odd.events()))
            assert odd.events()[0][1] == "reset"
        stand.add(1000)
        late = Browser(stand, last="7-5")
        await until(lambda: bool(late.rows()))
        assert late.rows()[0].endswith("skipped 500")
        stand.stream.close()
        await asyncio.gather(one.task, by_query.task, fresh.task, late.task)

    alone(run)


def test_case_97_a_day_of_reconnecting_leaves_nothing_behind(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a page does that is open for a day: every time from where it was, no gap, nothing left over."""
    monkeypatch.setattr(live_stream, "TICK", 0.005)

    async def run() -> None:
        seen: list[int] = []
        last = "7-0"
        sizes = []
        for turn in range(240):
            reader = Browser(stand, last=last)
            stand.add(2)
            await until(lambda reader=reader: bool(reader.rows()))
            for given, name, data in reader.events():
                if name == "rows":
                    seen += [int(n) for n in reversed(data["html"].removeprefix("en:").split("+"))]
                    last = given
            reader.leave()
            await reader.task
            if turn in (80, 239):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
        stand.stream.close()
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) > 400
        assert stand.stream.readers == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert sizes[1] - sizes[0] < 300_000

    tracemalloc.start()
    try:
        alone(run)
    finally:
        tracemalloc.stop()


def test_whoever_joins_while_rows_come_gets_each_of_them_once(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine a tick takes longer and would bring more rows than one message shows.
    monkeypatch.setattr(live_stream, "AT_ONCE", 1_000)

    async def run() -> None:
        readers = []
        for _ in range(40):
            stand.add(2)
            readers.append(Browser(stand, last="7-0"))
            await asyncio.sleep(0.004)
        stand.add(1)
        last = str(len(stand.rows))
        await until(lambda: all(last in "".join(reader.rows()[-1:])[3:].split("+") for reader in readers))
        for reader in readers:
            numbers = [int(n) for row in reader.rows() for n in reversed(row.removeprefix("en:").split("+"))]
            assert numbers == list(range(1, len(stand.rows) + 1))
        stand.stream.close()
        await asyncio.gather(*(reader.task for reader in readers))

    alone(run)


def test_case_96_streams_that_never_read_are_let_go_and_memory_is_flat(stand: Stand) -> None:
    # Kept for each reader, or without end, the messages would fill a hundred megabytes.
    stand.ballast = "x" * 10_000

    async def run() -> None:
        quick = [Browser(stand) for _ in range(100)]
        slow = [Browser(stand, reads=2) for _ in range(100)]
        await until(lambda: stand.stream.readers == 200)
        for _ in range(30):
            stand.add()
            await asyncio.sleep(0.02)
        for reader in quick:
            reader.got.clear()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(120):
            stand.add()
            await asyncio.sleep(0.02)
        await until(lambda: stand.stream.readers == 100, 10)
        assert all(len(reader.got) == 2 for reader in slow)
        stand.add()
        last = f"en:{len(stand.rows)}".encode()
        await until(lambda: all(any(last in got for got in reader.got[-3:]) for reader in quick))
        assert len({hash(tuple(reader.rows())) for reader in quick}) == 1
        for reader in quick:
            reader.got.clear()
        assert tracemalloc.get_traced_memory()[0] < before + 4_000_000
        assert not any(reader.task.done() for reader in slow)  # the server has yet to cut them off
        for reader in slow:
            reader.leave()
        stand.stream.close()
        await asyncio.gather(*(reader.task for reader in [*quick, *slow]))
        assert all(reader.ended for reader in quick)

    tracemalloc.start()
    try:
        alone(run)
    finally:
        tracemalloc.stop()


def test_a_reader_that_is_a_little_slow_is_told(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "QUEUE", 3)

    async def run() -> None:
        reader = Browser(stand, reads=0)
        await until(lambda: stand.stream.readers == 1)
        while not reader.waited:
            await asyncio.sleep(0.005)
        reader.reads = None  # what is under way stays stuck, the next word goes through
        while not reader.task.done():
            stand.add()
            await asyncio.sleep(0.03)
        assert [name for _, name, _ in reader.events()][-1:] == ["overflow"]
        assert reader.ended

    alone(run)


def test_case_96_only_so_many_streams_and_none_after_the_end(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "MOST_STREAMS", 5)

    async def run() -> None:
        readers = [Browser(stand) for _ in range(5)]
        await until(lambda: stand.stream.readers == 5)
        refused = Browser(stand)
        await refused.task
        assert refused.status == 503
        readers[0].leave()
        await until(lambda: stand.stream.readers == 4)
        again = Browser(stand)
        await until(lambda: stand.stream.readers == 5)
        assert again.status == 200
        threading.Thread(target=stand.stream.close).start()
        await asyncio.wait_for(asyncio.gather(*(reader.task for reader in [*readers, again])), 5)
        late = Browser(stand)
        await late.task
        assert late.status == 503

    alone(run)


def test_a_silent_stream_says_that_it_is_alive(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SILENCE", 0.05)

    async def run() -> None:
        reader = Browser(stand)
        await until(lambda: reader.got.count(b": \n\n") >= 3)
        reader.leave()
        await reader.task

    alone(run)


def test_a_tail_that_cannot_be_read_stops_no_stream(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    look, fails = stand.look, itertools.chain([False], itertools.repeat(True, 4), itertools.repeat(False))

    def failing(after: int, most: int) -> News:
        if next(fails):
            raise StoreError("the tail cannot be read")
        return look(after, most)

    stand.stream = LiveStream(Source("7", failing, stand.written, lambda _: {}))

    async def run() -> None:
        reader = Browser(stand)
        await until(lambda: stand.stream.readers == 1)
        stand.add()
        await until(lambda: reader.rows() == ["en:1"])
        reader.leave()
        await reader.task

    alone(run)
    assert "the tail cannot be read" in caplog.text


# In a browser.

Serve = Callable[..., tuple[str, Any]]


@pytest.fixture
def live_server() -> Iterator[Serve]:
    """Serves a shop with a feed; gives the address and the application."""
    import socket

    running = []

    def start(feed: Feed | None, tail: FakeTail | None, port: int = 0) -> tuple[str, Any]:
        listener = socket.create_server(("127.0.0.1", port))
        app = create_app(FakeShop(), feed=feed, tail=tail)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)

        def stop() -> None:
            app.state.live.close()
            server.should_exit = True
            thread.join(10)
            listener.close()
            assert not thread.is_alive()

        app.state.stop = stop
        running.append(stop)
        return f"http://127.0.0.1:{listener.getsockname()[1]}", app

    yield start
    for stop in running:
        stop()


def real() -> tuple[Feed, FakeTail]:
    """A feed with traffic of this very moment, for the clock of the server's thread."""
    feed, tail = Feed(clock.now() - 60 * MINUTE), FakeTail()
    some(feed, tail, clock.now())
    return feed, tail


@pytest.mark.browser
def test_the_page_follows_by_itself(live_server: Serve, page: Callable[..., Any]) -> None:
    feed, tail = real()
    root, _ = live_server(feed, tail)
    tab = page()
    tab.goto(root + "/live?lang=en")
    tab.get_by_text("Connected: events appear as they arrive.").wait_for()
    first = tab.locator("#feed li").first
    feed.take([event("Coupon Opened", anonymous_id="new-one")], at=clock.now(), source="web")
    tab.locator("#feed li", has_text="Coupon Opened").wait_for()
    assert "Coupon Opened" in first.inner_text()
    n = feed.now().events
    tab.get_by_text(f"{n} events in the last 30 minutes").wait_for()
    # Paused, nothing moves; afterwards what was missed is there, once.
    tab.get_by_role("link", name="Pause").click()
    tab.get_by_text("Paused: this page stands still.").wait_for()
    feed.take([event("While Away")], at=clock.now(), source="web")
    tab.wait_for_timeout(1200)
    assert tab.locator("#feed li", has_text="While Away").count() == 0
    tab.get_by_role("link", name="Go on").click()
    tab.locator("#feed li", has_text="While Away").wait_for()
    assert tab.locator("#feed li", has_text="While Away").count() == 1
    # The list stands still under the pointer.
    tab.locator("#feed").hover()
    feed.take([event("Under The Pointer")], at=clock.now(), source="web")
    tab.get_by_text("Connected: new events wait until you leave the list.").wait_for()
    assert tab.locator("#feed li", has_text="Under The Pointer").count() == 0
    tab.mouse.move(2, 2)
    tab.locator("#feed li", has_text="Under The Pointer").wait_for()
    # A filter holds for what comes, too.
    tab.get_by_role("searchbox").fill("coupon")
    assert tab.locator("#feed li:visible").count() == 1
    tab.locator("h1").click()
    feed.take([event("Coupon Used"), event("Other")], at=clock.now(), source="web")
    tab.locator("#feed li", has_text="Coupon Used").wait_for()
    assert tab.locator("#feed li:visible").count() == 2
    assert tab.url.endswith("/live?lang=en")
    assert tab.faults == []
    assert all(url.startswith((root, "data:")) for url in tab.requested)


@pytest.mark.browser
def test_the_first_event_opens_the_page_and_a_restart_begins_anew(live_server: Serve, page: Callable[..., Any]) -> None:
    feed, tail = Feed(), FakeTail()
    root, app = live_server(feed, tail)
    tab = page()
    tab.goto(root + "/live?lang=en")
    tab.get_by_role("heading", name="Connect your site").wait_for()
    tab.get_by_text("Connected: events appear as they arrive.").wait_for()
    feed.take([event("Hello There")], at=clock.now(), source="web")
    tab.locator("#feed li", has_text="Hello There").wait_for()
    app.state.stop()
    tab.get_by_text("Connection lost: trying again.").wait_for()
    again, tail = Feed(), FakeTail()
    again.take([event("Second Life")], at=clock.now(), source="web")
    live_server(again, tail, int(root.rpartition(":")[2]))
    tab.locator("#feed li", has_text="Second Life").wait_for()
    assert tab.locator("#feed li").count() == 1


@pytest.mark.browser
def test_without_a_stream_the_page_asks(
    live_server: Serve, page: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_stream, "MOST_STREAMS", 0)
    feed, tail = real()
    root, _ = live_server(feed, tail)
    tab = page()
    tab.goto(root + "/live?lang=en")
    tab.get_by_text("No stream: this page asks every 5 seconds.").wait_for()
    feed.take([event("Asked For")], at=clock.now(), source="web")
    tab.locator("#feed li", has_text="Asked For").wait_for()
    assert [fault for fault in tab.faults if "503" not in fault] == []


@pytest.mark.browser
def test_links_between_the_page_and_the_others_work_with_the_script(live_server: Serve, page: Callable[..., Any]) -> None:
    feed, tail = real()
    root, _ = live_server(feed, tail)
    tab = page()
    tab.goto(root + "/?lang=en")
    tab.get_by_role("heading", level=1, name="Journey map").wait_for()
    tab.keyboard.press("g")
    tab.keyboard.press("l")
    tab.get_by_text("Connected: events appear as they arrive.").wait_for()
    tab.get_by_role("link", name="Data", exact=True).click()
    tab.get_by_role("heading", level=1, name="Data").wait_for()
    tab.go_back()
    tab.get_by_text("Connected: events appear as they arrive.").wait_for()
    tab.keyboard.press("k")
    tab.locator("#card-minutes table").wait_for()
    tab.get_by_label("Light or dark").first.click()
    tab.get_by_role("link", name="dark", exact=True).click()
    tab.locator("html[data-theme=dark]").wait_for()
    tab.get_by_text("Connected: events appear as they arrive.").wait_for()
    assert tab.faults == []


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_it_is_clean_in_both_languages_and_themes(
    live_server: Serve, page: Callable[..., Any], axe: str, size: tuple[int, int]
) -> None:
    feed, tail = real()
    odd, _ = real()
    for text in HOSTILE:
        odd.take([event(text, anonymous_id=text, url=f"https://x.example/{text}")], at=clock.now(), source=text,
                 rejected=[Rejected(id="1", at=clock.now(), source=text, code=text, message=text)])  # fmt: skip
    roots = [live_server(feed, tail)[0], live_server(odd, tail)[0], live_server(Feed(), FakeTail())[0]]
    shown = [
        (roots[0], "", "en", "light"),
        (roots[0], "", "ko", "dark"),
        (roots[0], "&view=table", "en", "dark"),
        (roots[1], "", "ko", "light"),
        (roots[2], "", "ko", "dark"),
    ]
    tab = page(viewport={"width": size[0], "height": size[1]}, bypass_csp=True)
    for root, more, lang, theme in shown:
        tab.goto(f"{root}/live?lang={lang}&theme={theme}{more}")
        tab.get_by_text(i18n.text(lang, "live.state_open")).wait_for()
        assert violations(tab, axe) == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.faults == []


@pytest.mark.browser
def test_without_script_every_figure_is_there(live_server: Serve, page: Callable[..., Any]) -> None:
    feed, tail = real()
    root, _ = live_server(feed, tail)
    tab = page(java_script_enabled=False)
    tab.goto(root + "/live?lang=en")
    tab.get_by_text(f"{feed.now().events} events in the last 30 minutes").wait_for()
    assert tab.locator("#feed li").count() == min(500, feed.now().events)
    tab.get_by_role("searchbox").fill("order")
    tab.get_by_role("button", name="Show").click()
    assert "filter=order" in tab.url
    assert tab.locator("#feed li", has_text="Page Viewed").count() == 0
    tab.get_by_role("link", name="Pause").click()
    tab.get_by_text("Paused: this page stands still.").wait_for()


def test_the_owners_token_stands_in_no_snippet(tmp_path: Path) -> None:
    """A store that has a write key already gets its owner token shown at the first serving, but not in what goes public."""
    with Served(tmp_path / "store", tmp_path / "log").prepare() as server:
        server.start()
        server.stop()
    said = (tmp_path / "log").read_text("utf-8")
    (token,) = re.findall(r"ac_owner_\S+", said)
    assert said.count(token) == 1
    assert "YOUR_WRITE_KEY" in said
