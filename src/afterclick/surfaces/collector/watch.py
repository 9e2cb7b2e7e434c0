"""Which connections are waited for, and since when: one look at all of them twice a second, and no timer for each."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from afterclick.core import clock

HEAD_S: Final = 5.0
"""Seconds from the first byte of a request, or from the connection, to the end of its head."""
REQUEST_S: Final = 10.0
"""Seconds from the first byte of a request to its last."""
DEAF_S: Final = 30.0
"""Seconds a receiver may leave an answer unread once the buffers are full."""
IDLE_S: Final = 10.0
"""Seconds a connection stays open without a request."""
HALF_HEADS: Final = 256
"""Connections that may be before the end of their head at once; one more pushes the oldest out."""
HELD_BYTES: Final = 256 << 20
"""Bytes of bodies that are not there as a whole, of all connections; beyond it the largest are given up."""
_SWEEP_S: Final = 0.5


class Watched(Protocol):
    """A connection, as far as it is watched."""

    @property
    def held(self) -> int:
        """Bytes that came of the body under way."""
        ...

    def give_up(self) -> None:
        """Close for slowness."""
        ...

    def hang_up(self) -> None:
        """Close in peace."""
        ...


class Watch:
    """All connections of a server, looked at twice a second, so that a request needs no timer of its own."""

    def __init__(self, most: int) -> None:
        """`most` connections at once; further ones are told to come again."""
        self.most = most
        self.at = clock.ticks()
        self.heads: dict[Watched, float] = {}
        self.bodies: dict[Watched, float] = {}
        self.idle: dict[Watched, float] = {}
        self.deaf: dict[Watched, float] = {}
        self.turned_away = 0
        self.closed_slow = 0
        self._timer: asyncio.TimerHandle | None = None
        self._own: tuple[object, bytes] = (None, b"")

    def own(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The server's own header lines; uvicorn gives a new list each second."""
        if self._own[0] is not headers:
            self._own = (headers, b"".join([b"%s: %s\r\n" % pair for pair in headers]))
        return self._own[1]

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sweep from now on."""
        self._sweep(loop)

    def stop(self) -> None:
        """Sweep no more."""
        if self._timer is not None:
            self._timer.cancel()

    def begins(self, connection: Watched) -> None:
        """A head is awaited."""
        heads = self.heads
        # A first byte does not begin the wait anew.
        heads.setdefault(connection, self.at)
        if len(heads) > HALF_HEADS:
            oldest = next(iter(heads))
            del heads[oldest]
            self.closed_slow += 1
            oldest.hang_up()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self.at = clock.ticks()
        for connection in _late(self.idle, self.at - IDLE_S):
            connection.hang_up()
        for table, seconds in ((self.heads, HEAD_S), (self.bodies, REQUEST_S), (self.deaf, DEAF_S)):
            for connection in _late(table, self.at - seconds):
                self.closed_slow += 1
                connection.give_up()
        self._make_room()
        self._timer = loop.call_later(_SWEEP_S, self._sweep, loop)

    def _make_room(self) -> None:
        held = sum(connection.held for connection in self.bodies)
        if held <= HELD_BYTES:
            return
        for connection in sorted(self.bodies, key=lambda one: one.held, reverse=True):
            held -= connection.held
            del self.bodies[connection]
            self.closed_slow += 1
            connection.give_up()
            if held <= HELD_BYTES:
                return


def _late(table: dict[Watched, float], least: float) -> list[Watched]:
    """Take out who waits since before `least`; the oldest stand first."""
    late = []
    for connection, since in table.items():
        if since > least:
            break
        late.append(connection)
    for connection in late:
        del table[connection]
    return late
