"""One equation with its two sides, and where they part: the first local day and the key on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, NamedTuple

Days = tuple[date, date]
"""The first and the last local day of a range."""
Ledger = Mapping[str, int]
"""Whole numbers (money in minor units) by key; a key that is not there counts 0."""
Side = Callable[[Days], Ledger]
Unit = Literal["count", "money"]


def itself(key: str) -> str:
    """A key that a person can read as it is."""
    return key


@dataclass(frozen=True, kw_only=True)
class Line:
    """Σ left = Σ right, key by key, within `tolerance` (stated where it is not 0).

    `code` is its name, `number` that of the table it stands in. `fine` are the same two sides by a key that can be
    looked up (a visitor, an order), asked only where the line fails; `name` makes such a key readable. `unchecked` is
    the code of the reason why nothing can be compared; `days_of` gives the day of a key where the sides are of no
    range (imports).
    """

    code: str
    number: int
    left: Side
    right: Side
    unit: Unit = "count"
    fine: tuple[Side, Side] | None = None
    name: Callable[[str], str] = itself
    tolerance: int = 0
    unchecked: str = ""
    days_of: Callable[[str], date] | None = None


class Parting(NamedTuple):
    """Where two sides part first: the day (None: in no single day), the raw key, what either side has there."""

    day: date | None
    key: str
    left: int
    right: int


class Verdict(NamedTuple):
    """A line with the sums of its sides over the whole range; `parting` None means that they agree."""

    line: Line
    left: int
    right: int
    parting: Parting | None

    @property
    def status(self) -> str:
        """ok, failed or unchecked."""
        return "unchecked" if self.line.unchecked else "failed" if self.parting else "ok"


def judge(line: Line, days: Days) -> Verdict:
    """Compare the sides over the whole range; only where they differ look for the day."""
    if line.unchecked:
        return Verdict(line, 0, 0, None)
    left, right = line.left(days), line.right(days)
    parts = _apart(left, right, line.tolerance)
    total = sum(left.values()), sum(right.values())
    if not parts:
        return Verdict(line, *total, None)
    if line.days_of is not None:
        key = min(parts, key=lambda one: (line.days_of(one), one))  # type: ignore[misc]
        return Verdict(line, *total, Parting(line.days_of(key), key, left.get(key, 0), right.get(key, 0)))
    return Verdict(line, *total, _parting(line, days))


def _parting(line: Line, days: Days) -> Parting:
    first, last = days
    low, high = first, last
    while low < high:
        middle = low + (high - low) // 2
        if _apart(line.left((first, middle)), line.right((first, middle)), line.tolerance):
            high = middle
        else:
            low = middle + timedelta(days=1)
    # A day by itself names the key best; what only shows over several days is looked for in all of them.
    for found in ((low, low), (first, low), days):
        for left, right in (*([line.fine] if line.fine else []), (line.left, line.right)):
            one, other = left(found), right(found)
            parts = _apart(one, other, line.tolerance)
            if parts:
                return Parting(low if found != days else None, parts[0], one.get(parts[0], 0), other.get(parts[0], 0))
    return Parting(None, "", 0, 0)


def _apart(left: Ledger, right: Ledger, tolerance: int) -> list[str]:
    """The keys on which the sides differ, in order."""
    return [key for key in sorted({*left, *right}) if abs(left.get(key, 0) - right.get(key, 0)) > tolerance]
