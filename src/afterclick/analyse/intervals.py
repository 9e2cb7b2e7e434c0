"""A range cut into hours, days, weeks or months of the site's zone, and what was counted in each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np

from afterclick.analyse.distinct import counts, expanded, firsts, sums
from afterclick.analyse.measures import Measures
from afterclick.analyse.spending import Spending
from afterclick.core import spans
from afterclick.core.money import to_decimal
from afterclick.core.spans import Period
from afterclick.store.columns import Flag

IntervalName = Literal["hour", "day", "week", "month"]
_MOST_HOURS, _MOST_DAYS, _MOST_WEEKS = 2, 92, 731


def chosen(asked: str, period: Period) -> IntervalName:
    """The interval asked for; by itself hours up to 2 days, days up to 92, weeks up to two years, months beyond."""
    if asked in ("hour", "day", "week", "month"):
        return asked  # type: ignore[return-value]
    days = period.span / spans.DAY
    if days <= _MOST_HOURS + 0.5:
        return "hour"
    return "day" if days <= _MOST_DAYS + 0.5 else "week" if days <= _MOST_WEEKS + 0.5 else "month"


@dataclass(frozen=True)
class Intervals:
    """`edges` int64[n + 1]: interval i is [edges[i], edges[i + 1]); `whole` says of each whether the range cuts it not."""

    name: IntervalName
    edges: np.ndarray
    whole: np.ndarray

    def __len__(self) -> int:
        return len(self.edges) - 1

    def of(self, at: np.ndarray) -> np.ndarray:
        """The interval of each instant inside the range."""
        return np.searchsorted(self.edges, at, side="right") - 1

    def incomplete(self, as_of: int) -> np.ndarray:
        """Which intervals are cut by the range or were not over at `as_of`; bool."""
        result: np.ndarray = ~self.whole | (self.edges[1:] > as_of + 1)
        return result


def cut(period: Period, name: IntervalName, zone: ZoneInfo) -> Intervals:
    """The intervals of a period of whole days: ISO weeks from Monday, the first and last cut by the period."""
    if name == "hour":
        edges = np.append(np.arange(period.start, period.end, spans.HOUR), period.end)
        return Intervals(name, edges, np.diff(edges) == spans.HOUR)
    first, last = spans.local_day(period.start, zone), spans.local_day(period.end - 1, zone)
    begins = [_begin(first, name)]
    while begins[-1] <= last:
        begins.append(_next(begins[-1], name))
    full = np.array([spans.midnight(day, zone) for day in begins], np.int64)
    edges = np.clip(full, period.start, period.end)
    return Intervals(name, edges, (edges[:-1] == full[:-1]) & (edges[1:] == full[1:]))


def first_days(day: date, name: str, count: int) -> list[date]:
    """The first day of the interval that holds `day`, and those of the `count` intervals behind it."""
    found = [_begin(day, name)]
    for _ in range(count):
        found.append(_next(found[-1], name))
    return found


def _begin(day: date, name: str) -> date:
    if name == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if name == "month" else day


def _next(day: date, name: str) -> date:
    if name == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if name == "week" else 1)


@dataclass(frozen=True)
class Counted:
    """What a period counted, interval by interval."""

    spent: Spending
    cuts: Intervals

    @property
    def m(self) -> Measures:
        """The measures of the period."""
        return self.spent.m

    @cached_property
    def _active(self) -> tuple[np.ndarray, np.ndarray]:
        """(visitor, interval), each pair once, in order of the visitors: who was active in which interval."""
        _, owner, number = self._places
        visitor = self.m.sessions.visitor[owner]
        new = firsts(visitor, number)
        return visitor[new], number[new]

    @cached_property
    def _across(self) -> np.ndarray:
        """Which sessions of `m.telling` lie wholly in the period and go from one interval into another; bool."""
        owner, found = self.m.telling[1], self.m.sessions
        if self.m.met is not None:
            return np.zeros(len(owner), bool)
        first = np.clip(self.cuts.of(found.start_at[owner]), 0, len(self.cuts) - 1)
        result: np.ndarray = self.m.inside[0][owner] & (found.last_at[owner] >= self.cuts.edges[first + 1])
        return result

    @cached_property
    def _reach(self) -> np.ndarray:
        owner, found = self.m.telling[1], self.m.sessions
        ends = np.append(found.first[1:], len(found.rows.at))
        result: np.ndarray = np.where(self._across, ends[owner] - found.first[owner], 1)
        return result

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows that tell in which intervals a session was active: the first, and all where it goes on into another.

        (gathered row, its session, its interval).
        """
        found = self.m.sessions
        places, owner = self.m.telling
        if self._across.any():
            places, owner = expanded(places, self._reach), np.repeat(owner, self._reach)
        return places, owner, self.cuts.of(found.rows.at[places])

    def _by(self, at: np.ndarray) -> np.ndarray:
        return counts(self.cuts.of(at), len(self.cuts))

    def visitors_in(self, number: int) -> np.ndarray:
        """Labels of the visitors active in an interval, ascending."""
        visitor, interval = self._active
        result: np.ndarray = visitor[interval == number].astype(np.int64)
        return result

    def buyers_in(self, number: int) -> np.ndarray:
        """Labels of the visitors who ordered in an interval, ascending."""
        sold = self._sold
        return self.m.buyers_of(sold[self.cuts.of(self.m.orders.at[sold]) == number])

    @cached_property
    def _sold(self) -> np.ndarray:
        return np.flatnonzero(self.m.order_mask & ~self.m.orders.refund)

    def bags(self) -> list[dict[str, Any]]:
        """The counts and amounts of each interval: what `formulas.ratio` reads."""
        columns = {**self._people(), **self._sessions(), **self._money(), **self._costs()}
        return [{name: values[i] for name, values in columns.items()} for i in range(len(self.cuts))]

    def _people(self) -> dict[str, list[Any]]:
        m, size = self.m, len(self.cuts)
        new = m.first_seen[m.first_seen >= m.period.start]
        return {
            "visitors": counts(self._active[1], size).tolist(),
            "new_visitors": self._by(new).tolist(),
            "pageviews": self._pages().tolist(),
        }

    def _pages(self) -> np.ndarray:
        m, found, size = self.m, self.m.sessions, len(self.cuts)
        places, owner, number = self._places
        page = (found.rows.key[places] & int(Flag.PAGE)) != 0
        if m.met is not None:
            return counts(number[page], size)
        alone = m.inside[0][owner] & ~np.repeat(self._across, self._reach)
        whole = sum_into(number[alone], found.pages[owner[alone]], size)
        edges = counts(number[~alone & page], size)
        result: np.ndarray = whole + edges
        return result

    def _sessions(self) -> dict[str, list[Any]]:
        m, size = self.m, len(self.cuts)
        number = self.cuts.of(m.sessions.start_at[m.session_ids])
        found = {"bounced": m.is_bounced, "qualifying_sessions": m.is_qualifying, "engaged_sessions": m.is_engaged}
        parts = {name: counts(number[mask], size).tolist() for name, mask in found.items()}
        return {"sessions": counts(number, size).tolist(), **parts}

    def _money(self) -> dict[str, list[Any]]:
        m, orders, size = self.m, self.m.orders, len(self.cuts)
        number = self.cuts.of(orders.at[self._sold])
        buyer = orders.visitor[self._sold]
        known = buyer >= 0
        pair = np.lexsort((number[known], buyer[known]))
        new = firsts(buyer[known][pair], number[known][pair])
        return {
            "orders": counts(number, size).tolist(),
            "buyers": counts(number[known][pair][new], size).tolist(),
            "new_buyers": self._by(orders.at[m.order_mask & orders.first_ever]).tolist(),
            "repeat_orders": self._by(orders.at[m.repeat_orders]).tolist(),
            "revenue": self._sums(m.order_mask),
        }

    def _sums(self, which: np.ndarray) -> list[Any]:
        orders = self.m.orders
        if orders.mixed:
            return [None] * len(self.cuts)
        found = sums(self.cuts.of(orders.at[which]), orders.amount[which], len(self.cuts))
        return [to_decimal(amount) for amount in found]

    def _costs(self) -> dict[str, list[Any]]:
        spent, costs, orders, size = self.spent, self.spent.costs, self.m.orders, len(self.cuts)
        nothing = [None] * size
        rows = np.flatnonzero(spent.rows)
        number = self.cuts.of(costs.at[rows])
        each = [rows[number == i] for i in range(size)]
        found: dict[str, list[Any]] = {
            "impressions": [costs.known("impressions", here) for here in each],
            "clicks": [costs.known("clicks", here) for here in each],
            "cost": [costs.cost(here) for here in each],
        }
        if costs.reason:
            names = ("attributed_orders", "attributed_revenue", "attributed_new_buyers")
            return {**found, **dict.fromkeys(names, nothing)}
        new = spent.attributed & orders.first_ever
        return {
            **found,
            "attributed_orders": self._by(orders.at[spent.attributed_orders]).tolist(),
            "attributed_revenue": self._sums(spent.attributed),
            "attributed_new_buyers": self._by(orders.at[new]).tolist(),
        }


def sum_into(codes: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Σ of small integers per code, int64[size]."""
    # Weights are doubles, exact up to 2**53 page views.
    return np.bincount(codes, weights=values, minlength=size).astype(np.int64)


SERIES: Final = (
    "visitors", "new_visitors", "new_visitor_rate", "sessions", "pageviews", "bounce_rate", "engagement_rate",
    "impressions", "clicks", "click_rate", "orders", "buyers", "new_buyers", "conversion_rate", "buyer_rate", "aov",
    "arpv", "revenue", "cost", "cpc", "cpa", "roas", "cac",
)  # fmt: skip
"""Figures that have a curve."""
