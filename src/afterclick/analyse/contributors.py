"""What changed: which channels, campaigns, devices and landing pages the change of revenue came from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.distinct import counts, sums
from afterclick.analyse.groups import NONE, names_of
from afterclick.analyse.spending import Spending
from afterclick.core.condition_tree import Text
from afterclick.core.money import to_decimal

DIMENSIONS: Final = ("channel", "source", "campaign", "device_type", "landing")
SHOWN: Final = 6
OTHER: Final = "(other)"
_AMOUNT = pa.decimal128(28, 4)
SCHEMA: Final = pa.schema(
    [
        ("dimension", pa.string()), ("value", pa.string()), ("revenue", _AMOUNT), ("previous_revenue", _AMOUNT),
        ("effect", _AMOUNT), ("orders", pa.int64()), ("previous_orders", pa.int64()), ("buyers", pa.int64()),
        ("where", pa.string()), ("cell", pa.string()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Dimension:
    """Orders of two periods by one dimension of the visit they were placed in; `codes` per row of the orders relation."""

    name: str
    values: list[str]
    codes: np.ndarray
    now: Spending
    before: Spending

    @cached_property
    def change(self) -> list[tuple[int, int]]:
        """(revenue now, revenue before) in minor units by value."""
        each = [
            sums(self.codes[one.m.order_mask], one.m.orders.amount[one.m.order_mask], len(self.values))
            for one in (self.now, self.before)
        ]
        return list(zip(*each, strict=True))

    @cached_property
    def ranked(self) -> list[int]:
        """Values with an order in either period, the largest change first."""
        there = [
            i
            for i, used in enumerate(self._orders(self.now) + self._orders(self.before))
            if used or any(self.change[i])
        ]
        return sorted(there, key=lambda i: (-abs(self.change[i][0] - self.change[i][1]), self.values[i]))

    def _orders(self, spent: Spending) -> np.ndarray:
        return counts(self.codes[spent.m.order_mask & ~spent.m.orders.refund], len(self.values))

    def buyers(self, numbers: list[int]) -> np.ndarray:
        """Labels of the visitors who ordered now under these values."""
        m = self.now.m
        return m.buyers_of(np.flatnonzero(m.order_mask & ~m.orders.refund & np.isin(self.codes, numbers)))

    def rows(self) -> list[tuple[dict[str, Any], list[int]]]:
        """The rows of the table with the values behind each; the last one sums up those that are not shown."""
        shown = [(self.values[i], [i]) for i in self.ranked[:SHOWN]]
        rest = self.ranked[SHOWN:]
        return [(self._row(name, numbers), numbers) for name, numbers in [*shown, *([(OTHER, rest)] if rest else [])]]

    def _row(self, name: str, numbers: list[int]) -> dict[str, Any]:
        now, before = (sum(self.change[i][which] for i in numbers) for which in (0, 1))
        field = self.name != "landing" and name not in (NONE, OTHER)
        return {
            "dimension": self.name, "value": name, "revenue": to_decimal(now), "previous_revenue": to_decimal(before),
            "effect": to_decimal(now - before), "orders": int(self._orders(self.now)[numbers].sum()),
            "previous_orders": int(self._orders(self.before)[numbers].sum()), "buyers": len(self.buyers(numbers)),
            "where": f"{self.name} == {Text(name).text()}" if field else "", "cell": f"dimension={self.name};value={name}",
        }  # fmt: skip


def dimensions(now: Spending, before: Spending) -> list[Dimension]:
    """Both periods by every dimension; none where amounts are of several currencies."""
    if now.m.orders.mixed:
        return []
    found = []
    for name in DIMENSIONS:
        codes, values = (_visited if name in ("device_type", "landing") else _came)(now, name)
        found.append(Dimension(name, values, codes, now, before))
    return found


def _came(spent: Spending, name: str) -> tuple[np.ndarray, list[str]]:
    names = names_of(spent.m.scope.context, name, ())
    return names.of(spent.order_touch), names.values


def _visited(spent: Spending, name: str) -> tuple[np.ndarray, list[str]]:
    """The device of the visit's first event, or the path of its landing page."""
    m, context = spent.m, spent.m.scope.context
    book = "device_type" if name == "device_type" else "path"
    values = [text or NONE for text in context.texts(book)]
    session = m.order_sessions
    codes = np.full(len(session), len(values), np.int64)
    known = np.flatnonzero(session >= 0)
    place = (m.sessions.first if name == "device_type" else m.sessions.landing)[session[known]]
    known, place = known[place >= 0], place[place >= 0]
    code = context.snapshot.take(book, m.sessions.rows.rows_at(place))
    codes[known] = np.where(code >= 0, code, len(values))
    return codes, [*values, NONE]
