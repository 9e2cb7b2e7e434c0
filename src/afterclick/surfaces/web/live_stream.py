"""Server-sent events of the Live page: one clock asks the feed, its words go to every reader, a slow one is let go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from afterclick.collect.live.feed import KEPT, Row
from afterclick.core.errors import AfterclickError
from afterclick.surfaces import streams

MOST_STREAMS: Final = 1_000
TICK: Final = 0.5
"""Seconds between two looks at the feed."""
CARDS: Final = 5.0
"""Seconds between two messages with the cards beside the feed."""
AT_ONCE: Final = 40
"""Rows of one message; of a busier half second the newest are shown and the rest is counted."""
RESET: Final = b"event: reset\ndata: {}\n\n"
_LOG: Final = logging.getLogger("afterclick.web")


class Look(NamedTuple):
    """How a reader wants it: what a message is made for, once for all readers who want the same."""

    lang: str
    view: str


class News(NamedTuple):
    """What a look at the feed brought: new rows, newest first, and how many more there were."""

    rows: list[Row]
    skipped: int
    position: int


class Source(NamedTuple):
    """What the stream is made of. `look(after, most)` gives the rows after a number; `written` the rows as markup,
    `cards` the other cards by name, `epoch` what numbers belong to. All but `epoch` are called in a thread."""

    epoch: str
    look: Callable[[int, int], News]
    written: Callable[[News, Look], str]
    cards: Callable[[Look], Mapping[str, str]]


class _Reader(streams.Reader):
    """One open stream: how it wants its rows, the number it has rows up to, the cards it has."""

    __slots__ = ("after", "cards", "look")

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look
        self.after = 0
        self.cards: Mapping[str, str] = {}


class LiveStream:
    """The application behind `/live/events`. Its clock runs while somebody reads; `close` ends all streams."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._readers: streams.Readers[_Reader] = streams.Readers()
        self._clock: asyncio.Task[None] | None = None
        self._position = 0

    @property
    def readers(self) -> int:
        """Open streams."""
        return len(self._readers)

    def close(self) -> None:
        """End all streams and take no more; may be called from any thread."""
        self._readers.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One stream, until its reader leaves, is too slow, or the server stops."""
        if self._readers.closed or len(self._readers) >= MOST_STREAMS:
            refusal = PlainTextResponse("no more streams\n", 503, {"retry-after": "5", "cache-control": "no-store"})
            await refusal(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [*streams.HEAD]})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        look, given = _asked(scope)
        reader = _Reader(look)
        await self._begin(reader, given)
        try:
            await reader.serve(receive, send, partial(self._readers.discard, reader))
        finally:
            self._readers.discard(reader)
            if not self._readers and self._clock is not None:
                self._clock.cancel()
                self._clock = None

    async def _begin(self, reader: _Reader, given: str) -> None:
        """What the reader missed since the id it gave, then a place among the others."""
        self._readers.begin()
        own, _, number = given.rpartition("-")
        known = own == self._source.epoch and number.isdecimal() and len(number) < 19
        news = await run_in_threadpool(self._source.look, int(number) if known else 0, KEPT if known else 0)
        first = b"retry: 2000\n\n" + await run_in_threadpool(self._rows, news, reader.look)
        # An id of another life of the server: what the reader shows has numbers that mean nothing any more.
        reader.put(first if known or not given else first + RESET)
        while self._clock is not None and self._position > news.position:
            # The clock went on meanwhile, and what it told the others is missing here.
            news = await run_in_threadpool(self._source.look, news.position, KEPT)
            reader.put(await run_in_threadpool(self._rows, news, reader.look))
        reader.after = news.position
        self._readers.add(reader)
        if self._clock is None:
            self._position = news.position
            self._clock = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """The clock: rows twice a second, the other cards every five seconds, both only where something changed."""
        ticks = 0
        while True:
            await asyncio.sleep(TICK)
            ticks += 1
            with _logged():
                await self._tell_rows()
                if ticks % round(CARDS / TICK) == 0:
                    await self._tell_cards()

    async def _tell_rows(self) -> None:
        before = self._position
        news = await run_in_threadpool(self._source.look, before, AT_ONCE)
        if news.rows:
            made = {look: await run_in_threadpool(self._rows, news, look) for look in self._looks()}
        # From here on nothing waits: who joins later has looked for itself up to the new position.
        self._position = news.position
        for reader in self._readers if news.rows else []:
            if reader.after <= before and reader.look in made:
                reader.put(made[reader.look])
            elif reader.after < news.position:
                late = [row for row in news.rows if row.number > reader.after]
                reader.put(self._rows(News(late, news.position - reader.after - len(late), news.position), reader.look))
            reader.after = news.position

    async def _tell_cards(self) -> None:
        for look in self._looks():
            cards = await run_in_threadpool(self._source.cards, look)
            message = b"event: cards\ndata: %s\n\n" % msgspec.json.encode(cards)
            for reader in [each for each in self._readers if each.look == look and each.cards != cards]:
                reader.cards = cards
                reader.put(message)

    def _looks(self) -> set[Look]:
        return {reader.look for reader in self._readers}

    def _rows(self, news: News, look: Look) -> bytes:
        if not news.rows:
            return b"id: %s\n\n" % self._id(news.position)
        body = msgspec.json.encode({"html": self._source.written(news, look)})
        return b"id: %s\nevent: rows\ndata: %s\n\n" % (self._id(news.position), body)

    def _id(self, position: int) -> bytes:
        return f"{self._source.epoch}-{position}".encode()


@contextlib.contextmanager
def _logged() -> Iterator[None]:
    """What the tail refuses once it may give a moment later; the clock goes on."""
    try:
        yield
    except AfterclickError as problem:
        _LOG.warning("the live page could not be brought up to date: %s", problem.message)


def _asked(scope: Mapping[str, Any]) -> tuple[Look, str]:
    """How the reader wants it, and the id it goes on from."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    look = Look("ko" if query.get("lang") == ["ko"] else "en", "table" if query.get("view") == ["table"] else "chart")
    given = Headers(raw=list(scope["headers"])).get("last-event-id") or query.get("after", [""])[0]
    return look, given
