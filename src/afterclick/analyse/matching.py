"""Visits that met something beside like visits that did not: how often each went on, with the error of the difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from afterclick.core.moments import Z95

LEAST: Final = 10
"""Controls a stratum must hold; met visits of a smaller one look for theirs in the next coarser stratum."""


class Trial(NamedTuple):
    """One row per visit: `met` bool, `won` bool (an order followed), `worth` float64 (that order's amount, minor units),
    `strata` = the stratum of each visit from the finest division to the coarsest, int64 codes from 0; `basket` float64 =
    what lay in the basket, None where baskets are empty; `visitor` int32 = whose visit it is, None = each another's.
    """

    met: np.ndarray
    won: np.ndarray
    worth: np.ndarray
    strata: Sequence[np.ndarray]
    basket: np.ndarray | None = None
    visitor: np.ndarray | None = None


class Contrast(NamedTuple):
    """Visits that met it against their controls, both as rates of going on to an order.

    `met` and `controls` are counts, `met_rate` p1, `expected_rate` p0 (controls weighted to the strata of the met) with
    their variances; `met_value` and `expected_value` the mean order of either side's buyers (minor units, None without
    one); `shortfall` = p0 · expected value - p1 · met value per visit that met it, with its variance.
    """

    met: int
    controls: int
    met_rate: float
    expected_rate: float
    met_variance: float
    expected_variance: float
    met_value: float | None
    expected_value: float | None
    shortfall: float
    shortfall_variance: float

    @property
    def difference(self) -> float:
        """p0 - p1."""
        return self.expected_rate - self.met_rate

    @property
    def deviation(self) -> float:
        """Standard error of the difference."""
        return math.sqrt(self.met_variance + self.expected_variance)

    @property
    def p_value(self) -> float:
        """Two-sided, normal."""
        return math.erfc(abs(self.difference) / self.deviation / math.sqrt(2)) if self.deviation > 0 else 1.0

    @property
    def least_ratio(self) -> float:
        """The lower end of the 95 % interval of p0 / p1 on the log scale (Katz et al. 1978), p1 with half an order added."""
        p1 = (self.met_rate * self.met + 0.5) / (self.met + 1)
        if self.expected_rate <= 0:
            return 0.0
        spread = math.sqrt(
            self.expected_variance / self.expected_rate**2 + max(self.met_variance, p1 * (1 - p1) / self.met) / p1**2
        )
        return self.expected_rate / p1 * math.exp(-Z95 * spread)


def weights(met: np.ndarray, strata: Sequence[np.ndarray]) -> tuple[np.ndarray, int]:
    """What each visit counts as a control (0 for met ones), summing to the matched share of the met; and how many met
    visits found no stratum with `LEAST` controls.

    Each met visit spreads one vote over the controls of the finest stratum that holds enough of them.
    """
    share = np.zeros(len(met))
    control = ~met
    waiting = met.copy()
    total = int(met.sum())
    for stratum in strata:
        if not waiting.any():
            break
        size = int(stratum.max()) + 1
        there = np.bincount(stratum[control], minlength=size)
        enough = there >= LEAST
        taken = waiting & enough[stratum]
        votes = np.bincount(stratum[taken], minlength=size)
        each = np.divide(votes, there, out=np.zeros(size), where=enough)
        share[control] += each[stratum[control]] / total
        waiting &= ~taken
    return share, int(waiting.sum())


def contrast(trial: Trial) -> Contrast | None:
    """The contrast of a trial; None where a side is empty or no met visit has controls."""
    met, total = trial.met, int(trial.met.sum())
    if not total or total == len(met):
        return None
    share, _ = weights(met, trial.strata)
    matched = share.sum()
    if matched <= 0:
        return None
    share /= matched
    won = trial.won.astype(np.float64)
    bought = int(trial.won[met].sum())
    p1, p0 = bought / total, float((share * won).sum())
    # A cell without an order has not no variance: one order more and one visit more on each side (Agresti, Coull 1998).
    smooth = (bought + 1) / (total + 2)
    used = share > 0
    local = _local_rates(trial, used, p0)
    mine = float(trial.worth[met].sum()) / total
    theirs = float((share * trial.worth).sum()) * _size(trial, share)
    return Contrast(
        met=total, controls=int(used.sum()), met_rate=p1, expected_rate=p0,
        met_variance=smooth * (1 - smooth) / total,
        expected_variance=float((share[used] ** 2 * local * (1 - local)).sum()),
        met_value=mine / p1 if p1 else None, expected_value=theirs / p0 if p0 else None,
        shortfall=theirs - mine, shortfall_variance=_worth_variance(trial, share, theirs),
    )  # fmt: skip


def _local_rates(trial: Trial, used: np.ndarray, overall: float) -> np.ndarray:
    """Per used control the rate of its stratum, drawn a little towards the whole: strata of ten are noisy."""
    stratum = trial.strata[len(trial.strata) // 2]
    size = int(stratum.max()) + 1
    there = np.bincount(stratum[used], minlength=size)
    orders = np.bincount(stratum[used], weights=trial.won[used], minlength=size)
    rates: np.ndarray = ((orders + overall) / (there + 1))[stratum[used]]
    return rates


def _size(trial: Trial, share: np.ndarray) -> float:
    """How much larger the baskets of the met were than their controls': what bands leave over (ratio estimator; Cochran
    1977, chapter 6). Orders are about as large as the baskets they come from.
    """
    if trial.basket is None:
        return 1.0
    expected = float((share * trial.basket).sum())
    return float(trial.basket[trial.met].mean()) / expected if expected > 0 else 1.0


def _worth_variance(trial: Trial, share: np.ndarray, theirs: float) -> float:
    """Variance of the shortfall of these very visits: what is unknown is what they would have bought, not what they did.

    So their side counts with the spread of the controls, and the error is that of the controls' mean besides (the effect
    on the treated of a sample: Imbens & Rubin 2015, chapter 6).
    """
    spread = (trial.worth - theirs) ** 2
    plain = float((share * spread).sum()) / int(trial.met.sum()) + float((share**2 * spread).sum())
    return plain * _alike(trial, share * (trial.worth - theirs))


def _alike(trial: Trial, error: np.ndarray) -> float:
    """How much more visits of one visitor vary together than as many strangers would (design effect; Kish 1965), >= 1."""
    if trial.visitor is None:
        return 1.0
    used = error != 0
    alone = float((error[used] ** 2).sum())
    together = np.bincount(np.unique(trial.visitor[used], return_inverse=True)[1], weights=error[used])
    return max(1.0, float((together**2).sum()) / alone) if alone > 0 else 1.0


def crossed(*codes: np.ndarray) -> np.ndarray:
    """One stratum per combination of codes (each from 0 on), int64 from 0."""
    key = np.zeros(len(codes[0]), np.int64)
    size = 1
    for code in codes:
        width = int(code.max(initial=0)) + 1
        if size * width > 1 << 20:
            found, key = np.unique(key, return_inverse=True)
            size = len(found)
        key = key * width + code
        size *= width
    if size > 1 << 20:
        key = np.unique(key, return_inverse=True)[1]
    return key
