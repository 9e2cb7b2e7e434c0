"""Pareto/NBD: buyers come at gamma-spread rates and leave unseen at gamma-spread rates.

Schmittlein, Morrison, Colombo 1987, Management Science 33:1; Fader, Hardie 2005, "A note on deriving the Pareto/NBD model
and related expressions" (note 009), and note 008 for its numerics. Their A₀ is the integral over the unseen moment of
leaving, ∫ from t_x to T of (alpha + u)^−(r+x) (beta + u)^−(s+1) du; it is taken here by Gauss and Legendre in the log of
u + the smaller of alpha and beta, where it falls like an exponential. So nothing cancels, alpha = beta is no special case,
and the derivatives by the parameters are the same sum with another weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
from scipy.special import digamma, gammaln, hyperu

from afterclick.learn.value.histories import Histories
from afterclick.learn.value.lifetime import Lifetime

_SIZES: Final = ((8, 4.0, 1.4), (14, 14.0, 4.0), (28, np.inf, np.inf))
"""Nodes that give every digit up to this fall (its log) and this width of the range, by the remainders of Gauss and
Legendre for e^−ct and for a pole π away."""
_RULES: Final = {
    size: tuple(column / 2 for column in np.polynomial.legendre.leggauss(size)) for size, _, _ in _SIZES
}
_NODES, _WEIGHTS = _RULES[28]
_BLOCK: Final = 4096
_FALL: Final = 38.0
"""Beyond a fall by e^−38 nothing adds to a sum of doubles."""


class ParetoNbd(Lifetime):
    """Pareto/NBD with r, alpha (purchases) and s, beta (leaving)."""

    word: ClassVar[str] = "pareto"
    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    timed: ClassVar[tuple[bool, ...]] = (False, True, False, True)

    @classmethod
    def score(cls, values: Sequence[float], h: Histories) -> tuple[float, np.ndarray]:
        """Log-likelihood and gradient by r, alpha, s, beta."""
        r, alpha, s, beta = values
        log_integral, means = _left(values, h.repeats, h.last, h.age, slopes=True)
        log_alpha = h.by_age(lambda age: np.log(alpha + age))
        log_beta = h.by_age(lambda age: np.log(beta + age))
        x = h.repeats
        there = -(r + x) * log_alpha - s * log_beta
        both = np.logaddexp(there, np.log(s) + log_integral)
        value = h.by_repeats(lambda k: gammaln(r + k) - gammaln(r)) + r * np.log(alpha) + s * np.log(beta) + both
        alive = np.exp(there - both)
        gone = 1.0 - alive
        slopes = (
            h.by_repeats(lambda k: digamma(r + k) - digamma(r)) + np.log(alpha) - alive * log_alpha - gone * means[0],
            r / alpha - (r + x) * (alive * h.by_age(lambda age: 1 / (alpha + age)) + gone * means[1]),
            np.log(beta) - alive * log_beta + gone * (1 / s - means[2]),
            s / beta - alive * h.by_age(lambda age: s / (beta + age)) - gone * (s + 1) * means[3],
        )
        return float((value * h.count).sum()), np.array([float((slope * h.count).sum()) for slope in slopes])

    def alive(self, h: Histories) -> np.ndarray:
        """P(alive): the share of "left after T" in the likelihood."""
        r, alpha, s, beta = self.values
        log_integral, _ = _left(self.values, h.repeats, h.last, h.age)
        there = -(r + h.repeats) * np.log(alpha + h.age) - s * np.log(beta + h.age)
        result: np.ndarray = np.exp(there - np.logaddexp(there, np.log(s) + log_integral))
        return result

    def living(self, repeats: np.ndarray, age: np.ndarray, times: np.ndarray) -> np.ndarray:
        """(r + x)(beta + T)/((alpha + T)(s − 1)) · [1 − ((beta + T)/(beta + T + t))^(s−1)]; its limit at s = 1."""
        r, alpha, s, beta = self.values
        known = age[:, None]
        left = np.log(beta + known) - np.log(beta + known + times[None, :])
        shrunk = -np.expm1((s - 1) * left) / (s - 1) if abs(s - 1) > 1e-9 else -left
        result: np.ndarray = (r + repeats[:, None]) * (beta + known) / (alpha + known) * shrunk + 0.0
        return result

    def chance(self, repeats: np.ndarray, time: float) -> np.ndarray:
        """P(X(t) = x): there at t with x purchases, or left at u < t with x until then, integrated over u (note 012)."""
        r, alpha, s, beta = self.values
        x = np.asarray(repeats, np.int64)
        if time <= 0:
            return np.where(x == 0, 1.0, 0.0)
        low, high = np.log(min(alpha, beta)), np.log(min(alpha, beta) + time)
        # In pieces, since u^x rises from nothing at u = 0 while the rest falls.
        cuts = np.linspace(low, high, 9)
        z = (cuts[:-1, None] + np.diff(cuts)[:, None] * (_NODES + 0.5)).ravel()
        weight = (np.diff(cuts)[:, None] * _WEIGHTS).ravel()
        u = np.maximum(np.exp(z) - min(alpha, beta), np.finfo(np.float64).tiny)
        leaving = np.log(s) + s * np.log(beta) - (s + 1) * np.log(beta + u) + z
        within = (weight * np.exp(leaving) * np.exp(_negative_binomial(x[:, None], u, r, alpha))).sum(axis=1)
        there = np.exp(_negative_binomial(x, np.array(time), r, alpha) + s * (np.log(beta) - np.log(beta + time)))
        result: np.ndarray = there + within
        return result

    def endless(self, h: Histories, rate: float) -> np.ndarray | None:
        """DERT: δ^(s−1) · (r+x)/(alpha+T) · (beta+T)^s · Ψ(s, s; δ(beta+T)) · P(alive), Ψ being Tricomi's function.

        Fader, Hardie, Lee 2005, Journal of Marketing Research 42:415, equation 2.
        """
        r, alpha, s, beta = self.values
        scaled = h.by_age(lambda age: (rate * (beta + age)) ** (s - 1) * hyperu(s, s, rate * (beta + age)) * (beta + age))
        result: np.ndarray = (r + h.repeats) / (alpha + h.age) * scaled * self.alive(h)
        return result


def _negative_binomial(x: np.ndarray, u: np.ndarray, r: float, alpha: float) -> np.ndarray:
    """ln P(N(u) = x) of purchases at a gamma-spread rate."""
    spread = gammaln(r + x) - gammaln(r) - gammaln(x + 1)
    result: np.ndarray = spread + r * (np.log(alpha) - np.log(alpha + u)) + x * (np.log(u) - np.log(alpha + u))
    return result


def _left(
    values: Sequence[float], repeats: np.ndarray, last: np.ndarray, age: np.ndarray, slopes: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """ln A₀ (−inf where last = age), and with `slopes` the means under its integrand of ln(alpha+u), 1/(alpha+u),
    ln(beta+u), 1/(beta+u), float64[4, rows]; by blocks of rows, so that what passes stays near the processor."""
    r, alpha, s, beta = values
    found, means = np.empty(len(last)), np.empty((4 if slopes else 0, len(last)))
    small = min(alpha, beta)
    wide = np.log((small + age) / (small + last))
    fall = (r + repeats) * np.log((alpha + age) / (alpha + last)) + s * np.log((beta + age) / (beta + last))
    left = np.ones(len(last), bool)
    for size, most, width in _SIZES:
        here = np.flatnonzero(left & (fall <= most) & (wide <= width))
        left[here] = False
        for low in range(0, len(here), _BLOCK):
            rows = here[low : low + _BLOCK]
            found[rows], means[:, rows] = _left_block(values, repeats[rows], last[rows], age[rows], slopes, size)
    return found, means


def _left_block(
    values: Sequence[float], repeats: np.ndarray, last: np.ndarray, age: np.ndarray, slopes: bool, size: int
) -> tuple[np.ndarray, np.ndarray]:
    r, alpha, s, beta = values
    nodes, weights = _RULES[size]
    small, large = min(alpha, beta), max(alpha, beta)
    near, far = (r + repeats, s + 1) if alpha <= beta else (s + 1, r + repeats)
    low, high = np.log(small + last), np.log(small + age)
    wide = (_cut(values, r + repeats, last, low, high) if size == _SIZES[-1][0] else high) - low
    z = low + wide * (nodes[:, None] + 0.5)
    by_small = np.exp(z)
    by_large = by_small + (large - small)
    log_large = np.log(by_large)
    logs = (1 - near) * z - far * log_large
    top = logs.max(axis=0)
    weight = weights[:, None] * np.exp(logs - top)
    mass = weight.sum(axis=0)
    with np.errstate(divide="ignore"):
        found: np.ndarray = top + np.log(wide) + np.log(mass)
    if not slopes:
        return found, np.empty((0, len(last)))
    means = [(weight * of).sum(axis=0) / mass for of in (z, 1 / by_small, log_large, 1 / by_large)]
    return found, np.stack(means if alpha <= beta else [*means[2:], *means[:2]])


def _cut(
    values: Sequence[float], power: np.ndarray, last: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Where in z the integrand has fallen by `_FALL`, `high` where it falls less; Newton from the right on a convex fall."""
    _, alpha, s, beta = values
    small = min(alpha, beta)

    def fall(z: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        u = np.exp(z) - small
        fallen = power[rows] * np.log((alpha + u) / (alpha + last[rows])) + s * np.log((beta + u) / (beta + last[rows]))
        return fallen, power[rows] * (small + u) / (alpha + u) + s * (small + u) / (beta + u)

    every = np.arange(len(low))
    far = np.flatnonzero(fall(high, every)[0] > _FALL)
    if not len(far):
        return high
    z = high[far]
    for _ in range(12):
        fallen, slope = fall(z, far)
        z = np.maximum(z - (fallen - _FALL) / slope, low[far])
    cut = high.copy()
    cut[far] = z
    return cut
