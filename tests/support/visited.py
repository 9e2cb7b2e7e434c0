"""A small shop with two kinds of pages, an error, searches, a known visitor with two devices: for pages of the dashboard."""

from __future__ import annotations

from pathlib import Path

import afterclick
from support.shop import Shop

HOST = "https://shop.example"
MAIL = "kim.minsu@mail.example"
HOSTILE = '"><script>alert(1)</script>'


def visited(folder: Path, visitors: int = 60) -> afterclick.Workspace:
    """The store: /home, /items/* with its twin, /cart with a denied coupon, an order of every tenth visitor."""
    shop = Shop()
    for number in range(visitors):
        who, minute = f"v{number:03d}", number * 7
        start = f"{minute}m"

        def at(seconds: int, minute: int = minute) -> str:
            return f"{minute}m{seconds}s"

        shop.add(who, start, "Page Viewed", url=f"{HOST}/home?utm_source=naver&utm_medium=cpc", device="mobile")
        if number % 2:
            continue
        shop.add(who, at(20), "Page Viewed", url=f"{HOST}/items/{number}", load_ms=100 if number % 8 else 900)
        shop.add(who, at(21), "Product Viewed", url=f"{HOST}/items/{number}", query=None)
        shop.add(who, at(40), "Products Searched", query="니트", url=f"{HOST}/items/{number}")
        if number % 4:
            continue
        shop.add(who, at(60), "Page Viewed", url=f"{HOST}/cart")
        shop.add(who, at(80), "Product Added", url=f"{HOST}/cart")
        shop.add(who, at(90), "Coupon Denied", url=f"{HOST}/cart")
        shop.add(who, at(95), HOSTILE, url=f"{HOST}/cart")
        if number % 10 == 0:
            shop.add(who, at(120), "Order Completed", revenue=30_000, order_id=f"o{number}", url=f"{HOST}/cart")
    shop.add("v000", "1d", "Signed In", user="u1", email=MAIL)
    shop.add("w000", "1d1h", "Page Viewed", user="u1", url=f"{HOST}/home")
    return shop.open(folder, currency="KRW", timezone="Asia/Seoul")
