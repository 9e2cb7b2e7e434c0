"""The grid of a retention question: intervals in which cohorts begin, and the periods after them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from afterclick.analyse.intervals import IntervalName, Intervals, cut, first_days
from afterclick.core import spans
from afterclick.core.arrays import frozen
from afterclick.core.errors import SpecError
from afterclick.core.said import Said, Spoken
from afterclick.core.spans import Period

BLOCK: Final = "24h"
INTERVAL_PATTERN: Final = r"^(day|week|month|24h|[0-9][0-9 ,±+-]*)$"
MOST: Final = 400
"""The furthest offset that can be asked for."""
_SHOWN: Final = {"day": 31, BLOCK: 31, "week": 12, "month": 12}
HEADLINES: Final = {"day": (1, 7, 30), BLOCK: (1, 7, 30), "week": (1, 4, 12), "month": (1, 3, 12)}


class Column(NamedTuple):
    """One period: its name, and the offsets `low` to `high` (both included) that belong to it."""

    name: str
    low: int
    high: int
    headline: bool = False


@dataclass(frozen=True)
class Grid:
    """Cohorts beside periods.

    `cohorts` are intervals of the range, `edges` int64 the whole intervals from the first cohort's on (µs), `block` the
    length of an offset in µs where it runs from the very start, else 0. An offset beyond `last - 1` counts as `last`.
    """

    interval: str
    cohorts: Intervals
    names: tuple[str, ...]
    edges: np.ndarray
    block: int
    columns: tuple[Column, ...]
    as_of: int

    @property
    def last(self) -> int:
        """The offset that stands for every later one."""
        return max(column.high for column in self.columns) + 1

    @cached_property
    def over(self) -> np.ndarray:
        """Which cells (cohorts x periods) are over for their whole cohort at `as_of`; bool."""
        high = np.array([column.high for column in self.columns]) + 1
        number = np.arange(len(self.cohorts))[:, None]
        # The last of a cohort may have begun in its last microsecond.
        blocks = self.cohorts.edges[1:, None] - 1 + high * self.block
        ends = blocks if self.block else self.edges[number + high]
        result: np.ndarray = ends <= self.as_of + 1
        return result

    @cached_property
    def begun(self) -> np.ndarray:
        """Which cells have begun for anybody of the cohort at `as_of`; bool."""
        low = np.array([column.low for column in self.columns])
        number = np.arange(len(self.cohorts))[:, None]
        begins = self.cohorts.edges[:-1, None] + low * self.block if self.block else self.edges[number + low]
        result: np.ndarray = begins <= self.as_of
        return result

    def of(self, at: np.ndarray) -> np.ndarray:
        """The interval of `edges` each instant lies in."""
        return np.searchsorted(self.edges, at, side="right") - 1


def grid_of(interval: str, periods: int, period: Period, as_of: int, zone: ZoneInfo) -> Grid:
    """The grid of a period of whole days: cohorts by day (of 24h and brackets too), ISO week or month of the zone.

    `periods` is the last offset, 0 = as many as there can be, at most 31 days, 12 weeks or 12 months.
    """
    name: IntervalName = interval if interval in ("day", "week", "month") else "day"  # type: ignore[assignment]
    cohorts = cut(period, name, zone)
    first = spans.local_day(period.start, zone)
    shown = columns_of(interval) if interval not in _SHOWN else _counted(interval, periods, cohorts, as_of)
    days = first_days(first, name, len(cohorts) + max(column.high for column in shown) + 1)
    edges = np.array([spans.midnight(day, zone) for day in days], np.int64)
    names = tuple(day.isoformat() for day in days[: len(cohorts)])
    return Grid(interval, cohorts, names, frozen(edges), spans.DAY if interval == BLOCK else 0, shown, as_of)


def _counted(interval: str, periods: int, cohorts: Intervals, as_of: int) -> tuple[Column, ...]:
    furthest = periods
    if not furthest:
        span = max(0, as_of - int(cohorts.edges[0]))
        length = {"week": 7, "month": 28}.get(interval, 1) * spans.DAY
        furthest = max(1, min(_SHOWN[interval], -(-span // length)))
    headlines = HEADLINES[interval]
    return tuple(Column(str(number), number, number, number in headlines) for number in range(furthest + 1))


def columns_of(brackets: str) -> tuple[Column, ...]:
    """Brackets such as `0, 1-3, 4-7` or `0, 1, 7±1, 30±3` as periods of days.

    Raises SpecError where they overlap, run backwards or reach too far.
    """
    found: list[Column] = []
    for text in brackets.split(","):
        part = re.fullmatch(r"\s*(\d{1,4})\s*(?:(±|\+-|-)\s*(\d{1,4})\s*)?", text)
        if part is None:
            raise _wrong(Said("refusals.no_bracket", text=text.strip()), Said("refusals.write_bracket"))
        low, sign, more = int(part[1]), part[2], int(part[3] or part[1])
        high = more if sign in ("-", None) else low + more
        low = low if sign in ("-", None) else low - more
        if low < 0 or high < low:
            raise _wrong(Said("refusals.bracket_backwards", text=text.strip()), Said("refusals.smaller_first"))
        if found and low <= found[-1].high:
            raise _wrong(Said("refusals.bracket_not_behind", text=text.strip()), Said("refusals.no_overlap"))
        if high > MOST:
            raise _wrong(Said("refusals.day_too_far", high=high), Said("refusals.at_most", most=MOST))
        found.append(Column(str(low) if low == high else f"{low}-{high}", low, high, low > 0))
    return tuple(found)


def _wrong(message: Spoken, hint: Spoken) -> SpecError:
    return SpecError(message, hint=hint, path="interval")
