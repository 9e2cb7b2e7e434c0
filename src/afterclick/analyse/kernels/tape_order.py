"""The events of one call in the order in which they happened."""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen


def _example_calls() -> tuple[Any, ...]:
    long = np.zeros(1, np.int64)
    return frozen(np.array([0, 1])), frozen(long), long.copy(), frozen(long), 0, 1


@kernel(example=_example_calls)
def order_calls(offsets: Any, at: Any, key: Any, happened: Any, first: int, last: int) -> None:
    """Bring the rows of visitors first <= v < last that arrived at one instant into the order in which they happened.

    Rows are gathered by arrival `at`, stably; `happened` is by global row. What arrives at one instant is one call.
    """
    for visitor in range(first, last):
        low = offsets[visitor]
        for i in range(low + 1, offsets[visitor + 1]):
            k = key[i]
            j = i - 1
            while j >= low and at[j] == at[i] and happened[key[j] >> 16] > happened[k >> 16]:
                key[j + 1] = key[j]
                j -= 1
            key[j + 1] = k
