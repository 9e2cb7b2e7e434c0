"""Attempts at a chain of steps as a relation: which rows served which step, per visitor, attempt, session or key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from afterclick.analyse.funnel_rows import columns_of, openers, rows_of
from afterclick.analyse.gathered import Gathered
from afterclick.analyse.kernels import funnel as kernels
from afterclick.analyse.kernels import funnel_general as general
from afterclick.analyse.kernels import funnel_strict
from afterclick.analyse.kernels.compiled import Kernel, pool, workers
from afterclick.analyse.kernels.funnel_attempt import ANY, SEQUENTIAL, STRICT
from afterclick.analyse.scope import Scope
from afterclick.analyse.scratch import borrowed
from afterclick.analyse.slices import Slices, by_key, by_session, by_value, held_codes
from afterclick.analyse.symbols import Symbols
from afterclick.core.arrays import frozen
from afterclick.core.exclusion import Exclusion
from afterclick.core.spans import Period
from afterclick.core.step import Step

NO_WINDOW = 2**61


class Chain(NamedTuple):
    """What an attempt is: its steps, the window (µs) from step 1 or from the step before, ties, and which attempts count.

    `entry` is one of the kernel's BEST, FIRST and ATTEMPTS; `clipped` = nothing after the range counts; `order` one of
    the general kernel's SEQUENTIAL, STRICT and ANY; `drop` = an exclusion takes the visitor out altogether; `first` is
    any, ever or matching; `sliced` says what rows an attempt stays within: "" a visitor's, "session", "key:<field>" or
    "value:<field>" (a visitor's with one value).
    """

    steps: tuple[Step, ...]
    within: int
    from_previous: bool
    strict: bool
    tolerance: int
    entry: int
    clipped: bool
    order: int = SEQUENTIAL
    without: tuple[Exclusion, ...] = ()
    drop: bool = False
    hold: tuple[str, ...] = ()
    first: str = "any"
    sliced: str = ""

    @property
    def required(self) -> tuple[int, ...]:
        """Places of the steps that are not optional."""
        return tuple(place for place, step in enumerate(self.steps) if not step.optional)

    @property
    def optional(self) -> tuple[int, ...]:
        """Places of the optional steps."""
        return tuple(place for place, step in enumerate(self.steps) if step.optional)

    @property
    def kernel(self) -> Kernel:
        """The quickest one that does what is asked."""
        if self.without or self.hold or self.optional or self.first != "any" or self.order == ANY:
            return general.chase_any_funnel
        return funnel_strict.chase_strict_funnel if self.order == STRICT else kernels.chase_funnel


@dataclass(frozen=True)
class Attempts:
    """One row per unit with a start: visitor int32, reached int16 (1… required steps), pick int64[units, steps] gathered
    rows (-1).

    `pick` stands by listed step, or where the order is free by the place in which a step was taken; `taken`
    int16[units, steps] then says which listed step that was (None otherwise). `required` are the places of the steps
    that are not optional. `until` int64 (µs) is the last instant at which a unit's awaited step may come; None stands for
    the end of its window. Where rows were sliced, `group` int64 is the code of the slice a unit lies in (`groups` names
    them, where they are values) and `over` int64 (µs) the last instant at which the slice may go on.
    """

    rows: Gathered
    visitor: np.ndarray
    reached: np.ndarray
    pick: np.ndarray
    required: tuple[int, ...]
    until: np.ndarray | None = None
    taken: np.ndarray | None = None
    group: np.ndarray | None = None
    groups: tuple[str, ...] = ()
    over: np.ndarray | None = None

    @cached_property
    def visitors(self) -> int:
        """How many visitors they belong to."""
        if self.group is not None:
            return len(np.unique(self.visitor))
        return int(np.count_nonzero(np.diff(self.visitor, prepend=-1)))

    @cached_property
    def reaching(self) -> tuple[np.ndarray, ...]:
        """Per step (0-based) the units that reached it, int64."""
        found: list[np.ndarray] = []
        last = np.arange(len(self.reached))
        for step in range(self.pick.shape[1]):
            if step not in self.required:
                found.append(last[self.pick[last, step] >= 0])
                continue
            rank = self.required.index(step)
            if rank == 1:
                last = np.flatnonzero(self.reached > 1)
            elif rank:
                last = last[self.reached[last] > rank]
            found.append(last)
        return tuple(found)

    def before(self, step: int) -> int:
        """The place of the last required step before this one, its own for the first."""
        return max((place for place in self.required if place < step), default=step)

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
        """How long the units that reached step `until` took from step 0 or from a required step before, int64 µs."""
        if since == 0:
            before = self.times[0][self.reaching[until]]
        elif until not in self.required:
            before = self.rows.at[self.pick[self.reaching[until], since]]
        else:
            before = self.times[since][self.reached[self.reaching[since]] > self.required.index(until)]
        result: np.ndarray = self.times[until] - before
        return result

    def waiting(self, chain: Chain, horizon: int) -> np.ndarray:
        """Which units may still go on after `horizon` (µs): not through, and neither window nor slice is over; bool."""
        if not len(self.visitor):
            return np.zeros(0, bool)
        until = self.until
        if until is None:
            until = (self.rows.at[self.last_pick] if chain.from_previous else self.times[0]) + chain.within
        if self.over is not None:
            until = np.minimum(until, self.over)
        found: np.ndarray = (until > horizon) & (self.reached < len(self.required))
        return found

    def rows_of(self, step: int, units: np.ndarray) -> np.ndarray:
        """Global rows with which these units took a step (0-based)."""
        return self.rows.rows_at(self.pick[units, step])

    @cached_property
    def last_pick(self) -> np.ndarray:
        """Gathered rows of the last required step each unit reached, int64."""
        places = np.array(self.required)[self.reached - 1]
        found: np.ndarray = self.pick[np.arange(len(self.reached)), places]
        return found


def attempts_of(scope: Scope, chain: Chain, period: Period) -> Attempts:
    """The attempts whose step 1 lies in the period."""
    rows, symbols = rows_of(scope, chain, period)
    slices, groups = _slices(scope, chain, rows)
    rows = slices.rows if slices else rows
    if chain.kernel is general.chase_any_funnel:
        arguments = _arguments(scope, chain, rows, symbols, period)
    else:
        arguments = _plain_arguments(chain, rows, symbols, period)
    return _owned(_chase(rows, chain, arguments), slices, groups)


Arguments = tuple[tuple[object, ...], tuple[object, ...]]
"""What stands before the bounds of visitors in a kernel's arguments, and what behind them up to the outputs."""


def _plain_arguments(chain: Chain, rows: Gathered, symbols: Symbols, period: Period) -> Arguments:
    options = (chain.within, chain.from_previous, chain.strict, chain.tolerance, chain.entry)
    before = (rows.offsets, rows.at, rows.key, symbols.match, len(columns_of(chain)))
    return before, (period.start, period.end, *options)


def _arguments(scope: Scope, chain: Chain, rows: Gathered, symbols: Symbols, period: Period) -> Arguments:
    required, ranks = chain.required, {place: rank for rank, place in enumerate(chain.required)}
    optional = [sum(place < here for place in required) for here in chain.optional]
    without = [ranks[place - 1] + 1 for one in chain.without for place in (one.after, one.before)]
    anchored = np.array([chain.steps[place].anchored for place in required], np.uint8)
    held = held_codes(scope, rows, chain.hold, "hold") if chain.hold else frozen(np.zeros(0, np.int32))
    before = (
        rows.offsets, rows.at, rows.key, held, openers(scope, chain, rows), symbols.match,
        len(columns_of(chain)), len(required), frozen(np.array(optional, np.int64)),
        frozen(np.array(without, np.int64)), frozen(anchored), chain.order,
    )  # fmt: skip
    options = (chain.within, chain.from_previous, chain.strict, chain.tolerance, chain.entry, chain.drop)
    return before, (period.start, period.end, *options)


def _chase(rows: Gathered, chain: Chain, arguments: Arguments) -> Attempts:
    """Run the kernel over spans of visitors side by side, and join what they found."""
    kernel = chain.kernel
    cuts = rows.spans(kernel.parts(len(rows.at)))
    # A slice has at most one attempt where slices are counted, and never more attempts than rows.
    sizes = [int(rows.offsets[last] - rows.offsets[first]) for first, last in cuts]
    if chain.entry != kernels.ATTEMPTS:
        sizes = [min(size, last - first) for size, (first, last) in zip(sizes, cuts, strict=True)]
    bases = [0, *np.cumsum(sizes, dtype=np.int64).tolist()]
    steps = len(chain.steps)
    further = kernel is not kernels.chase_funnel
    free = chain.order == ANY
    before, behind = arguments
    with (
        borrowed(bases[-1], np.int32) as visitor,
        borrowed(bases[-1], np.int16) as reached,
        borrowed(bases[-1] * steps, np.int64) as pick,
        borrowed(bases[-1] * steps if free else 0, np.int16) as taken,
        borrowed(bases[-1] if further else 0, np.int64) as until,
    ):
        outs: tuple[np.ndarray, ...] = (visitor, reached, pick)
        if kernel is general.chase_any_funnel:
            outs = (*outs, taken)
        if further:
            outs = (*outs, until)

        def chase(cut: tuple[int, int], base: int) -> slice:
            written = kernel(*before, *cut, *behind, base, *outs, rows=len(rows.at))
            return slice(base, base + int(written))

        used = list(pool().map(chase, cuts, bases[:-1]))
        picks = _joined(pick.reshape(-1, steps), used)
        order = chain.required + chain.optional
        return Attempts(
            rows, _joined(visitor, used), _joined(reached, used),
            pick=picks if order == tuple(range(steps)) else picks[:, np.argsort(order)],
            required=chain.required,
            until=_joined(until, used) if further else None,
            taken=_joined(taken.reshape(-1, steps), used) if free else None,
        )  # fmt: skip


def _joined(values: np.ndarray, parts: list[slice]) -> np.ndarray:
    """These parts of an array one after another, copied side by side: they are large."""
    ends = np.cumsum([0, *(part.stop - part.start for part in parts)]).tolist()
    whole = np.empty((ends[-1], *values.shape[1:]), values.dtype)

    def copy(part: slice, start: int) -> None:
        whole[start : start + part.stop - part.start] = values[part]

    list(pool().map(copy, parts, ends[:-1]))
    return whole


def _owned(found: Attempts, slices: Slices | None, groups: tuple[str, ...]) -> Attempts:
    """The attempts with the visitors behind their slices, without those whom an exclusion takes out."""
    if slices is not None:
        owner, code, over = slices.owner[found.pick[:, 0]], slices.code[found.visitor], slices.over_at[found.visitor]
        found = replace(found, visitor=owner, group=code, over=over, groups=groups)
    if found.until is None or found.reached.all():
        return found
    kept = ~np.isin(found.visitor, np.unique(found.visitor[found.reached == 0]))
    columns = {name: getattr(found, name) for name in ("visitor", "reached", "pick", "until", "taken", "group", "over")}
    return replace(found, **{name: values[kept] for name, values in columns.items() if values is not None})


def _slices(scope: Scope, chain: Chain, rows: Gathered) -> tuple[Slices | None, tuple[str, ...]]:
    kind, _, field = chain.sliced.partition(":")
    if kind == "session":
        return by_session(scope, rows), ()
    if kind == "key":
        return by_key(scope, rows, field, "unit"), ()
    if kind == "value":
        found, texts = by_value(scope, rows, field, "by")
        return found, tuple(texts)
    return None, ()
