"""Which touches lead to which conversion, and which lead to none: windows for the rules, whole paths for the models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from afterclick.analyse.attribution.conversions import Conversions
from afterclick.analyse.attribution.paths import Paths
from afterclick.analyse.attribution.touches import Touches
from afterclick.analyse.attribution.transforms import transformed
from afterclick.analyse.distinct import expanded
from afterclick.analyse.kernels import attribution as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period

_FEW: Final = 20_000
"""Conversions up to which one thread finds their touches as quickly as several."""
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Windows:
    """Conversion o may be owed to touches low[o] to high[o] of at, value, marks, costed, row; all of the period's.

    place int64 (in Conversions) of each. names[value] is what a touch is credited as.
    """

    place: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at: np.ndarray
    value: np.ndarray
    marks: np.ndarray
    costed: np.ndarray
    row: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Ways:
    """Whole paths, each ending with a conversion or without: path p owns touches offsets[p] to offsets[p + 1].

    value int32 and row int64 per touch; place int64 (in Conversions, -1 for a path that ended without one) and visitor
    int32 per path. No path is empty.
    """

    offsets: np.ndarray
    value: np.ndarray
    row: np.ndarray
    place: np.ndarray
    visitor: np.ndarray
    names: tuple[str, ...]

    @cached_property
    def hashes(self) -> np.ndarray:
        """Equal for paths of equal values, uint64."""
        length = np.diff(self.offsets)
        if not len(length):
            return np.zeros(0, np.uint64)
        place = np.arange(len(self.value)) - np.repeat(self.offsets[:-1], length)
        powers = np.cumprod(np.full(int(length.max()), _FACTOR))
        mixed = (self.value.astype(np.uint64) + np.uint64(1)) * powers[place]
        found: np.ndarray = np.add.reduceat(mixed, self.offsets[:-1])
        return found

    def paths(self, amount: np.ndarray, nulls: bool) -> Paths:
        """How often, and for how much, each distinct path ends with a conversion; `amount` is of each conversion."""
        _, first, which = np.unique(self.hashes, return_index=True, return_inverse=True)
        hit = self.place >= 0
        won = np.where(hit, np.append(amount, 0)[self.place], 0).astype(np.float64)
        length = np.diff(self.offsets)[first]
        touch = expanded(self.offsets[first], length)
        counts = [np.bincount(which, weight, minlength=len(first)) for weight in (hit.astype(float), won, ~hit * float(nulls))]
        return Paths(self.names, np.append(0, np.cumsum(length)), self.value[touch], *counts)


def reaches(
    touches: Touches, conversions: Conversions, within: int, through: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Per conversion the touches low to high that lie before it and within `within` µs (negative = however long)."""
    count = len(conversions)
    low, high = np.zeros(count, np.int64), np.zeros(count, np.int64)
    rows = len(touches) + count
    parts = kernels.find_windows.parts(rows) if count >= _FEW else 1
    cuts = np.linspace(0, count, parts + 1).astype(int).tolist()

    def find(first: int, last: int) -> None:
        kernels.find_windows(
            touches.offsets, touches.at, conversions.visitor, conversions.at, first, last, within, through, low, high,
            rows=rows,
        )  # fmt: skip

    if count:
        list(pool().map(find, cuts[:-1], cuts[1:]))
    return low, high


def since_last(touches: Touches, conversions: Conversions, high: np.ndarray) -> np.ndarray:
    """Per conversion the first touch after the visitor's conversion before it."""
    if not len(high):
        return np.zeros(0, np.int64)
    begin: np.ndarray = touches.offsets[conversions.visitor]
    again = conversions.visitor[1:] == conversions.visitor[:-1]
    begin[1:][again] = np.maximum(begin[1:], high[:-1])[again]
    return begin


