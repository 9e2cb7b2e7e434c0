"""Shares of cohorts: who came back of whom, cell by cell and over all cohorts whose period is over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from afterclick.analyse.retention.cohorts import Cohorts
from afterclick.core.moments import Interval, Moments, Share, shares
from afterclick.core.money import to_decimal


class Rate(NamedTuple):
    """`returned` of `base` visitors, or amounts of minor units; `value` is their ratio, None where `reason` says why."""

    returned: int
    base: int
    value: float | None
    interval: Interval | None
    reason: str = ""
    amount: int | None = None
    base_amount: int | None = None

    def row(self) -> dict[str, Any]:
        """The columns of a table that a rate fills."""
        low, high = self.interval or (None, None)
        reason = self.reason if self.value is None else ""
        if self.amount is None or self.base_amount is None:
            known = None if reason == "mixed_currencies" else self.value
            return _row(self.returned, self.base, known, low, high, reason)
        return _row(self.returned, self.base, None, None, None, reason) | {
            "revenue": to_decimal(self.amount), "base_revenue": to_decimal(self.base_amount),
            "revenue_ratio": self.value, "low_ratio": low, "high_ratio": high,
        }  # fmt: skip


def _row(
    returned: int, base: int, rate: float | None, low: float | None, high: float | None, reason: str
) -> dict[str, Any]:
    return {
        "base": base, "returned": returned, "retained_rate": rate, "low_rate": low, "high_rate": high,
        "base_revenue": None, "revenue": None, "revenue_ratio": None, "low_ratio": None, "high_ratio": None,
        "reason": reason,
    }  # fmt: skip


class Tally(Protocol):
    """What both measures can say of a period over some cohorts together."""

    def rate(self, period: int, cohorts: np.ndarray) -> Rate:
        """Over cohorts (numbers) together."""

    def cells(self, periods: np.ndarray, cohorts: np.ndarray) -> list[dict[str, Any]]:
        """What `Rate.row` says, of each pair of a period and a cohort (numbers) by itself."""


@dataclass(frozen=True)
class Visits:
    """Visitors who came back: `hits` and `bases` int64[periods, cohorts]."""

    hits: np.ndarray
    bases: np.ndarray

    def rate(self, period: int, cohorts: np.ndarray) -> Rate:
        """Σ returned ÷ Σ base with Wilson's interval."""
        share = Share(int(self.hits[period, cohorts].sum()), int(self.bases[period, cohorts].sum()))
        return Rate(share.hits, share.n, share.rate, share.interval, share.reason or "")

    def cells(self, periods: np.ndarray, cohorts: np.ndarray) -> list[dict[str, Any]]:
        """See `Tally`; there may be thousands, so all are computed at once."""
        hits, bases = self.hits[periods, cohorts], self.bases[periods, cohorts]
        figures = [values.tolist() for values in (hits, bases, *shares(hits, np.maximum(bases, 1)))]
        return [
            _row(
                returned,
                base,
                rate if base else None,
                low if base else None,
                high if base else None,
                "" if base else "empty",
            )
            for returned, base, rate, low, high in zip(*figures, strict=True)
        ]


def visits(found: Cohorts, base: str) -> Visits:
    """Count those who came back: of the cohort, or (`base` previous) those of the previous period who came again."""
    size, columns = len(found.grid.cohorts), found.grid.columns
    hits, bases = np.zeros((len(columns), size), np.int64), np.zeros((len(columns), size), np.int64)
    before: np.ndarray | None = None
    for period, column in enumerate(columns):
        came = found.came(column)
        bases[period] = found.sizes if before is None else found.counts(before)
        again = came if before is None else came & before
        hits[period] = found.counts(again)
        before = came if base == "previous" else None
    return Visits(hits, bases)


def mean(tally: Tally, period: int, cohorts: np.ndarray, how: str) -> Rate:
    """The weighted mean of cohorts (Σ ÷ Σ), or the simple mean of their rates with Student's interval."""
    whole = tally.rate(period, cohorts)
    if how == "weighted" or whole.value is None:
        return whole
    rates = [tally.rate(period, np.array([number])).value for number in cohorts.tolist()]
    known = np.array([rate for rate in rates if rate is not None])
    moments = Moments.of(known)
    found = moments.interval
    top = 1.0 if whole.amount is None else math.inf
    kept = Interval(max(0.0, found.low), min(top, found.high)) if found else None
    return whole._replace(value=moments.mean, interval=kept, reason=moments.reason or "")
