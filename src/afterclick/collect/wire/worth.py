"""What an event is worth, read out of its properties under the names that shops give it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.collect import amounts, cells
from afterclick.core import names

FIELDS: Final = ("order_id", "revenue", "price", "quantity", "currency")
"""Fields of the column map that are read here."""

STRICT: Final = frozenset({names.ORDER_COMPLETED, names.ORDER_REFUNDED})
"""Events that are set aside where their amount is none; of all others an amount is just one property among others."""

_SPELT: Final = {
    "order_id": ("order_id", "orderId", "transaction_id", "transactionId", "order_number", "orderNumber", "order_no",
                 "orderNo", "invoice_no", "주문번호"),
    "revenue": ("total", "revenue", "order_total", "orderTotal", "total_price", "totalPrice", "grand_total",
                "grandTotal", "purchase_revenue", "total_amount", "totalAmount", "order_amount", "payment_amount",
                "value", "amount", "결제금액", "주문금액", "금액"),
    "price": ("price", "unit_price", "unitPrice", "item_price", "itemPrice", "단가", "가격"),
    "quantity": ("quantity", "qty", "수량"),
    "currency": ("currency", "currency_code", "currencyCode", "통화"),
}  # fmt: skip
"""Keys per field, the most telling first, in the order of `synonyms.INSIDE`, by which imports guess."""


_PLACE: Final = {key: (field, rank) for field, keys in _SPELT.items() for rank, key in enumerate(keys)}
_AMOUNTS: Final = ("revenue", "price", "quantity")
PLAIN: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
"""What is an amount for certain; everything else is read as all amounts are."""
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])


def columns(properties: Sequence[msgspec.Raw | None], events: Sequence[str]) -> dict[str, pa.Array]:
    """A text column per field of FIELDS (n) out of the JSON objects of n events of these names; None says nothing.

    An amount that is none is left out, but for orders and refunds, which must not count with a wrong one.
    """
    found: dict[str, list[str | None]] = {field: [None] * len(properties) for field in FIELDS}
    for row, raw in enumerate(properties):
        if raw is None:
            continue
        for field, text in said(_OBJECT.decode(raw)).items():
            found[field][row] = text
    arrays = {field: pa.array(values, pa.string()) for field, values in found.items()}
    lenient = np.array([event not in STRICT for event in events], bool)
    for field in _AMOUNTS:
        wrong = amounts.read(arrays[field]).bad & lenient
        arrays[field] = cells.replaced(arrays[field], wrong, pa.scalar(None, pa.string()))
    return arrays


def no_amount(event: str, properties: dict[str, Any]) -> str:
    """Which field of an order or a refund holds an amount that is none: `columns` would have it set aside. "" if all are
    fine, or for any other event.
    """
    if event not in STRICT:
        return ""
    told = said(properties)
    for field in _AMOUNTS:
        text = told.get(field, "")
        if text and not PLAIN.fullmatch(text) and amounts.read(pa.array([text])).bad[0]:
            return field
    return ""


def said(properties: dict[str, Any]) -> dict[str, str]:
    """The text of each field, under the most telling of its names that says anything."""
    ranks: dict[str, int] = {}
    found: dict[str, str] = {}
    for key, value in properties.items():
        if key not in _PLACE:
            continue
        kind = value.__class__
        text = value.strip() if kind is str else repr(value) if kind is float or kind is int else ""
        if not text:
            continue
        field, rank = _PLACE[key]
        if field not in found or rank < ranks[field]:
            ranks[field] = rank
            found[field] = text
    return found
