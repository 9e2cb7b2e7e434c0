"""The key figures of a period beside those of the period before."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse import contributors
from afterclick.analyse.context import Context
from afterclick.analyse.contributors import Dimension, dimensions
from afterclick.analyse.describe import people_of
from afterclick.analyse.formulas import FORMULAS, ratio
from afterclick.analyse.intervals import Counted, chosen, cut
from afterclick.analyse.kpi_figures import UNITS, figures_of
from afterclick.analyse.measures import measures
from afterclick.analyse.money_notes import cost_notes, money_notes
from afterclick.analyse.payback import Payback, payback
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.revenue_change import SCHEMA as CHANGE
from afterclick.analyse.revenue_change import total_change
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.series import series
from afterclick.analyse.spending import Spending, spending
from afterclick.analyse.unmatched import unmatched_costs, unmatched_traffic
from afterclick.core.moments import Z95, Interval
from afterclick.core.result import Note, People, Result, Text

ATTRIBUTION = {
    "attribution_action": "visited", "attribution_within": "visit", "attribution_scope": "basket",
    "attribution_touch": "last",
}  # fmt: skip
"""How an order is credited to a cost: see `spending.Spending`."""


class Kpi(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Key figures: visitors, sessions, orders and revenue, and how they changed."""

    key_word = "kpi"

    interval: Annotated[
        Literal["auto", "hour", "day", "week", "month"], Meta(description="what a point of a curve is")
    ] = "auto"
    margin: Annotated[
        float, Meta(description="part of revenue that is left of an order, for the payback; 1 = all of it", gt=0, le=1)
    ] = 1.0

    def answer(self, context: Context) -> Result:
        """The figures of the range and of the period it is compared with; see the parts for curves and causes."""
        scope = scope_of(context, self)
        now = spending(measures(scope, scope.period))
        before = spending(measures(scope, scope.previous)) if scope.previous else None
        figures, back = _figures(now, self.margin)
        old = _figures(before, self.margin)[0] if before else None
        kind = chosen(self.interval, scope.period)
        curve = Counted(now, cut(scope.period, kind, context.zone))
        past = Counted(before, cut(before.m.period, kind, context.zone)) if before else None
        causes = dimensions(now, before) if before else []
        lone = unmatched_costs(now)
        parts = {
            "series": series(curve, past),
            "change": total_change(now.m, before.m) if before else CHANGE.empty_table(),
            "contributors": _contributors(causes),
            "payback": back.table,
            "unmatched_costs": lone,
            "unmatched_traffic": unmatched_traffic(now),
        }
        frame = _frame(now, figures, old)
        notes = (
            *money_notes(now.m),
            *cost_notes(now.costs, lone.num_rows, figures),
            *_payback_notes(back, self.margin),
        )
        return Result(
            self, frame, sentence=sentence_of(figures), figures=figures | {"previous": old, "interval": kind}, parts=parts,
            notes=notes, people=_people(scope, now, curve, causes),
            about=scope.about("visitors", events=now.m.events, visitors=len(now.m.visitors), **ATTRIBUTION),
        )  # fmt: skip


def _figures(spent: Spending, margin: float) -> tuple[dict[str, Any], Payback]:
    found = figures_of(spent)
    back = payback(spent, found["cac"], found["reasons"].get("cac", ""), margin)
    found["payback_months"] = back.months
    if back.months is None:
        found["reasons"]["payback_months"] = back.reason
    return found, back


def sentence_of(figures: dict[str, Any]) -> Text:
    """The finding of the figures."""
    if not figures["visitors"]:
        return Text("sentence.kpi_empty")
    if not figures["orders"]:
        return Text("sentence.kpi_no_orders", {"visitors": figures["visitors"], "sessions": figures["sessions"]})
    params = {"visitors": figures["visitors"], "orders": figures["orders"], "rate": figures["conversion_rate"]}
    return Text("sentence.kpi", params)


def _payback_notes(back: Payback, margin: float) -> tuple[Note, ...]:
    if not back.rows:
        return ()
    notes = [Note("no_margin")] if margin == 1 else []
    return (*notes, Note("payback_open")) if back.open else tuple(notes)


