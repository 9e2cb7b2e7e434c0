"""What an event is worth: totals as sent, else what its items or its price and quantity add up to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import amounts, cells, json_cells
from afterclick.collect.amounts import Amounts
from afterclick.collect.engine import Engine
from afterclick.collect.raw_rows import RawRows
from afterclick.core import money, names

LISTING = (names.ORDER_COMPLETED, names.ORDER_REFUNDED, "Checkout Started", "Cart Viewed")
"""Events whose items add up."""


class Worth(NamedTuple):
    """Amounts of the rows, and which column is to blame where one is no number."""

    amounts: Amounts
    blame: list[tuple[str, np.ndarray]]


def _nothing(size: int) -> Amounts:
    none = np.zeros(size, bool)
    return Amounts(np.zeros(size, np.int64), none, none)


def _read(rows: RawRows, field: str) -> Amounts:
    array = rows.typed(field)
    return _nothing(len(rows)) if array is None else amounts.read(array)


def of_events(engine: Engine, rows: RawRows, event: pa.Array, objects: pa.Array | None) -> Worth:
    """Amounts in the grain of events: revenue, else Σ price × quantity of the items, else price × quantity.

    `event` are canonical names. A refund's amount is positive whatever its sign was.
    """
    revenue, price, quantity = (_read(rows, field) for field in ("revenue", "price", "quantity"))
    single = amounts.product(price, quantity)
    blame = [("revenue", revenue.bad), ("price", price.bad), ("quantity", quantity.bad)]
    blame.append(("price", single.bad & ~price.bad & ~quantity.bad))
    minor = np.where(revenue.present, revenue.minor, single.minor)
    known = revenue.present | single.present
    refund = cells.flags(pc.equal(event, names.ORDER_REFUNDED))
    # Only what is bought or about to be bought adds up; items of a list that was looked at are worth nothing yet.
    listing = cells.flags(pc.is_in(event, value_set=pa.array(LISTING)))
    if objects is not None:
        open_rows = np.flatnonzero(listing & ~revenue.present & cells.present(objects))
        summed = _of_items(engine, objects.take(pa.array(open_rows)))
        blame.append(("properties", _spread(summed.bad, open_rows, len(rows))))
        minor[open_rows] = np.where(summed.present, summed.minor, minor[open_rows])
        known[open_rows] |= summed.present
    minor = np.where(refund, np.abs(minor), minor)
    return Worth(Amounts(minor, known, np.zeros(len(rows), bool)), blame)


def _spread(mask: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    whole = np.zeros(size, bool)
    whole[places] = mask
    return whole


def _of_items(engine: Engine, objects: pa.Array) -> Amounts:
    """Σ price × quantity of the items of each object; an item without a price adds nothing."""
    total = _nothing(len(objects))
    if not len(objects):
        return total
    items = json_cells.items(engine, objects)
    row = np.asarray(items.column("row"))
    price = amounts.read(cells.whole(items.column("price")))
    line = amounts.product(price, amounts.read(cells.whole(items.column("quantity"))))
    minor, known, bad = total.minor.copy(), np.zeros(len(objects), bool), np.zeros(len(objects), bool)
    np.add.at(minor, row, np.where(line.present, line.minor, 0))
    known[row[line.present]] = True
    bad[row[line.bad]] = True
    # A sum of many believable lines may itself be beyond belief.
    bad |= np.abs(minor) >= money.LIMIT * money.SCALE
    return Amounts(minor, known & ~bad, bad)


def of_field(rows: RawRows, field: str) -> Worth:
    """Amounts of a field by itself, with their sign."""
    found = _read(rows, field)
    return Worth(Amounts(found.minor, found.present, np.zeros(len(rows), bool)), [(field, found.bad)])


def of_lines(rows: RawRows, refund: np.ndarray, paid_back: np.ndarray) -> Worth:
    """Amounts of order lines: revenue as the line's total, else price × quantity; negated for cancellations.

    `paid_back` rows are refunds of their own: positive whatever their sign was.
    """
    revenue, price, quantity = (_read(rows, field) for field in ("revenue", "price", "quantity"))
    product = amounts.product(price, quantity)
    both = product.present & quantity.present
    minor = np.where(revenue.present, revenue.minor, product.minor)
    known = revenue.present | both
    blame = [("revenue", revenue.bad), ("price", price.bad), ("quantity", quantity.bad)]
    blame.append(("price", ~known & ~revenue.bad & ~price.bad & ~quantity.bad))
    minor = np.where(paid_back & ~refund, np.abs(minor), np.where(refund, -minor, minor))
    return Worth(Amounts(minor, known, np.zeros(len(rows), bool)), blame)


def cancellations(order_id: pa.Array, pattern: str) -> np.ndarray:
    """Which order ids mark a cancellation, bool (n)."""
    if not pattern:
        return np.zeros(len(order_id), bool)
    return cells.flags(pc.match_substring_regex(order_id, pattern))
