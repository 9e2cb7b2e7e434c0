"""Lifetime models written down once more, one customer at a time, from their definitions: slow, and obviously so."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def beta(p: float, q: float) -> float:
    return math.exp(math.lgamma(p) + math.lgamma(q) - math.lgamma(p + q))


def bg_likelihood(values: Sequence[float], x: int, last: float, age: float, first: int) -> float:
    """BG/NBD (`first` 0) and MBG/NBD (1) as printed: bought until T without dropping out, or dropped out at the last one."""
    r, alpha, a, b = values
    front = math.exp(math.lgamma(r + x) - math.lgamma(r)) * alpha**r
    there = beta(a, b + x + first) / beta(a, b) * (alpha + age) ** -(r + x)
    n = x + first
    gone = beta(a + 1, b + n - 1) / beta(a, b) * (alpha + last) ** -(r + x) if n else 0.0
    return front * (there + gone)


def pareto_likelihood(values: Sequence[float], x: int, last: float, age: float) -> float:
    """The same buyer under a spread death rate: he may have left at any moment of his silence."""
    r, alpha, s, b = values
    front = math.exp(math.lgamma(r + x) - math.lgamma(r)) * alpha**r

    def left_at(u: float) -> float:
        return (alpha + u) ** -(r + x) * s * b**s * (b + u) ** -(s + 1)

    return front * ((alpha + age) ** -(r + x) * (b / (b + age)) ** s + simpson(left_at, last, age))


def simpson(of: Callable[[float], float], low: float, high: float, steps: int = 4000) -> float:
    """Simpson's rule."""
    width = (high - low) / steps
    inner = sum((4 if place % 2 else 2) * of(low + place * width) for place in range(1, steps))
    return (of(low) + of(high) + inner) * width / 3


def bgbb_likelihood(values: Sequence[float], x: int, last: int, periods: int) -> float:
    alpha, b, gamma, delta = values
    there = beta(alpha + x, b + periods - x) * beta(gamma, delta + periods)
    gone = sum(
        beta(alpha + x, b + last + silent - x) * beta(gamma + 1, delta + last + silent)
        for silent in range(periods - last)
    )
    return (there + gone) / beta(alpha, b) / beta(gamma, delta)


def bg_ahead(values: Sequence[float], x: int, last: float, age: float, time: float, first: int) -> float:
    """E[Y(t)]: over the dropout chance p and given that he is there, ∫ rate × e^(−rate p u) du, rate gamma-spread."""
    r, alpha, a, b = values
    n = x + first
    gone = a / (b + n - 1) * ((alpha + age) / (alpha + last)) ** (r + x) if n else 0.0
    alive = 1 / (1 + gone)

    def given(v: float) -> float:
        # p = v⁴ smooths the edge at p = 0.
        p = v**4
        if p in (0.0, 1.0):
            return 0.0
        density = p ** (a - 1) * (1 - p) ** (b + n - 1) / beta(a, b + n)
        return density * (1 - (1 + p * time / (alpha + age)) ** -(r + x)) / p * 4 * v**3

    return alive * simpson(given, 0.0, 1.0, 20_000)


def kaplan_meier(waits: Sequence[tuple[int, bool]]) -> dict[int, float]:
    """Length -> share still waiting after it, for the lengths at which a wait ended."""
    still, found = 1.0, {}
    for length in sorted({length for length, over in waits if over}):
        at_risk = sum(other >= length for other, _ in waits)
        ended = sum(other == length and over for other, over in waits)
        still *= 1 - ended / at_risk
        found[length] = still
    return found


def rfm_score(values: Sequence[float], worse: Callable[[float, float], bool]) -> list[int]:
    """min(5, 1 + ⌊5 × buyers strictly worse ÷ n⌋) for each."""
    return [min(5, 1 + 5 * sum(worse(other, value) for other in values) // len(values)) for value in values]
