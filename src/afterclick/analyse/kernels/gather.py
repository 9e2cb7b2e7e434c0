"""Rows of one visitor together, in (time, event id) order: a stable counting sort in two steps, then a look at each slice.

Rows are first compacted, then laid out by blocks of visitors, then sorted within each block: the tables of a block
stay in the cache, those of all visitors would not.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen

SYMBOL_BITS: Final = 16
SYMBOL_MASK: Final = (1 << SYMBOL_BITS) - 1
BLOCK_BITS: Final = 16
"""Visitors of one block, as bits: so many counters fit a core's own cache."""

HAS_SOURCE: Final = 1 << 13
HAS_CAMPAIGN: Final = 1 << 14
PRESENT: Final = 1 << 15
FLAGS: Final = HAS_SOURCE - 1
"""A symbol made of a row's flags: these bits of them, and three more."""

RUN: Final = 32
"""Rows that are sorted by insertion."""


def _visitor(device: int, at: int, label: Any, shared_from: Any, shared_at: Any, shared_label: Any) -> int:
    """The visitor behind a device at an instant; a negative label -k-1 points at the log-ins of a shared device k."""
    found = label[device]
    if found >= 0:
        return int(found)
    low, high = shared_from[-found - 1], shared_from[-found]
    first = low
    while low < high:
        middle = (low + high) // 2
        if shared_at[middle] <= at:
            low = middle + 1
        else:
            high = middle
    return int(shared_label[max(low - 1, first)])


def _example_shared() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.int64)), frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int32))


def _example_name() -> tuple[Any, ...]:
    device, key, at = np.zeros(1, np.int32), np.zeros(1, np.int64), frozen(np.zeros(1, np.int64))
    return device, key, 0, 1, at, 0, frozen(np.zeros(1, np.int32)), *_example_shared(), np.zeros(1, np.int64)


@kernel(_visitor, example=_example_name)
def name_visitors(
    visitor: Any, key: Any, first: int, last: int, at: Any, first_row: int,
    label: Any, shared_from: Any, shared_at: Any, shared_label: Any, sizes: Any,
) -> None:  # fmt: skip
    """Turn the devices in `visitor[first:last]` into visitors and add up the rows of each block in `sizes`.

    `at` holds the instants of the strip whose first global row is `first_row`.
    """
    for j in range(first, last):
        device = visitor[_u(j)]
        found = label[_u(device)]
        if found < 0:
            t = at[(key[j] >> SYMBOL_BITS) - first_row]
            found = _visitor(device, t, label, shared_from, shared_at, shared_label)
        visitor[_u(j)] = found
        sizes[_u(found >> BLOCK_BITS)] += 1


def _example_scatter() -> tuple[Any, ...]:
    visitor, key, at = np.zeros(1, np.int32), np.zeros(1, np.int64), frozen(np.zeros(1, np.int64))
    return visitor, key, 0, 1, at, 0, np.zeros(1, np.int64), visitor.copy(), key.copy(), key.copy()


@kernel(example=_example_scatter)
def scatter_rows(
    visitor: Any, key: Any, first: int, last: int, at: Any, first_row: int,
    cursor: Any, visitor_out: Any, at_out: Any, key_out: Any,
) -> None:  # fmt: skip
    """Put rows first <= j < last at their block's cursor, with their instants."""
    for j in range(first, last):
        block = _u(visitor[_u(j)] >> BLOCK_BITS)
        place = _u(cursor[block])
        cursor[block] += 1
        visitor_out[place] = visitor[_u(j)]
        at_out[place] = at[_u((key[_u(j)] >> SYMBOL_BITS) - first_row)]
        key_out[place] = key[_u(j)]


def _insert(at: Any, key: Any, low: int, high: int) -> None:
    for i in range(low + 1, high):
        t, k = at[i], key[i]
        j = i - 1
        while j >= low and at[j] > t:
            at[j + 1], key[j + 1] = at[j], key[j]
            j -= 1
        at[j + 1], key[j + 1] = t, k


def _merge(at: Any, key: Any, low: int, high: int) -> None:
    """Sort rows low <= i < high by time, stably: short runs by insertion, then merged in pairs."""
    for first in range(low, high, RUN):
        _insert(at, key, first, min(first + RUN, high))
    at_here, key_here = np.empty(high - low, np.int64), np.empty(high - low, np.int64)
    width = RUN
    while width < high - low:
        for first in range(low, high, 2 * width):
            middle, last = min(first + width, high), min(first + 2 * width, high)
            i, j = first, middle
            for place in range(first - low, last - low):
                if i < middle and (j >= last or at[i] <= at[j]):
                    at_here[place], key_here[place] = at[i], key[i]
                    i += 1
                else:
                    at_here[place], key_here[place] = at[j], key[j]
                    j += 1
        for i in range(low, high):
            at[i], key[i] = at_here[i - low], key_here[i - low]
        width *= 2


def _settle(offsets: Any, at: Any, key: Any, first: int, last: int, tied: Any) -> None:
    """Bring the slices of visitors first <= v < last into time order (stable), and mark those with equal instants."""
    for visitor in range(first, last):
        low, high = offsets[visitor], offsets[visitor + 1]
        ordered, equal = True, False
        for i in range(low + 1, high):
            if at[_u(i)] <= at[_u(i - 1)]:
                if at[_u(i)] < at[_u(i - 1)]:
                    ordered = False
                    break
                equal = True
        if not ordered:
            if high - low <= RUN:
                _insert(at, key, low, high)
            else:
                _merge(at, key, low, high)
            for i in range(low + 1, high):
                if at[i] == at[i - 1]:
                    equal = True
                    break
        if equal:
            tied[visitor] = 1


def _example_settle() -> tuple[Any, ...]:
    edges, visitor = frozen(np.array([0, 1])), frozen(np.zeros(1, np.int32))
    outs = np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(2, np.int64), np.zeros(1, np.uint8)
    return edges, visitor, 0, 1, 1, *outs


@kernel(_insert, _merge, _settle, example=_example_settle)
def settle(
    edges: Any, visitor: Any, first: int, last: int, visitors: int, at: Any, key: Any, offsets: Any, tied: Any
) -> None:
    """Sort the rows of blocks first <= b < last, `edges[b]` to `edges[b + 1]`, by visitor and time, stably and in place.

    Sets `offsets[v]` to the first row of each visitor of these blocks, `offsets[v + 1]` to the end of the last one's, and
    `tied[v]` to 1 where equal instants stand side by side; `visitors` is how many there are in all.
    """
    longest = 0
    for block in range(first, last):
        longest = max(longest, edges[block + 1] - edges[block])
    at_here, key_here = np.empty(longest, np.int64), np.empty(longest, np.int64)
    cursor = np.empty(1 << BLOCK_BITS, np.int64)
    for block in range(first, last):
        low, high = edges[block], edges[block + 1]
        base = block << BLOCK_BITS
        size = min(visitors - base, 1 << BLOCK_BITS)
        for v in range(size):
            cursor[v] = 0
        for i in range(low, high):
            cursor[_u(visitor[_u(i)] - base)] += 1
            at_here[_u(i - low)], key_here[_u(i - low)] = at[_u(i)], key[_u(i)]
        place = low
        for v in range(size):
            offsets[base + v] = place
            rows = cursor[v]
            cursor[v] = place
            place += rows
        offsets[base + size] = high
        for i in range(low, high):
            mine = _u(visitor[_u(i)] - base)
            free = _u(cursor[mine])
            cursor[mine] += 1
            at[free], key[free] = at_here[_u(i - low)], key_here[_u(i - low)]
        _settle(offsets, at, key, base, base + size, tied)
