"""What Snowplow's short field names, schemas and transactions say, in the words that every reader here knows."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from afterclick.collect.wire import commerce_words

LINE: Final = "transaction_item"
"""Raw name of one line of a transaction, which came as an event of its own."""

_ACTIONS: Final = {
    "product_view": "product_view",
    "list_view": "view_item_list",
    "list_click": "product_click",
    "add_to_cart": "add_to_cart",
    "remove_from_cart": "remove_from_cart",
    "checkout_step": "checkout_progress",
    "transaction": "transaction",
    "refund": "refund",
    "promo_view": "promotion_view",
    "promo_click": "promotion_click",
}
_STRUCTURED: Final = {"se_ca": "category", "se_la": "label", "se_pr": "property", "se_va": "value"}
_ORDER: Final = {"tr_id": "order_id", "tr_tt": "revenue", "tr_cu": "currency", "tr_tx": "tax", "tr_sh": "shipping",
                 "tr_af": "affiliation", "tr_ci": "city", "tr_st": "state", "tr_co": "country"}  # fmt: skip
_ITEM: Final = {"ti_sk": "product_id", "ti_nm": "name", "ti_ca": "category", "ti_pr": "price", "ti_qu": "quantity",
                "ti_cu": "currency", "ti_id": "order_id"}  # fmt: skip
_PING: Final = {"pp_mix": "min_x", "pp_max": "max_x", "pp_miy": "min_y", "pp_may": "max_y"}
_AROUND: Final = frozenset({"web_page", "client_session", "mobile_context", "application"})
"""Contexts that say nothing of what happened."""


class Said(NamedTuple):
    """An event taken apart: its fields, schema and data of a self-describing one, contexts, lines of orders by order id."""

    row: dict[str, Any]
    schema: str
    data: dict[str, Any]
    contexts: dict[str, Any]
    lines: dict[str, list[dict[str, Any]]]


def schema_name(schema: object) -> str:
    """`iglu:com.acme/add_to_cart/jsonschema/1-0-0` is `add_to_cart`."""
    parts = schema.removeprefix("iglu:").split("/") if isinstance(schema, str) else []
    return parts[1] if len(parts) > 1 else ""


def lines(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The lines of transactions in a request by order id, for the transaction that stands beside them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row.get("e") == "ti" and row.get("ti_id"):
            line = commerce_words.renamed(row, _ITEM)
            line.pop("order_id")
            found.setdefault(str(row["ti_id"]), []).append(line)
    return found


def said(event: Said) -> tuple[str, str | None, dict[str, Any]]:
    """Type, raw name (None = of the type) and properties of an event."""
    row, around = event.row, _around(event.contexts)
    match row.get("e"):
        case "pv":
            return "page", "page_view", {**commerce_words.renamed(row, {"page": "title"}), **around}
        case "pp":
            return "track", "page_ping", {**commerce_words.renamed(row, _PING), **around}
        case "se":
            action = row.get("se_ac")
            return "track", None if action is None else str(action), {**commerce_words.renamed(row, _STRUCTURED), **around}
        case "tr":
            products = event.lines.get(str(row.get("tr_id")), [])
            order = commerce_words.renamed(row, _ORDER)
            return "track", "transaction", {**order, **({"products": products} if products else {}), **around}
        case "ti":
            return "track", LINE, {**commerce_words.renamed(row, _ITEM), **around}
        case "ue":
            return _self_describing(event, around)
        case other:
            return "track", None if other is None else str(other), around


def _self_describing(event: Said, around: dict[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    name, data = event.schema or None, dict(event.data)
    if name == "screen_view":
        return "screen", name, {**data, **around}
    if name != "snowplow_ecommerce_action":
        return "track", name, {**data, **around}
    action = str(data.get("type", ""))
    found = commerce_words.worded({**data, **around.pop("transaction", {}), **around.pop("refund", {})})
    products = [
        {("product_id" if key == "id" else key): value for key, value in product.items()}
        for product in event.contexts.get("products", [])
    ]
    if products:
        found["products"] = products
        if len(products) == 1 and "order_id" not in found:
            found = {**{key: products[0][key] for key in ("product_id", "name") if key in products[0]}, **found}
    return "track", _ACTIONS.get(action, action) or name, {**found, **around}


def _around(contexts: dict[str, Any]) -> dict[str, Any]:
    return {name: data for name, data in contexts.items() if name not in _AROUND and name != "products"}
