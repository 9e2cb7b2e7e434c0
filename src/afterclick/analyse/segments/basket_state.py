"""The basket of one visitor, line by line, as it is filled and emptied."""

from __future__ import annotations

import math
from typing import Any, Final

from afterclick.analyse.segments.baskets import ADDED, ORDERED, REMOVED
from afterclick.analyse.segments.happening import Happening
from afterclick.core import money
from afterclick.core.condition_values import as_number
from afterclick.core.rule_terms import ABANDONED_AFTER

NAMES: Final = frozenset({ADDED.event, REMOVED.event, ORDERED.event})
"""Events that change it."""

_MOST_PIECES: Final = 2**32 - 1
"""More pieces are these, as in `baskets.BasketRows`."""


class BasketState:
    """The lines of the basket since the last order. `most` > 0 bounds them: the one put in first goes."""

    def __init__(self, most: int = 0) -> None:
        self.most = most
        self.lines: dict[tuple[Any, Any], list[int]] = {}
        self.changed_at = 0

    def add(self, one: Happening) -> None:
        """Put in, take out, or clear."""
        names = one.names
        if names.isdisjoint(NAMES):
            return
        if ORDERED.event in names:
            self.lines = {}
            return
        self.changed_at = one.at
        quantity = _number(one.value("quantity"))
        pieces = 1 if quantity is None else round(min(max(quantity, 0), _MOST_PIECES))
        line = self.lines.setdefault((one.value("product_id"), one.value("variant")), [0, 0])
        if ADDED.event in names:
            line[:] = line[0] + pieces, _price(one, pieces)
        else:
            line[0] = 0 if quantity is None else max(0, line[0] - pieces)
        if self.most and (not line[0] or len(self.lines) > self.most):
            self._bound()

    def _bound(self) -> None:
        self.lines = {key: line for key, line in self.lines.items() if line[0]}
        while len(self.lines) > self.most:
            del self.lines[next(iter(self.lines))]

    def value(self, name: str, at: int) -> Any:
        """A field of the basket."""
        held = [line for line in self.lines.values() if line[0]]
        if name == "value":
            return money.to_decimal(sum(pieces * price for pieces, price in held))
        if name in ("units", "lines"):
            return sum(pieces for pieces, _ in held) if name == "units" else len(held)
        if not held or (name == "abandoned_at" and at <= self.changed_at + ABANDONED_AFTER):
            return None
        return self.changed_at

    def join(self, other: BasketState, ordered: int | None, other_ordered: int | None) -> None:
        """The lines of both, of one line that of the basket changed later; an order clears what the other held before it.

        `ordered` are the instants of the last orders of the two.
        """
        mine = {} if other_ordered is not None and other_ordered >= self.changed_at else self.lines
        its = {} if ordered is not None and ordered >= other.changed_at else other.lines
        newer = (self.changed_at, _written(mine)) >= (other.changed_at, _written(its))
        both = {**its, **mine} if newer else {**mine, **its}
        self.lines = {key: list(both[key]) for key in sorted(both, key=repr)}
        self.changed_at = max(self.changed_at, other.changed_at)
        if self.most:
            self._bound()


def _written(lines: dict[tuple[Any, Any], list[int]]) -> str:
    return repr(sorted(lines.items(), key=repr))


def _number(value: Any) -> float | None:
    number = None if value is None else as_number(value)
    found = None if number is None else float(number)
    return None if found is None or math.isnan(found) else found


def _price(one: Happening, pieces: int) -> int:
    price = _number(one.value("price"))
    if price is not None and abs(price) < money.LIMIT:
        minor: int = round(price * money.SCALE)
        return minor
    return (one.amount or 0) // pieces if pieces else 0
