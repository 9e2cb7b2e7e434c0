"""The total at risk: a visitor who met several barriers counts once, at the one that costs most with him."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Loss(NamedTuple):
    """A barrier: the visitor of each visit that met it (int32), what one such visit is short of, and its error."""

    visitor: np.ndarray
    per_visit: float
    error: float


def total_at_risk(losses: Sequence[Loss]) -> tuple[list[float], float, float]:
    """What each barrier keeps of the total, the total, and the total's standard error; in the unit of `per_visit`.

    Each visitor belongs to the barrier that costs most with him (ties: the first); barriers are taken as independent.
    """
    if not losses:
        return [], 0.0, 0.0
    size = max((int(one.visitor.max(initial=-1)) for one in losses), default=-1) + 1
    counts = [np.bincount(one.visitor, minlength=size) for one in losses]
    best, owner = np.zeros(size), np.full(size, -1)
    for number, (one, count) in enumerate(zip(losses, counts, strict=True)):
        cost = count * one.per_visit
        more = cost > best
        best[more], owner[more] = cost[more], number
    visits = [int(count[owner == number].sum()) for number, count in enumerate(counts)]
    own = [n * one.per_visit for n, one in zip(visits, losses, strict=True)]
    error = math.sqrt(sum((n * one.error) ** 2 for n, one in zip(visits, losses, strict=True)))
    return own, sum(own), error
