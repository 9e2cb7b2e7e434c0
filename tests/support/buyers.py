"""A shop whose buyers come and go as MBG/NBD says, won by two ad campaigns and by nobody: for whole questions of value."""

from __future__ import annotations

import numpy as np

from support.shop import DAY0, Shop

DAY = 86_400_000_000
URLS = {
    "brand": "https://shop.example/?utm_source=naver&utm_medium=cpc&utm_campaign=brand",
    "news": "https://shop.example/?utm_source=letter&utm_medium=email&utm_campaign=news",
    "": "https://shop.example/",
}


def shop_of_buyers(n: int = 240, days: int = 240, seed: int = 1, refunds: bool = True) -> Shop:
    """`n` buyers over the first half of `days`; every tenth order of the third visitor kind is refunded in part."""
    rng = np.random.default_rng(seed)
    shop = Shop()
    kinds = list(URLS)
    for who in range(n):
        kind = kinds[who % 3]
        rate, leave = rng.gamma(1.2, 1 / 30.0), rng.beta(1.0, 2.5)
        value, at = 20 * rng.gamma(6, 1 / 5.0), rng.uniform(0, days / 2)
        order = 0
        while at < days:
            begun = DAY0 + int(at * DAY)
            number = f"{who}-{order}"
            shop.add(f"v{who}", begun, "Page Viewed", url=URLS[kind], event_id=f"p{number}")
            paid = round(value * rng.gamma(6, 1 / 6.0), 2)
            shop.add(f"v{who}", begun + 60_000_000, "Order Completed", order_id=number, revenue=paid, event_id=f"o{number}")
            if refunds and not who % 10 and order:
                shop.add(f"v{who}", begun + DAY, "Order Refunded", order_id=number, revenue=paid / 2, event_id=f"r{number}")
            order += 1
            if rng.random() < leave:
                break
            at += max(rng.exponential(1 / rate), 1e-3)
    shop.add(None, DAY0 + 20 * DAY, "Ad Cost Reported", url=URLS["brand"].replace("shop.", "ads."), revenue=900.0,
             event_id="cost")  # fmt: skip
    return shop

