"""The figures every page shows for a scope and a period, computed in one place so that no two pages disagree."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

import numpy as np

from afterclick.analyse.distinct import distinct, expanded, firsts
from afterclick.analyse.orders import Orders, amounts_of, orders_of, total
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions, sessions_of
from afterclick.core import spans
from afterclick.core.arrays import frozen
from afterclick.core.moments import Share
from afterclick.core.money import to_decimal
from afterclick.core.spans import Period
from afterclick.store.columns import NO_AMOUNT, Flag

ENGAGED = 10 * spans.SECOND
_SALE = int(Flag.ORDER | Flag.REFUND)


@dataclass(frozen=True)
class Measures:
    """Visitors, sessions and money of one period of a scope; amounts are minor units, None where currencies mix.

    A visitor is active with a behavioural event in the period that meets the conditions; a session belongs to the
    period in which it starts and is kept whole if one of its events meets them. `met` says per gathered row whether it
    meets them, None where there are none.
    """

    scope: Scope
    period: Period
    sessions: Sessions = field(repr=False)
    orders: Orders = field(repr=False)
    met: np.ndarray | None = field(repr=False, default=None)

    @cached_property
    def row_mask(self) -> np.ndarray:
        """Gathered rows inside the period that meet the conditions."""
        rows = self.sessions.rows
        inside = (rows.at >= self.period.start) & (rows.at < self.period.end)
        return inside if self.met is None else inside & self.met

    @cached_property
    def telling(self) -> tuple[np.ndarray, np.ndarray]:
        """Gathered rows that count, and the session of each, in their order; of a session wholly inside only the first.

        Without conditions the sessions say it all but for those that cross an edge of the period.
        """
        found = self.sessions
        if self.met is not None:
            places = np.flatnonzero(self.row_mask)
            return places, found.of_row(places)
        whole, part = self.inside
        session = np.flatnonzero(whole | part)
        if not part.any():
            return found.first[session], session
        ends = np.append(found.first[1:], len(found.rows.at))
        reach = np.where(whole[session], 1, ends[session] - found.first[session])
        places, owner = expanded(found.first[session], reach), np.repeat(session, reach)
        at = found.rows.at[places]
        kept = (at >= self.period.start) & (at < self.period.end)
        return places[kept], owner[kept]

    @cached_property
    def inside(self) -> tuple[np.ndarray, np.ndarray]:
        """Per session: wholly inside the period; partly."""
        start, last = self.sessions.start_at, self.sessions.last_at
        whole = (start >= self.period.start) & (last < self.period.end)
        return whole, (start < self.period.end) & (last >= self.period.start) & ~whole

    def _tally(self, per_session: np.ndarray, flag: int) -> int:
        """Rows that count and have a bit of the flag (0 = all); `per_session` counts them over whole sessions."""
        places, owner = self.telling
        keys = self.sessions.rows.key
        if self.met is not None:
            return int(np.count_nonzero(keys[places] & flag)) if flag else len(places)
        whole = self.inside[0]
        edge = places[~whole[owner]]
        return int(per_session[whole].sum()) + (int(np.count_nonzero(keys[edge] & flag)) if flag else len(edge))

    @cached_property
    def events(self) -> int:
        """Behavioural events in the period that meet the conditions, those of nobody left out."""
        return self._tally(self.sessions.events, 0)

    @cached_property
    def pages(self) -> int:
        """Page and screen views in the period that meet the conditions."""
        return self._tally(self.sessions.pages, int(Flag.PAGE))

    @cached_property
    def visitors(self) -> np.ndarray:
        """Labels of the active visitors, ascending."""
        return self.visitors_of(self.telling[1])

    @cached_property
    def session_ids(self) -> np.ndarray:
        """Sessions that start in the period and hold a row that meets the conditions."""
        start = self.sessions.start_at
        inside = (start >= self.period.start) & (start < self.period.end)
        if self.met is not None and len(start):
            inside &= np.add.reduceat(self.met, self.sessions.first, dtype=np.int64) > 0
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
        return self.buyers_of(np.flatnonzero(self.order_mask & ~self.orders.refund))

    @cached_property
    def new_buyers(self) -> np.ndarray:
        """Labels of visitors whose first order ever is in the period."""
        return self.buyers_of(np.flatnonzero(self.order_mask & self.orders.first_ever))

    @cached_property
    def repeat_orders(self) -> np.ndarray:
        """Rows of the orders relation in the period that are not their visitor's first; orders of nobody are none."""
        orders = self.orders
        return np.flatnonzero(self.order_mask & ~orders.refund & ~orders.first_ever & (orders.visitor >= 0))

    def buyers_of(self, rows: np.ndarray) -> np.ndarray:
        """Distinct visitors of rows of the orders relation, nobody left out."""
        found = self.orders.visitor[rows]
        return distinct(found[found >= 0], self.sessions.rows.visitors)

    @cached_property
    def gross(self) -> Decimal | None:
        """Σ orders before refunds."""
        return self.sum_of(self.order_mask & ~self.orders.refund)

    @cached_property
    def refunds(self) -> Decimal | None:
        """Σ refunds, positive."""
        total = self.sum_of(self.order_mask & self.orders.refund)
        return None if total is None else abs(total) if total == 0 else -total

    @cached_property
    def revenue(self) -> Decimal | None:
        """Net: gross − refunds."""
        return self.sum_of(self.order_mask)

    def sum_of(self, which: np.ndarray) -> Decimal | None:
        """The net amount of rows of the orders relation (mask or numbers); None where currencies mix."""
        return None if self.orders.mixed else to_decimal(total(self.orders.amount[which]))

    @cached_property
    def completions(self) -> tuple[int, Decimal | None]:
        """Order events as they were sent, before each order id is counted once: how many, and their amounts."""
        context, orders = self.scope.context, self.orders
        kept = orders.row[self.order_mask & ~orders.refund]
        again = np.concatenate([orders.replaced, np.array([row for _, row in orders.conflicts], np.int64)])
        at = context.snapshot.take("at", again)
        again = again[(at >= self.period.start) & (at < self.period.end)]
        rows = np.concatenate([kept, again[self.scope.mask_rows(again)]])
        sent = context.snapshot.take("amount", rows)
        amounts, mixed = amounts_of(context, rows, context.snapshot.take("at", rows))
        return len(rows), None if mixed or orders.mixed else to_decimal(total(amounts[sent != NO_AMOUNT]))

    @cached_property
    def bounced(self) -> np.ndarray:
        """Sessions of the period with exactly one qualifying action over the whole session."""
        result: np.ndarray = self.session_ids[self.is_bounced]
        return result

    @cached_property
    def is_bounced(self) -> np.ndarray:
        """Which of `session_ids` have exactly one qualifying action; bool."""
        result: np.ndarray = self._actions == 1
        return result

    @cached_property
    def is_qualifying(self) -> np.ndarray:
        """Which of `session_ids` have at least one qualifying action; bool."""
        result: np.ndarray = self._actions >= 1
        return result

    @cached_property
    def _actions(self) -> np.ndarray:
        result: np.ndarray = self.sessions.qualifying[self.session_ids]
        return result

    @cached_property
    def qualifying(self) -> np.ndarray:
        """Sessions of the period with at least one qualifying action."""
        result: np.ndarray = self.session_ids[self.is_qualifying]
        return result

    @cached_property
    def engaged(self) -> np.ndarray:
        """Sessions of at least 10 s, or two pages, or with an order."""
        result: np.ndarray = self.session_ids[self.is_engaged]
        return result

    @cached_property
    def is_engaged(self) -> np.ndarray:
        """Which of `session_ids` are engaged; bool."""
        s, found = self.session_ids, self.sessions
        lasting = found.end_at[s] - found.start_at[s] >= ENGAGED
        result: np.ndarray = lasting | (found.pages[s] >= 2) | (found.orders[s] > 0)
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
        """Distinct visitors of sessions given in ascending order; int64."""
        owners = self.sessions.visitor[sessions]
        # Places are quicker than a mask of many turns.
        return owners[np.flatnonzero(firsts(owners))].astype(np.int64) if len(owners) else np.zeros(0, np.int64)

    @cached_property
    def order_sessions(self) -> np.ndarray:
        """Per row of the orders relation the session it lies in (a refund: its order's), -1 for none; int64."""
        rows, orders = self.sessions.rows, self.orders

        def make() -> np.ndarray:
            sales = flagged(rows.key, _SALE)
            numbers = rows.rows_at(sales)
            order = np.argsort(numbers)
            place = np.minimum(np.searchsorted(numbers, orders.home, sorter=order), max(len(sales) - 1, 0))
            if not len(sales):
                return frozen(np.full(len(orders.home), -1, np.int64))
            found = order[place]
            session = self.sessions.of_row(sales[found])
            return frozen(np.where(numbers[found] == orders.home, session, -1))

        scope = self.scope
        key = ("order sessions", scope.as_of, scope.question.where, scope.sessions_like.key)
        return scope.context.keep(key, make)


def flagged(keys: np.ndarray, bits: int) -> np.ndarray:
    """Where keys have one of these bits, int64; piece by piece, so that what passes stays near the processor."""
    size = 1 << 18
    found = [low + np.flatnonzero(keys[low : low + size] & bits) for low in range(0, len(keys), size)]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def measures(scope: Scope, period: Period) -> Measures:
    """The measures of one period."""
    sessions = sessions_of(scope.context, scope.sessions_like, scope.as_of)
    return Measures(scope, period, sessions, orders_of(scope), _met(scope, sessions))


def _met(scope: Scope, sessions: Sessions) -> np.ndarray | None:
    if not scope.conditions:
        return None

    def make() -> np.ndarray:
        counted = scope.counted
        assert counted is not None
        return frozen(counted[sessions.rows.rows])

    return scope.context.keep(("met", scope.as_of, scope.question.where, scope.sessions_like.key), make)
