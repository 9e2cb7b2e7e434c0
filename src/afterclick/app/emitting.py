"""Events that afterclick itself sends into the log, by the same way as those that come by the wire."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from afterclick.collect.live.feed import Feed
from afterclick.collect.wire import canonical
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import clock
from afterclick.core.errors import StoreError
from afterclick.core.event import OURS
from afterclick.core.said import Said
from afterclick.store.live.calls import TailCall
from afterclick.store.live.group_commit import GroupCommit
from afterclick.store.live.tail import Tail

_PATIENCE_S: Final = 20.0

Heard = Callable[[TailCall, Sequence[Canonical]], object]
Admit = Callable[[Canonical], Canonical | None]


class Post(Protocol):
    """Runs a function on the thread of the event loop. Raises RuntimeError where there is none."""

    def __call__(self, function: Callable[[], None], /) -> None: ...


class Emitter:
    """Stores events of our own. Their ids follow from what they tell of, so that telling twice is a duplicate.

    Events of who was erased are dropped: what was decided or sent before it was known may be told after it.
    """

    def __init__(self, tail: Tail, group: GroupCommit, post: Post, feed: Feed, heard: Heard, admit: Admit) -> None:
        """`heard` is told of every call that is on disk, `admit` asked of every event, both on the loop's thread."""
        self._tail = tail
        self._group = group
        self._post = post
        self._feed = feed
        self._heard = heard
        self._admit = admit
        self._waiting: deque[int] = deque()

    @property
    def waiting(self) -> int:
        """Calls on their way to the disk; to be asked on the loop's thread."""
        return len(self._waiting)

    @property
    def oldest_at(self) -> int | None:
        """When the first of them set out (µs UTC)."""
        return self._waiting[0] if self._waiting else None

    def send(self, events: Sequence[Canonical], done: Callable[[StoreError | None], None] = lambda _: None) -> None:
        """Store events soon; `done` is called once, on the loop's thread. From any thread."""
        self._post(partial(self._submit, list(events), done))

    def emit(self, events: Sequence[Canonical]) -> None:
        """Store events; returns when they are on disk. Not on the loop's thread. Raises StoreError where they are not."""
        ready = threading.Event()
        failures: list[StoreError] = []

        def done(error: StoreError | None) -> None:
            failures.extend(() if error is None else (error,))
            ready.set()

        try:
            self.send(events, done)
        except RuntimeError:
            raise StoreError(
                Said("refusals.server_not_running"),
                hint=Said("refusals.start_again"),
                code="closing",
            ) from None
        if not ready.wait(_PATIENCE_S):
            raise StoreError(Said("refusals.disk_slow"), hint=Said("refusals.tried_again"), code="slow_disk")
        if failures:
            raise failures[0]

    def _submit(self, events: list[Canonical], done: Callable[[StoreError | None], None]) -> None:
        now = clock.now()
        fresh, bodies, ids, contents, known = [], [], [], [], 0
        for one in events:
            event = self._admit(one)
            if event is None:
                continue
            event.received_at = now
            body = canonical.encode(event)
            content = canonical.content(body)
            if self._tail.claim(event.event_id, content) != "new":
                known += 1
            else:
                fresh.append(event)
                bodies.append(body)
                ids.append(event.event_id)
                contents.append(content)
        call = TailCall(now, OURS, tuple(bodies), tuple(ids), tuple(contents), (), known)
        self._waiting.append(now)
        self._group.submit(call, partial(self._committed, call, fresh, done))

    def _committed(
        self, call: TailCall, events: list[Canonical], done: Callable[[StoreError | None], None], error: StoreError | None
    ) -> None:
        self._waiting.popleft()
        try:
            if error is None and events:
                self._feed.take(events, at=call.received_at, source=call.source)
                self._heard(call, events)
        finally:
            done(error)
