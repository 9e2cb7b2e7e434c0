"""Which rows are the start and which the coming back: two event rules, read while the columns pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from afterclick.analyse.gathered import Gathered, gather
from afterclick.analyse.kernels import firsts, returns
from afterclick.analyse.kernels.compiled import pool, workers
from afterclick.analyse.scope import Scope
from afterclick.analyse.scratch import borrowed
from afterclick.analyse.strips import Coded, Strip
from afterclick.analyse.symbols import Symbols, unknown_event
from afterclick.core.arrays import frozen
from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.core.spans import Period
from afterclick.core.step import ANY_EVENT, Step

_SCANNED: Final = ("device", "at", "name", "flags")
_PART: Final = 1 << 20
"""Rows that one thread reads in one go."""
_NO_EDGES: Final = frozen(np.zeros(0, np.int64))


def rule(text: str, path: str) -> Step:
    """An event rule, `Event` or `Event[condition]`. Raises SpecError for one that is written as a funnel's step."""
    step = Step.parse(text, path=path)
    if step.optional or step.anchored:
        raise SpecError(
            Said("refusals.step_of_funnel", text=text),
            hint=Said("refusals.leave_out_ending"),
            path=path,
        )
    return step


class Rules:
    """The rows of a scope that are a start, a return or both, of all history up to `as_of`."""

    def __init__(
        self, scope: Scope, start: Step, back: Step | None, paths: tuple[str, str] = ("start", "back")
    ) -> None:
        """`back` None is the same event as `start`. Raises SpecError for an event the store does not hold."""
        self.scope = scope
        self._start = start
        self.same = back is None or back == start
        steps = (start,) if back is None or back == start else (start, back)
        for step, path in zip(steps, paths, strict=False):
            if step.event != ANY_EVENT and not len(scope.context.name_codes(step.event)):
                raise unknown_event(scope, step.event, path)
        self._symbols = Symbols(scope, steps, paths=paths[: len(steps)], require=False)
        self._steps = len(steps)
        self._firsts: list[_Firsts] | None = None
        self._edges = _NO_EDGES

    def first_starts(self, edges: np.ndarray = _NO_EDGES) -> np.ndarray:
        """Per label the instant of its first start ever, NEVER without one; int64 µs.

        With the `edges` of the intervals by which is counted afterwards, the rows that this needs are kept in passing.
        """
        scope, question = self.scope, self.scope.question
        asked = question.identity, question.bots, question.where, scope.as_of, scope.sessions_like.key

        def find() -> np.ndarray:
            found, self._firsts = self._found(None, edges)
            self._edges = edges
            return frozen(found)

        return scope.context.keep(("first starts", self._start.text(), *asked), find)

    def _found(self, period: Period | None, edges: np.ndarray) -> tuple[np.ndarray, list[_Firsts]]:
        """The first start of each label among the rows of a period, and who began something when: see `find_firsts`."""
        size, labels = self.scope.labels.size, self.scope.labels.arrays()
        parts = self._parts(period)
        shares = [share for share in (parts[i :: workers()] for i in range(workers())) if share]

        def find(share: list[_Part]) -> tuple[np.ndarray, list[_Firsts]]:
            first, found = np.full(size, returns.NEVER), []
            longest = max(len(part.told[0]) for part in share)
            with borrowed(longest, np.int32) as visitor, borrowed(longest, np.int64) as at:
                for part in share:
                    told = *part.told[:6], labels[0], self.scope.as_of, returns.START, edges, visitor, at
                    rows = int(firsts.find_firsts(*told, rows=self._rows))
                    firsts.name_firsts(visitor, at, rows, *labels, first, rows=self._rows)
                    found.append(_Firsts(frozen(visitor[:rows].copy()), frozen(at[:rows].copy())))
                    self._let_go(part)
            return first, found

        each = self._each(find, shares) or [(np.full(size, returns.NEVER), [])]
        for other, _ in each[1:]:
            np.minimum(each[0][0], other, out=each[0][0])
        return each[0][0], [one for _, found in each for one in found]

    def mark(self, since: int, units: _Units, seen: np.ndarray, *, own: bool = False) -> None:
        """Mark in `seen` (uint8[offsets, units]) when units came back; no unit starts before `since` (µs).

        With `own` each unit begins with the very first start of its visitor, or with the first interval.
        """
        flat, last = seen.reshape(-1), len(seen) - 1
        period = Period(since, self.scope.as_of + 1)
        if own and self.same and not units.block:
            if self._firsts is None or not np.array_equal(self._edges, units.edges):
                self._firsts, self._edges = self._found(period, units.edges)[1], units.edges
            told = units.place, units.begin, units.edges, last, flat
            self._each(lambda one: firsts.mark_firsts(one.visitor, one.at, *told, rows=self._rows), self._firsts)
            return
        places = units.place, units.begin, units.start_at, units.edges, units.block, not self.same, last, flat

        def mark(part: _Part) -> None:
            returns.mark_returns(*part.told, *places, rows=self._rows)
            self._let_go(part)

        self._each(mark, self._parts(period))

    @property
    def _rows(self) -> int:
        return self.scope.context.snapshot.rows

    def _each(self, work: Callable[[Any], Any], parts: Sequence[Any]) -> list[Any]:
        return list(pool().map(work, parts)) if len(parts) > 1 else [work(part) for part in parts]

    def _let_go(self, part: _Part) -> None:
        self.scope.context.snapshot.let_go(_SCANNED, part.start, len(part.told[0]))

    def _parts(self, period: Period | None) -> list[_Part]:
        """The arguments by which both kernels read rows, in parts of about equal size."""
        found = []
        labels = self.scope.labels.arrays()
        for chunk in self.scope.context.snapshot.chunks(_SCANNED, period):
            strip = self._symbols.strip(chunk)
            for low in range(0, chunk.rows, _PART):
                device, at, symbol = _coded(strip.cut(low, low + _PART))
                known = (device, at, symbol.code, symbol.lut, symbol.flags, symbol.out)
                found.append(_Part(chunk.start + low, (*known, *labels, self.scope.as_of)))
        # Symbols may be given while chunks are tested, so the bits of each are known only now.
        bits = self._bits()
        return [_Part(start, (*told[:3], frozen(bits[told[3]]), *told[4:])) for start, told in found]

    def _bits(self) -> np.ndarray:
        """START and BACK of each symbol, uint8."""
        match = self._symbols.match.reshape(-1, self._steps)
        found: np.ndarray = match[:, 0] * np.uint8(returns.START) + match[:, -1] * np.uint8(returns.BACK)
        return found.astype(np.uint8)

    def gathered(self, period: Period) -> tuple[Gathered, np.ndarray]:
        """The rows of both rules inside a period by visitor and time, and the bits of each (uint8)."""
        strips = [self._symbols.strip(chunk) for chunk in self.scope.context.snapshot.chunks(_SCANNED, period)]
        let_go = partial(self.scope.context.snapshot.let_go, _SCANNED)
        rows = gather(strips, self.scope.labels, period, self.scope.context.ties, let_go)
        return rows, self._bits()[rows.symbols]


