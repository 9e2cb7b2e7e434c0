"""Products of orders, whichever way the orders came: item lists, nested lists, order lines, one product a row."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from afterclick import Top
from afterclick.analyse.product_lines import items_of
from support.shop import Shop


def products(shop: Shop, folder: Path) -> dict[str, dict[str, Any]]:
    asked: dict[str, Any] = {"of": "product", "range": "all", "compare": "none"}
    with shop.open(folder) as opened:
        result = opened.ask(Top(**asked))
        for row in result.frame.to_pylist():
            assert len(result.people(f"product={row['value']}")) == row["visitors"]
        return {row["value"]: row for row in result.frame.to_pylist()}


def test_a_list_nested_in_the_properties_is_read_from_the_log(tmp_path: Path) -> None:
    items = [{"sku": "x", "price": "3.5", "quantity": 2}]
    shop = Shop().add("a", "1h", "Order Completed", order_id="o1", revenue="7", items=items)
    found = products(shop, tmp_path / "s")
    assert (found["x"]["units"], found["x"]["revenue"], found["x"]["orders"]) == (2, Decimal(7), 1)
    assert found["x"]["where"] == ""  # no event carries it as a property of its own


def test_order_lines_keep_their_own_amounts(tmp_path: Path) -> None:
    shop = Shop()
    for product, amount, pieces in (("x", "10", 2), ("y", "4.25", 1), ("x", "5", 1)):
        shop.add(
            "a", "1h", "Order Completed", order_id="o1", order_line=True, revenue=amount, product_id=product,
            product_name=product.upper(), quantity=pieces,
        )  # fmt: skip
    shop.add("b", "2h", "Product Viewed", product_id="y", url="https://shop.example/y")
    found = products(shop, tmp_path / "s")
    assert (found["x"]["units"], found["x"]["revenue"], found["x"]["orders"]) == (3, Decimal(15), 1)
    assert (found["y"]["units"], found["y"]["revenue"], found["y"]["visitors"]) == (1, Decimal("4.25"), 2)
    assert found["x"]["name"] == "X"
    assert found["x"]["where"] == 'product_id == "x"'


def test_a_row_that_names_its_product_is_one_line_and_numbers_are_ids_too(tmp_path: Path) -> None:
    shop = Shop().add("a", "1h", "Order Completed", order_id="o1", revenue="9", product_id=1234567)
    shop.add("b", "2h", "Product Viewed", product_id=1234567, url="https://shop.example/p")
    found = products(shop, tmp_path / "s")
    assert list(found) == ["1234567"]
    assert (found["1234567"]["visitors"], found["1234567"]["units"], found["1234567"]["revenue"]) == (2, 1, Decimal(9))


def test_a_refund_takes_nothing_from_a_product(tmp_path: Path) -> None:
    shop = Shop().add("a", "1h", "Order Completed", order_id="o1", revenue="9", product_id="x")
    shop.add("a", "2h", "Order Refunded", order_id="o1", revenue="9", product_id="x")
    assert products(shop, tmp_path / "s")["x"]["revenue"] == Decimal(9)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("not json", []),
        ('{"product_id": "x"}', []),
        ('["x", 3, null]', []),
        ('[{"name": "no id"}]', []),
        ('[{"id": 7, "price": "x", "qty": -2}]', [("7", "", 0, 0)]),
        ('[{"item_id": "a", "item_name": "A", "price": 1.25}]', [("a", "A", 1, 12_500)]),
    ],
)
def test_what_is_no_item_is_left_out(text: str, items: list[Any]) -> None:
    assert items_of(text) == items