def trails_of(
    touches: Touches,
    conversions: Conversions,
    period: Period,
    *,
    within: int,
    through: bool,
    reset: bool,
    transforms: Sequence[str],
    whole: bool,
) -> tuple[Windows, Ways | None]:
    """The windows of the period's conversions, and with `whole` every path of it; both after the transforms.

    A path begins after the visitor's conversion before; it converts with the touches within the window, those too old
    for it and those after the last conversion, as far as they lie in the period, are paths that did not.
    """
    low, high = reaches(touches, conversions, within, through)
    fresh = since_last(touches, conversions, high)
    mine = np.maximum(low, fresh)
    here = np.flatnonzero(conversions.here)
    begin = mine if reset else low
    windows = Windows(
        here, frozen(begin[here]), frozen(high[here]), touches.at, touches.value, touches.marks, touches.costed,
        touches.row, touches.names,
    )  # fmt: skip
    ways = _ways(touches, conversions, period, fresh, mine, high) if whole or transforms else None
    return _transformed(windows, ways, transforms) if transforms and ways is not None else (windows, ways)


def _ways(
    touches: Touches, conversions: Conversions, period: Period, fresh: np.ndarray, mine: np.ndarray, high: np.ndarray
) -> Ways:
    here = np.flatnonzero(conversions.here & (high > mine))
    tail = touches.offsets[:-1].copy()
    np.maximum.at(tail, conversions.visitor, high)
    owner = np.flatnonzero(touches.offsets[1:] > tail)
    begin = np.concatenate([mine[here], fresh, tail[owner]])
    end = np.concatenate([high[here], mine, touches.offsets[1:][owner]])
    place = np.concatenate([here, np.full(len(fresh) + len(owner), -1)])
    visitor = np.concatenate([conversions.visitor[here], conversions.visitor, owner]).astype(np.int32)
    # A path without a conversion is of the period with those of its touches that lie in it; they are in time order.
    null = np.flatnonzero(place < 0)
    begin[null] = _from(touches, begin[null], end[null], period.start)
    kept = end > begin
    begin, length = begin[kept], (end - begin)[kept]
    touch = expanded(begin, length)
    return Ways(
        np.append(0, np.cumsum(length)), touches.value[touch], touches.row[touch], place[kept], visitor[kept],
        touches.names,
    )  # fmt: skip


def _from(touches: Touches, begin: np.ndarray, end: np.ndarray, start: int) -> np.ndarray:
    """The first touch of each run that is not before `start`; the end where all are."""
    early = np.append(0, np.cumsum(touches.at < start))
    result: np.ndarray = begin + (early[np.maximum(end, begin)] - early[begin])
    return result


def _transformed(windows: Windows, ways: Ways, transforms: Sequence[str]) -> tuple[Windows, Ways]:
    """Both kinds of paths at once, so that a value has one name in both."""
    some = np.flatnonzero(windows.high > windows.low)
    length = (windows.high - windows.low)[some]
    touch = expanded(windows.low[some], length)
    offsets = np.append(np.append(0, np.cumsum(length)), int(length.sum()) + ways.offsets[1:])
    codes = np.concatenate([windows.value[touch], ways.value])
    done = transformed(transforms, offsets, codes, windows.names)
    cut = int(done.offsets[len(some)])
    kept, rest = touch[done.kept[:cut]], done.kept[cut:] - len(touch)
    low, high = np.zeros(len(windows.place), np.int64), np.zeros(len(windows.place), np.int64)
    low[some], high[some] = done.offsets[: len(some)], done.offsets[1 : len(some) + 1]
    made = Windows(
        windows.place, frozen(low), frozen(high), frozen(windows.at[kept]), frozen(done.codes[:cut].astype(np.int32)),
        frozen(windows.marks[kept]), windows.costed[kept], windows.row[kept], done.names,
    )  # fmt: skip
    own = Ways(
        done.offsets[len(some) :] - cut, done.codes[cut:].astype(np.int32), ways.row[rest], ways.place, ways.visitor,
        done.names,
    )  # fmt: skip
    return made, own
