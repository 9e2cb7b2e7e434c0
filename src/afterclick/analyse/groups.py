"""Sessions, people and money of a period by channel, source, campaign or whatever else a visit came by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.costs import Ad
from afterclick.analyse.distinct import by_code, counts, firsts, sums
from afterclick.analyse.fields import touch_field
from afterclick.analyse.intervals import Intervals
from afterclick.analyse.measures import Measures
from afterclick.analyse.spending import Spending
from afterclick.core.money import to_decimal
from afterclick.stitch.channel_rules import media_of

NONE: Final = "(none)"
UNASSIGNED: Final = "(unassigned)"


@dataclass(frozen=True)
class Names:
    """The values of `by`: `values[lookup[touch]]` is a touch's; the last value is `(none)`, of visits without any."""

    by: str
    values: list[str]
    lookup: np.ndarray

    @property
    def none(self) -> int:
        """The code of `(none)`."""
        return len(self.values) - 1

    def of(self, touch: np.ndarray) -> np.ndarray:
        """The code of each touch, -1 being none; int64."""
        if not len(self.lookup):
            return np.full(len(touch), self.none)
        return np.where(touch >= 0, self.lookup[np.maximum(touch, 0)], self.none)


def names_of(context: Context, by: str, ads: tuple[Ad, ...]) -> Names:
    """The values of `by` among all touches, and those that only a cost names."""
    lookup, texts = touch_field(context, "channel" if by == "media" else by)
    values = [_media(text) for text in texts] if by == "media" else list(texts)
    values += [value_of(ad, by) for ad in ads]
    known = sorted({value for value in values if value and value != NONE})
    place = {value: number for number, value in enumerate(known)} | {NONE: len(known), "": len(known)}
    own = np.array([place[value] for value in [*values[: len(texts)], NONE]], np.int64)
    return Names(by, [*known, NONE], own[lookup])


def value_of(ad: Ad, by: str) -> str:
    """The row of a table by `by` in which a cost stands."""
    return (_media(ad.channel) if by == "media" else getattr(ad, by)) or NONE


def _media(channel: str) -> str:
    return media_of(channel) or UNASSIGNED


