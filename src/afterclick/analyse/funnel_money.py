"""What the events of a funnel's steps were worth."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np

from afterclick.analyse import fields
from afterclick.analyse.orders import total
from afterclick.analyse.scope import Scope
from afterclick.core.errors import SpecError
from afterclick.core.moments import Quantiles
from afterclick.core.money import to_decimal
from afterclick.core.said import Said
from afterclick.core.step import Step
from afterclick.store.columns import NO_AMOUNT


class Money:
    """Amounts of rows in the funnel's money field. Raises SpecError for a field that holds no numbers."""

    def __init__(self, scope: Scope, field: str) -> None:
        self.context = scope.context
        self.amount = field in fields.AMOUNTS
        self.stored = f"p.{field.removeprefix('properties.')}"
        snapshot = scope.context.snapshot
        if not self.amount and (
            self.stored[2:] not in snapshot.property_names or snapshot.column_kind(self.stored) != "number"
        ):
            raise SpecError(
                Said("refusals.no_number_here", field=field),
                hint=Said("refusals.name_number_field"),
                path="value",
            )

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Minor units of global rows, NO_AMOUNT where there is none; int64."""
        if self.amount:
            return self.context.snapshot.take("amount", rows)
        numbers = self.context.snapshot.take(self.stored, rows)
        minor = np.full(len(numbers), NO_AMOUNT, np.int64)
        there = ~np.isnan(numbers)
        minor[there] = np.rint(numbers[there] * 10_000).astype(np.int64)
        return minor

    def may_stand(self, steps: Iterable[Step]) -> bool:
        """Can an event of these steps carry an amount? Looked up once per store: most steps never do."""
        if not self.amount:
            return True
        context = self.context

        def find() -> np.ndarray:
            there = np.zeros(len(context.names()[0]), bool)
            for chunk in context.snapshot.chunks(("name", "amount"), None):
                there[chunk.columns["name"][chunk.columns["amount"] != NO_AMOUNT]] = True
                context.snapshot.let_go(("name", "amount"), chunk.start, chunk.rows)
            return there

        found = context.keep(("names with amounts",), find)
        return any(bool(found[context.name_codes(step.event)].any()) for step in steps)


def summed(amounts: np.ndarray | None) -> Decimal | None:
    """The sum of those that are there; None where none is."""
    there = _there(amounts)
    return to_decimal(total(there)) if len(there) else None


def sums(amounts: np.ndarray | None) -> dict[str, Any]:
    """value_n, value_sum (decimal), value_mean and value_median of those that are there; None where none is."""
    there = _there(amounts)
    if not len(there):
        return {"value_n": 0, "value_sum": None, "value_mean": None, "value_median": None}
    whole, middle = total(there), Quantiles.of(there).median
    return {
        "value_n": len(there),
        "value_sum": to_decimal(whole),
        "value_mean": whole / len(there) / 10_000,
        "value_median": None if middle is None else middle / 10_000,
    }


def _there(amounts: np.ndarray | None) -> np.ndarray:
    # Places are quicker than a mask of many turns.
    return amounts[np.flatnonzero(amounts != NO_AMOUNT)] if amounts is not None else np.zeros(0, np.int64)
