"""An endpoint that fails time after time is left alone for a while, so that it neither is flooded nor holds up others."""

from __future__ import annotations

import threading
from typing import Final

from afterclick.core.spans import MINUTE

FAILURES: Final = 5
"""So many in a row open it."""
FIRST: Final = MINUTE
LONGEST: Final = 30 * MINUTE


class _Lane:
    __slots__ = ("failures", "open_until", "opened")

    def __init__(self) -> None:
        self.failures = 0
        self.opened = 0
        self.open_until = 0


class Breaker:
    """Remembers by lane how the last calls went; instants in µs UTC. Safe for several threads.

    After the pause one call is let through: if it succeeds the lane is closed again, if not the pause doubles.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._mutex = threading.Lock()

    def room(self, lane: str, now: int, wanted: int) -> int:
        """How many calls may be made now: all that are wanted, one to try, or none."""
        with self._mutex:
            known = self._lanes.get(lane)
            if known is None or not known.opened:
                return wanted
            return min(1, wanted) if now >= known.open_until else 0

    def open(self, lane: str, now: int) -> bool:
        """Is it to be left alone now?"""
        return self.room(lane, now, 1) == 0

    def worked(self, lane: str) -> None:
        """The endpoint has answered."""
        with self._mutex:
            self._lanes.pop(lane, None)

    def failed(self, lane: str, now: int) -> None:
        """The endpoint has not answered, or asked to be left alone."""
        with self._mutex:
            known = self._lanes.setdefault(lane, _Lane())
            known.failures += 1
            if known.failures >= FAILURES and now >= known.open_until:
                known.open_until = now + min(FIRST << min(known.opened, 10), LONGEST)
                known.opened += 1
