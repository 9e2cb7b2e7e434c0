"""What a barrier costs the example shop: the revenue of the same people with the same luck, with and without it."""

from __future__ import annotations

from typing import NamedTuple

from afterclick.app.demo.outline import outline
from afterclick.app.demo.plan import Visits
from afterclick.app.demo.population import BLOCK, plan_population
from afterclick.app.demo.shop import Shop


class Sales(NamedTuple):
    """Orders, and their revenue less refunds dated to them, in won."""

    orders: int
    revenue: int


def sales(shop: Shop, visits: Visits | None = None) -> Sales:
    """What the shop sells; no row is written. `visits` are those of `plan_population`, which no barrier changes."""
    planned = plan_population(shop) if visits is None else visits
    orders = revenue = 0
    for start in range(0, len(planned), BLOCK):
        bought = outline(shop, planned.take(slice(start, start + BLOCK))).bought
        orders += int(bought.ordered.sum())
        revenue += int(bought.revenue[bought.ordered].sum()) - int(bought.refunded[bought.refunding].sum())
    return Sales(orders, revenue)


def costs(shop: Shop) -> dict[str, Sales]:
    """Per barrier that is on, the orders and won lost to it alone over the whole period."""
    visits = plan_population(shop)
    there = sales(shop, visits)
    found = {}
    for name in sorted(shop.barriers):
        free = sales(shop.without(name), visits)
        found[name] = Sales(free.orders - there.orders, free.revenue - there.revenue)
    return found
