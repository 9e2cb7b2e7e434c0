"""Streams of pages in numbers: a thousand at once, some of which never read, and what the collector feels of them."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from afterclick.app.offering import Who
from afterclick.collect.wire.answers import Answer
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.request import WireRequest
from afterclick.decide.decision import Decision
from afterclick.decide.told import Decided, Heard, Merged, Offer, Told
from afterclick.surfaces import streams
from afterclick.surfaces.collector import offer_stream
from afterclick.surfaces.collector.decisions import Decisions
from afterclick.surfaces.collector.offer_stream import OfferStream


class Decider:
    """Everybody is known by the anonymous id and has the offers a test gives."""

    ready = True

    def __init__(self) -> None:
        self.position = 7
        self.open: dict[str, list[Offer]] = {}
        self.ballast = ""
        self.keys: dict[str, str] = {}
        self.callbacks: list[Callable[[Sequence[Told]], None]] = []

    def listen(self, callback: Callable[[Sequence[Told]], None]) -> None:
        self.callbacks.append(callback)

    def visitor(self, anonymous_id: str = "", user_id: str = "") -> str:
        return self.keys.get(anonymous_id, f"a:{anonymous_id}")

    def offers(self, anonymous_id: str, *_: Any) -> list[Offer]:
        return self.open.get(self.visitor(anonymous_id), [])

    def fire(self, *visitors: str) -> None:
        """A rule fires for these visitors, an offer more for each."""
        self.position += 1
        for visitor in visitors:
            action = f"{visitor}-{self.position}"
            offer = Offer(action, "", "banner", {"body": self.ballast}, 600, rule="r")
            self.open.setdefault(f"a:{visitor}", []).append(offer)
        self.tell([
            Decided(self.position, Decision(visitor, "r", f"a:{visitor}", 1, "e", "show")) for visitor in visitors
        ])  # fmt: skip

    def tell(self, told: Sequence[Told]) -> None:
        for callback in self.callbacks:
            callback(told)


class Shop:
    """An offering without words to put together, and a collector that lets everybody in."""

    def __init__(self) -> None:
        self.decider = Decider()
        self.any = True
        self.decisions = Decisions(self, self)  # type: ignore[arg-type]
        self.stream = OfferStream(self, self.decisions, self)  # type: ignore[arg-type]

    def offers(self, who: Who, *_: Any) -> list[Offer]:
        return self.decider.offers(who.anonymous_id)

    def anything(self) -> bool:
        return self.any

    def admit(self, *_: Any) -> None:
        pass


class Page:
    """One client; `reads` none = everything, else as many sends as it takes before it stops."""

    def __init__(self, shop: Shop, visitor: str, reads: int | None = None) -> None:
        self.got: list[bytes] = []
        self.size = 0
        self.reads = reads
        self._left = asyncio.Event()
        request = WireRequest("GET", offer_stream.STREAM, f"writeKey=k&anonymousId={visitor}", {}, b"", 0)
        found = shop.stream.begin(request)
        self.refused = found if isinstance(found, Answer) else None
        self.task = asyncio.create_task(
            asyncio.sleep(0) if isinstance(found, Answer) else shop.stream.serve(found, self._receive, self._send)
        )

    def leave(self) -> None:
        self._left.set()

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if self.reads is not None and len(self.got) >= self.reads:
            await asyncio.Event().wait()
        self.got.append(message["body"])

    @property
    def text(self) -> str:
        return b"".join(self.got).decode()


def alone(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In a loop and a thread of its own: where the browser's tests ran before, this thread has one that runs."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(lambda: asyncio.run(run())).result()


async def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.005)


def heard(visitor: str, key: str, event: str = "Page Viewed", **properties: Any) -> Heard:
    canonical = Canonical(
        event_id="e", type="track", event=event, anonymous_id=visitor, properties=properties, occurred_at=1, received_at=1
    )
    return Heard(1, "e", key, 1, True, False, canonical, None)  # type: ignore[arg-type]


def test_case_96_a_thousand_streams_of_which_a_hundred_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PATIENCE", 0.05)
    # Kept for each that does not read, or without end, the messages would fill a hundred megabytes and more.
    ballast = "x" * 16_000

    async def run() -> None:
        shop = Shop()
        quick = [Page(shop, f"q{number}") for number in range(900)]
        slow = [Page(shop, f"s{number}", reads=1) for number in range(100)]
        await until(lambda: shop.stream.open == 1_000)
        names = [f"q{number}" for number in range(900)] + [f"s{number}" for number in range(100)]
        shop.decider.ballast = ballast
        shop.decider.fire(*names)
        await until(lambda: all(len(page.got) == 3 for page in quick))
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        few = names[-120:]
        for _ in range(streams.QUEUE + 8):
            for page in quick:
                page.got.clear()
            for visitor in names:
                shop.decider.open[f"a:{visitor}"].clear()
            shop.decider.fire(*few)
            await asyncio.sleep(0.002)
        await until(lambda: shop.stream.open == 900)
        assert all(len(page.got) <= 1 for page in slow)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < before + 8_000_000
        # The others are told as before.
        for page in quick:
            page.got.clear()
        shop.decider.fire("q1", "q2")
        await until(lambda: all(f'"{name}-' in page.text for name, page in (("q1", quick[1]), ("q2", quick[2]))))
        assert not quick[3].text
        shop.stream.close()
        for page in [*quick, *slow]:
            page.leave()
        await asyncio.gather(*(page.task for page in [*quick, *slow]))
        assert shop.stream.open == 0
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    tracemalloc.start()
    try:
        alone(run)
    finally:
        tracemalloc.stop()


def test_case_97_a_day_of_coming_and_going_leaves_nothing_behind() -> None:
    async def run() -> None:
        shop = Shop()
        for number in range(1_000):
            page = Page(shop, f"v{number % 7}")
            if number % 3 == 0:
                shop.decider.fire(f"v{number % 7}")
            await asyncio.sleep(0)
            page.leave()
            await page.task
            shop.decider.open.clear()
        assert shop.stream.open == 0
        assert not shop.stream._by_id
        assert not shop.stream._by_key
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    alone(run)


def test_a_page_that_nobody_knew_is_found_by_its_first_event_and_follows_merges() -> None:
    async def run() -> None:
        shop = Shop()
        shop.decider.keys["v1"] = ""
        page = Page(shop, "v1")
        other = Page(shop, "v2")
        await until(lambda: shop.stream.open == 2)
        shop.decider.keys["v1"] = "u:9"
        shop.decider.open["u:9"] = [Offer("one", "", "banner", {}, 600)]
        shop.decider.tell([heard("v1", "u:9")])
        await until(lambda: '"one"' in page.text)
        # The visitor turns out to be another one, who has an offer as well.
        shop.decider.keys |= {"v1": "u:1", "v2": "u:1"}
        shop.decider.open["u:1"] = [Offer("one", "", "banner", {}, 600), Offer("two", "", "banner", {}, 600)]
        shop.decider.tell([Merged(3, "u:1", "u:9")])
        await until(lambda: '"two"' in page.text)
        assert page.text.count('"one"') == 1
        shop.decider.tell([heard("v2", "u:1")])
        await until(lambda: '"two"' in other.text)
        # A message of a journey waits: its event says so.
        shop.decider.open["u:1"].append(Offer("three", "", "banner", {}, 600, journey="j"))
        shop.decider.tell([heard("", "u:1", "Message Sent", channel="onsite")])
        await until(lambda: '"three"' in page.text and '"three"' in other.text)
        for each in (page, other):
            each.leave()
            await each.task

    alone(run)


def test_there_are_only_so_many_streams_and_none_where_nothing_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer_stream, "MOST_STREAMS", 5)
    monkeypatch.setattr(offer_stream, "MOST_OF_ONE", 2)
    monkeypatch.setattr(streams, "PATIENCE", 0.05)

    async def run() -> None:
        shop = Shop()
        shop.any = False
        nothing = Page(shop, "v")
        assert nothing.refused is not None
        assert nothing.refused.status == 204
        shop.any = True
        pages = [Page(shop, f"v{number}") for number in range(5)]
        await until(lambda: shop.stream.open == 5)
        refused = Page(shop, "v9").refused
        assert refused is not None
        assert refused.status == 503
        assert (b"retry-after", b"5") in refused.headers
        for page in pages[2:]:
            page.leave()
        await until(lambda: shop.stream.open == 2)
        # A third page of one visitor ends the first.
        same = [Page(shop, "v0") for _ in range(2)]
        await until(pages[0].task.done)
        assert shop.stream.open == 3
        shop.stream.close()
        await asyncio.wait_for(asyncio.gather(*(page.task for page in [*pages, *same])), 60)
        late = Page(shop, "v8").refused
        assert late is not None
        assert late.status == 503

    alone(run)


def test_a_silent_stream_says_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SILENCE", 0.02)

    async def run() -> None:
        page = Page(Shop(), "v")
        await until(lambda: page.got.count(b": \n\n") >= 3)
        page.leave()
        await page.task

    alone(run)
