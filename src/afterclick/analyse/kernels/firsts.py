"""Rows that come first of their device in an interval: all that counting by interval needs, and a tenth of the rows.

Rows of a device on a day stand together, so that they are told in one pass over columns as they lie.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.gather import _visitor
from afterclick.analyse.kernels.returns import NEVER, START
from afterclick.core.arrays import frozen
from afterclick.stitch.visitors import Labels


def _slot(edges: Any, t: int) -> int:
    """How many of `edges` lie at or before an instant."""
    first, beyond = 0, len(edges)
    while first < beyond:
        middle = (first + beyond) // 2
        if edges[middle] <= t:
            first = middle + 1
        else:
            beyond = middle
    return first


def _example_find() -> tuple[Any, ...]:
    narrow, wide = frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int64))
    lut, flags = frozen(np.full(1, START, np.uint8)), frozen(np.zeros(1, np.uint16))
    return narrow, wide, narrow, lut, flags, 0, narrow, 1, START, wide, np.zeros(1, np.int32), np.zeros(1, np.int64)


def _find(
    device: np.ndarray, at: np.ndarray, code: np.ndarray, lut: np.ndarray, flags: np.ndarray, out: int,
    label: np.ndarray, until: int, bit: int, edges: np.ndarray, device_out: np.ndarray, at_out: np.ndarray,
) -> int:  # fmt: skip
    kept = np.flatnonzero(((flags & out) == 0) & ((lut[code] & bit) != 0) & (device >= 0) & (at <= until))
    own, t = device[kept], at[kept]
    slot = np.searchsorted(edges, t, side="right")
    new = np.ones(len(kept), bool)
    new[1:] = (own[1:] != own[:-1]) | (slot[1:] != slot[:-1]) | (t[1:] < t[:-1]) | (label[own[1:]] < 0)
    places = np.flatnonzero(new)
    device_out[: len(places)], at_out[: len(places)] = own[places], t[places]
    return len(places)


@kernel(_slot, example=_example_find, vector=_find)
def find_firsts(
    device: Any, at: Any, code: Any, lut: Any, flags: Any, out: int, label: Any, until: int, bit: int, edges: Any,
    device_out: Any, at_out: Any,
) -> int:  # fmt: skip
    """Write device and instant of the rows up to `until` with a bit, of each device the first of each interval of `edges`
    (µs, ascending; what lies before and behind them is an interval too), and return how many these are.

    `lut[code]` has the bits of a row's event; rows with a flag of `out`, and those of nobody, have none. A device whose rows
    do not stand together, or not in order, is written more often, and one that several visitors share with every row.
    """
    n, known, since, low, high = 0, -1, 0, 0, 0
    for i in range(len(device)):
        own, t = device[_u(i)], at[_u(i)]
        # All is asked of each row at once: what comes next is too irregular to be guessed by a processor.
        counts = (lut[_u(code[_u(i)])] & bit != 0) & (flags[_u(i)] & out == 0) & (own >= 0) & (t <= until)
        if counts & ((own != known) | (t < since) | (t >= high)):
            if t < low or t >= high:
                slot = _slot(edges, t)
                low = edges[slot - 1] if slot > 0 else -NEVER
                high = edges[slot] if slot < len(edges) else NEVER
            device_out[_u(n)], at_out[_u(n)] = own, t
            n += 1
            known, since = own if label[_u(own)] >= 0 else -1, t
    return n


def _example_name() -> tuple[Any, ...]:
    rows = np.zeros(1, np.int32), np.zeros(1, np.int64), 1
    shared = frozen(np.zeros(1, np.int64)), frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int32))
    return *rows, frozen(np.zeros(1, np.int32)), *shared, np.full(1, NEVER)


def _name(
    visitor: np.ndarray, at: np.ndarray, rows: int, label: np.ndarray, shared_from: np.ndarray, shared_at: np.ndarray,
    shared_label: np.ndarray, first_at: np.ndarray,
) -> None:  # fmt: skip
    visitor[:rows] = Labels(label, shared_from, shared_at, shared_label).of(visitor[:rows], at[:rows])
    np.minimum.at(first_at, visitor[:rows], at[:rows])


@kernel(_visitor, example=_example_name, vector=_name)
def name_firsts(
    visitor: Any, at: Any, rows: int, label: Any, shared_from: Any, shared_at: Any, shared_label: Any, first_at: Any
) -> None:
    """Turn the devices in `visitor[:rows]` into visitors, and lower `first_at` (per visitor, µs) to their instants."""
    for i in range(rows):
        found = label[_u(visitor[_u(i)])]
        if found < 0:
            found = _visitor(visitor[_u(i)], at[_u(i)], label, shared_from, shared_at, shared_label)
        visitor[_u(i)] = found
        first_at[_u(found)] = min(first_at[_u(found)], at[_u(i)])


def _example_mark() -> tuple[Any, ...]:
    narrow, wide = frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int64))
    return narrow, wide, narrow, narrow, frozen(np.array([0, 1])), 0, np.zeros(1, np.uint8)


def _mark(
    visitor: np.ndarray, at: np.ndarray, place: np.ndarray, begin: np.ndarray, edges: np.ndarray, last: int, seen: np.ndarray
) -> None:
    here = np.flatnonzero(place[visitor] >= 0)
    unit = place[visitor[here]].astype(np.int64)
    after = np.searchsorted(edges, at[here], side="right") - 1 - begin[unit]
    later = np.flatnonzero(after >= 0)
    seen[np.minimum(after[later], last) * len(begin) + unit[later]] = 1


@kernel(_slot, example=_example_mark, vector=_mark)
def mark_firsts(visitor: Any, at: Any, place: Any, begin: Any, edges: Any, last: int, seen: Any) -> None:
    """Set `seen[offset * units + unit]` for each of these rows but those of visitors without a unit (`place` -1).

    The offset counts intervals of `edges` since `begin[unit]`; rows before it are left out, what lies beyond `last` counts
    as `last`.
    """
    units, low, high, interval = len(begin), 0, 0, -1
    for i in range(len(visitor)):
        unit, t = place[_u(visitor[_u(i)])], at[_u(i)]
        if t < low or t >= high:
            slot = _slot(edges, t)
            interval = slot - 1
            low = edges[slot - 1] if slot > 0 else -NEVER
            high = edges[slot] if slot < len(edges) else NEVER
        if unit >= 0 and interval >= begin[_u(unit)]:
            seen[_u(min(interval - begin[_u(unit)], last) * units + unit)] = 1
