"""The parameters of the example shop and the truths that can be planted in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from afterclick.app.demo.catalogue import CATEGORIES, SLOW_CATEGORY
from afterclick.core import clock
from afterclick.core.errors import SpecError, nearest

BARRIERS = ("discount_field_mobile", "shipping_fee_shock", "weak_landing_page", "slow_product_page")
ALL_BARRIERS = frozenset(BARRIERS)

FEWEST_EVENTS, MOST_EVENTS = 10_000, 100_000_000
ZONE = "Asia/Seoul"
ZONE_OFFSET = timedelta(hours=9)
"""Korea has kept UTC+9 without daylight saving since 1988, so an offset is the whole zone."""
CURRENCY = "KRW"
HOST = "https://hanbit.example"
SHOP_NAME = "한빛패션"

COUPON_AGAIN_RATE = 0.35
COUPON_FAIL_RATE = 0.92
COUPON_FAIL_RATE_USUAL = 0.04
COUPON_LEAVE_RATE = 0.55
COUPON_LEAVE_RATE_USUAL = 0.0
FEE_LEAVE_RATE = 0.38
LANDING_STAY_FACTOR = 0.75
LANDING_ADD_FACTOR = 0.20
SLOW_LOAD_FACTOR = 6.0
SLOW_ADD_FACTOR = 0.35
FREE_SHIPPING_FROM = 50_000


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The example shop: size, seed, period, and which barriers are built into it.

    `events` counts rows of the export (reached within 1 %), `days` local days up to and including `end_on`,
    `bots_rate` the share of rows that crawlers make, `two_devices_rate` the share of people who use two
    devices in one day. The same values always give the same rows.
    """

    events: int = 100_000
    seed: int = 7
    days: int = 56
    end_on: date = date(2026, 9, 27)
    barriers: frozenset[str] = ALL_BARRIERS
    bots_rate: float = 0.03
    two_devices_rate: float = 0.06

    def __post_init__(self) -> None:
        _check_range("events", self.events, FEWEST_EVENTS, MOST_EVENTS)
        _check_range("days", self.days, 7, 366)
        _check_range("bots_rate", self.bots_rate, 0.0, 0.5)
        _check_range("two_devices_rate", self.two_devices_rate, 0.0, 0.15)
        object.__setattr__(self, "barriers", frozenset(self.barriers))
        for name in sorted(self.barriers - ALL_BARRIERS):
            raise SpecError(
                f"{name!r} is no barrier of the example shop; there are {', '.join(BARRIERS)}",
                hint=nearest(name, BARRIERS),
                path="$.barriers",
            )

    @property
    def starts_at(self) -> int:
        """The first instant of the period: 00:00 in Seoul, in microseconds UTC."""
        first_on = self.end_on - timedelta(days=self.days - 1)
        return clock.from_datetime(datetime.combine(first_on, time(), tzinfo=UTC) - ZONE_OFFSET)

    @property
    def bot_events(self) -> int:
        """Rows made by crawlers."""
        return round(self.events * self.bots_rate)

    def without(self, *barriers: str) -> Shop:
        """The same shop, same people and same luck, with these barriers taken away."""
        return Shop(**(vars(self) | {"barriers": self.barriers - set(barriers)}))


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SpecError(f"{name} is {value}; it must lie between {low} and {high}", path=f"$.{name}")


def _coupon_drop() -> float:
    """How much less often people go on whose code fails on the broken field, against the same people on a
    sound one.
    """
    broken = COUPON_LEAVE_RATE * (1 - COUPON_AGAIN_RATE * (1 - COUPON_FAIL_RATE))
    anyway = (
        COUPON_FAIL_RATE_USUAL / COUPON_FAIL_RATE * (1 - COUPON_AGAIN_RATE * (1 - COUPON_FAIL_RATE_USUAL))
    )
    return 1 - (1 - broken) / (1 - anyway * COUPON_LEAVE_RATE_USUAL)


def truths(shop: Shop) -> dict[str, dict[str, Any]]:
    """What is planted in `shop`, per barrier: where it is met, by whom, and what it does to those who meet
    it.

    `met` says how a visitor who met it is recognised in the rows; `stage` and `step` what comes before it;
    `expected_drop` is the relative fall of `outcome` among those who meet it, against the same visitors
    without it; `effects` are the factors it is made of; `driven_by` names what drives both meeting it and
    buying, so that an unmatched comparison is biased. What it costs in money is the revenue of
    `shop.without(name)` less that of `shop`: the same people with the same luck.
    """
    planted: dict[str, dict[str, Any]] = {
        "discount_field_mobile": {
            "stage": "Close",
            "step": "Checkout Started",
            "met": {"event": "Coupon Denied", "platform": "web", "device": "mobile"},
            "segment": "mobile web visitors who enter a discount code",
            "outcome": "going on in checkout",
            "expected_drop": round(_coupon_drop(), 4),
            "effects": {"code denied": COUPON_FAIL_RATE, "leaves when denied": COUPON_LEAVE_RATE},
            "driven_by": ("channel", "device", "returning", "intent"),
        },
        "shipping_fee_shock": {
            "stage": "Close",
            "step": "Payment Info Entered",
            "met": {"page": "/checkout/shipping-fee"},
            "segment": f"visitors who owe a shipping fee, mostly with baskets under {FREE_SHIPPING_FROM} won",
            "outcome": "the order",
            "expected_drop": FEE_LEAVE_RATE,
            "effects": {"leaves at the fee": FEE_LEAVE_RATE},
            "driven_by": ("basket value", "channel", "returning", "intent"),
        },
        "weak_landing_page": {
            "stage": "Attract",
            "step": "landing",
            "met": {"landing": "/event/autumn*", "utm_campaign": "autumn_sale"},
            "segment": "visitors of the paid Instagram campaign autumn_sale who land on its event pages",
            "outcome": "an order in that visit (to first order)",
            "expected_drop": round(1 - LANDING_STAY_FACTOR * LANDING_ADD_FACTOR, 4),
            "effects": {
                "stays after landing": LANDING_STAY_FACTOR,
                "adds a product seen": LANDING_ADD_FACTOR,
            },
            "driven_by": ("device", "intent"),
        },
        "slow_product_page": {
            "stage": "Attract",
            "step": "Product Viewed",
            "met": {"event": "Product Viewed", "category": CATEGORIES[SLOW_CATEGORY].key, "platform": "web"},
            "segment": "web visitors who open a product page of the category shoes",
            "outcome": "adding that product to the basket",
            "expected_drop": round(1 - SLOW_ADD_FACTOR, 4),
            "effects": {"adds the product": SLOW_ADD_FACTOR, "load_ms": SLOW_LOAD_FACTOR},
            "driven_by": ("channel", "device", "intent"),
        },
    }
    return {name: {"on": name in shop.barriers, **planted[name]} for name in BARRIERS}
