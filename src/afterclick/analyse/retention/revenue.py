"""Revenue retention: what a cohort spends in a later period, beside what it spent in its first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from afterclick.analyse.distinct import expanded, sums
from afterclick.analyse.orders import Orders
from afterclick.analyse.retention.cohorts import Cohorts
from afterclick.analyse.retention.counting import Rate
from afterclick.analyse.retention.periods import Column
from afterclick.core.moments import Z95, Interval


@dataclass(frozen=True)
class Sales:
    """One row per order or refund of a unit at or after its start: unit int64, offset int64, amount int64 minor units, and
    whether it is an order."""

    unit: np.ndarray
    offset: np.ndarray
    amount: np.ndarray
    sold: np.ndarray


def sales_of(found: Cohorts, orders: Orders) -> Sales:
    """The orders of the units, which also become what `found.seen` holds: with revenue, coming back is ordering."""
    grid = found.grid
    order = np.argsort(found.visitor, kind="stable")
    visitor = found.visitor[order]
    rows = np.flatnonzero(orders.counted & (orders.visitor >= 0) & (orders.at <= grid.as_of))
    low = np.searchsorted(visitor, orders.visitor[rows])
    reach = np.searchsorted(visitor, orders.visitor[rows], side="right") - low
    unit, row = order[expanded(low, reach)], np.repeat(rows, reach)
    since = orders.at[row] - found.start_at[unit]
    unit, row, since = unit[since >= 0], row[since >= 0], since[since >= 0]
    offset = since // grid.block if grid.block else grid.of(orders.at[row]) - found.cohort[unit]
    offset = np.minimum(offset, grid.last)
    found.seen[:] = 0
    sold = ~orders.refund[row]
    found.seen[offset[sold], unit[sold]] = 1
    return Sales(unit, offset, orders.amount[row], sold)


@dataclass(frozen=True)
class Revenue:
    """Revenue of later periods ÷ that of the first, or of the period before.

    All by period and cohort: `top` and `bottom` exact minor units, `buyers` int64 those with an order, `squares`
    float64[3] Σy², Σxy and Σx² over units with y in the period and x in its base; `sizes` int64 units per cohort.
    """

    top: list[list[int]]
    bottom: list[list[int]]
    buyers: np.ndarray
    squares: np.ndarray
    sizes: np.ndarray
    mixed: bool

    def rate(self, period: int, cohorts: np.ndarray) -> Rate:
        """Σ revenue ÷ Σ base revenue with the interval of a ratio."""
        size, buyers = int(self.sizes[cohorts].sum()), int(self.buyers[period, cohorts].sum())
        if self.mixed:
            return Rate(buyers, size, None, None, "mixed_currencies")
        amount, base = (sum(of[period][number] for number in cohorts.tolist()) for of in (self.top, self.bottom))
        if base <= 0:
            return Rate(buyers, size, None, None, "no_revenue" if size else "empty", amount, base)
        return Rate(buyers, size, amount / base, self._interval(period, cohorts, size, amount, base), "", amount, base)

    def cells(self, periods: np.ndarray, cohorts: np.ndarray) -> list[dict[str, Any]]:
        """See `Tally`."""
        return [self.rate(int(period), cohorts[i : i + 1]).row() for i, period in enumerate(periods)]

    def _interval(self, period: int, cohorts: np.ndarray, n: int, amount: int, base: int) -> Interval | None:
        """The 95 % interval of Σy ÷ Σx over units drawn at random; None where there is no spread to judge by.

        Linearised: variance = n / (n - 1) · Σ (y - R x)² / (Σ x)² (Cochran, Sampling Techniques, 3rd ed. 1977, chapter 6).
        """
        ratio = amount / base
        yy, xy, xx = (float(of[period, cohorts].sum()) for of in self.squares)
        spread = yy - 2 * ratio * xy + ratio * ratio * xx
        # What is left of a difference of equal sums is rounding.
        if n < 2 or spread <= 1e-9 * (yy + ratio * ratio * xx):
            return None
        half = Z95 * math.sqrt(n / (n - 1) * spread) / base
        return Interval(max(0.0, ratio - half), ratio + half)


def revenue(found: Cohorts, sales: Sales, base: str, *, mixed: bool) -> Revenue:
    """Add up what cohorts spent period by period; `base` is start or previous."""
    size, columns = len(found.grid.cohorts), found.grid.columns
    buyers, squares = np.zeros((len(columns), size), np.int64), np.zeros((3, len(columns), size))
    top: list[list[int]] = []
    each: list[np.ndarray] = []
    for period, column in enumerate(columns):
        unit, amount = _of(found, sales, column)
        top.append(sums(found.cohort[unit], amount, size))
        buyers[period] = np.bincount(found.cohort[found.came(column)], minlength=size)
        y = np.bincount(unit, weights=amount, minlength=len(found))
        x = each[-1] if each else y
        for place, product in enumerate((y * y, x * y, x * x)):
            squares[place, period] = np.bincount(found.cohort, weights=product, minlength=size)
        each = [y] if base == "previous" or not each else each
    bottom = [top[max(0, period - 1) if base == "previous" else 0] for period in range(len(columns))]
    return Revenue(top, bottom, buyers, squares, found.sizes, mixed)


def _of(found: Cohorts, sales: Sales, column: Column) -> tuple[np.ndarray, np.ndarray]:
    """(unit, amount) of the sales of a period."""
    low, high = column.low, column.high
    if high and found.count == "on_or_after":
        high = found.grid.last
    elif high and found.count == "rolling":
        low = 1
    kept = (sales.offset >= low) & (sales.offset <= high)
    return sales.unit[kept], sales.amount[kept]
