"""Which rows are the start and which the coming back: two event rules, read while the columns pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from afterclick.analyse.gathered import Gathered, gather
from afterclick.analyse.kernels import returns as kernels
from afterclick.analyse.kernels.compiled import pool, workers
from afterclick.analyse.scope import Scope
from afterclick.analyse.strips import Coded, Strip
from afterclick.analyse.symbols import Symbols, unknown_event
from afterclick.core.arrays import frozen
from afterclick.core.errors import SpecError
from afterclick.core.spans import Period
from afterclick.core.step import ANY_EVENT, Step

_SCANNED: Final = ("device", "at", "name", "flags")
_PART: Final = 1 << 20
"""Rows that one thread reads in one go."""


def rule(text: str, path: str) -> Step:
    """An event rule, `Event` or `Event[condition]`. Raises SpecError for one that is written as a funnel's step."""
    step = Step.parse(text, path=path)
    if step.optional or step.anchored:
        raise SpecError(
            f"{text!r} is a step of a funnel",
            hint="leave out the ? or ! at its end, or write it as \\? or \\!",
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

    def first_starts(self) -> np.ndarray:
        """Per label the instant of its first start ever, NEVER without one; int64 µs."""
        scope, question = self.scope, self.scope.question
        asked = question.identity, question.bots, question.where, scope.as_of, scope.sessions_like.key
        return scope.context.keep(("first starts", self._start.text(), *asked), self._first_starts)

    def _first_starts(self) -> np.ndarray:
        size = self.scope.labels.size
        parts = self._parts(None)
        shares: Sequence[list[tuple[Any, ...]]] = [
            part for part in (parts[i :: workers()] for i in range(workers())) if part
        ]

        def find(share: list[tuple[Any, ...]]) -> np.ndarray:
            first = np.full(size, kernels.NEVER)
            for part in share:
                kernels.find_starts(*part, first, rows=self._rows)
            return first

        found = self._each(find, shares) or [np.full(size, kernels.NEVER)]
        for other in found[1:]:
            np.minimum(found[0], other, out=found[0])
        return frozen(found[0])

    def mark(self, since: int, units: _Units, seen: np.ndarray) -> None:
        """Mark in `seen` (uint8[offsets, units]) when units came back; no unit starts before `since` (µs)."""
        flat = seen.reshape(-1)
        places = units.place, units.begin, units.start_at, units.edges, units.block, not self.same, len(seen) - 1, flat
        parts = self._parts(Period(since, self.scope.as_of + 1))
        self._each(lambda part: kernels.mark_returns(*part, *places, rows=self._rows), parts)

    @property
    def _rows(self) -> int:
        return self.scope.context.snapshot.rows

    def _each(self, work: Callable[[Any], Any], parts: Sequence[Any]) -> list[Any]:
        return list(pool().map(work, parts)) if len(parts) > 1 else [work(part) for part in parts]

    def _parts(self, period: Period | None) -> list[tuple[Any, ...]]:
        """The arguments by which both kernels read rows, in parts of about equal size."""
        found = []
        labels = self.scope.labels.arrays()
        for chunk in self.scope.context.snapshot.chunks(_SCANNED, period):
            strip = self._symbols.strip(chunk)
            for low in range(0, chunk.rows, _PART):
                device, at, symbol = _coded(strip.cut(low, low + _PART))
                known = (device, at, symbol.code, symbol.lut, symbol.flags, symbol.out)
                found.append((*known, *labels, self.scope.as_of))
        # Symbols may be given while chunks are tested, so the bits of each are known only now.
        bits = self._bits()
        return [(*part[:3], frozen(bits[part[3]]), *part[4:]) for part in found]

    def _bits(self) -> np.ndarray:
        """START and BACK of each symbol, uint8."""
        match = self._symbols.match.reshape(-1, self._steps)
        found: np.ndarray = match[:, 0] * np.uint8(kernels.START) + match[:, -1] * np.uint8(kernels.BACK)
        return found.astype(np.uint8)

    def gathered(self, period: Period) -> tuple[Gathered, np.ndarray]:
        """The rows of both rules inside a period by visitor and time, and the bits of each (uint8)."""
        strips = [self._symbols.strip(chunk) for chunk in self.scope.context.snapshot.chunks(_SCANNED, period)]
        rows = gather(strips, self.scope.labels, period, self.scope.context.ties)
        return rows, self._bits()[rows.symbols]


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
