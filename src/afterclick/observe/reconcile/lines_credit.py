"""Credit and scores: by every additive model all revenue is credited once, and every buyer stands in one cell."""

from __future__ import annotations

from typing import Any

from afterclick.analyse.attribution.attribution import Attribution
from afterclick.core.result import Result
from afterclick.learn.value.rfm import Rfm
from afterclick.observe.reconcile.line import Days, Ledger, Line
from afterclick.observe.reconcile.reports import Reports, minor

_NOT_ADDITIVE = "any"
_REVENUE = "_revenue"


def credit_lines(reports: Reports) -> list[Line]:
    """Per model: credits + unattributed = revenue; and what a longer window does to none of them."""
    mixed = "mixed_currencies" if reports.hand_orders.mixed else ""

    def result(days: Days) -> Result:
        return reports.ask(Attribution, days, data_driven="off", action=("clicked", "visited"))

    def models(found: Result) -> list[str]:
        names = [name.removesuffix(_REVENUE) for name in found.frame.column_names if name.endswith(_REVENUE)]
        return [name for name in names if name not in (_NOT_ADDITIVE, "previous")]

    def credited(days: Days) -> Ledger:
        found = result(days)
        return {
            model: sum(minor(value) for value in found.frame[model + _REVENUE].to_pylist()) for model in models(found)
        }

    def revenue(days: Days) -> Ledger:
        return dict.fromkeys(models(result(days)), sum(sale.amount for sale in reports.sales(days)))

    return [Line(code="credits", number=5, left=credited, right=revenue, unit="money", unchecked=mixed)]


def score_lines(reports: Reports) -> list[Line]:
    """RFM cells = visitors with an order, Σ of their money = their revenue."""
    mixed = "mixed_currencies" if reports.hand_orders.mixed else ""

    def cells(days: Days, column: str) -> list[Any]:
        asked: list[Any] = reports.ask(Rfm, days, period=f"{days[0]}..{days[1]}").frame[column].to_pylist()
        return asked

    def buyers(days: Days) -> set[int]:
        return {sale.visitor for sale in reports.sales(days) if not sale.refund and sale.visitor >= 0}

    def customers(days: Days) -> Ledger:
        return {"": sum(count for count in cells(days, "customers"))}

    def spent(days: Days) -> Ledger:
        return {"": sum(minor(value) for value in cells(days, "revenue"))}

    def owed(days: Days) -> Ledger:
        known = buyers(days)
        return {"": sum(sale.amount for sale in reports.sales(days) if sale.visitor in known)}

    return [
        Line(code="rfm_customers", number=7, left=customers, right=lambda days: {"": len(buyers(days))}),
        Line(code="rfm_revenue", number=7, left=spent, right=owed, unit="money", unchecked=mixed),
    ]
