"""Lengths out of numbers: the printed power scale of the river, linear scales with round ends, smooth lines."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

from afterclick.surfaces.viz import markup

RIVER_POWER: Final = 0.5
"""Height of the river = (visitors / largest) ** RIVER_POWER: 2% buy, on a linear scale they would vanish."""


def power(value: float, largest: float, height: float, exponent: float = RIVER_POWER) -> float:
    """`value` on a power scale of `height`; something is never drawn as nothing (at least 1.5), nothing is 0."""
    if value <= 0 or largest <= 0:
        return 0.0
    return max(1.5, math.pow(min(1.0, value / largest), exponent) * height)


def linear(value: float, largest: float, length: float, least: float = 1.0) -> float:
    """`value` on a scale that starts at zero; a positive value is at least `least` long."""
    if value <= 0 or largest <= 0:
        return 0.0
    return max(least, min(1.0, value / largest) * length)


def round_up(value: float) -> float:
    """The next round number at or above: 1, 2, 2.5, 4, 5, 6, 8 or 10 times a power of ten; 1.0 for next to nothing."""
    if not value > 1e-12 or math.isinf(value):
        return 1.0
    base = 10.0 ** math.floor(math.log10(value))
    return next(base * step for step in (1, 2, 2.5, 4, 5, 6, 8, 10, 20) if base * step >= value * (1 - 1e-9))


def smooth(points: Sequence[tuple[float, float]]) -> str:
    """Path data of a line through the points that never overshoots them.

    Monotone cubic: Fritsch & Carlson, SIAM J. Numer. Anal. 17 (1980); tangents by the harmonic mean.
    """
    if not points:
        return ""
    steps: list[str | float] = ["M", *points[0]]
    tangents = _tangents(points)
    for i in range(len(points) - 1):
        (x0, y0), (x1, y1) = points[i], points[i + 1]
        third = (x1 - x0) / 3
        steps += ["C", x0 + third, y0 + tangents[i] * third, x1 - third, y1 - tangents[i + 1] * third, x1, y1]
    return markup.path(*steps)


def _tangents(points: Sequence[tuple[float, float]]) -> list[float]:
    slopes = [(y1 - y0) / (x1 - x0) if x1 > x0 else 0.0 for (x0, y0), (x1, y1) in itertools.pairwise(points)]
    inner = [
        0.0 if before * after <= 0 else 2 * before * after / (before + after)
        for before, after in itertools.pairwise(slopes)
    ]
    return [slopes[0], *inner, slopes[-1]] if slopes else [0.0]
