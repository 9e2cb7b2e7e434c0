"""Attempts at a chain of steps as a relation: which rows served which step, per visitor or per attempt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from afterclick.analyse.gathered import Gathered, gather
from afterclick.analyse.kernels import funnel as kernels
from afterclick.analyse.kernels.compiled import pool, workers
from afterclick.analyse.scope import Scope
from afterclick.analyse.scratch import borrowed
from afterclick.analyse.symbols import Symbols
from afterclick.core.spans import Period
from afterclick.core.step import Step


class Chain(NamedTuple):
    """What an attempt is: its steps, the window (µs) from step 1 or from the step before, ties, and which attempts count.

    `entry` is one of the kernel's BEST, FIRST and ATTEMPTS; `clipped` = nothing after the range counts.
    """

    steps: tuple[Step, ...]
    within: int
    from_previous: bool
    strict: bool
    tolerance: int
    entry: int
    clipped: bool


@dataclass(frozen=True)
class Attempts:
    """One row per unit with a start, by visitor: visitor int32, reached int16 (1…steps), pick int64[units, steps] gathered
    rows (-1)."""

    rows: Gathered
    visitor: np.ndarray
    reached: np.ndarray
    pick: np.ndarray

    @property
    def visitors(self) -> int:
        """How many visitors they belong to."""
        return int(np.count_nonzero(np.diff(self.visitor, prepend=-1)))

    @cached_property
    def reaching(self) -> tuple[np.ndarray, ...]:
        """Per step (0-based) the units that reached it, int64."""
        found = [np.arange(len(self.reached)), np.flatnonzero(self.reached > 1)]
        for step in range(2, self.pick.shape[1]):
            found.append(found[-1][self.reached[found[-1]] > step])
        return tuple(found[: self.pick.shape[1]])

    @cached_property
    def times(self) -> tuple[np.ndarray, ...]:
        """Per step (0-based) the instants at which the units of `reaching` took it, int64 µs."""
        later = (self.rows.at[self.pick[units, step]] for step, units in enumerate(self.reaching[1:], 1))
        return (self._starts(), *later)

    def _starts(self) -> np.ndarray:
        """Instants of step 1 of every unit, looked up side by side: there are many of them."""
        instants = np.empty(len(self.reached), np.int64)
        cuts = np.linspace(0, len(instants), workers() + 1).astype(int)

        def look_up(first: int, last: int) -> None:
            np.take(self.rows.at, self.pick[first:last, 0], out=instants[first:last], mode="clip")

        list(pool().map(look_up, cuts[:-1], cuts[1:]))
        return instants

    def took(self, since: int, until: int) -> np.ndarray:
        """How long the units that reached step `until` took from step 0 or from the step before, int64 µs."""
        if since == 0:
            before = self.times[0][self.reaching[until]]
        else:
            before = self.times[since][self.reached[self.reaching[since]] > until]
        result: np.ndarray = self.times[until] - before
        return result

    def rows_of(self, step: int, units: np.ndarray) -> np.ndarray:
        """Global rows with which these units took a step (0-based)."""
        return self.rows.rows_at(self.pick[units, step])


def attempts_of(scope: Scope, chain: Chain, period: Period) -> Attempts:
    """The attempts whose step 1 lies in the period."""
    rows, match = _rows(scope, chain, period)
    steps = len(chain.steps)
    cuts = rows.spans(kernels.chase_funnel.parts(len(rows.at)))
    # A visitor has at most one attempt where visitors are counted, and never more attempts than rows.
    sizes = [int(rows.offsets[last] - rows.offsets[first]) for first, last in cuts]
    if chain.entry != kernels.ATTEMPTS:
        sizes = [min(size, last - first) for size, (first, last) in zip(sizes, cuts, strict=True)]
    bases = [0, *np.cumsum(sizes, dtype=np.int64).tolist()]
    options = (chain.within, chain.from_previous, chain.strict, chain.tolerance, chain.entry)

    with (
        borrowed(bases[-1], np.int32) as visitor,
        borrowed(bases[-1], np.int16) as reached,
        borrowed(bases[-1] * steps, np.int64) as pick,
    ):

        def chase(cut: tuple[int, int], base: int) -> slice:
            written = kernels.chase_funnel(
                rows.offsets, rows.at, rows.key, match, steps, *cut, period.start, period.end, *options, base,
                visitor, reached, pick, rows=len(rows.at),
            )  # fmt: skip
            return slice(base, base + int(written))

        used = list(pool().map(chase, cuts, bases[:-1]))
        found = [_joined(values, used) for values in (visitor, reached, pick.reshape(-1, steps))]
    return Attempts(rows, *found)


def _joined(values: np.ndarray, parts: list[slice]) -> np.ndarray:
    """These parts of an array one after another, copied side by side: they are large."""
    ends = np.cumsum([0, *(part.stop - part.start for part in parts)]).tolist()
    whole = np.empty((ends[-1], *values.shape[1:]), values.dtype)

    def copy(part: slice, start: int) -> None:
        whole[start : start + part.stop - part.start] = values[part]

    list(pool().map(copy, parts, ends[:-1]))
    return whole


def _rows(scope: Scope, chain: Chain, period: Period) -> tuple[Gathered, np.ndarray]:
    """The rows that serve a step, from the earliest that may count to the end of the last window."""
    symbols = Symbols(scope, chain.steps)
    slack = chain.tolerance
    reach = chain.within * (len(chain.steps) if chain.from_previous else 1)
    end = period.end if chain.clipped else period.end + reach + slack
    wanted = Period(period.start - slack, min(end, scope.as_of + 1))
    chunks = scope.context.snapshot.chunks(("device", "at", "name", "flags"), wanted)
    rows = gather([symbols.strip(chunk) for chunk in chunks], scope.labels, wanted, scope.context.ties)
    return rows, symbols.match
