"""So many messages a second and no more, however many are due at once."""

from __future__ import annotations

from afterclick.core.spans import SECOND


class Pace:
    """A bucket that fills with time (µs) and holds one second's worth."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._level = float(per_second)
        self._at: int | None = None

    def room(self, now: int) -> int:
        """How many may leave now."""
        if self._at is not None:
            # A clock that was set back fills nothing, and does not empty it either.
            gained = max(0, now - self._at) / SECOND * self.per_second
            self._level = min(float(self.per_second), self._level + gained)
        self._at = now
        return int(self._level)

    def spend(self, count: int) -> None:
        """So many left."""
        self._level -= count
