"""What the parameters of Matomo's tracking API say, in the words that every reader here knows."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from afterclick.collect.wire import commerce_words, reading
from afterclick.collect.wire.limits import Broken

_ITEM: Final = ("product_id", "name", "category", "price", "quantity")
_ORDER: Final = {"ec_id": "order_id", "revenue": "revenue", "ec_st": "subtotal", "ec_tx": "tax", "ec_sh": "shipping",
                 "ec_dt": "discount"}  # fmt: skip
_ACTION: Final = {"e_c": "category", "e_n": "label", "e_v": "value"}
_SEARCH: Final = {"search": "search_term", "search_cat": "category", "search_count": "results"}
_PRODUCT: Final = {"_pks": "product_id", "_pkn": "name", "_pkc": "category", "_pkp": "price"}
_CONTENT: Final = {"c_n": "content_name", "c_p": "content_piece", "c_t": "content_target", "c_i": "interaction"}


def said(row: dict[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    """Type, raw name (None = of the type) and properties of a request. Raises Broken."""
    kind, sent, properties = _what(row)
    title = row.get("action_name")
    if title:
        properties.setdefault("title", title)
    # Numbered dimensions and custom variables are whatever the site made of them.
    properties |= {key: value for key, value in row.items() if key.startswith("dimension") and value}
    for key in ("cvar", "_cvar"):
        for pair in _document(row, key, dict).values():
            if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str):
                properties.setdefault(pair[0], pair[1])
    return kind, sent, properties


def _what(row: dict[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    goal = row.get("idgoal")
    if goal == "0":
        order = {**commerce_words.renamed(row, _ORDER), **_items(row)}
        return "track", "order" if row.get("ec_id") else "cart_update", order
    if goal:
        return "track", f"goal_{goal}", commerce_words.renamed(row, {"revenue": "value", "idgoal": "goal_id"})
    if row.get("e_c") or row.get("e_a"):
        return "track", row.get("e_a"), commerce_words.renamed(row, _ACTION)
    if "search" in row:
        return "track", "site_search", commerce_words.renamed(row, _SEARCH)
    if row.get("link"):
        return "track", "outbound_click", {"link": row["link"]}
    if row.get("download"):
        return "track", "file_download", {"link": row["download"]}
    if row.get("ping") == "1":
        return "track", "heartbeat", {}
    if row.get("c_n"):
        return "track", "content_click" if row.get("c_i") else "content_impression", commerce_words.renamed(row, _CONTENT)
    if row.get("_pks") or row.get("_pkn"):
        return "track", "product_view", commerce_words.renamed(row, _PRODUCT)
    return "page", None, {}


def _items(row: dict[str, Any]) -> dict[str, Any]:
    """`ec_items`: lists of sku, name, category, price, quantity."""
    listed = _document(row, "ec_items", list)
    products = [dict(zip(_ITEM, item, strict=False)) for item in listed if isinstance(item, list)]
    return {"products": products} if products else {}


def _document(row: dict[str, Any], key: str, kind: type) -> Any:
    """JSON that stands in a field as text; empty where there is none. Raises Broken."""
    if not row.get(key):
        return kind()
    try:
        found = msgspec.json.decode(row[key])
    except (*reading.NOT_JSON, RecursionError):
        raise Broken("bad_json", f"{key} holds no JSON", key) from None
    return found if isinstance(found, kind) else kind()
