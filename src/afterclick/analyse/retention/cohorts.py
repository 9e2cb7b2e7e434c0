"""Cohorts as a relation: who began in which interval, and at which offsets they came back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np

from afterclick.analyse.distinct import by_code, expanded, firsts
from afterclick.analyse.gathered import Gathered
from afterclick.analyse.kernels import returns as kernels
from afterclick.analyse.retention.activity import activity_of
from afterclick.analyse.retention.periods import Column, Grid
from afterclick.analyse.retention.rules import Rules, units
from afterclick.core.spans import Period

_PAIRS: Final = 1 << 22
"""Pairs of a start and a return that are looked at in one go."""


@dataclass(frozen=True)
class Cohorts:
    """One row per visitor and cohort, by cohort and visitor.

    visitor int64 labels, cohort int64 numbers of `grid.cohorts`, start_at int64 µs, seen uint8[offsets, units]: whether a
    unit came back at an offset, the last row standing for every later one; `count` is on, on_or_after or rolling.
    """

    grid: Grid
    count: str
    visitor: np.ndarray
    cohort: np.ndarray
    start_at: np.ndarray
    seen: np.ndarray

    def __len__(self) -> int:
        return len(self.visitor)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Units of each cohort, int64."""
        return np.diff(self.bounds)

    @cached_property
    def bounds(self) -> np.ndarray:
        """The units of cohort c are bounds[c] to bounds[c + 1], int64."""
        return np.searchsorted(self.cohort, np.arange(len(self.grid.cohorts) + 1))

    def counts(self, which: np.ndarray) -> np.ndarray:
        """How many units of each cohort are among these (bool), int64."""
        return np.diff(np.searchsorted(np.flatnonzero(which), self.bounds))

    @cached_property
    def _later(self) -> np.ndarray:
        """`seen` at an offset or any behind it."""
        result: np.ndarray = np.maximum.accumulate(self.seen[::-1], axis=0)[::-1]
        return result

    @cached_property
    def _earlier(self) -> np.ndarray:
        """`seen` from offset 1 on to an offset."""
        result: np.ndarray = np.maximum.accumulate(self.seen[1:], axis=0)
        return result

    def came(self, column: Column) -> np.ndarray:
        """Which units count as come back in a period; bool."""
        if self.count == "on_or_after":
            found = self._later[column.low]
        elif self.count == "rolling" and column.high:
            found = self._earlier[column.high - 1]
        elif column.low == column.high:
            found = self.seen[column.low]
        else:
            found = self.seen[column.low : column.high + 1].max(axis=0)
        came: np.ndarray = found.view(bool)
        return came

    def only(self, kept: np.ndarray) -> Cohorts:
        """The same of some units (bool)."""
        places = np.flatnonzero(kept)
        return Cohorts(
            self.grid,
            self.count,
            self.visitor[places],
            self.cohort[places],
            self.start_at[places],
            self.seen[:, places],
        )


def by_cohort(grid: Grid, count: str, visitor: np.ndarray, start_at: np.ndarray) -> tuple[np.ndarray, Cohorts]:
    """Cohorts of these starts, by visitor and at most one in each cohort, that saw nobody come back yet, and their order."""
    cohort = grid.cohorts.of(start_at)
    order = by_code(cohort, len(grid.cohorts))
    seen = np.zeros((grid.last + 1, len(order)), np.uint8)
    visitor, start_at = visitor[order].astype(np.int64), start_at[order]
    return order, Cohorts(grid, count, visitor, cohort[order], start_at, seen)


def first_ever(rules: Rules, grid: Grid, count: str, period: Period, *, mark: bool = True) -> Cohorts:
    """Visitors whose first start ever lies in the period; each stands in one cohort. `mark` = look who came back."""
    first = rules.first_starts(grid.edges)
    visitor = np.flatnonzero((first >= period.start) & (first < period.end))
    _, found = by_cohort(grid, count, visitor, first[visitor])
    if mark:
        came_back(rules, found, found.seen, own=True)
    return found


def came_back(rules: Rules, found: Cohorts, seen: np.ndarray, *, own: bool = False) -> None:
    """Mark in `seen` (uint8[offsets, units]) when units, of which a visitor has one, did what the rules call coming back.

    `own` = they began with the start of these very rules.
    """
    if len(found):
        place = np.full(rules.scope.labels.size, -1, np.int32)
        place[found.visitor] = np.arange(len(found))
        grid = found.grid
        began = units(place, found.cohort, found.start_at, grid.edges, grid.block)
        rules.mark(int(grid.edges[0]), began, seen, own=own)


