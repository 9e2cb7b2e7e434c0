"""The strength of a signal: what was done, how it was reached, and how long ago."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from afterclick.core import spans

UNIT: Final = 1 << 30
"""Strengths are kept as whole parts of this, so that their sums are the same in whatever order they are added."""


class Weights(NamedTuple):
    """What each action counts, how much more it counts when it was found by searching, and the half-life in µs."""

    view: float = 1.0
    wish: float = 2.0
    search: float = 1.0
    basket: float = 3.0
    order: float = 5.0
    found: float = 1.5
    half_life: int = 14 * spans.DAY

    def action(self) -> np.ndarray:
        """The weights by the numbers of `ACTIONS`."""
        return np.array([self.view, self.wish, self.search, self.basket, self.order])


ACTIONS: Final = ("views", "wishes", "searches", "baskets", "orders")
VIEW, WISH, SEARCH, BASKET, ORDER = range(5)


def strengths(weights: Weights, action: np.ndarray, found: np.ndarray, age: np.ndarray) -> np.ndarray:
    """action × referral × 2^(−age ÷ half-life) of each signal, in parts of UNIT; int64.

    `action` int the number in ACTIONS, `found` bool whether a search or a category led there, `age` int64 µs.
    """
    referral = np.where(found, weights.found, 1.0)
    value = weights.action()[action] * referral * np.exp2(-age / weights.half_life)
    result: np.ndarray = np.rint(value * UNIT).astype(np.int64)
    return result
