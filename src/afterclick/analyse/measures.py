"""The figures every page shows for a scope and a period, computed in one place so that no two pages disagree."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

import numpy as np

from afterclick.analyse.orders import Orders, orders_of, total
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions, sessions_of
from afterclick.core import spans
from afterclick.core.moments import Share
from afterclick.core.money import to_decimal
from afterclick.core.spans import Period
from afterclick.store.columns import Flag

ENGAGED = 10 * spans.SECOND


@dataclass(frozen=True)
class Measures:
    """Visitors, sessions and money of one period of a scope; amounts are minor units, None where currencies mix.

    A visitor is active with a behavioural event in the period that meets the conditions; a session belongs to the
    period in which it starts and is kept whole if one of its events meets them.
    """

    scope: Scope
    period: Period
    sessions: Sessions = field(repr=False)
    orders: Orders = field(repr=False)

    @cached_property
    def row_mask(self) -> np.ndarray:
        """Gathered rows inside the period that meet the conditions."""
        rows = self.sessions.rows
        inside = (rows.at >= self.period.start) & (rows.at < self.period.end)
        met = self.scope.counted
        return inside if met is None else inside & met[rows.rows]

    @cached_property
    def events(self) -> int:
        """Behavioural events in the period that meet the conditions, those of nobody left out."""
        return int(self.row_mask.sum())

    @cached_property
    def visitors(self) -> np.ndarray:
        """Labels of the active visitors, ascending."""
        rows = self.sessions.rows
        if not len(rows.at):
            return np.zeros(0, np.int64)
        owning = np.flatnonzero(np.diff(rows.offsets))
        counts = np.add.reduceat(self.row_mask, rows.offsets[owning], dtype=np.int64)
        return owning[counts > 0]

    @cached_property
    def session_ids(self) -> np.ndarray:
        """Sessions that start in the period and hold a row that meets the conditions."""
        start = self.sessions.start_at
        inside = (start >= self.period.start) & (start < self.period.end)
        met = self.scope.counted
        if met is not None and len(start):
            held = np.add.reduceat(met[self.sessions.rows.rows], self.sessions.first, dtype=np.int64)
            inside &= held > 0
        return np.flatnonzero(inside)

    @cached_property
    def first_seen(self) -> np.ndarray:
        """Per active visitor the instant of the first behavioural event in all history."""
        rows = self.sessions.rows
        return rows.at[rows.offsets[:-1][self.visitors]] if len(self.visitors) else np.zeros(0, np.int64)

    @cached_property
    def new_visitors(self) -> np.ndarray:
        """Active visitors first seen in the period."""
        return self.visitors[self.first_seen >= self.period.start]

    @cached_property
    def order_mask(self) -> np.ndarray:
        """Rows of the orders relation dated in the period."""
        return self.orders.within(self.period)

    @cached_property
    def order_count(self) -> int:
        """Orders dated in the period, those of nobody included."""
        return int((self.order_mask & ~self.orders.refund).sum())

    @cached_property
    def buyers(self) -> np.ndarray:
        """Labels of visitors with an order in the period."""
        found = np.unique(self.orders.visitor[self.order_mask & ~self.orders.refund])
        return found[found >= 0]

    @cached_property
    def gross(self) -> Decimal | None:
        """Σ orders before refunds."""
        return self._sum(~self.orders.refund)

    @cached_property
    def refunds(self) -> Decimal | None:
        """Σ refunds, positive."""
        total = self._sum(self.orders.refund)
        return None if total is None else abs(total) if total == 0 else -total

    @cached_property
    def revenue(self) -> Decimal | None:
        """Net: gross − refunds."""
        return self._sum(np.ones(len(self.orders.row), bool))

    def _sum(self, which: np.ndarray) -> Decimal | None:
        if self.orders.mixed:
            return None
        return to_decimal(total(self.orders.amount[self.order_mask & which]))

    @cached_property
    def pages(self) -> int:
        """Page and screen views in the period that meet the conditions."""
        symbols = self.sessions.rows.key[self.row_mask] & int(Flag.PAGE)
        return int((symbols != 0).sum())

    @cached_property
    def bounced(self) -> np.ndarray:
        """Sessions of the period with exactly one qualifying action over the whole session."""
        result: np.ndarray = self.session_ids[self.sessions.qualifying[self.session_ids] == 1]
        return result

    @cached_property
    def qualifying(self) -> np.ndarray:
        """Sessions of the period with at least one qualifying action."""
        result: np.ndarray = self.session_ids[self.sessions.qualifying[self.session_ids] >= 1]
        return result

    @cached_property
    def engaged(self) -> np.ndarray:
        """Sessions of at least 10 s, or two pages, or with an order."""
        s, found = self.session_ids, self.sessions
        lasting = found.end_at[s] - found.start_at[s] >= ENGAGED
        result: np.ndarray = s[lasting | (found.pages[s] >= 2) | (found.orders[s] > 0)]
        return result

    @property
    def bounce(self) -> Share:
        """Bounced of the sessions with a qualifying action."""
        return Share(len(self.bounced), len(self.qualifying))

    @property
    def conversion_rate(self) -> float | None:
        """Orders per visitor; may exceed 1."""
        return self.order_count / len(self.visitors) if len(self.visitors) else None

    @property
    def aov(self) -> Decimal | None:
        """Net revenue per order."""
        if self.revenue is None or not self.order_count:
            return None
        return self.revenue / self.order_count

    def visitors_of(self, sessions: np.ndarray) -> np.ndarray:
        """Distinct visitors of sessions."""
        return np.unique(self.sessions.visitor[sessions])


def measures(scope: Scope, period: Period) -> Measures:
    """The measures of one period."""
    sessions = sessions_of(scope.context, scope.sessions_like, scope.as_of)
    return Measures(scope, period, sessions, orders_of(scope))
