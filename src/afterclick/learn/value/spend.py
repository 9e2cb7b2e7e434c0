"""Gamma-Gamma: what a purchase of a buyer is worth, when only the mean of a few of them was seen.

Fader, Hardie 2013, "The gamma-gamma model of monetary value" (note 025); Colombo, Jiang 1999. Purchases of a buyer spread
like a gamma around a mean that itself spreads over buyers; how much and how often are taken to be independent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Final

import numpy as np
from scipy.special import digamma, gammaln, zeta

from afterclick.learn.value import fitting
from afterclick.learn.value.fitting import Fit, dot
from afterclick.learn.value.lifetime import ENOUGH

NAMES: Final = ("p", "q", "gamma")
ALIKE: Final = ("boundary", "flat", "no_convergence")
"""Reasons for which the mean of all purchases serves instead: what sets buyers apart cannot be measured."""
_STARTS: Final = (np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.5, 0.5]), np.array([2.0, 0.5, 0.0]))


@dataclass(frozen=True)
class Spent:
    """Repeat purchases per buyer: how many (int64, > 0) and their mean value (float64, > 0)."""

    repeats: np.ndarray
    mean: np.ndarray = field(repr=False)

    @cached_property
    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct numbers of repeats, and per buyer which one."""
        kept, of = np.unique(self.repeats, return_inverse=True)
        return kept.astype(np.float64), of.reshape(-1)

    @cached_property
    def sums(self) -> tuple[np.ndarray, np.ndarray, float, float]:
        """What no parameter changes: repeats (float64), repeats × mean, Σ repeats × ln mean, Σ ln mean."""
        repeats, logs = self.repeats.astype(np.float64), np.log(self.mean)
        return repeats, repeats * self.mean, float((repeats * logs).sum()), float(logs.sum())

    @cached_property
    def digest(self) -> str:
        """SHA-256 over both columns as they stand: equal ones have equal fits."""
        seen = hashlib.sha256(self.repeats.astype("<i8").tobytes())
        seen.update(self.mean.astype("<f8").tobytes())
        return seen.hexdigest()

    def correlation(self) -> float | None:
        """Pearson's correlation of number and mean: the model takes it to be none. None where either does not vary."""
        if len(self.mean) < 3 or not self.mean.std() or not self.repeats.std():
            return None
        return float(np.corrcoef(self.repeats, self.mean)[0, 1])