_SCHEMA = pa.schema(
    [
        ("metric", pa.string()), *((name, pa.float64()) for name in ("value", "previous", "change", "low", "high")),
        ("unit", pa.string()), ("numerator", pa.float64()), ("denominator", pa.float64()), ("reason", pa.string()),
    ]
)  # fmt: skip


def _frame(now: Spending, current: dict[str, Any], previous: dict[str, Any] | None) -> pa.Table:
    rows = []
    for metric, unit in UNITS.items():
        value, old = _float(current[metric]), _float((previous or {}).get(metric))
        made = ratio(metric, current, current["reasons"]) if metric in FORMULAS else None
        interval = _orders_interval(now) if metric == "conversion_rate" else made.interval if made else None
        low, high = interval or (None, None)
        rows.append(
            {
                "metric": metric, "value": value, "previous": old, "change": _change(value, old, unit), "low": low,
                "high": high, "unit": unit, "numerator": _float(made.top) if made else None,
                "denominator": _float(made.bottom) if made else None, "reason": current["reasons"].get(metric, ""),
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


_ENOUGH = 30
"""Visitors from which on the mean of their orders is taken to be normal."""


def _orders_interval(spent: Spending) -> Interval | None:
    """The interval of orders per visitor, which may exceed 1: mean ± 1.96 s / √n, from (n, Σx, Σx²) of the visitors."""
    m = spent.m
    sold = m.order_mask & ~m.orders.refund
    n, orders = len(m.visitors), int(sold.sum())
    if n < _ENOUGH or (m.orders.visitor[sold] < 0).any():
        return None
    each = np.unique(m.orders.visitor[sold], return_counts=True)[1]
    squares = int((each * each).sum())
    variance = (squares - orders * orders / n) / (n - 1)
    half = Z95 * math.sqrt(max(0.0, variance) / n)
    return Interval(max(0.0, orders / n - half), orders / n + half)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _change(value: float | None, old: float | None, unit: str) -> float | None:
    """Rates change in points, amounts and counts by their share of the old value."""
    if value is None or old is None or unit == "months":
        return None
    if unit == "rate":
        return value - old
    return value / old - 1 if old else None


def _contributors(causes: list[Dimension]) -> pa.Table:
    return pa.Table.from_pylist([row for one in causes for row, _ in one.rows()], schema=contributors.SCHEMA)


def _people(scope: Scope, spent: Spending, curve: Counted, causes: list[Dimension]) -> dict[str, Callable[[], People]]:
    m = spent.m
    cells: dict[str, Callable[[], np.ndarray]] = {
        "visitors": lambda: m.visitors, "new": lambda: m.new_visitors,
        "returning": lambda: m.visitors[m.first_seen < m.period.start], "buyers": lambda: m.buyers,
        "new_buyers": lambda: m.new_buyers, "attributed_new_buyers": lambda: spent.attributed_new_buyers,
        "repeat_buyers": lambda: m.buyers_of(m.repeat_orders), "bounced": lambda: m.visitors_of(m.bounced),
        "engaged": lambda: m.visitors_of(m.engaged),
    }  # fmt: skip

    def cell(text: Text, visitors: Callable[[], np.ndarray]) -> Callable[[], People]:
        return lambda: people_of(scope, visitors(), text)

    found = {name: cell(Text(f"people.{name}"), visitors) for name, visitors in cells.items()}
    for i in range(len(curve.cuts)):
        found[f"interval={i}"] = cell(Text("people.interval"), lambda i=i: curve.visitors_in(i))  # type: ignore[misc]
        found[f"interval={i};part=buyers"] = cell(Text("people.interval_buyers"), lambda i=i: curve.buyers_in(i))  # type: ignore[misc]
    for one in causes:
        for row, numbers in one.rows():
            text = Text("people.group_buyers", {"value": row["value"]})
            found[row["cell"]] = cell(text, lambda one=one, numbers=numbers: one.buyers(numbers))  # type: ignore[misc]
    return found
