"""What one event is worth, without a table: the same amounts as `worth` and `commerce` find for many at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.collect import amounts, cells
from afterclick.collect.commerce import LISTING
from afterclick.collect.json_cells import LISTS, PRICES, QUANTITIES
from afterclick.collect.wire import worth
from afterclick.core import money, names

_EXACT: Final = 2**53


class SingleWorth(NamedTuple):
    """`amount` in minor units, price and quantity as the numbers their columns hold; None where there is none."""

    amount: int | None = None
    price: float | None = None
    quantity: float | None = None
    order_id: str | None = None
    currency: str | None = None


NOTHING: Final = SingleWorth()


class NoAmount(ValueError):
    """An amount that is none, where it would count: the event is set aside."""


def read(event: str, properties: dict[str, Any]) -> SingleWorth:
    """The worth of an event of this canonical name. Raises NoAmount where the log would set it aside."""
    said = worth.said(properties)
    listing = event in LISTING
    if not said and not listing:
        return NOTHING
    told = said.get
    found, price, quantity, stated = _figures(event, told("revenue"), told("price"), told("quantity"))
    if listing and not stated:
        summed = _of_items(properties)
        if summed is not None:
            found = abs(summed) if event == names.ORDER_REFUNDED else summed
    return SingleWorth(found, price, quantity, told("order_id"), told("currency"))


@lru_cache(1 << 13)
def _figures(
    event: str, revenue: str | None, price: str | None, quantity: str | None
) -> tuple[int | None, float | None, float | None, bool]:
    """Amount, price and quantity, items aside, and whether the amount was stated as such; few of them are new."""
    strict = event in worth.STRICT
    stated, each, pieces = (_amount(text, strict) for text in (revenue, price, quantity))
    found = stated
    if each is not None:
        product = _product(each, pieces)
        found = product if stated is None else stated
    if event == names.ORDER_REFUNDED and found is not None:
        found = abs(found)
    return (
        found,
        None if price is None or each is None else _double(price),
        None if quantity is None or pieces is None else _double(quantity),
        stated is not None,
    )


def _amount(text: str | None, strict: bool) -> int | None:
    """The minor units of a text, None where it says nothing, or nothing that counts."""
    if text is None:
        return None
    plain = _plain(text)
    if plain is not None:
        return plain[0]
    found = amounts.read(pa.array([text], pa.string()))
    if found.bad[0]:
        if strict:
            raise NoAmount(text)
        return None
    return int(found.minor[0]) if found.present[0] else None


@lru_cache(1 << 13)
def _plain(text: str) -> tuple[int, float] | None:
    """The minor units and the number of what is an amount for certain; the same prices come again and again."""
    if not worth.PLAIN.fullmatch(text):
        return None
    return money.to_minor(text) if "." in text else int(text) * money.SCALE, float(text)


def _double(text: str) -> float | None:
    plain = _plain(text)
    if plain is not None:
        return plain[1]
    parsed = amounts.numbers(cells.trimmed(pa.array([text], pa.string())))
    value, bad = parsed.field("number")[0].as_py(), parsed.field("bad")[0].as_py()
    return None if bad or value is None or not np.isfinite(value) or abs(value) > _EXACT else float(value)


def _product(price: int, quantity: int | None) -> int:
    """price x quantity as `amounts.product` rounds it: half to even at the fourth decimal."""
    pieces = money.SCALE if quantity is None else quantity
    if abs(float(price) * pieces) / money.SCALE >= float(money.LIMIT * money.SCALE):
        raise NoAmount("price")
    quotient, rest = divmod(price * pieces, money.SCALE)
    half = money.SCALE // 2
    up: bool = rest > half or (rest == half and quotient % 2 == 1)
    return int(quotient) + up


def _of_items(properties: dict[str, Any]) -> int | None:
    """The sum over the items of the first list there is; None where no item has a price."""
    listed = next((found for path in LISTS if isinstance(found := _at(properties, path), list)), ())
    total, known = 0, False
    for item in listed:
        price, quantity = (_amount(_first(item, paths), True) for paths in (PRICES, QUANTITIES))
        if price is not None:
            total += _product(price, quantity)
            known = True
    if abs(total) >= money.LIMIT * money.SCALE:
        raise NoAmount("items")
    return total if known else None


def _at(value: Any, path: str) -> Any:
    for key in path.split("/")[1:]:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _first(item: Any, paths: tuple[str, ...]) -> str | None:
    """The text at the first of these paths that has a value, as JSON would be read there."""
    for path in paths:
        value = _at(item, path)
        if value is None:
            continue
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return None
