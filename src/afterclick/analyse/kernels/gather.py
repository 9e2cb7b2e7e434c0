"""Rows of one visitor together, in (time, event id) order: a stable counting sort, then a look at each slice."""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen

SYMBOL_BITS = 16
SYMBOL_MASK = (1 << SYMBOL_BITS) - 1


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


def _example_rows() -> tuple[Any, ...]:
    device = frozen(np.zeros(2, np.int32))
    at = frozen(np.zeros(2, np.int64))
    symbol = frozen(np.ones(2, np.uint16))
    label = frozen(np.zeros(1, np.int32))
    shared = (frozen(np.zeros(1, np.int64)), frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int32)))
    return device, at, symbol, label, *shared, 0, 1


@kernel(_visitor, example=lambda: (*_example_rows(), np.zeros(1, np.int64)))
def count_rows(
    device: Any,
    at: Any,
    symbol: Any,
    label: Any,
    shared_from: Any,
    shared_at: Any,
    shared_label: Any,
    start: int,
    end: int,
    counts: Any,
) -> None:
    """Add to `counts[visitor]` the rows with a symbol, an id, and start <= at < end."""
    for i in range(len(device)):
        if symbol[i] != 0 and device[i] >= 0:
            t = at[i]
            if start <= t < end:
                counts[_visitor(device[i], t, label, shared_from, shared_at, shared_label)] += 1


@kernel(
    _visitor,
    example=lambda: (*_example_rows(), 0, np.zeros(1, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)),
)
def scatter_rows(
    device: Any,
    at: Any,
    symbol: Any,
    label: Any,
    shared_from: Any,
    shared_at: Any,
    shared_label: Any,
    start: int,
    end: int,
    first_row: int,
    cursor: Any,
    at_out: Any,
    key_out: Any,
) -> None:
    """Put each counted row at its visitor's cursor: its instant, and its global row number packed with its symbol."""
    for i in range(len(device)):
        if symbol[i] != 0 and device[i] >= 0:
            t = at[i]
            if start <= t < end:
                visitor = _visitor(device[i], t, label, shared_from, shared_at, shared_label)
                place = cursor[visitor]
                at_out[place] = t
                key_out[place] = ((first_row + i) << 16) | symbol[i]
                cursor[visitor] = place + 1


def _insert(at: Any, key: Any, low: int, high: int) -> None:
    for i in range(low + 1, high):
        t, k = at[i], key[i]
        j = i - 1
        while j >= low and at[j] > t:
            at[j + 1], key[j + 1] = at[j], key[j]
            j -= 1
        at[j + 1], key[j + 1] = t, k


@kernel(
    _insert,
    example=lambda: (
        frozen(np.array([0, 2])),
        np.zeros(2, np.int64),
        np.zeros(2, np.int64),
        0,
        1,
        np.zeros(1, np.uint8),
    ),
)
def settle(offsets: Any, at: Any, key: Any, first: int, last: int, tied: Any) -> None:
    """Bring each visitor's slice into time order (stable); `tied[visitor]` = 1 where equal instants stand side by side."""
    for visitor in range(first, last):
        low, high = offsets[visitor], offsets[visitor + 1]
        ordered = True
        for i in range(low + 1, high):
            if at[i] < at[i - 1]:
                ordered = False
                break
        if not ordered:
            if high - low <= 48:
                _insert(at, key, low, high)
            else:
                order = np.argsort(at[low:high], kind="mergesort")
                at[low:high] = at[low:high][order]
                key[low:high] = key[low:high][order]
        for i in range(low + 1, high):
            if at[i] == at[i - 1]:
                tied[visitor] = 1
                break
