"""The key figures of one period by name, each with what it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from afterclick.analyse.formulas import FORMULAS, ratio
from afterclick.analyse.spending import Spending

UNITS: Final[Mapping[str, str]] = {
    "visitors": "count", "new_visitors": "count", "returning_visitors": "count", "new_visitor_rate": "rate",
    "sessions": "count", "pageviews": "count", "pages_per_session": "number", "bounce_rate": "rate",
    "engagement_rate": "rate", "impressions": "count", "clicks": "count", "click_rate": "rate", "orders": "count",
    "buyers": "count", "new_buyers": "count", "conversion_rate": "rate", "buyer_rate": "rate",
    "repeat_order_rate": "rate", "aov": "money", "arpv": "money", "gross": "money", "refunds": "money",
    "revenue": "money", "cost": "money", "cpc": "money", "cpm": "money", "cpa": "money", "roas": "number",
    "cac": "money", "blended_cac": "money", "payback_months": "months",
}  # fmt: skip
"""Every figure of the table in order, with its unit."""


def counts_of(spent: Spending) -> dict[str, Any]:
    """What was counted: whole numbers and amounts."""
    m = spent.m
    completions, completion_amount = m.completions
    return {
        "visitors": len(m.visitors),
        "new_visitors": len(m.new_visitors),
        "returning_visitors": len(m.visitors) - len(m.new_visitors),
        "sessions": len(m.session_ids),
        "single_event_sessions": int((m.sessions.events[m.session_ids] == 1).sum()),
        "events": m.events,
        "pageviews": m.pages,
        "bounced": len(m.bounced),
        "qualifying_sessions": len(m.qualifying),
        "engaged_sessions": len(m.engaged),
        "orders": m.order_count,
        "buyers": len(m.buyers),
        "new_buyers": len(m.new_buyers),
        "repeat_orders": len(m.repeat_orders),
        "gross": m.gross,
        "refunds": m.refunds,
        "revenue": m.revenue,
        "completion_events": completions,
        "completion_amount": completion_amount,
        **spent.bag(),
    }


def figures_of(spent: Spending) -> dict[str, Any]:
    """Counts and figures of one period by name; None where one cannot be computed, and `reasons` says why."""
    found = counts_of(spent)
    reasons = spent.reasons()
    for name in FORMULAS:
        made = ratio(name, found, reasons)
        found[name] = made.value
        if made.value is None:
            reasons[name] = made.reason
    return found | {"reasons": {name: code for name, code in reasons.items() if found.get(name, 0) is None}}
