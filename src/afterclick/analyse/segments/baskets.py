"""The basket of each visitor at an instant: its lines since the last order, what they are worth, when they last changed."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse import fields
from afterclick.analyse.product_lines import product_codes
from afterclick.analyse.scope import Scope
from afterclick.analyse.segments.step_rows import StepRows, first_of_each, last_of_each
from afterclick.core import money
from afterclick.core.condition import Numbers
from afterclick.core.names import ORDER_COMPLETED
from afterclick.core.step import Step
from afterclick.store.columns import NO_AMOUNT

ADDED: Final = Step(event="Product Added")
REMOVED: Final = Step(event="Product Removed")
ORDERED: Final = Step(event=ORDER_COMPLETED)
STEPS: Final = (ADDED, REMOVED, ORDERED)
_ALL: Final = 1 << 32
"""More pieces than any line holds: what a removal without a quantity takes away."""


class Baskets(NamedTuple):
    """Per visitor label: value int64 minor units, units and lines int64, changed_at int64 µs (0 where the basket is empty)."""

    value: np.ndarray
    units: np.ndarray
    lines: np.ndarray
    changed_at: np.ndarray


class BasketRows:
    """The rows that change baskets: what line each touches, by how many pieces, at what price. Read once."""

    def __init__(self, scope: Scope, found: StepRows) -> None:
        self.found = found
        self.size = found.rows.visitors
        added, removed, ordered = (found.serves(step) for step in STEPS)
        self.order = np.flatnonzero(ordered)
        self.places = np.flatnonzero((added | removed) & ~ordered)
        self.at = found.rows.at[self.places]
        self.owner = found.owner[self.places].astype(np.int64)
        self.adds = added[self.places]
        number = found.rows.rows_at(self.places)
        take = scope.taker(0, number)
        known = fields.known_fields(scope.context)
        codes, ids = product_codes(scope.context)
        product = codes[number].astype(np.int64)
        variants = 1
        if "variant" in known:
            variant, texts = fields.codes_of(scope.context, "variant", take)
            variants = len(texts) + 1
            product = product * variants + variant
        self.line = product + variants + 1
        self.kinds = (len(ids) + 2) * (variants + 1)
        quantity = _number(scope, "quantity", known, take)
        pieces = np.where(np.isnan(quantity), 1, np.clip(np.rint(np.nan_to_num(quantity)), 0, _ALL - 1)).astype(np.int64)
        self.change = np.where(self.adds, pieces, np.where(np.isnan(quantity), -_ALL, -pieces))
        self.price = _prices(scope, _number(scope, "price", known, take), pieces, number)

    def at_instant(self, at: int) -> Baskets:
        """The baskets as they stand then."""
        cleared = np.full(self.size, -1, np.int64)
        past = self.order[self.found.rows.at[self.order] <= at]
        cleared[self.found.owner[past]] = past
        here = np.flatnonzero((self.at <= at) & (self.places > cleared[self.owner]))
        changed = np.zeros(self.size, np.int64)
        last = last_of_each(self.owner[here])
        changed[self.owner[here][last]] = self.at[here][last]
        line = self.owner[here] * self.kinds + self.line[here]
        order = np.argsort(line, kind="stable")
        here, line = here[order], line[order]
        begin = first_of_each(line)
        pieces = _left(self.change[here], begin)
        owner = self.owner[here][begin] if len(here) else np.zeros(0, np.int64)
        value, units, lines = (np.zeros(self.size, np.int64) for _ in range(3))
        np.add.at(value, owner, pieces * self._last_price(here, begin))
        np.add.at(units, owner, pieces)
        np.add.at(lines, owner, pieces > 0)
        changed[lines == 0] = 0
        return Baskets(value, units, lines, changed)

    def _last_price(self, here: np.ndarray, begin: np.ndarray) -> np.ndarray:
        """The price of each line's latest addition, 0 where it never was added."""
        place = np.where(self.adds[here], np.arange(len(here)), -1)
        latest = np.maximum.reduceat(place, begin) if len(begin) else place
        return np.where(latest >= 0, self.price[here][np.maximum(latest, 0)], 0) if len(here) else latest


def _left(change: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """Pieces left of each line: additions less removals, never under nothing on the way.

    With partial sums S the pieces are S_n - min(0, S_1, …, S_n): each time the sum would fall under what is there, the
    floor falls with it.
    """
    if not len(change):
        return np.zeros(0, np.int64)
    total = np.cumsum(change)
    lengths = np.diff(np.append(begin, len(change)))
    total = total - np.repeat(total[begin] - change[begin], lengths)
    result: np.ndarray = total[begin + lengths - 1] - np.minimum(np.minimum.reduceat(total, begin), 0)
    return result


def _number(scope: Scope, name: str, known: tuple[str, ...], take: fields.Take) -> np.ndarray:
    if name not in known:
        return np.full(len(take("at")), np.nan)
    column = fields.column(scope.context, name, take)
    return column.values if isinstance(column, Numbers) else np.full(len(take("at")), np.nan)


def _prices(scope: Scope, price: np.ndarray, pieces: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Minor units for one piece: the price sent, else the row's amount by its pieces, else 0."""
    amount = scope.context.snapshot.take("amount", number)
    each = np.where((amount == NO_AMOUNT) | (pieces == 0), 0, amount // np.maximum(pieces, 1))
    usable = np.abs(np.nan_to_num(price, nan=np.inf)) < money.LIMIT
    minor = np.rint(np.where(usable, price, 0) * money.SCALE).astype(np.int64)
    return np.where(usable, minor, each)
