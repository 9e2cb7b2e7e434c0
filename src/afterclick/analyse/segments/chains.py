"""Events that follow each other, found for all visitors at once: for each row the latest begin of a chain it completes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NONE = -1


def completed(served: Sequence[np.ndarray], begins: np.ndarray, at: np.ndarray, within: int) -> list[np.ndarray]:
    """Per step, per row: the row at which the latest-begun chain that this row completes begins, NONE where none does.

    `served[j]` (bool) says which rows are step j, `begins` int64 the first row of each row's group (a visitor, or a visitor
    and a value), rows in order within it. A row is later than another if it stands behind it; the last may lie at most
    `within` µs after the first, 0 = any time. The latest begin is enough: whatever fits an earlier one fits it too.
    """
    # Half as wide where that is enough: each step takes a pass over all rows.
    kind = np.int32 if len(at) < 2**31 else np.int64
    found = [np.where(served[0], np.arange(len(at), dtype=kind), kind(NONE))] if len(served) else []
    for step in served[1:]:
        latest = np.maximum.accumulate(found[-1])
        reached = np.full(len(at), NONE, kind)
        here = np.flatnonzero(step[1:]) + 1
        before = latest[here - 1]
        # A begin in an earlier group is smaller than the first row of this one, and later groups are not seen yet.
        fits = before >= begins[here]
        if within:
            fits &= at[here] - at[np.maximum(before, 0)] <= within
        reached[here[fits]] = before[fits]
        found.append(reached)
    return found


def next_of(served: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Per row the next row behind it in its group that is served, NONE where there is none; `ends` is one past the group."""
    size = len(served)
    if not size:
        return np.zeros(0, np.int64)
    place = np.where(served, np.arange(size), size)
    ahead = np.concatenate([np.minimum.accumulate(place[::-1])[::-1][1:], [size]])
    return np.where(ahead < ends, ahead, NONE)
