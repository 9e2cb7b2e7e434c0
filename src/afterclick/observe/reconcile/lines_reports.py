"""Never two numbers for one thing: every report names the same visitors, sessions, orders and revenue."""

from __future__ import annotations

from typing import Any, Final

from afterclick.analyse.channels import Channels
from afterclick.analyse.journey_map import JourneyMap
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.landing import Touchpoints
from afterclick.analyse.revenue_change import RevenueChange
from afterclick.analyse.visitors_list import Visitors
from afterclick.observe.reconcile.line import Days, Ledger, Line, Unit
from afterclick.observe.reconcile.reports import Reports, minor

_ASKED: Final[dict[str, tuple[type[Any], dict[str, Any]]]] = {
    "map": (JourneyMap, {"barriers": "off"}),
    "kpi": (Kpi, {}),
    "channels": (Channels, {}),
    "touchpoints": (Touchpoints, {}),
    "visitors": (Visitors, {}),
    "change": (RevenueChange, {"compare": "prev"}),
}
"""Reports with any of these figures, and how they are asked."""
_FIGURES: Final[dict[str, tuple[str, ...]]] = {
    "visitors": ("map", "kpi", "channels", "touchpoints", "visitors"),
    "sessions": ("map", "kpi", "channels", "touchpoints"),
    "orders": ("map", "kpi", "channels"),
    "revenue": ("map", "kpi", "channels", "change"),
}


def report_lines(reports: Reports) -> list[Line]:
    """One line per figure; its keys are the names of the reports."""
    return [_line(reports, figure) for figure in _FIGURES]


def _line(reports: Reports, figure: str) -> Line:
    money = figure == "revenue"

    def told(days: Days) -> Ledger:
        found = {}
        for name in _FIGURES[figure]:
            kind, own = _ASKED[name]
            value = reports.ask(kind, days, **own).figures[figure]
            found[name] = minor(value) if money else value
        return found

    def again(days: Days) -> Ledger:
        return dict.fromkeys(_FIGURES[figure], _count(reports, figure, days))

    unit: Unit = "money" if money else "count"
    mixed = "mixed_currencies" if money and reports.hand_orders.mixed else ""
    return Line(code=f"every_{figure}", number=0, left=told, right=again, unit=unit, unchecked=mixed)


def _count(reports: Reports, figure: str, days: Days) -> int:
    if figure == "visitors":
        return len(reports.hand.visitors(reports.period(days)))
    if figure == "sessions":
        return len(reports.hand.visits.within(reports.period(days)))
    sales = reports.sales(days)
    return sum(sale.amount for sale in sales) if figure == "revenue" else sum(not sale.refund for sale in sales)
