"""One line of the bench: something that was timed, beside its yardstick, and the largest ratio that will do."""

from __future__ import annotations

from statistics import median

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What was timed (seconds of each run) against what; `bound` is the largest ratio, or number of seconds, that will do.

    Runs of both sides took turns, so that a busy moment of the machine meets both.
    """

    what: str
    taken: tuple[float, ...]
    against: str = ""
    against_taken: tuple[float, ...] = ()
    bound: float | None = None
    note: str = ""

    @property
    def seconds(self) -> float:
        """The median run."""
        return median(self.taken)

    @property
    def against_seconds(self) -> float | None:
        """The median run of the yardstick, None where there is none or it could not be run."""
        return median(self.against_taken) if self.against_taken else None

    @property
    def ratio(self) -> float | None:
        """Seconds over those of the yardstick, None without one."""
        return None if self.against_seconds is None else self.seconds / self.against_seconds

    @property
    def holds(self) -> bool | None:
        """Whether the bound is kept; None without a bound, or where its yardstick could not be run."""
        measured = self.ratio if self.against else self.seconds
        return None if self.bound is None or measured is None else measured <= self.bound