@dataclass(frozen=True)
class Groups:
    """One period by `names`; every list and array has one entry per value, in the order of `names.values`."""

    spent: Spending
    names: Names
    codes: np.ndarray = field(repr=False)

    @property
    def m(self) -> Measures:
        """The measures of the period."""
        return self.spent.m

    @property
    def size(self) -> int:
        """How many values there are, `(none)` included."""
        return len(self.names.values)

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(code, visitor, whether the pair is met for the first time) of the sessions, by code and visitor."""
        order = by_code(self.codes, self.size)
        code = self.codes[order]
        visitor = self.m.sessions.visitor[self.m.session_ids[order]]
        return code, visitor, firsts(code, visitor)

    @cached_property
    def order_codes(self) -> np.ndarray:
        """Per row of the orders relation the code of the visit it was placed in."""
        return self.names.of(self.spent.order_touch)

    @cached_property
    def cost_codes(self) -> np.ndarray:
        """Per row of the costs its code."""
        place = {value: number for number, value in enumerate(self.names.values)}
        of_ad = np.array([place[value_of(ad, self.names.by)] for ad in self.spent.costs.ads], np.int64)
        return of_ad[self.spent.costs.ad] if len(of_ad) else np.zeros(0, np.int64)

    def visitors(self, number: int) -> np.ndarray:
        """Labels of the visitors of a value, ascending."""
        code, visitor, new = self._sorted
        low, high = np.searchsorted(code, [number, number + 1])
        result: np.ndarray = visitor[low:high][new[low:high]].astype(np.int64)
        return result

    def visiting(self, number: int, which: np.ndarray) -> np.ndarray:
        """Labels of the visitors with one of these sessions (a mask over the period's) by a value."""
        return self.m.visitors_of(self.m.session_ids[which & (self.codes == number)])

    def buyers(self, number: int, which: np.ndarray) -> np.ndarray:
        """Labels of the visitors of these rows of the orders relation (mask) by a value."""
        return self.m.buyers_of(np.flatnonzero(which & (self.order_codes == number)))

    def bags(self) -> list[dict[str, Any]]:
        """The counts and amounts of each value: what `formulas.ratio` reads."""
        columns = {**self._visits(), **self._orders(), **self._costs()}
        return [{name: values[i] for name, values in columns.items()} for i in range(self.size)]

    def courses(self, numbers: list[int], cuts: Intervals) -> list[list[dict[str, Any]]]:
        """Sessions, orders, revenue and cost of these values, each by interval."""
        m, orders, costs = self.m, self.m.orders, self.spent.costs
        size = len(cuts)
        place = np.full(self.size, -1, np.int64)
        place[numbers] = np.arange(len(numbers)) * size

        def cells(codes: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            """Which rows are of these values, and the cell of each of them."""
            shown = place[codes] >= 0
            return shown, place[codes[shown]] + cuts.of(at[shown])

        every = len(numbers) * size
        sold, money = np.flatnonzero(m.order_mask & ~orders.refund), np.flatnonzero(m.order_mask)
        spent = np.flatnonzero(self.spent.rows)
        here, of_money = cells(self.order_codes[money], orders.at[money])
        there, of_cost = cells(self.cost_codes[spent], costs.at[spent])
        visits = counts(cells(self.codes, m.sessions.start_at[m.session_ids])[1], every).tolist()
        placed = counts(cells(self.order_codes[sold], orders.at[sold])[1], every).tolist()
        revenue = None if orders.mixed else sums(of_money, orders.amount[money[here]], every)
        cost = None if costs.reason else sums(of_cost, costs.amount[spent[there]], every)
        made = [
            {
                "sessions": visits[i], "orders": placed[i], "revenue": None if revenue is None else to_decimal(revenue[i]),
                "cost": None if cost is None else to_decimal(cost[i]),
            }
            for i in range(every)
        ]  # fmt: skip
        return [made[low : low + size] for low in range(0, every, size)]

    def _visits(self) -> dict[str, list[Any]]:
        m, (code, visitor, new) = self.m, self._sorted
        fresh = np.zeros(m.sessions.rows.visitors, bool)
        fresh[m.new_visitors] = True
        return {
            "sessions": counts(self.codes, self.size).tolist(),
            "visitors": counts(code[new], self.size).tolist(),
            "new_visitors": counts(code[new & fresh[visitor]], self.size).tolist(),
            "bounced": counts(self.codes[m.is_bounced], self.size).tolist(),
            "qualifying_sessions": counts(self.codes[m.is_qualifying], self.size).tolist(),
            "engaged_sessions": counts(self.codes[m.is_engaged], self.size).tolist(),
        }

    def _orders(self) -> dict[str, list[Any]]:
        m, orders, code = self.m, self.m.orders, self.order_codes
        sold = m.order_mask & ~orders.refund
        new = m.order_mask & orders.first_ever
        return {
            "orders": counts(code[sold], self.size).tolist(),
            "buyers": self._distinct(sold),
            "new_buyers": counts(code[new], self.size).tolist(),
            "repeat_orders": counts(code[m.repeat_orders], self.size).tolist(),
            "revenue": self._sums(m.order_mask),
        }

    def _distinct(self, which: np.ndarray) -> list[int]:
        code, visitor = self.order_codes[which], self.m.orders.visitor[which]
        code, visitor = code[visitor >= 0], visitor[visitor >= 0]
        order = np.lexsort((visitor, code))
        result: list[int] = counts(code[order][firsts(code[order], visitor[order])], self.size).tolist()
        return result

    def _sums(self, which: np.ndarray) -> list[Any]:
        if self.m.orders.mixed:
            return [None] * self.size
        return [to_decimal(one) for one in sums(self.order_codes[which], self.m.orders.amount[which], self.size)]

    def _costs(self) -> dict[str, list[Any]]:
        spent, costs, orders = self.spent, self.spent.costs, self.m.orders
        rows = np.flatnonzero(spent.rows)
        rows = rows[np.argsort(self.cost_codes[rows], kind="stable")]
        edges = np.searchsorted(self.cost_codes[rows], np.arange(self.size + 1))
        each = [rows[low:high] for low, high in pairwise(edges.tolist())]
        found: dict[str, list[Any]] = {
            "impressions": [costs.known("impressions", here) for here in each],
            "clicks": [costs.known("clicks", here) for here in each],
            "cost": [costs.cost(here) for here in each],
        }
        names = ("attributed_orders", "attributed_revenue", "attributed_new_buyers")
        if costs.reason:
            return {**found, **dict.fromkeys(names, [None] * self.size)}
        made: tuple[Callable[[], list[Any]], ...] = (
            lambda: counts(self.order_codes[spent.attributed_orders], self.size).tolist(),
            lambda: self._sums(spent.attributed),
            lambda: counts(self.order_codes[spent.attributed & orders.first_ever], self.size).tolist(),
        )
        return {**found, **{name: make() for name, make in zip(names, made, strict=True)}}


def grouped(spent: Spending, by: str) -> Groups:
    """A period by channel, source, medium, campaign, term, content or media."""
    m = spent.m
    names = names_of(m.scope.context, by, spent.costs.ads)
    return Groups(spent, names, names.of(m.sessions.touch[m.session_ids]))
