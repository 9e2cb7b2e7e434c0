"""What orders are made of: which product, how many, for how much; out of item lists, order lines or the order's own row."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.orders import Orders
from afterclick.core.arrays import frozen
from afterclick.core.money import to_minor
from afterclick.core.names import ORDER_COMPLETED
from afterclick.store.columns import Flag

PRODUCT_ID: Final = "product_id"
PRODUCT_NAME: Final = "product_name"

_LISTS: Final = ("items", "products", "line_items", "lineItems", "contents", "ecommerce.items")
_IDS: Final = (PRODUCT_ID, "item_id", "sku", "productId", "id")
_NAMES: Final = ("name", PRODUCT_NAME, "item_name", "title")
_PRICES: Final = ("price", "item_price", "unit_price", "itemPrice", "unitPrice")
_QUANTITIES: Final = ("quantity", "qty", "count")

Item = tuple[str, str, int, int]
"""Product id, its name or "", quantity, amount in minor units."""


@dataclass(frozen=True)
class Lines:
    """One row per order line: `place` int64 (row of `Orders`), `product` int32 (place in `ids`), `units` int64, `amount`
    int64 minor units. `names` is the name of a product where a list says one."""

    place: np.ndarray
    product: np.ndarray
    units: np.ndarray
    amount: np.ndarray
    ids: list[str]
    names: dict[str, str]


def product_codes(context: Context) -> tuple[np.ndarray, list[str]]:
    """Per global row the code of its product, -1 where it names none, with the product ids; ids are texts."""

    def make() -> tuple[np.ndarray, list[str]]:
        column = f"p.{PRODUCT_ID}"
        if PRODUCT_ID not in context.snapshot.property_names:
            return frozen(np.full(context.snapshot.rows, -1, np.int32)), []
        values = context.column(column)
        if context.snapshot.column_kind(column) == "coded":
            return values, context.texts(column)
        known = ~np.isnan(values)
        numbers, codes = np.unique(values[known], return_inverse=True)
        out = np.full(len(values), -1, np.int32)
        out[known] = codes
        return frozen(out), [str(int(n)) if n.is_integer() else repr(n) for n in numbers.tolist()]

    return context.keep(("product codes",), make)


def lines_of(context: Context, orders: Orders, places: np.ndarray) -> Lines:
    """The lines of these orders (places in `orders`).

    An order's own item list counts first, then its order lines as they were imported, then the product its row names.
    An item without a price brings 0, one without a quantity is one piece.
    """
    found: list[tuple[int, Item]] = []
    rows = orders.row[places]
    listed = _listed(context, rows)
    open_places = []
    for place, items in zip(places.tolist(), listed, strict=True):
        found += [(place, item) for item in items]
        if not items:
            open_places.append(place)
    if open_places:
        found += _singles(context, orders, np.array(open_places, np.int64))
    ids = sorted({item[0] for _, item in found})
    number = {text: i for i, text in enumerate(ids)}
    return Lines(
        place=np.array([place for place, _ in found], np.int64),
        product=np.array([number[item[0]] for _, item in found], np.int32),
        units=np.array([item[2] for _, item in found], np.int64),
        amount=np.array([item[3] for _, item in found], np.int64),
        ids=ids,
        names={item[0]: item[1] for _, item in found if item[1]},
    )


def _listed(context: Context, rows: np.ndarray) -> list[list[Item]]:
    """Per row the items of its list: from the property column that holds it, each distinct text read once."""
    out: list[list[Item]] = [[] for _ in range(len(rows))]
    for name in _LISTS:
        column = f"p.{name}"
        if name not in context.snapshot.property_names or context.snapshot.column_kind(column) != "coded":
            continue
        codes = context.snapshot.take(column, rows)
        texts = context.texts(column)
        read = {code: items_of(texts[code]) for code in np.unique(codes[codes >= 0]).tolist()}
        for i, code in enumerate(codes.tolist()):
            if code >= 0 and not out[i]:
                out[i] = read[code]
    return out


def _singles(context: Context, orders: Orders, places: np.ndarray) -> list[tuple[int, Item]]:
    """Lines of orders without a list in a column: nested lists of the log, order lines, or the product of the row."""
    rows = orders.row[places]
    log = context.snapshot.log_rows(rows, ("properties", "order_line", "amount"))
    nested, line = log["properties"].to_pylist(), log["order_line"].to_pylist()
    found: list[tuple[int, Item]] = []
    heads: list[int] = []
    for i, (place, text) in enumerate(zip(places.tolist(), nested, strict=True)):
        items = _nested(text)
        if items:
            found += [(place, item) for item in items]
        else:
            heads.append(i)
    own = np.array(heads, np.int64)
    amounts = [log["amount"][i].as_py() for i in heads]
    found += _of_rows(context, places[own], rows[own], amounts)
    ordered = [i for i in heads if line[i]]
    if ordered:
        found += _further(context, orders, places[np.array(ordered, np.int64)])
    return found


def _of_rows(
    context: Context, places: np.ndarray, rows: np.ndarray, amounts: Sequence[int | None]
) -> list[tuple[int, Item]]:
    """Rows that name one product each."""
    codes, ids = product_codes(context)
    names = _texts(context, PRODUCT_NAME, rows)
    units = _numbers(context, "quantity", rows)
    out: list[tuple[int, Item]] = []
    for i, (place, code) in enumerate(zip(places.tolist(), codes[rows].tolist(), strict=True)):
        if code >= 0:
            many = max(0, round(units[i])) if units[i] == units[i] else 1
            out.append((place, (ids[code], names[i], many, int(amounts[i] or 0))))
    return out


def _further(context: Context, orders: Orders, places: np.ndarray) -> list[tuple[int, Item]]:
    """The further lines of orders that came as lines."""
    of_order = dict(zip(context.column("order")[orders.row[places]].tolist(), places.tolist(), strict=True))
    rows = []
    for chunk in context.snapshot.chunks(("flags", "order"), None):
        line = (chunk.columns["flags"] & int(Flag.LINE)) != 0
        rows.append(chunk.start + np.flatnonzero(line & np.isin(chunk.columns["order"], list(of_order))))
    found = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    if not len(found):
        return []
    log = context.snapshot.log_rows(found, ("event", "amount"))
    sold = np.array([name == ORDER_COMPLETED for name in log["event"].to_pylist()], bool)
    kept = found[sold]
    amounts = [value for value, keep in zip(log["amount"].to_pylist(), sold.tolist(), strict=True) if keep]
    owners = np.array([of_order[code] for code in context.column("order")[kept].tolist()], np.int64)
    return _of_rows(context, owners, kept, amounts)


def items_of(text: str) -> list[Item]:
    """The items of a JSON list; what is no item with an id is left out."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return []
    return _items(found)