class GammaGamma:
    """The model with its parameters p, q, gamma (gamma is money)."""

    word: ClassVar[str] = "gamma_gamma"

    def __init__(self, values: Sequence[float]) -> None:
        self.p, self.q, self.gamma = (float(value) for value in values)

    @property
    def mean(self) -> float | None:
        """What a purchase of anybody is worth, p·gamma/(q − 1); None where q ≤ 1 says that this is infinite."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else None

    def expected(self, repeats: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """E[M | x, z̄]: z̄ with weight px/(px + q − 1), the mean of everybody with the rest (note 025, equation 5)."""
        weight = self.p * repeats / (self.p * repeats + self.q - 1)
        result: np.ndarray = weight * np.where(repeats > 0, mean, 0.0) + (1 - weight) * (self.mean or 0.0)
        return result

    @classmethod
    def score(cls, values: Sequence[float], spent: Spent) -> tuple[float, np.ndarray]:
        """Log-likelihood and gradient by p, q, gamma."""
        p, q, gamma = values
        (kept, of), (x, paid, weighted, logs) = spent.distinct, spent.sums
        n, counted = len(x), np.bincount(of, minlength=len(kept)).astype(np.float64)
        whole = gamma + paid
        log_all, inverse = np.log(whole), 1 / whole
        by_buyer, by_repeats = float(log_all.sum()), dot(x, log_all)
        told = gammaln(p * kept + q) - gammaln(p * kept) + p * kept * np.log(kept)
        value = dot(told, counted) + n * (q * np.log(gamma) - gammaln(q)) + p * weighted - logs
        value -= p * by_repeats + q * by_buyer
        psi = digamma(p * kept + q)
        slopes = [
            dot(kept * (psi - digamma(p * kept) + np.log(kept)), counted) + weighted - by_repeats,
            dot(psi, counted) + n * (np.log(gamma) - digamma(q)) - by_buyer,
            n * q / gamma - p * dot(x, inverse) - q * float(inverse.sum()),
        ]
        return float(value), np.array(slopes)

    @classmethod
    def curved(cls, values: Sequence[float], spent: Spent) -> tuple[float, np.ndarray, np.ndarray]:
        """The same, and the matrix of second derivatives; zeta(2, x) is the derivative of digamma."""
        p, q, gamma = values
        (kept, of), (x, paid, _, _) = spent.distinct, spent.sums
        n, counted = len(x), np.bincount(of, minlength=len(kept)).astype(np.float64)
        inverse = 1 / (gamma + paid)
        ends = counted * zeta(2.0, p * kept + q)
        pp = dot(kept * kept, ends - counted * zeta(2.0, p * kept))
        pq, pg = dot(kept, ends), -dot(x, inverse)
        qq, qg = float(ends.sum()) - n * float(zeta(2.0, q)), n / gamma - float(inverse.sum())
        gg = dot(p * x + q, inverse * inverse) - n * q / gamma**2
        return *cls.score(values, spent), np.array([[pp, pq, pg], [pq, qq, qg], [pg, qg, gg]])

    @classmethod
    def fit(cls, spent: Spent, enough: int = ENOUGH) -> Fit:
        """The most likely parameters, or the reason why there are none; money is divided by its median on the way."""
        if len(spent.mean) < enough:
            return fitting.none(cls.word, NAMES, len(spent.mean), "few_repeaters")
        unit = float(np.median(spent.mean))
        scaled = Spent(spent.repeats, spent.mean / unit)

        def score(logs: np.ndarray) -> tuple[float, np.ndarray]:
            values = np.exp(logs)
            value, gradient = cls.score(values.tolist(), scaled)
            return value, gradient * values

        def curve(logs: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            values = np.exp(logs)
            return fitting.by_logs(values, *cls.curved(values.tolist(), scaled))

        found = fitting.fitted(cls.word, NAMES, score, _STARTS, np.array([1.0, 1.0, unit]), len(spent.mean), curve)
        if not found.reason and found.values[1] <= 1:
            return fitting.none(cls.word, NAMES, len(spent.mean), "boundary")
        if found.reason:
            return found
        value, _ = cls.score(found.values, spent)
        return Fit(
            found.model, found.names, found.values, found.errors, found.covariance, value, found.rows,
        )  # fmt: skip


class PlainMean:
    """What a purchase is worth where buyers cannot be told apart by it: the mean of all repeat purchases, for everybody."""

    word: ClassVar[str] = "mean"

    def __init__(self, values: Sequence[float]) -> None:
        (self.mean,) = (float(value) for value in values)

    def expected(self, repeats: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """The same for everybody."""
        del mean
        return np.full(len(repeats), self.mean)

    @classmethod
    def fit(cls, spent: Spent) -> Fit:
        """The mean over buyers of their purchases together, with the standard error of a ratio (Cochran 1977, 2.46)."""
        n, whole = len(spent.mean), float(spent.repeats.sum())
        mean = float((spent.repeats * spent.mean).sum()) / whole
        left = spent.repeats * (spent.mean - mean)
        error = float(np.sqrt((left**2).sum() * n / (n - 1))) / whole
        spread = max(error / mean, 1e-12) ** 2
        return Fit(cls.word, ("mean",), (mean,), (error,), ((spread,),), 0.0, n)


Spend = GammaGamma | PlainMean


def spend_of(fit: Fit, values: Sequence[float] | None = None) -> Spend:
    """The model of a fit, or of other values of its parameters."""
    kind = PlainMean if fit.model == PlainMean.word else GammaGamma
    return kind(fit.values if values is None else values)
