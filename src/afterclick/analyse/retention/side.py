"""One period of a retention question: its cohorts, who came back, and what is counted of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from afterclick.analyse.distinct import distinct
from afterclick.analyse.orders import orders_of
from afterclick.analyse.retention.cohorts import Cohorts, first_ever, recurring, recurring_days
from afterclick.analyse.retention.counting import Rate, Tally, mean, visits
from afterclick.analyse.retention.periods import Grid, grid_of
from afterclick.analyse.retention.revenue import revenue, sales_of
from afterclick.analyse.retention.rules import Rules
from afterclick.analyse.scope import Scope
from afterclick.core.spans import Period

if TYPE_CHECKING:
    from afterclick.analyse.retention.retention import Retention


@dataclass(frozen=True)
class Side:
    """The cohorts of one period and what is counted of them; `row` int64 are the global rows of their starts, where known."""

    scope: Scope
    asked: Retention
    period: Period
    cohorts: Cohorts
    row: np.ndarray | None
    tally: Tally

    @property
    def grid(self) -> Grid:
        """Cohorts beside periods."""
        return self.cohorts.grid

    def whole(self, period: int) -> np.ndarray:
        """The cohorts (numbers) with somebody in them whose period is over."""
        return np.flatnonzero(self.grid.over[:, period] & (self.cohorts.sizes > 0))

    @cached_property
    def means(self) -> list[Rate]:
        """The mean of each period."""
        return [self._mean(period) for period in range(len(self.grid.columns))]

    def _mean(self, period: int) -> Rate:
        numbers = self.whole(period)
        if not len(numbers):
            return Rate(0, 0, None, None, "not_over" if len(self.cohorts) else "empty")
        return mean(self.tally, period, numbers, self.asked.mean)

    def only(self, kept: np.ndarray) -> Side:
        """The same of some units (bool)."""
        found = self.cohorts.only(kept)
        return Side(self.scope, self.asked, self.period, found, None, _tally(self.scope, self.asked, found))

    def returned(self, period: int, cohorts: np.ndarray | None = None, *, away: bool = False) -> np.ndarray:
        """Labels of the visitors who came back in a period of these cohorts (those whose period is over), or did not."""
        found, columns = self.cohorts, self.grid.columns
        inside = np.zeros(len(found.grid.cohorts), bool)
        inside[self.whole(period) if cohorts is None else cohorts] = True
        came, of = found.came(columns[period]), inside[found.cohort]
        if self.asked.base == "previous" and self.asked.measure == "visitors" and period:
            of = of & found.came(columns[period - 1])
        return distinct(found.visitor[of & (~came if away else came)], self.scope.labels.size)

    @property
    def visitors(self) -> int:
        """How many different visitors stand in the cohorts."""
        if self.asked.cohort == "first":
            return len(self.cohorts)
        return len(distinct(self.cohorts.visitor, self.scope.labels.size))

    def people(self, period: int) -> int:
        """How many different visitors came back in a period of cohorts for which it is over."""
        if self.asked.cohort == "first":
            # Everybody stands in one cohort only.
            return self.means[period].returned
        return len(self.returned(period))


def side(scope: Scope, asked: Retention, period: Period) -> Side:
    """Find the cohorts of a period and count who came back."""
    grid = grid_of(asked.interval, asked.periods, period, scope.as_of, scope.context.zone)
    rules = Rules(scope, asked.starting, asked.returning)
    row = None
    # With revenue it is orders that tell who came back.
    mark = asked.measure == "visitors"
    if asked.cohort == "first":
        found = first_ever(rules, grid, asked.count, period, mark=mark)
    elif mark and rules.same and not grid.block and not asked.by:
        found = recurring_days(rules, grid, asked.count)
    else:
        found, row = recurring(rules, grid, asked.count, period, mark=mark)
    return Side(scope, asked, period, found, row, _tally(scope, asked, found))


def _tally(scope: Scope, asked: Retention, found: Cohorts) -> Tally:
    """What is measured of cohorts."""
    if asked.measure == "visitors":
        return visits(found, asked.base)
    orders = orders_of(scope)
    return revenue(found, sales_of(found, orders), asked.base, mixed=orders.mixed)