def recurring(rules: Rules, grid: Grid, count: str, period: Period, *, mark: bool = True) -> tuple[Cohorts, np.ndarray]:
    """Every visitor in every interval of the period with a start, from its first start there on.

    Second the global row of each start, int64.
    """
    rows, bits = rules.gathered(Period(period.start, rules.scope.as_of + 1))
    owner = rows.owners()
    started = np.flatnonzero(((bits & kernels.START) != 0) & (rows.at < period.end))
    interval = grid.cohorts.of(rows.at[started])
    started = started[firsts(owner[started], interval)] if len(started) else started
    order, found = by_cohort(grid, count, owner[started], rows.at[started])
    if mark:
        _join(found, order, owner, rows, (bits & kernels.BACK) != 0, owner[started], strict=not rules.same)
    return found, rows.rows_at(started)[order]


def recurring_days(rules: Rules, grid: Grid, count: str) -> Cohorts:
    """The same where start and return are one event and offsets are intervals: who was active when tells it all.

    Nobody's own instant is needed, so `start_at` is the begin of the cohort.
    """
    size, beyond = len(grid.cohorts), max(grid.as_of + 1, int(grid.edges[-1]) + 1)
    whole = grid.edges[size:]
    edges = np.concatenate([grid.cohorts.edges, whole[whole > grid.cohorts.edges[-1]], [beyond]])
    found = activity_of(rules, edges)
    intervals = np.maximum(grid.of(edges[:-1]), 0)
    active = np.zeros((int(intervals[-1]) + 1, len(found.visitor)), bool)
    for row, interval in enumerate(intervals.tolist()):
        active[interval] |= found.active[row]
    later = active[grid.last :].copy()
    for row in range(len(later) - 2, -1, -1):
        later[row] |= later[row + 1]
    began = [np.flatnonzero(found.active[number]) for number in range(size)]
    cohort = np.repeat(np.arange(size), [len(places) for places in began])
    seen = np.zeros((grid.last + 1, len(cohort)), np.uint8)
    first = 0
    for number, places in enumerate(began):
        here = slice(first, first + len(places))
        for offset in range(grid.last):
            seen[offset, here] = active[number + offset, places]
        seen[grid.last, here] = later[number, places]
        first += len(places)
    visitor = found.visitor[np.concatenate(began)] if began else found.visitor[:0]
    return Cohorts(grid, count, visitor, cohort, grid.cohorts.edges[cohort], seen)


def _join(
    found: Cohorts,
    order: np.ndarray,
    owner: np.ndarray,
    rows: Gathered,
    back: np.ndarray,
    starter: np.ndarray,
    *,
    strict: bool,
) -> None:
    """Mark in `found.seen` when the units came back; `starter` is the visitor of each unit before they were ordered."""
    grid = found.grid
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    at, visitor, interval = _backs(grid, owner, rows.at, back)
    low = np.searchsorted(starter, visitor)
    reach = np.searchsorted(starter, visitor, side="right") - low
    cuts = _cuts(reach)
    for first, last in pairwise(cuts):
        unit = place[expanded(low[first:last], reach[first:last])]
        each = np.repeat(np.arange(first, last), reach[first:last])
        since = at[each] - found.start_at[unit]
        kept = since > 0 if strict else since >= 0
        unit, each, since = unit[kept], each[kept], since[kept]
        offset = since // grid.block if grid.block else interval[each] - found.cohort[unit]
        found.seen[np.minimum(offset, grid.last), unit] = 1


def _cuts(reach: np.ndarray) -> list[int]:
    """Places at which to cut rows so that the pairs of a part are few; a single row stays whole."""
    pairs = np.cumsum(reach)
    most = int(pairs[-1]) if len(pairs) else 0
    found = np.searchsorted(pairs, np.arange(_PAIRS, most, _PAIRS), side="right")
    return [0, *np.unique(found[found > 0]).tolist(), len(reach)]


def _backs(
    grid: Grid, owner: np.ndarray, at: np.ndarray, back: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(instant, visitor, interval) of returns; of several in an interval the last tells whether one came after a start."""
    places = np.flatnonzero(back)
    interval = grid.of(at[places])
    if not grid.block and len(places):
        kept = np.append(firsts(owner[places], interval)[1:], True)
        places, interval = places[kept], interval[kept]
    return at[places], owner[places], interval
