"""In which intervals after their start visitors came back: one pass over columns as they lie.

A row writes one byte at its visitor's place in the row of its interval, so threads need no lock, and rows of one day,
which lie together, stay within one row of bytes.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.gather import _visitor
from afterclick.core.arrays import frozen
from afterclick.stitch.visitors import Labels

START: Final = 1
BACK: Final = 2
"""Bits of what the event of a row is to a question."""
NEVER: Final = 2**62


def _example_rows() -> tuple[Any, ...]:
    narrow, wide = frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int64))
    lut, flags = frozen(np.full(1, START | BACK, np.uint8)), frozen(np.zeros(1, np.uint16))
    shared = frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int32))
    return narrow, wide, narrow, lut, flags, 0, narrow, wide, *shared, 1


def _kept(
    device: np.ndarray, at: np.ndarray, code: np.ndarray, lut: np.ndarray, flags: np.ndarray, out: int,
    label: np.ndarray, shared_from: np.ndarray, shared_at: np.ndarray, shared_label: np.ndarray, until: int, *, bit: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Visitors and instants of the rows whose event has a bit."""
    kept = np.flatnonzero(((flags & out) == 0) & ((lut[code] & bit) != 0) & (device >= 0) & (at <= until))
    return Labels(label, shared_from, shared_at, shared_label).of(device[kept], at[kept]), at[kept]


def _example_marks() -> tuple[Any, ...]:
    narrow, wide = frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int64))
    edges = frozen(np.array([0, 1]))
    return *_example_rows(), narrow, narrow, wide, edges, 0, False, 0, np.zeros(1, np.uint8)


def _marks(*arguments: Any) -> None:
    rows, (place, begin, start_at, edges, block, strict, last, seen) = arguments[:11], arguments[11:]
    visitor, at = _kept(*rows, bit=BACK)
    unit = place[visitor]
    here = unit >= 0
    unit, at = unit[here], at[here]
    since = at - start_at[unit]
    here = since > 0 if strict else since >= 0
    unit, at, since = unit[here].astype(np.int64), at[here], since[here]
    after = since // block if block else np.searchsorted(edges, at, side="right") - 1 - begin[unit]
    seen[np.minimum(after, last) * len(begin) + unit] = 1


@kernel(_visitor, example=_example_marks, vector=_marks)
def mark_returns(
    device: Any, at: Any, code: Any, lut: Any, flags: Any, out: int,
    label: Any, shared_from: Any, shared_at: Any, shared_label: Any, until: int,
    place: Any, begin: Any, start_at: Any, edges: Any, block: int, strict: bool, last: int, seen: Any,
) -> None:  # fmt: skip
    """Set `seen[offset * units + unit]` for each BACK row up to `until` at or (`strict`) after the start of its unit.

    `place` is the unit of each visitor (-1 none); a unit has its instant `start_at` and the interval `begin` it began in.
    The offset counts intervals of `edges` (which begin at or before every start) since then, or blocks of `block` µs
    since the very start; what lies beyond `last` counts as `last`.
    """
    units, count = len(begin), len(edges) - 1
    low, high, interval = edges[0], edges[0], -1
    known, since, upto = -1, 0, 0
    for i in range(len(device)):
        own, t = device[_u(i)], at[_u(i)]
        # What else a device does within an interval in which it has come back says nothing new.
        counts = (lut[_u(code[_u(i)])] & BACK != 0) & (flags[_u(i)] & out == 0) & (own >= 0) & (t <= until)
        if counts & ((own != known) | (t < since) | (t >= upto)):
            visitor = label[_u(own)]
            shared = visitor < 0
            if shared:
                visitor = _visitor(own, t, label, shared_from, shared_at, shared_label)
            unit = place[_u(visitor)]
            if unit < 0 or t < start_at[_u(unit)] or (strict and t == start_at[_u(unit)]):
                continue
            if block:
                offset = (t - start_at[_u(unit)]) // block
                low = start_at[_u(unit)] + offset * block
                high = low + block
            else:
                # Rows of one day stand together, so the interval is seldom looked for.
                if t < low or t >= high:
                    first, beyond = 0, count + 1
                    while first < beyond:
                        middle = (first + beyond) // 2
                        if edges[middle] <= t:
                            first = middle + 1
                        else:
                            beyond = middle
                    interval = first - 1
                    low = edges[interval]
                    high = edges[interval + 1] if interval < count else NEVER
                offset = interval - begin[_u(unit)]
            seen[_u(min(offset, last) * units + unit)] = 1
            if not shared:
                known, since, upto = own, low, high
