"""Odds of going on with and without something: odds ratios of 2x2 tables with interval and p-value, never infinite."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from afterclick.core.moments import Z95

Array = npt.NDArray[np.float64]


class Odds(NamedTuple):
    """Odds ratios with their 95 % intervals and two-sided p-values, float64 arrays of one length."""

    ratio: Array
    low: Array
    high: Array
    p: Array


def odds_ratios(
    with_yes: npt.ArrayLike, with_no: npt.ArrayLike, without_yes: npt.ArrayLike, without_no: npt.ArrayLike
) -> Odds:
    """Of each 2x2 table, given by its four counts: the odds of yes with something, over those without.

    1 is added to each cell, so that an empty one gives no infinite ratio. The interval is exp(log ratio ± 1.96 s) with
    s² = the sum of the inverse cells (Woolf 1955), p the two-sided normal one of log ratio / s.
    Raises ValueError for counts below zero and for columns of different lengths.
    """
    cells = [np.atleast_1d(np.asarray(cell, np.float64)) for cell in (with_yes, with_no, without_yes, without_no)]
    if len({cell.shape for cell in cells}) > 1:
        raise ValueError("the four cells of the tables are not of one length")
    if any((~(cell >= 0)).any() for cell in cells):
        raise ValueError("a count is at least zero")
    a, b, c, d = (cell + 1 for cell in cells)
    log = np.log(a) + np.log(d) - np.log(b) - np.log(c)
    spread = np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    half = Z95 * spread
    p = np.array([math.erfc(z) for z in (np.abs(log) / spread / math.sqrt(2)).tolist()], np.float64)
    return Odds(a * d / (b * c), np.exp(log - half), np.exp(log + half), p)
