"""What a reader of amounts must know: mixed currencies, conflicts of order ids, orders of nobody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from afterclick.analyse.costs import Costs
from afterclick.analyse.measures import Measures
from afterclick.core.result import Note


def money_notes(m: Measures) -> tuple[Note, ...]:
    """The caveats of the orders of a period."""
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


def cost_notes(costs: Costs, unmatched: Decimal | None, figures: dict[str, Any]) -> tuple[Note, ...]:
    """The caveats of costs; none where the store holds none."""
    if not len(costs):
        return ()
    notes = [Note("attribution_visit")] if figures.get("cost") else []
    if not costs.narrowed:
        notes.append(Note("costs_not_narrowed"))
    if costs.mixed:
        notes.append(Note("costs_mixed"))
    if costs.foreign:
        notes.append(Note("costs_foreign"))
    if unmatched:
        notes.append(Note("costs_unmatched"))
    return tuple(notes)
