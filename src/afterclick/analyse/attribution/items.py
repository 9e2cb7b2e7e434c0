"""Credit for what a touch promoted: order lines instead of orders, each with the touches that were about it."""

from __future__ import annotations

from typing import Final

import numpy as np

from afterclick.analyse.attribution.conversions import Conversions
from afterclick.analyse.attribution.credits import Split
from afterclick.analyse.attribution.names import property_codes
from afterclick.analyse.attribution.rules import WHOLE, apportioned, parted
from afterclick.analyse.attribution.trails import Windows
from afterclick.analyse.context import Context
from afterclick.analyse.distinct import expanded
from afterclick.analyse.orders import Orders
from afterclick.analyse.product_lines import Lines, lines_of, product_codes
from afterclick.analyse.scope import Scope
from afterclick.core.arrays import frozen

KINDS: Final = ("category", "collection")
"""Properties besides the product by which a touch may say what it promotes; those of a product are what the log says last."""


def items_of(scope: Scope, orders: Orders, conversions: Conversions, windows: Windows) -> tuple[Windows, Split]:
    """A row per order line of the period, with those touches of its order's window that promoted it.

    What an order holds besides its lines (shipping, a price difference) has no row and stays unattributed; where the lines
    come to more than the order, and where part of it was paid back, every line counts for its part of what is left.
    """
    order, lines, amount, parts = _lines(scope.context, orders, conversions, windows)
    low, high = windows.low[order], windows.high[order]
    touch = expanded(low, high - low)
    line = np.repeat(np.arange(len(order)), high - low)
    kept = np.flatnonzero(_promotes(scope.context, windows, touch, lines, line))
    touch, reach = touch[kept], np.bincount(line[kept], minlength=len(order))
    offsets = np.append(0, np.cumsum(reach))
    place = windows.place[order]
    made = Windows(
        place, frozen(offsets[:-1]), frozen(offsets[1:]), frozen(windows.at[touch]), frozen(windows.value[touch]),
        frozen(windows.marks[touch]), windows.costed[touch], windows.row[touch], windows.names,
    )  # fmt: skip
    unit = np.where(amount % conversions.unit[place] == 0, conversions.unit[place], 1)
    split = Split(
        low=made.low, high=made.high, visitor=frozen(conversions.visitor[place]), amount=frozen(amount),
        unit=frozen(unit), parts=frozen(parts), first=frozen(conversions.first[place].astype(np.uint8)), conversion=place,
    )  # fmt: skip
    return made, split


def _lines(
    context: Context, orders: Orders, conversions: Conversions, windows: Windows
) -> tuple[np.ndarray, Lines, np.ndarray, np.ndarray]:
    """The lines by order: the place of each one's order in `windows`, and what it counts for of its money and its order."""
    by_row = np.argsort(orders.row)
    sold = by_row[np.searchsorted(orders.row, conversions.row[windows.place], sorter=by_row)]
    found = lines_of(context, orders, sold)
    of_sold = np.zeros(len(orders.row), np.int64)
    of_sold[sold] = np.arange(len(sold))
    order = of_sold[found.place]
    by_order = np.lexsort((found.units, found.amount, found.product, order))
    order = order[by_order]
    lines = Lines(order, found.product[by_order], found.units[by_order], found.amount[by_order], found.ids, found.names)
    count = np.bincount(order, minlength=len(sold))
    worth = np.maximum(np.bincount(order, lines.amount, minlength=len(sold)), orders.amount[sold])
    # Each order is its lines and, last, the rest of it.
    offsets = np.append(0, np.cumsum(count + 1))
    line = offsets[order] + np.arange(len(order)) - np.append(0, np.cumsum(count))[order]
    weight = np.zeros(offsets[-1])
    even = 1 / np.maximum(count, 1)
    weight[line] = np.where(worth[order] > 0, lines.amount / np.maximum(worth[order], 1), even[order])
    weight[offsets[1:] - 1] = np.maximum(0.0, 1 - np.bincount(order, weight[line], minlength=len(sold)))
    place = windows.place
    amount = apportioned(offsets, weight, conversions.amount[place], conversions.unit[place])
    parts = parted(offsets, weight, np.full(len(place), WHOLE))
    return order, lines, amount[line], parts[line]


def _promotes(context: Context, windows: Windows, touch: np.ndarray, lines: Lines, line: np.ndarray) -> np.ndarray:
    """Which of these touches were about the product of their line, its category or its collection; bool."""
    codes, ids = product_codes(context)
    known = {text: code for code, text in enumerate(ids)}
    sold = np.array([known.get(text, -2) for text in lines.ids] or [-2], np.int64)[lines.product][line]
    rows = windows.row[touch]
    found: np.ndarray = codes[rows] == sold
    for kind in KINDS:
        if kind in context.snapshot.property_names:
            said, texts = property_codes(context, kind, rows)
            of_product = _kind_of_product(context, kind, codes, len(ids), texts)
            found |= (said >= 0) & (said == np.append(of_product, -1)[np.maximum(sold, -1)])
    return found


def _kind_of_product(
    context: Context, kind: str, codes: np.ndarray, count: int, texts: list[str]
) -> np.ndarray:
    """Per product the code of the value that the log says last, -1 where it says none; int64[products]."""
    rows = np.flatnonzero(codes >= 0)
    said, own = property_codes(context, kind, rows)
    place = {text: code for code, text in enumerate(texts)}
    lookup = np.array([*(place.get(text, -1) for text in own), -1], np.int64)
    latest = np.flatnonzero(said >= 0)
    latest = latest[np.argsort(context.snapshot.take("at", rows[latest]), kind="stable")]
    found = np.full(count, -1, np.int64)
    found[codes[rows[latest]]] = lookup[said[latest]]
    return found
