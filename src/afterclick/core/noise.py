"""Whether a difference between two periods is more than chance brings, so that nobody acts on nothing."""

from __future__ import annotations

import math

from afterclick.core.moments import Interval, Share


def difference(now: Share, before: Share) -> Interval | None:
    """The 95 % interval of the difference of two rates; None where one of them has nobody.

    Newcombe's hybrid score interval (Newcombe, Stat. Med. 17 (1998) 873, method 10): Wilson's limits of both rates.
    """
    first, second = now.interval, before.interval
    if first is None or second is None or now.rate is None or before.rate is None:
        return None
    return apart(now.rate, first, before.rate, second)


def apart(a: float, first: Interval, b: float, second: Interval) -> Interval:
    """The 95 % interval of a - b of two independent estimates with intervals of their own (Zou & Donner, Stat. Med. 27
    (2008) 1693: their limits, squared and added)."""
    below = math.hypot(a - first.low, second.high - b)
    above = math.hypot(first.high - a, b - second.low)
    return Interval(a - b - below, a - b + above)


def same_rate(now: Share, before: Share) -> bool | None:
    """Whether two rates may be one and the same; None where one of them is unknown."""
    found = difference(now, before)
    return None if found is None else found.low <= 0 <= found.high


def same_count(now: int, before: int) -> bool | None:
    """Whether two counts of independent events may come from the same rate; None where nothing was counted.

    Given their sum, one of them is binomial with a half (Przyborowski & Wilenski, Biometrika 31 (1940) 313); the score
    test of that, by Wilson's interval.
    """
    found = Share(now, now + before).interval if now >= 0 and before >= 0 else None
    return None if found is None else found.low <= 0.5 <= found.high
