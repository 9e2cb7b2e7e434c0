"""BG/BB: a purchase or none in each period, and a beta-spread chance to drop out before the next one.

Fader, Hardie, Shang 2010, Marketing Science 29:1086, equations 3 to 14. Histories count periods: repeats of them with a
purchase, `last` the latest of those, `age` how many there were (whole numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.special import betaln, digamma, gammaln, hyp2f1

from afterclick.learn.value.histories import Histories
from afterclick.learn.value.lifetime import Lifetime


class BgBb(Lifetime):
    """BG/BB with alpha, beta (purchase in a period) and gamma, delta (dropping out)."""

    word: ClassVar[str] = "bgbb"
    names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")
    timed: ClassVar[tuple[bool, ...]] = (False, False, False, False)

    @classmethod
    def score(cls, values: Sequence[float], h: Histories) -> tuple[float, np.ndarray]:
        """Log-likelihood and gradient by alpha, beta, gamma, delta."""
        alpha, beta, gamma, delta = values
        ways = _ways(h)
        logs = _logs(values, h, ways)
        top = logs.max(axis=1, keepdims=True)
        weight = np.exp(logs - top)
        mass = weight.sum(axis=1, keepdims=True)
        share = weight / mass
        value = (top + np.log(mass))[:, 0] - betaln(alpha, beta) - betaln(gamma, delta)

        def mean(of: Callable[[np.ndarray], np.ndarray], counts: np.ndarray) -> np.ndarray:
            """The mean over the ways of a function of a whole number, computed once per number."""
            result: np.ndarray = (share * of(np.arange(counts.max(initial=0) + 1))[counts]).sum(axis=1)
            return result

        dropped = ways.known + ways.gone
        purchases = mean(lambda k: digamma(alpha + beta + k), ways.known)
        dropping = mean(lambda k: digamma(gamma + delta + k), dropped)
        slopes = (
            h.by_repeats(lambda x: digamma(alpha + x)) - purchases - digamma(alpha) + digamma(alpha + beta),
            mean(lambda k: digamma(beta + k), ways.failed) - purchases - digamma(beta) + digamma(alpha + beta),
            mean(lambda k: digamma(gamma + k), ways.gone) - dropping - digamma(gamma) + digamma(gamma + delta),
            mean(lambda k: digamma(delta + k), ways.known) - dropping - digamma(delta) + digamma(gamma + delta),
        )
        return float((value * h.count).sum()), np.array([float((slope * h.count).sum()) for slope in slopes])

    def alive(self, h: Histories) -> np.ndarray:
        """P(alive in the period to come) (equation 11)."""
        alpha, beta, gamma, delta = self.values
        logs = _logs(self.values, h, _ways(h))
        top = logs.max(axis=1)
        log_all = top + np.log(np.exp(logs - top[:, None]).sum(axis=1))
        stays = betaln(alpha + h.repeats, beta + h.age - h.repeats) + betaln(gamma, delta + h.age + 1)
        result: np.ndarray = np.exp(stays - log_all)
        return result

    def living(self, repeats: np.ndarray, age: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Equation 14 over P(alive in the period to come), in gamma functions, so that a horizon need not be whole."""
        alpha, beta, gamma, delta = self.values
        n, t = age[:, None], times[None, :]
        past, more = delta + n, gamma - 1
        if abs(more) > 1e-4:
            fall = gammaln(1 + past + t) - gammaln(1 + past) + gammaln(gamma + past) - gammaln(gamma + past + t)
            shrunk = -np.expm1(fall) / more
        else:
            # Near the pole the slope in the middle says the same without a difference of large numbers.
            middle = 1 + more / 2 + past
            rise = digamma(middle + t) - digamma(middle)
            shrunk = -np.expm1(-more * rise) / more if more else rise
        buys = (alpha + repeats) / (alpha + beta + age)
        result: np.ndarray = buys[:, None] * (gamma + delta + n) * shrunk
        return result

    def chance(self, repeats: np.ndarray, time: float) -> np.ndarray:
        """P(X(n) = x) (equation 7); n whole periods."""
        alpha, beta, gamma, delta = self.values
        n = int(time)
        x = np.asarray(repeats, np.int64)[:, None]
        lived = np.arange(n + 1)[None, :]
        gone = lived < n
        logs = gammaln(lived + 1) - gammaln(x + 1) - gammaln(np.maximum(lived - x, 0) + 1)
        logs = logs + betaln(alpha + x, beta + np.maximum(lived - x, 0)) - betaln(alpha, beta) - betaln(gamma, delta)
        logs = logs + np.where(gone, betaln(gamma + 1, delta + lived), betaln(gamma, delta + lived))
        result: np.ndarray = np.where(lived >= x, np.exp(logs), 0.0).sum(axis=1)
        return result

    def endless(self, h: Histories, rate: float) -> np.ndarray | None:
        """DERT (equation 15) at e^rate − 1 a period."""
        alpha, beta, gamma, delta = self.values
        discount = np.exp(-rate)
        series = h.by_age(lambda n: hyp2f1(1, delta + n + 1, gamma + delta + n + 1, discount) * discount)
        result: np.ndarray = self.alive(h) * (alpha + h.repeats) / (alpha + beta + h.age) * series
        return result


class _Ways(NamedTuple):
    """How the silence after the last purchase may have come about; int64[rows, ways].

    Way 0 is to be there still, way 1 + i to have dropped out i periods after the last purchase. known: periods lived through,
    failed: those among them without purchase, gone: 1 where the buyer has dropped out, none: there is no such way.
    """

    known: np.ndarray
    failed: np.ndarray
    gone: np.ndarray
    none: np.ndarray


def _ways(h: Histories) -> _Ways:
    age, last = h.age.astype(np.int64), h.last.astype(np.int64)
    silent = np.arange(int((age - last).max(initial=0)))[None, :]
    known = np.concatenate([age[:, None], last[:, None] + silent], axis=1)
    none = known >= age[:, None]
    none[:, 0] = False
    known = np.minimum(known, age[:, None])
    gone = np.ones(known.shape, np.int64)
    gone[:, 0] = 0
    return _Ways(known, known - h.repeats[:, None], gone, none)


def _logs(values: Sequence[float], h: Histories, ways: _Ways) -> np.ndarray:
    """ln of B(alpha + x, beta + failed) · B(gamma + gone, delta + known) of each way."""
    alpha, beta, gamma, delta = values
    most = np.arange(int(h.age.max(initial=0)) + 2)
    succeeded = h.by_repeats(lambda x: gammaln(alpha + x))[:, None] + gammaln(beta + most)[ways.failed]
    left = gammaln(gamma + most[:2])[ways.gone] + gammaln(delta + most)[ways.known]
    sums = gammaln(alpha + beta + most)[ways.known] + gammaln(gamma + delta + most)[ways.known + ways.gone]
    return np.where(ways.none, -np.inf, succeeded + left - sums)
