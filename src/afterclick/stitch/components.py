"""Connected components of a graph over codes, a whole round of edges at a time."""

from __future__ import annotations

import numpy as np


def components(size: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest code that each of `size` codes is connected with by edges a[i] - b[i], int32[size].

    Every round hooks the larger of two roots to the smallest root beside it and points all codes at their roots, so
    pointers only go to smaller codes and each round leaves fewer roots.
    """
    root = np.arange(size, dtype=np.int32)
    linked = np.zeros(size, bool)
    linked[a], linked[b] = True, True
    codes = np.flatnonzero(linked)
    while True:
        one, other = root[a], root[b]
        apart = one != other
        if not apart.any():
            return root
        a, b, one, other = a[apart], b[apart], one[apart], other[apart]
        np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
        here = root[codes]
        while True:
            further = root[here]
            root[codes] = further
            if np.array_equal(further, here):
                break
            here = further
