"""Server-sent events to many readers: a bounded queue for each, a sign of life, a last word to one that is too slow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Generic, TypeVar

QUEUE: Final = 64
"""Messages that wait for one reader; one more and it is let go."""
SILENCE: Final = 15.0
"""Seconds after which a comment says that the stream is alive."""
PATIENCE: Final = 1.0
"""Seconds a reader that is let go has to take its last word."""
LINGER: Final = 30.0
HEAD: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
OVERFLOW: Final = b"event: overflow\ndata: {}\n\n"
_ALIVE: Final = b": \n\n"

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Reader:
    """One open stream. All of it belongs to the thread of its loop."""

    __slots__ = ("_ended", "_queue", "_sending", "overflowed")

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)
        self._sending: asyncio.Task[None] | None = None
        self._ended = False
        self.overflowed = False

    def put(self, message: bytes) -> None:
        """Let it have a message; who has not read as many as may wait is let go."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.overflowed = True
            self.end()

    def end(self) -> None:
        """Say nothing more."""
        self._ended = True
        if self._sending is not None:
            self._sending.cancel()

    async def serve(self, receive: Receive, send: Send, leave: Callable[[], None]) -> None:
        """Send what is put until the reader has gone, is too slow or is ended; `leave` is called before the last word."""
        gone = asyncio.create_task(_gone(receive))
        self._sending = asyncio.create_task(self._send_all(send))
        try:
            if not self._ended:
                await asyncio.wait([self._sending, gone], return_when=asyncio.FIRST_COMPLETED)
            leave()
            self._sending.cancel()
            await asyncio.wait([self._sending])
            # The server may take its time to cut off who reads nothing: what waits for it goes now.
            while not self._queue.empty():
                self._queue.get_nowait()
            if not gone.done():
                await _say_last(send, OVERFLOW if self.overflowed else b"", gone)
        finally:
            leave()
            for task in (self._sending, gone):
                task.cancel()
            await asyncio.gather(self._sending, gone, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        queue = self._queue
        while True:
            try:
                async with asyncio.timeout(SILENCE):
                    message = await queue.get()
            except TimeoutError:
                message = _ALIVE
            await send({"type": "http.response.body", "body": message, "more_body": True})


_R = TypeVar("_R", bound=Reader)


class Readers(Generic[_R]):
    """The open streams of one address; `close` ends them all."""

    def __init__(self) -> None:
        self._open: set[_R] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed = False

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[_R]:
        return iter(list(self._open))

    def begin(self) -> None:
        """Note the loop that serves them."""
        self._loop = asyncio.get_running_loop()

    def add(self, reader: _R) -> None:
        """From now on it hears what is put to all."""
        self._open.add(reader)
        if self.closed:
            reader.end()

    def discard(self, reader: _R) -> None:
        """It hears nothing more."""
        self._open.discard(reader)

    def post(self, function: Callable[[], object]) -> None:
        """Have something done by the loop's thread; from any thread, nothing where no stream was ever open."""
        if self._loop is not None:
            # A loop that has ended has no streams.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function)

    def close(self) -> None:
        """End all streams and take no more; from any thread."""
        self.closed = True
        self.post(self._end_all)

    def _end_all(self) -> None:
        for reader in self:
            reader.end()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _say_last(send: Send, last: bytes, gone: asyncio.Task[None]) -> None:
    """Say the last word; one who does not even take that is left to the server, which cuts off who reads nothing."""
    try:
        async with asyncio.timeout(PATIENCE):
            await send({"type": "http.response.body", "body": last, "more_body": False})
    except TimeoutError:
        await asyncio.wait([gone], timeout=LINGER)
