"""How far each visitor gets, with numpy: what a server answers its first page with, before anything is compiled."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from afterclick.analyse.kernels.gather import SYMBOL_BITS, SYMBOL_MASK
from afterclick.store.columns import Flag

_SYSTEM, _PAGE = int(Flag.SYSTEM), int(Flag.PAGE)
_STAGE_MASK: Final = 127
_NO_STAGE: Final = 255
_LOOP, _LOOP_ORDER = 1, 2
_TOP: Final = np.array([mask.bit_length() - 1 for mask in range(_STAGE_MASK + 1)], np.int64)
"""The highest stage in a mask, -1 for none."""


class _Met(NamedTuple):
    """The rows that meet a stage's rule: places, visitors, instants, whether they count, stage, highest stage before."""

    place: np.ndarray
    visitor: np.ndarray
    at: np.ndarray
    within: np.ndarray
    now: np.ndarray
    highest: np.ndarray


def follow(
    offsets: Any, at: Any, key: Any, marks: Any, stages: int, first: int, last: int, start: int, end: int,
    entered_at: Any, entered_row: Any, entered_act: Any, returned: Any, loop: Any, stage_of_row: Any, by_row: Any,
    views: Any, moves: Any, movers: Any, marker: Any,  # noqa: ARG001
) -> None:  # fmt: skip
    """`journey.follow_stages`; `marker` is not needed."""
    low, high = int(offsets[first]), int(offsets[last])
    if low == high:
        return
    t, symbol, row = at[low:high], key[low:high] & SYMBOL_MASK, key[low:high] >> SYMBOL_BITS
    visitor = np.repeat(np.arange(first, last), np.diff(offsets[first : last + 1]))
    mask = marks[row].astype(np.int64) & _STAGE_MASK
    now, within = _TOP[mask], (t >= start) & (t < end)
    # Visitors follow one another, so a running maximum over both restarts with each.
    highest = (np.maximum.accumulate(visitor * 256 + now + 1) & 255) - 1
    stage_of_row[low:high] = by_row[row] = np.where(highest >= 0, highest, _NO_STAGE)
    _enter(low, visitor, mask, t, (symbol & _SYSTEM) == 0, offsets, stages, entered_at, entered_row, entered_act)
    there = np.flatnonzero(mask)
    before = np.where(visitor[1:] == visitor[:-1], highest[:-1], -1)
    met = _Met(there, visitor[there], t[there], within[there], now[there], np.concatenate([[-1], before])[there])
    back = met.within & (met.now < met.highest)
    for stage in range(stages):
        returned[met.visitor[back & (met.now == stage)]] |= 1 << stage
    _again(met, stages, entered_at, loop)
    _move(met, stages, moves, movers)
    seen = np.flatnonzero(within & ((symbol & _PAGE) != 0) & ((symbol & _SYSTEM) == 0))
    at_stage = np.where(highest[seen] >= 0, highest[seen], stages)
    views += np.bincount(at_stage, minlength=stages + 1)


def _enter(
    low: int, visitor: np.ndarray, mask: np.ndarray, t: np.ndarray, acts: np.ndarray, offsets: np.ndarray, stages: int,
    entered_at: Any, entered_row: Any, entered_act: Any,
) -> None:  # fmt: skip
    acted = np.flatnonzero(acts)
    for stage in range(stages):
        meets = np.flatnonzero((mask >> stage) & 1)
        who = visitor[meets]
        meets = meets[np.flatnonzero(np.diff(who, prepend=-1))]
        who, cell = visitor[meets], visitor[meets] * stages + stage
        entered_at[cell], entered_row[cell] = t[meets], meets + low
        if len(acted):
            nearest = np.searchsorted(acted, meets, side="right")
            earlier, later = acted[np.maximum(nearest - 1, 0)], acted[np.minimum(nearest, len(acted) - 1)]
            begin, over = offsets[who] - low, offsets[who + 1] - low
            follows = np.where((nearest < len(acted)) & (later < over), later + low, -1)
            entered_act[cell] = np.where((nearest > 0) & (earlier >= begin), earlier + low, follows)


def _again(met: _Met, stages: int, entered_at: np.ndarray, loop: Any) -> None:
    """The loyalty loop: the last stage but one after the last one, then the last one again."""
    final = stages - 1
    if final < 1:
        return
    after = np.flatnonzero((met.highest == final) & (met.at > entered_at[met.visitor * stages + final]))
    visitor, now, within = met.visitor[after], met.now[after], met.within[after]
    basket = now == final - 1
    loop[visitor[basket & within]] |= _LOOP
    filled = np.cumsum(basket)
    own = np.flatnonzero(np.diff(visitor, prepend=-1))
    earlier = np.repeat(filled[own] - basket[own], np.diff(np.append(own, len(visitor))))
    loop[visitor[(now == final) & within & (filled > earlier)]] |= _LOOP_ORDER


def _move(met: _Met, stages: int, moves: Any, movers: Any) -> None:
    changed = 1 + np.flatnonzero(
        met.within[1:] & (met.visitor[1:] == met.visitor[:-1]) & (met.now[1:] != met.now[:-1])
    )
    move = met.now[changed - 1] * stages + met.now[changed]
    moves += np.bincount(move, minlength=stages * stages)
    pairs = np.unique(met.visitor[changed] * (stages * stages) + move)
    movers += np.bincount(pairs % (stages * stages), minlength=stages * stages)
