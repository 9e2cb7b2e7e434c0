"""Orders in the words of other trackers put into those of Segment's specification, which every reader here knows."""

from __future__ import annotations

from typing import Any, Final

_ITEM: Final = {
    "item_id": "product_id",
    "item_name": "name",
    "item_category": "category",
    "item_brand": "brand",
    "item_variant": "variant",
    "item_list_name": "list",
}


_NUMBERS: Final = frozenset(
    {"value", "revenue", "price", "quantity", "tax", "shipping", "subtotal", "discount", "results"}
    | {"min_x", "max_x", "min_y", "max_y"}
)
_LONGEST: Final = 18
"""Characters of a number that is one to the last digit."""


def renamed(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Fields that hold something under their other names; what is a number by its name is one, though it came as text."""
    return {
        name: _number(row[key]) if name in _NUMBERS else row[key]
        for key, name in names.items()
        if row.get(key) not in (None, "")
    }


def _number(given: object) -> object:
    if not isinstance(given, str) or len(given) > _LONGEST or not given.replace(".", "", 1).isdecimal():
        return given
    return float(given) if "." in given else int(given)


def items(given: object) -> list[Any] | None:
    """A list of items with the names of their fields put into those words; None for what is no list."""
    if not isinstance(given, list):
        return None
    return [
        {_ITEM.get(key, key): value for key, value in item.items()} if isinstance(item, dict) else item for item in given
    ]


def worded(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters of GA4's e-commerce: `transaction_id` and `items` become `order_id` and `products`."""
    found = dict(params)
    if "transaction_id" in found and "order_id" not in found:
        found["order_id"] = found.pop("transaction_id")
    products = items(found.get("items"))
    if products is None or "products" in found:
        return found
    del found["items"]
    found["products"] = products
    if "order_id" not in found and len(products) == 1 and isinstance(products[0], dict):
        # What happened to one product is asked for by the event's own properties.
        for key in ("product_id", "name", "category", "brand"):
            if key in products[0]:
                found.setdefault(key, products[0][key])
    return found
