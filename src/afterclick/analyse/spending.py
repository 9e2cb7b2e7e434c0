"""Costs of a period beside the orders of the visits they brought: what every cost figure is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from afterclick.analyse.costs import Costs, costs_of
from afterclick.analyse.measures import Measures


@dataclass(frozen=True)
class Spending:
    """An order belongs to a cost when it was placed in a visit whose source and campaign the cost names.

    That is: action visited, within the same visit, scope basket, touch last. Another rule of attribution puts other
    orders here and changes nothing else.
    """

    m: Measures
    costs: Costs = field(repr=False)

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of the costs in the period; bool."""
        return self.costs.within(self.m.period)

    @cached_property
    def order_touch(self) -> np.ndarray:
        """Per row of the orders relation the touch of its visit, -1 for none; int64."""
        session, touch = self.m.order_sessions, self.m.sessions.touch
        if not len(touch):
            return np.full(len(session), -1, np.int64)
        return np.where(session >= 0, touch[np.maximum(session, 0)], -1).astype(np.int64)

    @cached_property
    def attributed(self) -> np.ndarray:
        """Rows of the orders relation in the period that costs can claim; bool."""
        result: np.ndarray = self.m.order_mask & self.costs.touched[self.order_touch]
        return result

    @cached_property
    def attributed_orders(self) -> np.ndarray:
        """Orders among them."""
        return np.flatnonzero(self.attributed & ~self.m.orders.refund)

    @cached_property
    def attributed_new_buyers(self) -> np.ndarray:
        """Labels of visitors whose first order ever is among them."""
        return self.m.buyers_of(np.flatnonzero(self.attributed & self.m.orders.first_ever))

    def bag(self) -> dict[str, Any]:
        """Cost and what it brought, None where it cannot be said (see `reasons`)."""
        costs, none = self.costs, bool(self.costs.reason)
        return {
            "impressions": costs.known("impressions", self.rows),
            "clicks": costs.known("clicks", self.rows),
            "cost": costs.cost(self.rows),
            "attributed_orders": None if none else len(self.attributed_orders),
            "attributed_revenue": None if none else self.m.sum_of(self.attributed),
            "attributed_new_buyers": None if none else len(self.attributed_new_buyers),
        }

    def reasons(self) -> dict[str, str]:
        """Why figures of this bag, or made of it, are None."""
        costs = self.costs
        found = dict.fromkeys(
            ("cost", "attributed_orders", "attributed_new_buyers", "attributed_revenue"), costs.reason
        )
        if self.m.orders.mixed:
            found |= dict.fromkeys(("revenue", "gross", "refunds", "attributed_revenue"), "mixed_currencies")
        if costs.foreign:
            found["roas"] = "mixed_currencies"
        unknown = costs.reason if costs.reason in ("no_costs", "not_narrowed") else "not_reported"
        return {name: code for name, code in found.items() if code} | dict.fromkeys(("impressions", "clicks"), unknown)


def spending(m: Measures) -> Spending:
    """The costs of a period of a scope."""
    return Spending(m, costs_of(m.scope))
