"""A rule that fires when it becomes true, as SEMANTICS says it: what the engine and the dry run are held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.stream import Stream
from afterclick.core import spans


class Fired(NamedTuple):
    """A rule that has come true: when, and what its terms were then."""

    at: int
    values: Mapping[str, Any]


class Trigger:
    """Fires when a rule becomes true, at most once per `once`: session, visitor, ever, or a span such as `7d`.

    `visitor` and `ever` are the same for one visitor's events; `ever` is kept when visitors are parted again.
    """

    def __init__(self, stream: Stream, once: str = "session") -> None:
        self.stream = stream
        self.once = once
        self._every = 0 if once in ("session", "visitor", "ever") else spans.micros(once)
        self._held = False
        self._last: tuple[int, int] | None = None

    def add(self, one: Happening) -> Fired | None:
        """The next event: what it fires, if anything."""
        self.stream.add(one)
        return self.tick(one.at)

    def tick(self, at: int) -> Fired | None:
        """Time has come to `at` and nothing has happened since the last event: what that fires, if anything."""
        held, self._held = self._held, self.stream.holds(at)
        if held or not self._held or not self._may(at):
            return None
        self._last = at, self.stream.state.visits.sessions
        return Fired(at, self.stream.values(at))

    def _may(self, at: int) -> bool:
        if self._last is None:
            return True
        if self._every:
            return at - self._last[0] >= self._every
        return self.once == "session" and self.stream.state.visits.sessions != self._last[1]
