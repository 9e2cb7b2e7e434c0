"""Rows of visitors found, counted or left out by a bit of their symbol."""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen


def _example_marked() -> tuple[Any, ...]:
    return frozen(np.array([0, 1])), frozen(np.zeros(1, np.int64)), 0, 1, 1


@kernel(example=_example_marked)
def count_marked(offsets: Any, key: Any, first: int, last: int, bit: int) -> int:
    """How many rows of visitors first <= v < last carry a bit of the symbol."""
    found = 0
    for i in range(offsets[first], offsets[last]):
        found += 1 if key[i] & bit else 0
    return found


def _example_find() -> tuple[Any, ...]:
    return *_example_marked(), 0, np.zeros(1, np.int64)


@kernel(example=_example_find)
def find_marked(offsets: Any, key: Any, first: int, last: int, bit: int, place: int, out: Any) -> None:
    """Write the rows of visitors first <= v < last that carry a bit of the symbol to `place` and on."""
    for i in range(offsets[first], offsets[last]):
        if key[i] & bit:
            out[place] = i
            place += 1


def _example_drop() -> tuple[Any, ...]:
    long = frozen(np.zeros(1, np.int64))
    return frozen(np.array([0, 1])), long, long, 0, 1, 1, 0, np.zeros(2, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64)


@kernel(example=_example_drop)
def drop_marked(
    offsets: Any, at: Any, key: Any, first: int, last: int, bit: int, place: int,
    offsets_out: Any, at_out: Any, key_out: Any,
) -> None:  # fmt: skip
    """Copy the rows of visitors first <= v < last that do not carry a bit of the symbol to `place` and on.

    Sets the end of each of these visitors, `offsets_out[v + 1]`.
    """
    for visitor in range(first, last):
        for i in range(offsets[visitor], offsets[visitor + 1]):
            if not key[i] & bit:
                at_out[place], key_out[place] = at[i], key[i]
                place += 1
        offsets_out[visitor + 1] = place
