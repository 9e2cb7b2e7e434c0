"""Columns over all rows of a store that sums, orders and baskets are made of, filled where an event has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from afterclick.analyse import fields
from afterclick.analyse.context import Context
from afterclick.analyse.kernels import tape_state, tape_terms
from afterclick.analyse.orders import amounts_of
from afterclick.core import money
from afterclick.core.arrays import frozen
from afterclick.core.condition import Amounts, Coded, Column, Numbers
from afterclick.core.condition_values import as_number, is_missing
from afterclick.decide.backtest.program import Program
from afterclick.decide.backtest.tapes import NotHere
from afterclick.store.columns import NO_AMOUNT, Flag

_MOST_PIECES: Final = 1 << 20
NONE: Final = frozen(np.zeros(1, np.int64))
"""A column that no rule asks for."""
_NO_CODES: Final = frozen(np.full(1, -1, np.int32))


class Wide:
    """Columns over all rows of the store, filled where an event has them."""

    def __init__(self, context: Context, program: Program, rows_that: Callable[[Callable[[int], bool]], np.ndarray]) -> None:
        """`rows_that` gives the rows of events whose steps are wanted."""
        self.context = context
        self.program = program
        self.rows_that = rows_that
        self.size = context.snapshot.rows

    def amount(self) -> np.ndarray:
        """Minor units in the store's currency, 0 where there are none."""
        if "orders" not in self.program.wants:
            return NONE
        flags = self.context.column("flags")
        rows = np.flatnonzero((flags & int(Flag.ORDER | Flag.REFUND)) != 0)
        found = np.zeros(self.size, np.int64)
        found[rows] = amounts_of(self.context, rows, self.context.column("at")[rows])[0]
        return frozen(found)

    def order(self) -> np.ndarray:
        """The codes of order ids."""
        if "orders" not in self.program.wants:
            return _NO_CODES
        return frozen(self.context.column("order"))

    def basket(self) -> dict[str, np.ndarray]:
        """line (a code of product and variant), pieces (-1 none named), price (minor units) of what changes baskets."""
        if "basket" not in self.program.wants:
            return {"line": NONE, "pieces": NONE, "price": NONE}
        wanted = {step for step, act in self.program.basket.items() if act != tape_state.CLEARS}
        rows = self.rows_that(lambda step: step in wanted)
        product, variant = (self._codes(name, rows) for name in ("product_id", "variant"))
        quantity = self._numbers("quantity", rows)
        named = ~np.isnan(quantity)
        if (np.abs(quantity[named]) > _MOST_PIECES).any():
            raise NotHere("quantities")
        pieces = np.where(named, np.clip(np.rint(np.nan_to_num(quantity)), 0, None), -1).astype(np.int64)
        each = np.where(pieces < 0, 1, pieces)
        price, amount = self._numbers("price", rows), amounts_of(self.context, rows, self.context.column("at")[rows])[0]
        usable = np.abs(np.nan_to_num(price, nan=np.inf)) < money.LIMIT
        minor = np.rint(np.where(usable, price, 0) * money.SCALE).astype(np.int64)
        instead = np.where(each > 0, amount // np.maximum(each, 1), 0)
        made = {"line": product * (int(variant.max(initial=0)) + 2) + variant, "pieces": pieces,
                "price": np.where(usable, minor, instead)}  # fmt: skip
        return {name: self._spread(rows, values, 0) for name, values in made.items()}

    def figures(self) -> np.ndarray:
        """Minor units of what each sum is over, MISSING where an event has none; (columns, rows)."""
        columns = self.program.columns
        if not columns:
            return frozen(np.full((1, 1), tape_terms.MISSING, np.int64))
        out = np.full((len(columns), self.size), tape_terms.MISSING, np.int64)
        for place, name in enumerate(columns):
            wanted = self._summing(place)
            rows = self.rows_that(wanted.__contains__)
            out[place, rows] = _minor(field_of(self.context, name, rows), len(rows))
        return frozen(out)

    def _summing(self, column: int) -> frozenset[int]:
        """The steps of the sums over a column."""
        terms = self.program.terms
        mine = set(np.flatnonzero(_sums(terms) & (terms[:, tape_terms.FIELD] == column)).tolist())
        return frozenset(step for step, uses in self.program.uses.items() if any(term in mine for term, _ in uses))

    def _codes(self, name: str, rows: np.ndarray) -> np.ndarray:
        column = field_of(self.context, name, rows)
        if isinstance(column, Coded):
            return column.codes.astype(np.int64) + 1
        if isinstance(column, Numbers):
            values, codes = np.unique(column.values, return_inverse=True)
            return np.where(np.isnan(column.values), 0, codes + 1).astype(np.int64) if len(values) else codes.astype(np.int64)
        raise NotHere(name)

    def _numbers(self, name: str, rows: np.ndarray) -> np.ndarray:
        column = field_of(self.context, name, rows)
        if not isinstance(column, Numbers):
            raise NotHere(name)
        return column.values.astype(np.float64)

    def _spread(self, rows: np.ndarray, values: np.ndarray, none: int) -> np.ndarray:
        found = np.full(self.size, none, np.int64)
        found[rows] = values
        return frozen(found)


def field_of(context: Context, name: str, rows: np.ndarray) -> Column:
    """The values of a field at global rows; of one that the store does not have, none."""
    if name.removeprefix("properties.") not in fields.known_fields(context):
        return Numbers(np.full(len(rows), np.nan))
    return fields.column(context, name, lambda column: context.snapshot.take(column, rows))


def _sums(terms: np.ndarray) -> np.ndarray:
    return np.isin(terms[:, tape_terms.KIND], (tape_terms.SUM_EVER, tape_terms.SUM_WITHIN))


def _minor(column: Column, count: int) -> np.ndarray:
    """Minor units as `Figuring` reads them: what is no number, or too large, is none."""
    if isinstance(column, Amounts):
        return np.where(column.values == NO_AMOUNT, tape_terms.MISSING, column.values)
    if isinstance(column, Coded):
        known = np.array([*(_one_minor(text) for text in column.values), tape_terms.MISSING], np.int64)
        return known[column.codes]
    if not isinstance(column, Numbers):
        raise NotHere("flags")
    values, place = np.unique(column.values, return_inverse=True)
    return np.array([_one_minor(value) for value in values.tolist()], np.int64)[place] if count else np.zeros(0, np.int64)


def _one_minor(value: Any) -> int:
    number: Any = None if is_missing(value) else as_number(value)
    return tape_terms.MISSING if number is None or not abs(number) < money.LIMIT else money.to_minor(number)

