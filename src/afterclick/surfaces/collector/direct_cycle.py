"""A request that brings events, between the parser and the collector: no task, no queue of messages, no copy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from afterclick.core import clock

_FAILED: Final = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"


class Direct(Protocol):
    """Who takes requests straight from the parser. Header names are in lower case."""

    most: int
    """Bytes a body may have."""

    def takes(self, method: bytes, url: bytes) -> bool:
        """Whether requests of this method and address are theirs."""
        ...

    def asked(self, url: bytes, headers: list[tuple[bytes, bytes]]) -> Any:
        """What a head says, the same for all requests that have it."""
        ...

    def offer(
        self,
        asked: Any,
        body: bytes,
        received_at: int,
        client: tuple[str, int] | None,
        answer: Callable[[bytes], None],
    ) -> None:
        """Take a whole request; `answer` is called once, with status line, headers and body."""
        ...

    def arrived(self, cycle: DirectCycle, body: bytes, loop: asyncio.AbstractEventLoop) -> None:
        """Take a whole request that came at once: its cycle is told to `offer` the body when the loop has read what else is
        there."""
        ...

    def too_large(self, asked: Any) -> bytes:
        """The answer to a body of more bytes."""
        ...


class Connection(Protocol):
    """What a cycle asks of the protocol it belongs to."""

    client: tuple[str, int] | None
    logger: logging.Logger
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop

    def own_lines(self) -> bytes:
        """Header lines that stand on every answer."""
        ...

    def answered(self) -> None:
        """The answer was written."""
        ...


class DirectCycle:
    """One request that brings events, and its answer; it stands where uvicorn keeps its own cycles."""

    _received_at = _size = 0
    _pieces: list[bytes]
    # What most requests never change is no word to each of them.
    more_body = True
    disconnected = response_started = response_complete = False

    def __init__(self, protocol: Connection, direct: Direct, asked: Any, *, keep_alive: bool, started: bool) -> None:
        self._protocol = protocol
        self._direct = direct
        self._asked = asked
        self.keep_alive = keep_alive
        self.started = started

    @property
    def message_event(self) -> _Nobody:
        """What uvicorn sets when the connection is lost."""
        return _NOBODY

    def begin(self) -> None:
        """The head is there, the body is awaited."""
        self._received_at = clock.now()
        self._pieces = []

    def whole(self, body: bytes) -> None:
        """A request that came at once, and whose turn it is."""
        self._received_at = clock.now()
        self.more_body = False
        self._direct.arrived(self, body, self._protocol.loop)

    def add(self, piece: bytes) -> None:
        """A piece of the body; of one that is too large nothing is kept."""
        self._size += len(piece)
        if self._size <= self._direct.most:
            self._pieces.append(piece)
        elif self.started and not self.response_complete:
            self.keep_alive = False
            self._answer(self._direct.too_large(self._asked))

    def go(self) -> None:
        """Offer the request once it is there as a whole and its turn has come."""
        if not self.started or self.more_body or self.response_complete:
            return
        if self._size > self._direct.most:
            self.keep_alive = False
            self._answer(self._direct.too_large(self._asked))
            return
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self.offer(body)

    def offer(self, body: bytes) -> None:
        """Offer the whole request."""
        try:
            self._direct.offer(self._asked, body, self._received_at, self._protocol.client, self._answer)
        except Exception:
            # A mistake of ours: raised on, the parser would take it for one of the sender, who would not send again.
            self._protocol.logger.exception("a request could not be taken")
            self.keep_alive = False
            self._answer(_FAILED)

    def _answer(self, lines: bytes) -> None:
        """Write the answer: status line, headers but the server's own, the empty line and the body."""
        protocol = self._protocol
        if self.disconnected or self.response_complete:
            return
        self.response_started = self.response_complete = True
        transport = protocol.transport
        status, end, rest = lines.partition(b"\r\n")
        own = protocol.own_lines()
        if self.keep_alive:
            transport.write(b"".join((status, end, own, rest)))
        else:
            transport.write(b"".join((status, end, own, b"connection: close\r\n", rest)))
            transport.close()
        protocol.answered()


class _Nobody:
    """Stands where uvicorn wakes the task of a request; here none waits."""

    def set(self) -> None:
        """Nothing."""


_NOBODY: Final = _Nobody()
