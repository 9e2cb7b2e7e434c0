"""The feed filled from the tail on disk: at the start of a server, or all the time where another process collects."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from afterclick.collect.live.feed import Feed
from afterclick.collect.live.pulse import MINUTES
from afterclick.core import clock
from afterclick.core.event import Rejected
from afterclick.core.spans import MINUTE, SECOND
from afterclick.store.live.calls import Balance, StoredCall

MOST: Final = 50_000
"""Events that are read at the start at most; counts are said to be complete only from the first of them."""
_AT_ONCE: Final = 5_000
_LAST_CALLS: Final = 2_000
_PATIENCE: Final = SECOND


class Tail(Protocol):
    """What is read of the tail; `store.live`'s reader has it."""

    def position(self) -> int: ...
    def read(self, after_seq: int, limit_events: int) -> list[StoredCall]: ...
    def rejects(self, after_seq: int = 0) -> list[Rejected]: ...
    def balance(self) -> Balance: ...


class Stored(msgspec.Struct, frozen=True):
    """The fields of a stored event that the feed reads."""

    event: str = ""
    type: str = "track"
    anonymous_id: str | None = None
    user_id: str | None = None
    url: str | None = None
    referrer: str | None = None
    properties: Mapping[str, Any] = {}


_DECODER: Final = msgspec.json.Decoder(Stored)


def prime(feed: Feed, tail: Tail, now: int | None = None) -> int:
    """Fill a new feed with the last 30 minutes of the tail; the number of the last call read. Nothing else fills it yet."""
    now = clock.now() if now is None else now
    after = now - now % MINUTE - (MINUTES - 1) * MINUTE
    last = tail.position()
    start = max(_first_since(tail, after, last) - 1, 0)
    calls = _read(tail, start, last)
    if calls:
        # What was sealed, is damaged or beyond `MOST` is missing before the first call read.
        feed.complete_since(0 if calls[0].seq == start + 1 else calls[0].received_at)
    else:
        # An empty tail says nothing of what was sealed from it: counting begins now, unless nothing ever came.
        feed.complete_since(0 if last == 0 or tail.read(0, 1) else now)
    for call in calls:
        show(feed, call)
    feed.refused(tail.rejects(start))
    return last


def _read(tail: Tail, after: int, last: int) -> list[StoredCall]:
    """The calls after a number, of the newest `MOST` events."""
    width = _LAST_CALLS
    while True:
        # From the end: a server that starts over a long tail is waited for.
        begin = max(after, last - width)
        calls = _between(tail, begin, last)
        events = sum(len(call.bodies) for call in calls)
        if begin == after or events >= MOST:
            break
        width *= 4
    first = 0
    while events > MOST and first < len(calls) - 1:
        events -= len(calls[first].bodies)
        first += 1
    return calls[first:]


def _between(tail: Tail, after: int, last: int) -> list[StoredCall]:
    calls: list[StoredCall] = []
    while after < last:
        found = tail.read(after, _AT_ONCE)
        if not found:
            break
        calls += found
        after = found[-1].seq
    return calls


def _first_since(tail: Tail, at: int, last: int) -> int:
    """The number of the first call that arrived at an instant or later, by halving: arrivals grow with numbers."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        found = tail.read(middle - 1, 1)
        if found and found[0].received_at < at:
            low = found[0].seq + 1
        else:
            high = middle
    return low


def show(feed: Feed, call: StoredCall) -> None:
    """Give one stored call to the feed; a body that cannot be read is left to `verify`."""
    feed.take(_events(call.bodies), at=call.received_at, source=call.source)


def _events(bodies: Sequence[bytes]) -> list[Stored]:
    found = []
    for body in bodies:
        try:
            found.append(_DECODER.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


class Follower:
    """A feed of what another process collects: read from its tail when somebody looks, once a second at most."""

    def __init__(self, tail: Tail, now: int | None = None) -> None:
        """`now`: us, UTC. Nothing is read before the first `catch_up`."""
        self._tail = tail
        self.feed = Feed(now)
        self._lock = threading.Lock()
        self._seq: int | None = None
        self._looked_at = 0
        self._received = 0
        self._untold = 0

    def catch_up(self, now: int | None = None) -> Feed:
        """The feed with everything that was committed a second ago or earlier. Raises StoreError."""
        now = clock.now() if now is None else now
        with self._lock:
            if self._seq is None:
                self._received, self._seq = self._tail.balance().received, prime(self.feed, self._tail, now)
            elif abs(now - self._looked_at) >= _PATIENCE:
                self._read_on(self._seq, now)
            else:
                return self.feed
            self._looked_at = now
            return self.feed

    def _read_on(self, seq: int, now: int) -> None:
        calls = _read(self._tail, seq, self._tail.position())
        rejected = self._tail.rejects(seq) if calls else []
        for call in calls:
            show(self.feed, call)
            self._seq = call.seq
        self.feed.refused(rejected)
        # What was received and is neither of these came twice. The reads are not one: what is early evens out later.
        received = self._tail.balance().received
        self._untold += received - self._received - sum(len(call.bodies) for call in calls) - len(rejected)
        self._received = received
        if self._untold > 0:
            self.feed.repeated(now, self._untold)
            self._untold = 0
