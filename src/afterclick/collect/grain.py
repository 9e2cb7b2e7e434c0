"""Whether rows are lines of orders, and how such a file marks the cancelled ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells


def order_lines(columns: Mapping[str, Sequence[str]], text: Callable[[str], pa.Array | None]) -> bool:
    """Whether these fields describe lines of orders: an order id with price and quantity, or one that repeats."""
    if "order_id" not in columns or not {"occurred_at", "original_at"} & columns.keys():
        return False
    if {"price", "quantity"} <= columns.keys():
        return True
    order = text("order_id")
    return "revenue" in columns and order is not None and pc.count_distinct(order).as_py() < len(order)


def refund_pattern(order_id: pa.Array, quantity: pa.Array) -> str:
    """`^C` where negative quantities belong to order ids that begin with C and positive ones do not, else nothing."""
    negative = cells.flags(pc.starts_with(quantity, "-"))
    known = cells.present(order_id) & cells.present(quantity)
    if not (negative & known).any():
        return ""
    first = pc.utf8_slice_codeunits(order_id, 0, 1)
    letters = pc.drop_null(pc.unique(first.filter(pa.array(negative & known)))).to_pylist()
    for letter in sorted(letters):
        begins = cells.flags(pc.equal(first, letter)) & known
        if letter.isalpha() and np.mean(negative[begins]) >= 0.9 and begins[negative & known].mean() >= 0.5:
            return f"^{letter}"
    return ""
