"""What a product is: its category, brand and price, from the row itself, else from what is known of the product."""

from __future__ import annotations

from typing import Final

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.product_lines import product_codes
from afterclick.core.arrays import frozen

CATEGORY, BRAND, PRICE = "category", "brand", "price"
LEVELS: Final = ("low", "middle", "high")
"""Price levels, each with a third of the products."""
_DENSE: Final = 1 << 24


class Attribute:
    """One attribute of products by its values, texts in their order: `of_row` int32 per global row, `of_product` int32 per
    product code; -1 where it is not known. For prices `edges` are the prices (major units) above which a level ends."""

    def __init__(self, values: list[str], of_row: np.ndarray, of_product: np.ndarray, edges: tuple[float, ...] = ()) -> None:
        self.values = values
        self.of_row = frozen(of_row)
        self.of_product = frozen(of_product)
        self.edges = edges

    def level(self, price: np.ndarray) -> np.ndarray:
        """The price level of each price in major units; int32, -1 for none."""
        return _levels(price, self.edges)


def attribute(context: Context, of: str) -> Attribute | None:
    """The attribute by its name; None where no event tells it."""

    def make() -> Attribute | None:
        return _prices(context) if of == PRICE else _texts(context, of)

    return context.keep(("product attribute", of), make)


def _texts(context: Context, of: str) -> Attribute | None:
    column = f"p.{of}"
    if of not in context.snapshot.property_names or context.snapshot.column_kind(column) != "coded":
        return None
    texts = [text.strip() for text in context.texts(column)]
    values = sorted({text for text in texts if text})
    number = {text: place for place, text in enumerate(values)}
    lookup = np.array([number.get(text, -1) for text in texts] or [-1], np.int32)
    said = context.column(column)
    own = np.where(said >= 0, lookup[np.maximum(said, 0)], -1).astype(np.int32)
    product, ids = product_codes(context)
    known = _latest(context, product, own, len(ids))
    return Attribute(values, _filled(own, product, known, own < 0), known)


def _prices(context: Context) -> Attribute | None:
    column = "p.price"
    if PRICE not in context.snapshot.property_names or context.snapshot.column_kind(column) != "number":
        return None
    price = context.column(column)
    product, ids = product_codes(context)
    told, place = np.unique(price[price > 0], return_inverse=True)
    code = np.full(len(price), -1, np.int32)
    code[price > 0] = place
    latest = _latest(context, product, code, len(ids))
    known = np.where(latest >= 0, told[np.maximum(latest, 0)], np.nan) if len(told) else np.full(len(ids), np.nan)
    of = np.sort(known[known > 0]) if (known > 0).any() else told
    if len(np.unique(of)) < len(LEVELS):
        return None
    edges = tuple(float(of[len(of) * part // len(LEVELS) - 1]) for part in range(1, len(LEVELS)))
    own, whole = _levels(price, edges), _levels(known, edges)
    return Attribute(list(LEVELS), _filled(own, product, whole, own < 0), whole, edges)


def _levels(price: np.ndarray, edges: tuple[float, ...]) -> np.ndarray:
    level = np.searchsorted(np.array(edges), price, side="left")
    return np.where(price > 0, level, -1).astype(np.int32)


def _filled(own: np.ndarray, product: np.ndarray, known: np.ndarray, lacking: np.ndarray) -> np.ndarray:
    """What a row says, else what is known of its product."""
    rows = np.flatnonzero(lacking & (product >= 0))
    out = own.copy()
    out[rows] = known[product[rows]]
    return out


def _latest(context: Context, product: np.ndarray, value: np.ndarray, products: int) -> np.ndarray:
    """Per product the value it was told last (time, then event id); int32, -1 for none."""
    out = np.full(products, -1, np.int32)
    rows = np.flatnonzero((product >= 0) & (value >= 0))
    if not len(rows):
        return out
    size = int(value.max()) + 1
    pair = product[rows].astype(np.int64) * size + value[rows]
    pairs = np.flatnonzero(np.bincount(pair)) if products * size <= _DENSE else np.unique(pair)
    out[pairs // size] = pairs % size
    several = np.unique((pairs // size)[np.flatnonzero(np.diff(pairs // size) == 0)])
    if len(several):
        # Only products that were told several values need the order in which they were told.
        rows = rows[np.isin(product[rows], several)]
        order = np.lexsort((context.snapshot.take("tie", rows), context.snapshot.take("at", rows)))
        last = rows[order]
        out[product[last]] = value[last]
    return out
