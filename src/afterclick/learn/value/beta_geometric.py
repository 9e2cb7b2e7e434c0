"""BG/NBD and MBG/NBD: buyers come at gamma-spread rates and drop out after a purchase with a beta-spread chance.

BG/NBD: Fader, Hardie, Lee 2005, Marketing Science 24:275, equations 6 to 10. MBG/NBD, in which a buyer may drop out
after the first purchase too: Batislam, Denizel, Filiztekin 2007, Int. J. of Research in Marketing 24:201, and Hoppe,
Wagner 2007, Marketing JRM 29:75. Both are one formula in n = x and n = x + 1: how often a buyer has had the choice to
stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

import numpy as np
from scipy.special import betainc, betaincinv, betaln, digamma, expit, gammaln, logit, zeta

from afterclick.learn.value.fitting import Curve, by_logs, dot
from afterclick.learn.value.histories import Histories
from afterclick.learn.value.lifetime import Lifetime

_TERMS: Final = 20_000
_TINY: Final = 1e-17
_ALTERNATING: Final = -10.0
"""Below this the terms of the series grow with changing signs before they fall."""
_NODES, _WEIGHTS = (column / 2 for column in np.polynomial.legendre.leggauss(12))
_PANELS: Final = 24


class _Terms(NamedTuple):
    """What the likelihood and its derivatives have in common, with z the log of the odds of having dropped out.

    n and chosen (b + n − 1) run over the distinct numbers of repeats, far over the distinct ages; ratio (of the logs of
    alpha + T and alpha + t_x), power (r + x), fall (d ratio / d alpha), log_odds and gone (customers × P(dropped out))
    over the rows.
    """

    n: np.ndarray
    chosen: np.ndarray
    far: np.ndarray
    near: np.ndarray
    log_far: np.ndarray
    ratio: np.ndarray
    power: np.ndarray
    fall: np.ndarray
    log_odds: np.ndarray
    odds: np.ndarray
    gone: np.ndarray

    @classmethod
    def of(cls, values: Sequence[float], h: Histories, first: int) -> _Terms:
        """At these parameters; `first` as in the model."""
        r, alpha, a, b = values
        (x, _), (age, _, _) = h.per_repeats, h.per_age
        of_x, of_last, of_age = h.places
        n = x + first
        far, near = alpha + age, alpha + h.lasts
        chosen, log_far = np.maximum(b + n - 1, _TINY), np.log(far)
        ratio = log_far.take(of_age) - np.log(near).take(of_last)
        fall = (1 / far).take(of_age) - (1 / near).take(of_last)
        power = r + h.repeats
        log_odds = np.where(n > 0, np.log(a) - np.log(chosen), -np.inf).take(of_x) + power * ratio
        odds = np.exp(-np.abs(log_odds))
        gone = h.weights * np.where(log_odds > 0, 1.0, odds) / (1.0 + odds)
        return cls(n, chosen, far, near, log_far, ratio, power, fall, log_odds, odds, gone)


def _scored(values: Sequence[float], h: Histories, t: _Terms) -> tuple[float, np.ndarray]:
    """Log-likelihood and gradient by r, alpha, a, b."""
    r, alpha, a, b = values
    (x, with_x), (_, with_age, repeats) = h.per_repeats, h.per_age
    # What depends on one column alone is summed over its distinct values, the rest over the rows.
    fixed = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + t.n) - betaln(a, b)
    either = np.maximum(t.log_odds, 0.0) + np.log1p(t.odds)
    aged = r * with_age + repeats
    value = dot(fixed, with_x) - dot(aged, t.log_far) + dot(h.weights, either)
    whole, psi_ends, psi_whole = with_x.sum(), digamma(a + b + t.n), digamma(a + b)
    slopes = [
        dot(with_x, digamma(r + x)) + whole * (np.log(alpha) - digamma(r)) - dot(with_age, t.log_far) + dot(t.gone, t.ratio),
        whole * r / alpha - dot(aged, 1 / t.far) + dot(t.gone * t.power, t.fall),
        whole * psi_whole - dot(with_x, psi_ends) + t.gone.sum() / a,
        whole * (psi_whole - digamma(b)) + dot(with_x, digamma(b + t.n) - psi_ends)
        - dot(t.gone, (1 / t.chosen).take(h.places[0])),
    ]  # fmt: skip
    return float(value), np.array(slopes)


def _curvature(values: Sequence[float], h: Histories, t: _Terms) -> np.ndarray:
    """Second derivatives: Σ gone · (1 − P) · ∇z ∇zᵀ + gone · ∇²z, and those of what does not depend on z."""
    r, alpha, a, b = values
    (x, with_x), (_, with_age, repeats) = h.per_repeats, h.per_age
    of_x, of_last, of_age = h.places
    left = (1 / t.chosen).take(of_x)
    slopes = np.stack([t.ratio, t.power * t.fall, np.full(len(left), 1 / a), -left])
    both = t.gone * np.where(t.log_odds > 0, t.odds, 1.0) / (1.0 + t.odds)
    found: np.ndarray = np.einsum("in,jn->ij", slopes * both, slopes)
    bend = (1 / t.near**2).take(of_last) - (1 / t.far**2).take(of_age)
    whole = with_x.sum()
    # zeta(2, x) is the derivative of digamma.
    ends = whole * zeta(2.0, a + b) - dot(with_x, zeta(2.0, a + b + t.n))
    found[0, 0] += dot(with_x, zeta(2.0, r + x)) - whole * zeta(2.0, r)
    mixed = whole / alpha - dot(with_age, 1 / t.far) + dot(t.gone, t.fall)
    found[0, 1] += mixed
    found[1, 0] += mixed
    found[1, 1] += dot(r * with_age + repeats, 1 / t.far**2) - whole * r / alpha**2 + dot(t.gone * t.power, bend)
    found[2, 2] -= t.gone.sum() / a**2
    found[3, 3] += dot(with_x, zeta(2.0, b + t.n)) - whole * zeta(2.0, b) + dot(t.gone, left * left)
    found[2:, 2:] += ends
    result: np.ndarray = (found + found.T) / 2
    return result


class _BetaGeometric(Lifetime):
    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    timed: ClassVar[tuple[bool, ...]] = (False, True, False, False)
    first: ClassVar[int]
    """1 where the first purchase already brings the choice to drop out, else 0."""

    @classmethod
    def score(cls, values: Sequence[float], h: Histories) -> tuple[float, np.ndarray]:
        """Log-likelihood and gradient by r, alpha, a, b."""
        return _scored(values, h, _Terms.of(values, h, cls.first))

    @classmethod
    def curved(cls, values: Sequence[float], h: Histories) -> tuple[float, np.ndarray, np.ndarray]:
        """The same, and the matrix of second derivatives."""
        terms = _Terms.of(values, h, cls.first)
        return *_scored(values, h, terms), _curvature(values, h, terms)

    @classmethod
    def curve(cls, h: Histories) -> Curve:
        """`curved` by the logs of the parameters."""

        def curve(logs: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            values = np.exp(logs)
            return by_logs(values, *cls.curved(values.tolist(), h))

        return curve

    @classmethod
    def _log_odds(cls, values: Sequence[float], h: Histories) -> np.ndarray:
        """Log of the odds of having dropped out; −inf for who never had the choice."""
        r, alpha, a, b = values
        ratio = h.by_age(lambda age: np.log(alpha + age)) - h.by_last(lambda last: np.log(alpha + last))

        def of_repeats(x: np.ndarray) -> np.ndarray:
            n = x + cls.first
            result: np.ndarray = np.where(n > 0, np.log(a) - np.log(np.where(n > 0, b + n - 1, 1.0)), -np.inf)
            return result

        result: np.ndarray = h.by_repeats(of_repeats) + (r + h.repeats) * ratio
        return result

    def alive(self, h: Histories) -> np.ndarray:
        """P(alive) = 1 / (1 + a/(b + n − 1) · ((alpha + T)/(alpha + t_x))^(r + x)); 1 where n = 0 (BG/NBD, one purchase)."""
        result: np.ndarray = expit(-self._log_odds(self.values, h))
        return result

    def living(self, repeats: np.ndarray, age: np.ndarray, times: np.ndarray) -> np.ndarray:
        """E[Y(t)] / P(alive), with z = t / (alpha + T + t) and c = a + b + n − 1.

        The published c/(a−1) · [1 − (1−z)^(r+x) · ₂F₁(r+x, b+n; c; z)] after Euler's transformation and with the first
        term of the series taken out: c · (1 − (1−z)^(a−1))/(a−1) − (1−z)^(a−1) · S, which knows no pole at a = 1 or c = 0.
        """
        r, alpha, a, b = self.values
        x, known = repeats[:, None].astype(np.float64), age[:, None]
        n = x + self.first
        c = a + b + n - 1
        left = np.log(alpha + known) - np.log(alpha + known + times[None, :])
        z = times[None, :] / (alpha + known + times[None, :])
        shrunk = -np.expm1((a - 1) * left) / (a - 1) if abs(a - 1) > 1e-9 else -left
        p = a + b + self.first - 1 - r
        if p < _ALTERNATING:
            return _averaged(r + x, times[None, :] / (alpha + known), a, b + n)
        series = _series(p, a, np.broadcast_to(c, z.shape), z)
        result: np.ndarray = np.maximum(c * shrunk - np.exp((a - 1) * left) * series, 0.0)
        return result

    def chance(self, repeats: np.ndarray, time: float) -> np.ndarray:
        """P(X(t) = x): still there with x purchases, or dropped out at the x-th one before t (paper, equation 8)."""
        r, alpha, a, b = self.values
        x = np.asarray(repeats, np.int64)
        n = x + self.first
        log_left, log_gone = np.log(alpha) - np.log(alpha + time), np.log(max(time, _TINY)) - np.log(alpha + time)
        usual = np.exp(
            betaln(a, b + n) - betaln(a, b) + gammaln(r + x) - gammaln(r) - gammaln(x + 1) + r * log_left + x * log_gone
        )
        reached = np.where(x > 0, betainc(np.maximum(x, 1), r, time / (alpha + time)), 1.0)
        dropped = np.where(n > 0, np.exp(betaln(a + 1, np.where(n > 0, b + n - 1, 1.0)) - betaln(a, b)) * reached, 0.0)
        result: np.ndarray = np.where((time <= 0) & (x > 0), 0.0, usual + dropped)
        return result


class BgNbd(_BetaGeometric):
    """BG/NBD: nobody drops out before a repeat purchase, so it calls every one-time buyer alive for ever."""

    word: ClassVar[str] = "bg"
    first: ClassVar[int] = 0


class MbgNbd(_BetaGeometric):
    """MBG/NBD: a buyer may drop out after any purchase, the first one too."""

    word: ClassVar[str] = "mbg"
    first: ClassVar[int] = 1


def _series(p: float, a: float, c: np.ndarray, z: np.ndarray) -> np.ndarray:
    """S = Σ over k ≥ 1 of (p)_k (a)_(k−1) / ((c+1)_(k−1) k!) z^k, so that ₂F₁(p, a−1; c; z) = 1 + (a−1)/c · S."""
    shape = z.shape
    c, z = c.ravel(), z.ravel()
    total = np.zeros(len(z))
    place = np.arange(len(z))
    term = p * z
    done = term.copy()
    for k in range(1, _TERMS):
        term = term * ((p + k) * (a + k - 1) / ((c + k) * (k + 1)) * z)
        done += term
        if k % 8:
            continue
        # Terms shrink by less than z each once k has passed the parameters; what is left of them is then a tail.
        open_ = np.abs(term) > _TINY * np.abs(done) * (1 - z)
        if not open_.all():
            total[place[~open_]] = done[~open_]
            c, z, term, done, place = c[open_], z[open_], term[open_], done[open_], place[open_]
            if not len(place):
                break
    total[place] = done
    return total.reshape(shape)


def _averaged(k: np.ndarray, tau: np.ndarray, a: float, n: np.ndarray) -> np.ndarray:
    """The same expectation as the mean over the chance p ~ beta(a, n) to drop out, of (1 − (1 + p·tau)^−k) / p.

    By Gauss and Legendre in the logit of p, where beta densities are smooth; beyond the ends the function is constant.
    """
    shape = np.broadcast_shapes(k.shape, tau.shape)
    k, tau, n = (np.broadcast_to(column, shape).reshape(-1, 1) for column in (k, tau, n))
    low = np.maximum(betaincinv(a, n, 1e-13), 1e-7 / (1 + k * tau))
    high = np.minimum(betaincinv(a, n, 1 - 1e-13), 1 - 1e-9)
    high = np.maximum(high, low * (1 + 1e-9))
    edges = logit(low) + (logit(high) - logit(low)) * np.linspace(0, 1, _PANELS + 1)
    wide = np.diff(edges, axis=1)[:, :, None]
    s = (edges[:, :-1, None] + wide * (_NODES + 0.5)).reshape(len(edges), -1)
    p = expit(s)
    density = np.exp(a * np.log(p) + n * np.log1p(-p) - betaln(a, n))
    inside = ((wide * _WEIGHTS).reshape(len(edges), -1) * density * _bought(p, k, tau)).sum(axis=1, keepdims=True)
    result: np.ndarray = inside + k * tau * betainc(a, n, low) + _bought(high, k, tau) * (1 - betainc(a, n, high))
    return result.reshape(shape)


def _bought(p: np.ndarray, k: np.ndarray, tau: np.ndarray) -> np.ndarray:
    result: np.ndarray = -np.expm1(-k * np.log1p(p * tau)) / p
    return result
