"""When the buyers that advertising won have paid for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.distinct import sums
from afterclick.analyse.spending import Spending
from afterclick.core import spans
from afterclick.core.money import SCALE, to_decimal

MONTH: Final = 30 * spans.DAY
MOST: Final = 36
"""Months that are looked at."""

_AMOUNT = pa.decimal128(28, 4)
SCHEMA: Final = pa.schema(
    [
        ("month", pa.int64()), ("buyers", pa.int64()), ("margin", _AMOUNT), ("cumulated", _AMOUNT), ("cac", _AMOUNT),
        ("reached", pa.bool_()), ("complete", pa.bool_()),
    ]
)  # fmt: skip


def payback_month(cac: Decimal | Fraction | int, margins: Sequence[Decimal | Fraction | int]) -> int | None:
    """The first month, from 1, whose cumulated margin per new buyer is at least the CAC; None if none is (SEMANTICS 9)."""
    cumulated = Fraction(0)
    for month, margin in enumerate(margins, start=1):
        cumulated += Fraction(margin)
        if cumulated >= Fraction(cac):
            return month
    return None


@dataclass(frozen=True)
class Payback:
    """Month by month since the first order (30 days each) what a buyer won by a cost left, beside what one cost.

    `months` is None with the reason in `reason`; `open` says that a month up to it was not over for every buyer, so that
    the true month is that one or an earlier one.
    """

    months: int | None
    reason: str
    open: bool
    rows: tuple[dict[str, Any], ...]

    @property
    def table(self) -> pa.Table:
        """month, buyers, margin (per new buyer, in that month), cumulated, cac, reached, complete."""
        return pa.Table.from_pylist(list(self.rows), schema=SCHEMA)


def payback(spent: Spending, cac: Decimal | None, why: str, margin: float) -> Payback:
    """The payback of the buyers attributed to costs; `margin` is the part of revenue that is left, 1 = revenue."""
    if cac is None or spent.m.orders.mixed or spent.costs.foreign:
        return Payback(None, why or "mixed_currencies", False, ())
    buyers = spent.attributed_new_buyers
    amounts, over = _monthly(spent, buyers)
    share, n = Fraction(str(margin)) / SCALE, len(buyers)
    margins = [Fraction(amount) * share / n for amount in amounts]
    rows, cumulated = [], Fraction(0)
    for month, earned in enumerate(margins, start=1):
        cumulated += earned
        rows.append(
            {
                "month": month, "buyers": n, "margin": _amount(earned), "cumulated": _amount(cumulated),
                "cac": _amount(Fraction(cac)), "reached": cumulated >= Fraction(cac), "complete": month <= over,
            }
        )  # fmt: skip
    found = payback_month(cac, margins)
    if found is None:
        return Payback(None, "not_reached", over < MOST, tuple(rows))
    return Payback(found, "", found > 1 and over < found - 1, tuple(rows[: max(found, 1)]))


def _monthly(spent: Spending, buyers: np.ndarray) -> tuple[list[int], int]:
    """Net minor units of all orders of these buyers by month since their first, and how many months are over for all."""
    orders, as_of = spent.m.orders, spent.m.scope.as_of
    first = np.full(spent.m.sessions.rows.visitors, np.iinfo(np.int64).max)
    begun = orders.first_ever & np.isin(orders.visitor, buyers)
    first[orders.visitor[begun]] = orders.at[begun]
    rows = np.flatnonzero((orders.visitor >= 0) & np.isin(orders.visitor, buyers))
    month = (orders.at[rows] - first[orders.visitor[rows]]) // MONTH
    earliest, latest = int(orders.at[begun].min()), int(orders.at[begun].max())
    size = min(MOST, (as_of - earliest) // MONTH + 1)
    kept = (month >= 0) & (month < size)
    return sums(month[kept], orders.amount[rows[kept]], size), (as_of + 1 - latest) // MONTH


def _amount(value: Fraction) -> Decimal:
    return to_decimal(round(value * SCALE))
