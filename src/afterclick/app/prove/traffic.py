"""Events to send while a promise is tried: a small shop's, made from a seed, each with an id that names it."""

from __future__ import annotations

import random
from typing import Any, Final

from afterclick.core import clock

_SECOND: Final = 1_000_000
_DAY_S: Final = 24 * 3600
STEPS: Final = ("Page Viewed", "Product Viewed", "Product Added", "Checkout Started", "Order Completed")
_SOURCES: Final = ("", "?utm_source=naver&utm_medium=cpc", "?utm_source=newsletter&utm_medium=email", "?gclid=x1")


def events(seed: int, count: int, *, begin: int, days: int = 3) -> list[dict[str, Any]]:
    """`count` Segment-shaped events of visitors who come, look and sometimes buy, `days` days from `begin` (µs UTC) on.

    The instants are in the events and nothing says when they were sent, so that the same events mean the same whenever
    they arrive.
    """
    rng = random.Random(seed)  # noqa: S311 - cases, not secrets
    found: list[dict[str, Any]] = []
    while len(found) < count:
        found += _visit(rng, seed, len(found), begin + rng.randrange(days * _DAY_S) * _SECOND)
    return found[:count]


def _visit(rng: random.Random, seed: int, number: int, at: int) -> list[dict[str, Any]]:
    visitor = f"v{seed}-{rng.randrange(1 + number // 3)}"
    known = rng.random() < 0.2
    page = f"https://shop.example/p/{rng.randrange(20)}{rng.choice(_SOURCES)}"
    found: list[dict[str, Any]] = []
    for step in STEPS[: 1 + min(rng.randrange(9), len(STEPS) - 1)]:
        at += rng.randrange(1, 200) * _SECOND
        one: dict[str, Any] = {
            "type": "track", "event": step, "messageId": f"m{seed}-{number + len(found)}", "anonymousId": visitor,
            "timestamp": clock.iso(at), "context": {"page": {"url": page}, "userAgent": "Mozilla/5.0 (X11; Linux x86_64)"},
            "properties": _properties(rng, step, seed, number),
        }  # fmt: skip
        if known:
            one["userId"] = f"u{visitor}"
        found.append(one)
    return found


def _properties(rng: random.Random, step: str, seed: int, number: int) -> dict[str, Any]:
    if step == "Page Viewed":
        return {}
    found: dict[str, Any] = {"product_id": f"sku{rng.randrange(30)}", "price": rng.randrange(1, 90) * 1000, "quantity": 1}
    if step == "Order Completed":
        found |= {"order_id": f"o{seed}-{number}", "revenue": rng.randrange(10, 200) * 1000, "currency": "KRW"}
    return found
