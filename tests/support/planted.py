"""A shop whose visitors are of four kinds, and which of them everyone is."""

from __future__ import annotations

import numpy as np

from support.shop import Shop

HOST = "https://shop.example"
KINDS = {
    "glancer": {"Page Viewed": 1.2},
    "reader": {"Page Viewed": 3.0, "Article Read": 7.0, "Article Shared": 2.5},
    "seeker": {"Page Viewed": 3.0, "Products Searched": 6.0, "Product Viewed": 9.0},
    "buyer": {"Page Viewed": 3.0, "Product Viewed": 4.0, "Product Added": 4.0, "Cart Viewed": 3.0, "Checkout Started": 2.0},
}
"""What each kind does, and how often on average."""


def planted(each: int = 60, seed: int = 7) -> tuple[Shop, dict[str, str]]:
    """The shop with `each` visitors of every kind, and the kind of each visitor by its anonymous id."""
    rng = np.random.default_rng(seed)
    shop, truth = Shop(), {}
    for number in range(each * len(KINDS)):
        kind = list(KINDS)[number % len(KINDS)]
        who = f"v{number:04d}"
        truth[who] = kind
        does = [name for name, often in KINDS[kind].items() for _ in range(max(1, int(rng.poisson(often))))]
        start = int(rng.integers(20 * 24 * 60))
        for place, event in enumerate(rng.permutation(does).tolist()):
            url = f"{HOST}/home" if event == "Page Viewed" else f"{HOST}/x"
            shop.add(who, f"{start + place}m", event, url=url, device="mobile" if kind == "glancer" else "desktop")
        if kind == "buyer":
            shop.add(who, f"{start + len(does)}m", "Order Completed", revenue=20_000, order_id=f"o{number}")
    return shop, truth