def _nested(text: str | None) -> list[Item]:
    if not text:
        return []
    document: Any = msgspec.json.decode(text)
    for name in _LISTS:
        found = document
        for key in name.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, list):
            return _items(found)
    return []


def _items(found: Any) -> list[Item]:
    if not isinstance(found, list):
        return []
    items = []
    for one in found:
        if not isinstance(one, Mapping):
            continue
        product = _first(one, _IDS)
        if product is None:
            continue
        units = _number(_first(one, _QUANTITIES))
        many = 1 if units is None else max(0, round(units))
        items.append((str(product), str(_first(one, _NAMES) or ""), many, _minor(_first(one, _PRICES)) * many))
    return items


def _first(item: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((item[key] for key in keys if item.get(key) not in (None, "")), None)


def _number(value: Any) -> float | None:
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        number = float(value)
        return number if abs(number) < 1e12 else None
    return None


def _minor(value: Any) -> int:
    if isinstance(value, str | int | float):
        with contextlib.suppress(ValueError):
            return to_minor(value)
    return 0


def _texts(context: Context, name: str, rows: np.ndarray) -> list[str]:
    column = f"p.{name}"
    if name not in context.snapshot.property_names or context.snapshot.column_kind(column) != "coded":
        return [""] * len(rows)
    texts = context.texts(column)
    return [texts[code] if code >= 0 else "" for code in context.snapshot.take(column, rows).tolist()]


def _numbers(context: Context, name: str, rows: np.ndarray) -> list[float]:
    column = f"p.{name}"
    if name not in context.snapshot.property_names or context.snapshot.column_kind(column) != "number":
        return [float("nan")] * len(rows)
    values: list[float] = context.snapshot.take(column, rows).tolist()
    return values


__all__ = ["PRODUCT_ID", "PRODUCT_NAME", "Item", "Lines", "items_of", "lines_of", "product_codes"]
