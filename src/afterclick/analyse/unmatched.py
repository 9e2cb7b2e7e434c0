"""Costs without visits and paid visits without costs: names that differ on the two sides, shown so that they can be joined."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.distinct import counts, firsts, sums
from afterclick.analyse.spending import Spending
from afterclick.core.money import to_decimal

MOST: Final = 500
_AMOUNT = pa.decimal128(28, 4)
COSTS: Final = pa.schema(
    [
        ("source", pa.string()), ("campaign", pa.string()), ("cost", _AMOUNT), ("impressions", pa.int64()),
        ("clicks", pa.int64()),
    ]
)  # fmt: skip
TRAFFIC: Final = pa.schema(
    [
        ("source", pa.string()), ("campaign", pa.string()), ("channel", pa.string()), ("sessions", pa.int64()),
        ("visitors", pa.int64()), ("orders", pa.int64()), ("revenue", _AMOUNT),
    ]
)  # fmt: skip


def unmatched_costs(spent: Spending) -> pa.Table:
    """Costs of the period that no visit of all history belongs to, by source and campaign, the largest first."""
    costs = spent.costs
    lone: dict[tuple[str, str], list[int]] = {}
    for number, ad in enumerate(costs.ads):
        if not ad.met:
            lone.setdefault(ad.name, []).append(number)
    rows: list[dict[str, Any]] = []
    for (source, campaign), ads in lone.items():
        here = np.flatnonzero(spent.rows & np.isin(costs.ad, ads))
        if len(here):
            row: dict[str, Any] = {"source": source, "campaign": campaign, "cost": costs.cost(here)}
            rows.append(row | {name: costs.known(name, here) for name in ("impressions", "clicks")})
    rows.sort(key=lambda row: (-(row["cost"] or 0), row["source"], row["campaign"]))
    return pa.Table.from_pylist(rows[:MOST], schema=COSTS)


def unmatched_traffic(spent: Spending) -> pa.Table:
    """Visits of the period that are paid or of a campaign and that no cost names, the most first.

    Empty where the store holds no costs at all: nothing is missing then.
    """
    m, costs = spent.m, spent.costs
    if not len(costs):
        return TRAFFIC.empty_table()
    touches = m.scope.context.touches()
    bought = np.array([bool(p or c) for p, c in zip(touches["paid"], touches["campaign"], strict=True)], bool)
    lone = np.append(bought & ~costs.costed, False)
    names: dict[tuple[str, str, str], int] = {}
    of = np.full(len(lone), -1, np.int64)
    for code in np.flatnonzero(lone).tolist():
        key = touches["source"][code], touches["campaign"][code], touches["channel"][code]
        of[code] = names.setdefault(key, len(names))
    return pa.Table.from_pylist(_rows(spent, of, names)[:MOST], schema=TRAFFIC)


def _rows(spent: Spending, of: np.ndarray, names: dict[tuple[str, str, str], int]) -> list[dict[str, Any]]:
    m, size = spent.m, len(names)
    session = m.session_ids[of[m.sessions.touch[m.session_ids]] >= 0]
    code, visitor = of[m.sessions.touch[session]], m.sessions.visitor[session]
    order = np.lexsort((visitor, code))
    people = counts(code[order][firsts(code[order], visitor[order])], size)
    visits = counts(code, size)
    placed = of[spent.order_touch]
    here = m.order_mask & (placed >= 0)
    orders = counts(placed[here & ~m.orders.refund], size)
    money = [None] * size if m.orders.mixed else map(to_decimal, sums(placed[here], m.orders.amount[here], size))
    rows = [
        {
            "source": source, "campaign": campaign, "channel": channel, "sessions": int(visits[number]),
            "visitors": int(people[number]), "orders": int(orders[number]), "revenue": amount,
        }
        for ((source, campaign, channel), number), amount in zip(names.items(), money, strict=True)
        if visits[number] or orders[number]
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row["sessions"], row["source"], row["campaign"], row["channel"]))
