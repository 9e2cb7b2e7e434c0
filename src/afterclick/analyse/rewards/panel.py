"""Visitors by day: who came while no member yet, what they had done before, whether they joined, what they did later."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from afterclick.analyse.distinct import firsts
from afterclick.analyse.fields import touch_field
from afterclick.analyse.intervals import Intervals, cut
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.scope import Scope
from afterclick.core import spans
from afterclick.core.spans import Period

NEVER_DAY: Final = 2**31
"""The day of joining of who never joins, and the recency of who never ordered."""


@dataclass(frozen=True)
class Days:
    """What every visitor did by local day (counted from the first of the store), in ascending order of visitor and day.

    `visit` and `sale` int64 keys visitor · `count` + day; `worth` int64 minor units of each sale, refunds negative;
    `sold` bool says which are orders. `joined` int64 per visitor, NEVER_DAY for none.
    """

    count: int
    visit: np.ndarray
    sale: np.ndarray
    worth: np.ndarray
    sold: np.ndarray
    joined: np.ndarray


@dataclass(frozen=True)
class Panel:
    """One row per visitor and day on which the visitor came and was no member before that day.

    visitor, day int64; joined bool (on that very day); before that day, over the time that is looked back on: recency
    int64 (days since the last order, NEVER_DAY for none), orders, visits int64, money int64 (minor units, net); today bool
    (ordered on that day); channel, device int32; after it: later_orders int64, later_money int64, returned, bought bool,
    exposed float64 (share of that time as a member, for who joined meanwhile).
    """

    visitor: np.ndarray
    day: np.ndarray
    joined: np.ndarray
    recency: np.ndarray
    orders: np.ndarray
    money: np.ndarray
    visits: np.ndarray
    today: np.ndarray
    channel: np.ndarray
    device: np.ndarray
    later_orders: np.ndarray
    later_money: np.ndarray
    returned: np.ndarray
    bought: np.ndarray
    exposed: np.ndarray

    def __len__(self) -> int:
        return len(self.visitor)

    @classmethod
    def nobody(cls) -> Panel:
        """A panel without rows."""
        none = {name: np.zeros(0, bool) for name in ("joined", "today", "returned", "bought")}
        return cls(**{field.name: none.get(field.name, np.zeros(0, np.int64)) for field in fields(cls)})


def panel(
    days: Days, rows: np.ndarray, first: int, last: int, before: int, after: int, channel: np.ndarray, device: np.ndarray
) -> Panel:
    """The panel of the visits `rows` (places in `days.visit`, the first of a visitor and day) of the days first..last.

    `before` and `after` are numbers of days; the day itself belongs to neither. channel and device are those of the rows.
    """
    visitor, day = np.divmod(days.visit[rows], days.count)
    kept = (day >= first) & (day <= last) & (days.joined[visitor] >= day)
    visitor, day, channel, device = visitor[kept], day[kept], channel[kept], device[kept]
    base = visitor * days.count
    here, since, until = base + day, base + np.maximum(day - before, 0), base + np.minimum(day + after, days.count - 1)
    orders, worth = _Counts(days.sale, days.sold.astype(np.int64)), _Counts(days.sale, days.worth)
    visits = _Counts(days.visit, None)
    sales = days.sale[days.sold]
    place = np.searchsorted(sales, here, side="left") - 1
    recent = np.where(place >= 0, sales[np.maximum(place, 0)] if len(sales) else 0, -1)
    recency = np.where(recent >= since, here - recent, NEVER_DAY)
    later = orders.between(here + 1, until + 1)
    return Panel(
        visitor=visitor, day=day, joined=days.joined[visitor] == day, recency=recency, orders=orders.between(since, here),
        money=worth.between(since, here), visits=visits.between(since, here), today=orders.between(here, here + 1) > 0,
        channel=channel, device=device, later_orders=later, later_money=worth.between(here + 1, until + 1),
        returned=visits.between(here + 1, until + 1) > 0, bought=later > 0,
        exposed=np.where(days.joined[visitor] > day, np.maximum(day + after - days.joined[visitor], 0), 0) / after,
    )  # fmt: skip


class _Counts:
    """Sums of values over ranges of ascending keys; None counts the keys."""

    def __init__(self, keys: np.ndarray, values: np.ndarray | None) -> None:
        self._keys = keys
        self._sums = None if values is None else np.concatenate([[0], np.cumsum(values)]).astype(np.int64)

    def between(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Σ of the values whose key is low <= key < high."""
        first, last = np.searchsorted(self._keys, low), np.searchsorted(self._keys, high)
        result: np.ndarray = last - first if self._sums is None else self._sums[last] - self._sums[first]
        return result


def panel_of(scope: Scope, joined_at: np.ndarray, before: int, after: int) -> Panel:
    """The panel whose time after ends in the range; `before` and `after` are numbers of days.

    A session counts that meets the question's conditions, an order likewise.
    """
    m = measures(scope, _everything(scope))
    cuts = cut(m.period, "day", scope.context.zone)
    days = _days(m, cuts, joined_at)
    sessions = m.session_ids
    new = firsts(days.visit) if len(sessions) else np.zeros(0, bool)
    rows = np.flatnonzero(new)
    first, last = _window(scope, cuts, after)
    channel, device = _ways(m, sessions[rows])
    return panel(days, rows, first, last, before, after, channel, device)


def _everything(scope: Scope) -> Period:
    zone, snapshot = scope.context.zone, scope.context.snapshot
    start = spans.midnight(spans.local_day(min(snapshot.behaved[0], scope.as_of), zone), zone)
    return Period(start, scope.as_of + 1)


def _window(scope: Scope, cuts: Intervals, after: int) -> tuple[int, int]:
    """The first and last day whose `after` days end in the range, and are over."""
    edges = cuts.edges
    first = int(np.searchsorted(edges, scope.period.start, side="right")) - 1
    last = int(np.searchsorted(edges, scope.period.end, side="left")) - 1
    whole = len(cuts) if cuts.whole[-1] else len(cuts) - 1
    return max(0, first - after), min(last, whole - 1) - after


def _days(m: Measures, cuts: Intervals, joined_at: np.ndarray) -> Days:
    sessions, orders, count = m.sessions, m.orders, len(cuts)
    ids = m.session_ids
    visit = sessions.visitor[ids].astype(np.int64) * count + cuts.of(sessions.start_at[ids])
    known = np.flatnonzero(m.order_mask & (orders.visitor >= 0))
    sale = orders.visitor[known].astype(np.int64) * count + cuts.of(orders.at[known])
    order = np.argsort(sale, kind="stable")
    known = known[order]
    joined = np.where(joined_at <= m.scope.as_of, cuts.of(np.minimum(joined_at, m.scope.as_of)), NEVER_DAY)
    worth = np.zeros(len(known), np.int64) if orders.mixed else orders.amount[known]
    return Days(count, visit, sale[order], worth, ~orders.refund[known], np.maximum(joined, 0))


def _ways(m: Measures, sessions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Channel and device of sessions, codes from 0 (0 = none)."""
    found, context = m.sessions, m.scope.context
    lookup, _ = touch_field(context, "channel")
    touch = found.touch[sessions]
    channel = np.where(touch >= 0, lookup[np.maximum(touch, 0)], -1) if len(lookup) else np.full(len(touch), -1)
    device = context.column("device_type")[found.rows.rows_at(found.first[sessions])]
    return (channel + 1).astype(np.int32), (device + 1).astype(np.int32)
