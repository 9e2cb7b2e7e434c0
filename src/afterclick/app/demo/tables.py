"""Columns of codes become the export's columns of text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from afterclick.app.demo.agents import AGENTS
from afterclick.app.demo.catalogue import (
    CATEGORY_KEYS,
    COUPON_CODES,
    MAX_LINES,
    MAX_QUANTITY,
    PER_CATEGORY,
    PRICES,
    PRODUCT_IDS,
    PRODUCT_NAMES,
    WORDS,
    unpack,
)
from afterclick.app.demo.draws import Counters, bits
from afterclick.app.demo.pages import MESSAGES
from afterclick.app.demo.rows import Rows
from afterclick.app.demo.shop import CURRENCY, Shop
from afterclick.app.demo.site import site
from afterclick.app.demo.slots import EVENTS, TYPES

_COLUMNS = (
    "message_id", "type", "event", "timestamp", "anonymous_id", "user_id", "email", "url", "referrer",
    "user_agent", "order_id", "revenue", "currency", "product_id", "category", "price", "quantity", "coupon",
    "query", "items", "title", "load_ms", "platform",
)  # fmt: skip
_KINDS = {
    "timestamp": pa.timestamp("us", tz="UTC"),
    "revenue": pa.int64(),
    "price": pa.int64(),
    "quantity": pa.int32(),
    "load_ms": pa.int32(),
}
_NEVER_NULL = {"message_id", "type", "timestamp", "platform"}
SCHEMA = pa.schema([pa.field(n, _KINDS.get(n, pa.string()), nullable=n not in _NEVER_NULL) for n in _COLUMNS])
"""Columns of the export. Money is whole won; `revenue` of a refund is positive."""

_HEX = np.array([f"{byte:02x}" for byte in range(256)], dtype="S2").view(np.uint16)


def _hex(numbers: Counters, present: NDArray[np.bool_], before: bytes = b"", after: bytes = b"") -> pa.Array:
    """Texts of sixteen hexadecimal digits between fixed parts; null where not present."""
    chosen = numbers[present]
    digits = _HEX[chosen.astype(">u8").view(np.uint8)].view(np.uint8).reshape(-1, 16)
    width = len(before) + 16 + len(after)
    data = np.empty((len(chosen), width), dtype=np.uint8)
    data[:, : len(before)] = np.frombuffer(before, dtype=np.uint8)
    data[:, len(before) : len(before) + 16] = digits
    data[:, len(before) + 16 :] = np.frombuffer(after, dtype=np.uint8)
    offsets = np.zeros(len(numbers) + 1, dtype=np.int32)
    np.cumsum(present * np.int32(width), out=offsets[1:])
    valid = pa.py_buffer(np.packbits(present, bitorder="little")) if not present.all() else None
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(numbers), buffers)


def _coded(codes: NDArray[Any], values: pa.Array) -> pa.DictionaryArray:
    """Codes with their texts; a negative code is null."""
    places = pa.array(codes.astype(np.int32, copy=False), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(places, values)


@lru_cache(maxsize=1)
def _dictionaries() -> dict[str, pa.Array]:
    """The texts behind the codes."""
    texts = {
        "type": TYPES,
        "event": EVENTS,
        "url": site().addresses,
        "user_agent": AGENTS,
        "product_id": PRODUCT_IDS,
        "category": CATEGORY_KEYS,
        "coupon": COUPON_CODES,
        "query": WORDS,
        "title": (*site().titles, *MESSAGES),
        "currency": (CURRENCY,),
        "platform": ("web", "app"),
        "items": [
            f'{{"product_id":"{PRODUCT_IDS[p]}","name":"{PRODUCT_NAMES[p]}",'
            f'"category":"{CATEGORY_KEYS[p // PER_CATEGORY]}","price":{PRICES[p]},"quantity":{q + 1}}}'
            for p in range(len(PRODUCT_IDS))
            for q in range(MAX_QUANTITY)
        ],
    }
    return {name: pa.array(list(values), type=pa.string()) for name, values in texts.items()}


def _urls(shop: Shop, rows: Rows) -> pa.DictionaryArray:
    """Addresses; those of ad clicks end in the id of that click, one per visit."""
    static = _dictionaries()["url"]
    clicked = np.flatnonzero(rows.click)
    visit, first, place = np.unique(rows.visit[clicked], return_index=True, return_inverse=True)
    ids = _hex(bits(shop.seed, "click id", visit), np.ones(len(visit), dtype=bool))
    landing = static.take(pa.array(rows.url[clicked[first]]))
    codes = rows.url.copy()
    codes[clicked] = len(static) + place
    return _coded(codes, pa.concat_arrays([static, pc.binary_join_element_wise(landing, ids, "")]))


def _items(rows: Rows) -> pa.DictionaryArray:
    """The lines of orders and refunds as JSON text."""
    holding = np.flatnonzero(rows.basket)
    product, quantity = unpack(rows.basket[holding])
    fragments = _dictionaries()["items"]
    lines = []
    for k in range(MAX_LINES):
        code = product[:, k] * MAX_QUANTITY + quantity[:, k] - 1
        lines.append(fragments.take(pa.array(code, mask=quantity[:, k] == 0)))
    joined = pc.binary_join_element_wise(*lines, ",", null_handling="skip")
    codes = np.full(len(rows), -1, dtype=np.int32)
    codes[holding] = np.arange(len(holding))
    return _coded(codes, pc.binary_join_element_wise("[", joined, "]", ""))


def to_table(shop: Shop, rows: Rows, *, encoded: bool = False) -> pa.Table:
    """The rows as a table of `SCHEMA`; `encoded` leaves repeated texts dictionary-coded, which is quicker to
    write.
    """
    texts = _dictionaries()
    every = np.ones(len(rows), dtype=bool)
    person = rows.visitor >= 0
    who = bits(shop.seed, "user id", np.maximum(rows.visitor, 0).astype(np.uint64))
    device = bits(shop.seed, "anonymous id", np.maximum(rows.device, 0).astype(np.uint64))
    paid = rows.revenue >= 0
    product = rows.product
    columns = {
        "message_id": _hex(bits(shop.seed, "message id", rows.key), every),
        "type": _coded(rows.type, texts["type"]),
        "event": _coded(rows.event, texts["event"]),
        "timestamp": pa.array(rows.at + shop.starts_at).view(_KINDS["timestamp"]),
        "anonymous_id": _hex(device, rows.device >= 0),
        "user_id": _hex(who, person, b"u"),
        "email": _hex(who, rows.email & person, b"u", b"@hanbit.example"),
        "url": _urls(shop, rows),
        "referrer": _coded(rows.referrer, texts["url"]),
        "user_agent": _coded(rows.agent, texts["user_agent"]),
        "order_id": _hex(bits(shop.seed, "order id", rows.visit), paid, b"HB"),
        "revenue": pa.array(rows.revenue, mask=~paid),
        "currency": _coded(np.where(paid, 0, -1), texts["currency"]),
        "product_id": _coded(product, texts["product_id"]),
        "category": _coded(rows.category, texts["category"]),
        "price": pa.array(PRICES[np.maximum(product, 0)], mask=product < 0),
        "quantity": pa.array(rows.quantity.astype(np.int32), mask=rows.quantity == 0),
        "coupon": _coded(rows.coupon, texts["coupon"]),
        "query": _coded(rows.word, texts["query"]),
        "items": _items(rows),
        "title": _coded(rows.title, texts["title"]),
        "load_ms": pa.array(rows.load, mask=rows.load < 0),
        "platform": _coded(rows.app.astype(np.int8), texts["platform"]),
    }
    if encoded:
        return pa.table(columns)
    plain = [c.dictionary_decode() if isinstance(c, pa.DictionaryArray) else c for c in columns.values()]
    return pa.Table.from_arrays(plain, schema=SCHEMA)
