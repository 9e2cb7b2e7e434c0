"""Control of false finds where many things are tested at once: q-values of Benjamini and Hochberg."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def benjamini_hochberg(p: npt.ArrayLike) -> Array:
    """q-values of p-values, float64 in the same order: those with q <= a are the finds at a false-discovery rate of a.

    q of the i-th smallest of m is the least of p_j · m/j over j >= i, at most 1 (Benjamini & Hochberg 1995; as R's
    `p.adjust`). Equal p give equal q, and q >= p. Raises ValueError for NaN and for what lies outside 0..1.
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    count = len(values)
    # m/j first: at j = m the factor is exactly 1, so that a p on the limit stays on it.
    steps = values[order] * (count / np.arange(1, count + 1))
    return _put_back(np.minimum.accumulate(steps[::-1])[::-1], order)


def _checked(p: npt.ArrayLike) -> Array:
    values = np.asarray(p, np.float64)
    if values.ndim != 1:
        raise ValueError(f"p-values stand in one row, not in {values.ndim} dimensions")
    wrong = ~((values >= 0) & (values <= 1))
    if wrong.any():
        raise ValueError(f"{values[wrong][0]} is no p-value")
    return values


def _put_back(ordered: Array, order: npt.NDArray[np.intp]) -> Array:
    adjusted = np.empty(len(ordered), np.float64)
    adjusted[order] = np.minimum(ordered, 1.0)
    return adjusted
