"""The scores of recency, frequency and money, and the name of each cell: one rule for the value report and for segments."""

from __future__ import annotations

from typing import Final

import numpy as np

from afterclick.core.arrays import frozen

BANDS: Final = 5
NAMES: Final = (
    "champions", "loyal", "promising", "new", "needs_attention", "about_to_sleep", "at_risk", "cannot_lose",
    "hibernating", "lost",
)  # fmt: skip

# Rows are the score of recency 1 to 5, columns that of frequency 1 to 5 (SEMANTICS: CLV and RFM).
_CELLS: Final = (
    ("lost", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    ("about_to_sleep", "needs_attention", "needs_attention", "loyal", "loyal"),
    ("new", "promising", "promising", "loyal", "loyal"),
    ("new", "promising", "promising", "champions", "champions"),
)


def scores(values: np.ndarray, *, smaller_is_better: bool = False) -> np.ndarray:
    """The score 1 to 5 of each buyer's value, int8: min(5, 1 + floor(5 * buyers strictly worse / n)).

    Equal values always get equal scores: 1 1 1 2 5 -> 1 1 1 4 5. Worse is smaller, or larger with `smaller_is_better`
    (whole days since the last order).
    """
    if not len(values):
        return frozen(np.zeros(0, np.int8))
    ranked = -values if smaller_is_better else values
    ordered = np.sort(ranked)
    worse = np.searchsorted(ordered, ranked, side="left")
    return frozen(np.minimum(BANDS, 1 + BANDS * worse // len(ranked)).astype(np.int8))


def names(recency: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """The place in NAMES of each pair of scores (1 to 5), int8; every cell belongs to exactly one name."""
    table = np.array([[NAMES.index(name) for name in row] for row in _CELLS], np.int8)
    found: np.ndarray = table[recency - 1, frequency - 1]
    return frozen(found)