class _Part(NamedTuple):
    """A run of rows from global row `start` on: the arguments by which both kernels read it."""

    start: int
    told: tuple[Any, ...]


class _Firsts(NamedTuple):
    """Visitors (int32) and instants (µs) of rows that are the first of their device in an interval."""

    visitor: np.ndarray
    at: np.ndarray


class _Units(NamedTuple):
    """What `mark_returns` reads of units: see there."""

    place: np.ndarray
    begin: np.ndarray
    start_at: np.ndarray
    edges: np.ndarray
    block: int


def units(place: np.ndarray, begin: np.ndarray, start_at: np.ndarray, edges: np.ndarray, block: int = 0) -> _Units:
    """Units as the kernel reads them: int32[labels], int32[units], int64[units], int64 µs."""
    return _Units(
        frozen(place.astype(np.int32, copy=False)), frozen(begin.astype(np.int32, copy=False)),
        frozen(start_at.astype(np.int64, copy=False)), frozen(edges), block,
    )  # fmt: skip


def _coded(strip: Strip) -> tuple[np.ndarray, np.ndarray, Coded]:
    """The rows of a strip with symbols to look up, where they have been looked up already too."""
    if isinstance(strip.symbol, Coded):
        return strip.device, strip.at, strip.symbol
    symbols = strip.symbols()
    lut = np.arange(int(symbols.max(initial=0)) + 1, dtype=np.uint16)
    looked_up = Coded(frozen(symbols.astype(np.int32)), frozen(lut), frozen(np.zeros(len(symbols), np.uint16)), 0)
    return strip.device, strip.at, looked_up
