"""What is usual for a day: the same weekday of the weeks before, and how far days stray from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np

_NORMAL: Final = 1.4826
"""MAD of a normal series in standard deviations: 1 / Φ⁻¹(3/4) (Rousseeuw & Croux 1993, p. 1273)."""
_SHIFT: Final = 0.375
"""Square roots of counts + 3/8 scatter alike at every size (Anscombe 1948, p. 246)."""
_LEAST: Final = 0.5
"""How far the square root of a count scatters if nothing but chance moves it."""
_FEWEST: Final = 4
FACTORS: Final[Mapping[int, Mapping[str, float]]] = {
    4: {"0.05": 3.607, "0.01": 5.381, "0.001": 8.274},
    6: {"0.05": 3.026, "0.01": 4.250, "0.001": 5.983},
    8: {"0.05": 2.685, "0.01": 3.687, "0.001": 5.058},
    12: {"0.05": 2.396, "0.01": 3.236, "0.001": 4.282},
    26: {"0.05": 2.133, "0.01": 2.836, "0.001": 3.686},
    52: {"0.05": 2.049, "0.01": 2.677, "0.001": 3.464},
}
"""By weeks and false-alarm rate, how many deviations a quiet normal day stays within: quantiles of
|x - median of its weekday| / (1.4826 MAD of all days), simulated (seed 20260101); a test draws them again."""


class Usual(NamedTuple):
    """The middle and the bounds of what is usual for a day; None with the code of the reason."""

    middle: float | None
    low: float | None
    high: float | None
    reason: str = ""


def usual(values: Mapping[date, float | None], day: date, weeks: int, false_rate: str) -> Usual:
    """What `day` is to be held against, from the same days of the `weeks` weeks before it.

    The middle is the median of the same weekday; the scale is 1.4826 times the median distance of all days of these
    weeks from the median of their own weekday. Values that are never negative are compared by their square roots, so
    that large days may stray further. A day without a value is left out.
    """
    before = [day - timedelta(days=ago) for ago in range(1, 7 * weeks + 1)]
    known = {one: float(values[one]) for one in before if values.get(one) is not None}  # type: ignore[arg-type]
    same = [value for one, value in known.items() if one.weekday() == day.weekday()]
    if len(same) < _FEWEST:
        return Usual(None, None, None, "few_weeks")
    rooted = min(known.values()) >= 0
    by_weekday: dict[int, list[float]] = {}
    for one, value in known.items():
        by_weekday.setdefault(one.weekday(), []).append(math.sqrt(value + _SHIFT) if rooted else value)
    # A weekday seen once or twice lies on its own median, which would make everything look calm.
    strays = [
        abs(value - float(np.median(found)))
        for found in by_weekday.values()
        if len(found) >= _FEWEST
        for value in found
    ]
    middle = float(np.median(by_weekday[day.weekday()]))
    scale = _NORMAL * float(np.median(strays))
    counted = rooted and all(value.is_integer() for value in known.values())
    scale = max(scale, _LEAST if counted else 0.0)
    if not scale:
        return Usual(_back(middle, rooted), None, None, "constant")
    reach = scale * FACTORS[max(key for key in FACTORS if key <= len(same))][false_rate]
    low, high = middle - reach, middle + reach
    # The root of a value that is never negative does not fall below that of 0.
    least = _back(max(low, math.sqrt(_SHIFT)), rooted) if rooted else low
    return Usual(_back(middle, rooted), least, _back(high, rooted))


def _back(value: float, rooted: bool) -> float:
    return max(0.0, value * value - _SHIFT) if rooted else value


