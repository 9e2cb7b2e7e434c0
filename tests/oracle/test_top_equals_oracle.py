"""The top lists equal brute force over Python lists, and their rows add up as they say."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Top
from afterclick.core import spans
from afterclick.core.event import Event
from support import naive
from support.shop import UA

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = 1_767_225_600_000_000
HALF_HOUR = spans.HOUR // 2
PRODUCTS = ("p1", "p2", "p3")

# visitor, half hours after the start, what, utm source, device, product, further product of an order (price, pieces)
row = st.tuples(
    st.sampled_from(["v1", "v2", "v3"]),
    st.integers(0, 40),
    st.sampled_from(["page", "page", "product", "order"]),
    st.sampled_from(["", "x", "y"]),
    st.sampled_from(["mobile", "desktop"]),
    st.sampled_from(PRODUCTS),
    st.tuples(st.sampled_from(PRODUCTS), st.integers(0, 9), st.integers(1, 3)),
)
rows = st.lists(row, min_size=1, max_size=25)


def event_of(number: int, line: Any) -> Event:
    visitor, half_hours, what, utm, device, product, (other, price, pieces) = line
    common = {
        "event_id": f"e{number:04d}", "occurred_at": START + half_hours * HALF_HOUR, "anonymous_id": visitor,
        "user_agent": UA[device],
    }  # fmt: skip
    url = f"https://shop.example/p{'?utm_source=' + utm if utm else ''}"
    if what == "page":
        return Event(event="Page Viewed", raw_event="Page Viewed", url=url, **common)
    if what == "product":
        return Event(
            event="Product Viewed", raw_event="Product Viewed", url="https://shop.example/p",
            properties={"product_id": product}, **common,
        )  # fmt: skip
    items = [{"product_id": product, "price": 2.5, "quantity": 2}, {"sku": other, "price": price, "qty": pieces}]
    return Event(
        event="Order Completed", raw_event="Order Completed", order_id=f"o{number}", amount=10_000 * (number + 1),
        properties={"items": json.dumps(items)}, **common,
    )  # fmt: skip


def answered(lines: list[Any], of: str) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        shop.append([event_of(number, line) for number, line in enumerate(lines)])
        asked: dict[str, Any] = {"of": of, "range": "all", "compare": "none"}
        result = shop.ask(Top(**asked))
        found = result.frame.to_pylist()
        for each in found:
            assert len(result.people(f"{of}={each['value']}")) == each["visitors"]
        return found


def naive_sessions(lines: list[Any]) -> list[Any]:
    events = []
    for number, (visitor, half_hours, what, utm, device, *_) in enumerate(lines):
        more = {"campaign": utm if what == "page" and utm else None, "server": what == "order", "device": device, "what": what}
        more["utm"] = utm if what == "page" else ""
        more["context"] = what != "order"
        events.append((visitor, START + half_hours * HALF_HOUR, f"e{number:04d}", number, more))
    return naive.sessions(events, 30 * spans.MINUTE)


@SETTINGS
@given(rows)
def test_devices_and_sources_equal_brute_force(lines: list[Any]) -> None:
    sessions = naive_sessions(lines)
    for of in ("device_type", "source"):
        expected: dict[str, Any] = defaultdict(lambda: {"visitors": set(), "sessions": 0, "orders": 0, "revenue": Decimal(0)})
        for visitor, held in sessions:
            pages = [row for row in held if row[4]["context"]]
            value = held[0][4]["device"] if of == "device_type" else (pages[0][4]["utm"] if pages else "") or "(none)"
            group = expected[value]
            group["visitors"].add(visitor)
            group["sessions"] += 1
            for order in (row for row in held if row[4]["what"] == "order"):
                group["orders"] += 1
                group["revenue"] += order[3] + 1
        found = {
            each["value"]: (each["visitors"], each["sessions"], each["orders"], each["revenue"])
            for each in answered(lines, of)
        }
        assert found == {
            value: (len(group["visitors"]), group["sessions"], group["orders"], group["revenue"])
            for value, group in expected.items()
        }
        assert sum(each[1] for each in found.values()) == len(sessions)
        assert sum(each[3] for each in found.values()) == sum(n + 1 for n, line in enumerate(lines) if line[2] == "order")


@SETTINGS
@given(rows)
def test_products_equal_brute_force(lines: list[Any]) -> None:
    visitors: dict[str, set[str]] = defaultdict(set)
    orders: dict[str, set[int]] = defaultdict(set)
    units: dict[str, int] = defaultdict(int)
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    for number, (visitor, _, what, _, _, product, (other, price, pieces)) in enumerate(lines):
        if what == "product":
            visitors[product].add(visitor)
        elif what == "order":
            for value, each, many in ((product, Decimal("2.5"), 2), (other, Decimal(price), pieces)):
                visitors[value].add(visitor)
                orders[value].add(number)
                units[value] += many
                revenue[value] += each * many
    found = {
        each["value"]: (each["visitors"], each["orders"], each["units"], each["revenue"])
        for each in answered(lines, "product")
    }
    assert found == {
        value: (len(people), len(orders[value]), units[value], revenue[value]) for value, people in visitors.items()
    }
