"""Which rows have a code or a flag that was asked for: few of many, in one pass over one column."""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen


def _find_vector(code: Any, wanted: Any, first_row: int, out: Any) -> int:
    found = np.flatnonzero(wanted[code])
    out[: len(found)] = found + first_row
    return len(found)


def _example_find() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.uint16)), 0, np.zeros(1, np.int64)


@kernel(example=_example_find, vector=_find_vector)
def find_coded(code: Any, wanted: Any, first_row: int, out: Any) -> int:
    """Write the numbers (`first_row` + i) of the rows whose code is wanted to `out`, which is as long as they; how many."""
    n = 0
    for i in range(len(code)):
        out[_u(n)] = first_row + i
        n += 1 if wanted[_u(code[i])] != 0 else 0
    return n


def _flagged_vector(flags: Any, wanted: int, out: int, first_row: int, place: Any) -> int:
    found = np.flatnonzero(((flags & wanted) != 0) & ((flags & out) == 0))
    place[: len(found)] = found + first_row
    return len(found)


def _example_flagged() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.uint16)), 1, 2, 0, np.zeros(1, np.int64)


@kernel(example=_example_flagged, vector=_flagged_vector)
def find_flagged(flags: Any, wanted: int, out: int, first_row: int, place: Any) -> int:
    """The same of the rows with a flag of `wanted` and none of `out`."""
    n = 0
    for i in range(len(flags)):
        place[_u(n)] = first_row + i
        counts = 1 if (int(flags[_u(i)]) & wanted) != 0 else 0
        counts &= 1 if (int(flags[_u(i)]) & out) == 0 else 0
        n += counts
    return n
