"""How one figure is made of others, declared once: totals, rows of a table and intervals all compute it alike."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, NamedTuple

from afterclick.core.moments import Interval, Share
from afterclick.core.money import DECIMALS


class Formula(NamedTuple):
    """`times` × the figure `top` ÷ the figure `bottom`; a share when each of `bottom` either is in `top` or not."""

    unit: str
    top: str
    bottom: str
    share: bool = False
    times: int = 1


FORMULAS: Final[Mapping[str, Formula]] = {
    "new_visitor_rate": Formula("rate", "new_visitors", "visitors", share=True),
    "pages_per_session": Formula("number", "pageviews", "sessions"),
    "bounce_rate": Formula("rate", "bounced", "qualifying_sessions", share=True),
    "engagement_rate": Formula("rate", "engaged_sessions", "sessions", share=True),
    "click_rate": Formula("rate", "clicks", "impressions", share=True),
    "conversion_rate": Formula("rate", "orders", "visitors"),
    "buyer_rate": Formula("rate", "buyers", "visitors", share=True),
    "repeat_order_rate": Formula("rate", "repeat_orders", "orders", share=True),
    "aov": Formula("money", "revenue", "orders"),
    "arpv": Formula("money", "revenue", "visitors"),
    "cpc": Formula("money", "cost", "clicks"),
    "cpm": Formula("money", "cost", "impressions", times=1000),
    "cpa": Formula("money", "cost", "attributed_orders"),
    "roas": Formula("number", "attributed_revenue", "cost"),
    "cac": Formula("money", "cost", "attributed_new_buyers"),
    "blended_cac": Formula("money", "cost", "new_buyers"),
}
"""SEMANTICS 9. Orders per visitor may exceed 1 and are no share."""


class Ratio(NamedTuple):
    """A figure with what it was made of: float for rates and numbers, Decimal for money, None with the reason why."""

    value: float | Decimal | None
    top: Any
    bottom: Any
    interval: Interval | None
    reason: str


def ratio(name: str, bag: Mapping[str, Any], reasons: Mapping[str, str]) -> Ratio:
    """The figure `name` of the counts and amounts in `bag`; `reasons` says why one of them is None."""
    formula = FORMULAS[name]
    top, bottom = bag[formula.top], bag[formula.bottom]
    if top is None or bottom is None:
        missing = formula.top if top is None else formula.bottom
        return Ratio(None, top, bottom, None, reasons.get(missing, "empty"))
    if name == "roas" and reasons.get("roas"):
        return Ratio(None, top, bottom, None, reasons["roas"])
    if not bottom:
        return Ratio(None, top, bottom, None, f"no_{formula.bottom}")
    whole = formula.share and 0 <= top <= bottom
    interval = Share(top, bottom).interval if whole else None
    if formula.unit == "money":
        return Ratio(formula.times * Decimal(top) / bottom, top, bottom, interval, "")
    exact = isinstance(top, int) and isinstance(bottom, int)
    return Ratio(top / bottom if exact else float(Decimal(top) / Decimal(bottom)), top, bottom, interval, "")


def rounded(value: Decimal | None) -> Decimal | None:
    """An amount as a column holds it: four decimals, half to even."""
    return None if value is None else value.quantize(Decimal(1).scaleb(-DECIMALS), ROUND_HALF_EVEN)
