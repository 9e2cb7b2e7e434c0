"""The key figures of a period beside those of the period before."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.orders import total
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core.moments import Share
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, People, Result, Text
from afterclick.store.columns import NO_AMOUNT, Flag


class Kpi(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Key figures: visitors, sessions, orders and revenue, and how they changed."""

    key_word = "kpi"

    def answer(self, context: Context) -> Result:
        """Compute the figures of the range and of the period it is compared with."""
        scope = scope_of(context, self)
        now = measures(scope, scope.period)
        before = measures(scope, scope.previous) if scope.previous else None
        figures = figures_of(now)
        figures["previous"] = figures_of(before) if before else None
        return Result(
            self, _frame(now, before), sentence=sentence_of(figures), figures=figures, notes=money_notes(now),
            about=scope.about("visitors", events=now.events, visitors=len(now.visitors)), people=_people(scope, now),
        )  # fmt: skip


def figures_of(m: Measures) -> dict[str, Any]:
    """The figures of one period by name; None where one cannot be computed."""
    visitors, sessions = len(m.visitors), len(m.session_ids)
    completions, completion_amount = _completions(m)
    return {
        "visitors": visitors,
        "new_visitors": len(m.new_visitors),
        "returning_visitors": visitors - len(m.new_visitors),
        "sessions": sessions,
        "single_event_sessions": int((m.sessions.events[m.session_ids] == 1).sum()),
        "events": m.events,
        "pageviews": m.pages,
        "bounced": len(m.bounced),
        "qualifying_sessions": len(m.qualifying),
        "bounce_rate": m.bounce.rate,
        "engagement_rate": Share(len(m.engaged), sessions).rate,
        "pages_per_session": m.pages / sessions if sessions else None,
        "orders": m.order_count,
        "buyers": len(m.buyers),
        "gross": m.gross,
        "refunds": m.refunds,
        "revenue": m.revenue,
        "conversion_rate": m.conversion_rate,
        "buyer_rate": Share(len(m.buyers), visitors).rate,
        "aov": m.aov,
        "arpv": m.revenue / visitors if m.revenue is not None and visitors else None,
        "completion_events": completions,
        "completion_amount": completion_amount,
    }


def _completions(m: Measures) -> tuple[int, Decimal | None]:
    """Order events as they were sent, before each order id is counted once."""
    context, scope = m.scope.context, m.scope
    rows = []
    for chunk in context.snapshot.chunks(("flags", "at"), m.period):
        at = chunk.columns["at"]
        sold = scope.counts(chunk) & ((chunk.columns["flags"] & int(Flag.ORDER)) != 0)
        sold &= (at >= m.period.start) & (at < m.period.end) & (at <= scope.as_of)
        rows.append(chunk.start + np.flatnonzero(sold))
    found = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    amounts = context.column("amount")[found]
    return len(found), None if m.orders.mixed else to_decimal(total(amounts[amounts != NO_AMOUNT]))


def sentence_of(figures: dict[str, Any]) -> Text:
    """The finding of the figures."""
    if not figures["visitors"]:
        return Text("sentence.kpi_empty")
    if not figures["orders"]:
        return Text("sentence.kpi_no_orders", {"visitors": figures["visitors"], "sessions": figures["sessions"]})
    params = {"visitors": figures["visitors"], "orders": figures["orders"], "rate": figures["conversion_rate"]}
    return Text("sentence.kpi", params)


def money_notes(m: Measures) -> tuple[Note, ...]:
    """What a reader of amounts must know."""
    orders, here = m.orders, m.order_mask
    notes = []
    if orders.mixed:
        notes.append(Note("mixed_currencies", {"currencies": ", ".join(sorted(m.scope.context.texts("currency")))}))
    if orders.conflicts:
        notes.append(Note("order_conflicts", {"count": len(orders.conflicts)}))
    nobody = int((here & ~orders.refund & (orders.visitor < 0)).sum())
    if nobody:
        notes.append(Note("orders_of_nobody", {"count": nobody}))
    if len(orders.over):
        notes.append(Note("refund_over_order", {"count": len(orders.over)}))
    return tuple(notes)


_UNITS = {
    "visitors": "count", "new_visitors": "count", "returning_visitors": "count", "sessions": "count",
    "pageviews": "count", "pages_per_session": "number", "bounce_rate": "rate", "engagement_rate": "rate",
    "orders": "count", "buyers": "count", "conversion_rate": "rate", "buyer_rate": "rate", "gross": "money",
    "refunds": "money", "revenue": "money", "aov": "money", "arpv": "money",
}  # fmt: skip


def _frame(now: Measures, before: Measures | None) -> pa.Table:
    shares = {
        "bounce_rate": now.bounce,
        "engagement_rate": Share(len(now.engaged), len(now.session_ids)),
        "buyer_rate": Share(len(now.buyers), len(now.visitors)),
    }
    current, previous = figures_of(now), figures_of(before) if before else {}
    rows = []
    for metric, unit in _UNITS.items():
        value, old = _float(current[metric]), _float(previous.get(metric))
        low, high = (shares[metric].interval or (None, None)) if metric in shares else (None, None)
        rows.append(
            {
                "metric": metric, "value": value, "previous": old, "change": _change(value, old, unit),
                "low": low, "high": high, "unit": unit,
            }
        )  # fmt: skip
    floats = ("value", "previous", "change", "low", "high")
    kinds = [("metric", pa.string()), *((name, pa.float64()) for name in floats), ("unit", pa.string())]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _change(value: float | None, old: float | None, unit: str) -> float | None:
    """Rates change in points, amounts and counts by their share of the old value."""
    if value is None or old is None:
        return None
    if unit == "rate":
        return value - old
    return value / old - 1 if old else None


def _people(scope: Scope, m: Measures) -> dict[str, Callable[[], People]]:
    returning = m.visitors[~np.isin(m.visitors, m.new_visitors)]
    cells = {
        "visitors": m.visitors, "new": m.new_visitors, "returning": returning, "buyers": m.buyers,
        "bounced": m.visitors_of(m.bounced),
    }  # fmt: skip

    def cell(name: str, visitors: np.ndarray) -> Callable[[], People]:
        return lambda: people_of(scope, visitors, Text(f"people.{name}"))

    return {name: cell(name, visitors) for name, visitors in cells.items()}
