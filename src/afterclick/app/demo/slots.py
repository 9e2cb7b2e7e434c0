"""The places an event can take in a visit: every visit is a row of these, in order, with some left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo import pages

CELLS = 12
"""Most pages browsed in one visit; the first is the landing page."""

CELL_NUMBERS: NDArray[np.uint64] = np.arange(CELLS, dtype=np.uint64)

TRACK, PAGE, IDENTIFY = range(3)
TYPES = ("track", "page", "identify", "screen")
SCREEN = 3

EVENTS = (
    "Product List Viewed",
    "Products Searched",
    "Product Viewed",
    "Product Added to Wishlist",
    "Product Added",
    "Cart Viewed",
    "Product Removed",
    "Checkout Started",
    "Coupon Entered",
    "Coupon Applied",
    "Coupon Denied",
    "Checkout Step Viewed",
    "Form Error",
    "Payment Info Entered",
    "Order Completed",
    "Order Refunded",
    "Product Reviewed",
    "Signed Up",
    "Message Opened",
    "Message Clicked",
    "Application Installed",
)
EVENT = {name: code for code, name in enumerate(EVENTS)}
NO_EVENT = -1


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One place: the event (none for pages), the page it happens on (-1: of its cell), the usual pause before
    it.

    `pause` is the median in seconds, `spread` the deviation of its logarithm; `later` marks what happens days
    after.
    """

    name: str
    type: int = TRACK
    event: str = ""
    page: int = -1
    cell: int = -1
    pause: float = 0.3
    spread: float = 0.4
    later: bool = False


def _cell(cell: int) -> tuple[Slot, ...]:
    return (
        Slot(name="page", type=PAGE, cell=cell, pause=24.0, spread=0.95),
        Slot(name="track", cell=cell, pause=0.12),
        Slot(name="wish", cell=cell, event="Product Added to Wishlist", pause=14.0, spread=0.7),
        Slot(name="add", cell=cell, event="Product Added", pause=20.0, spread=0.7),
    )


def _slots() -> tuple[Slot, ...]:
    checkout = pages.CHECKOUT
    return (
        Slot(name="opened", event="Message Opened"),
        Slot(name="clicked", event="Message Clicked", pause=5.0, spread=0.6),
        Slot(name="installed", event="Application Installed", pause=2.0),
        *_cell(0),
        Slot(name="login_page", type=PAGE, page=pages.LOGIN, pause=9.0, spread=0.6),
        Slot(name="signed_up", event="Signed Up", page=pages.LOGIN, pause=35.0, spread=0.4),
        Slot(name="identify", type=IDENTIFY, page=pages.LOGIN, pause=0.2),
        *(slot for cell in range(1, CELLS) for slot in _cell(cell)),
        Slot(name="cart_page", type=PAGE, page=pages.CART, pause=15.0, spread=0.7),
        Slot(name="cart", event="Cart Viewed", page=pages.CART, pause=0.1),
        Slot(name="removed", event="Product Removed", page=pages.CART, pause=12.0, spread=0.6),
        Slot(name="checkout_page", type=PAGE, page=checkout, pause=18.0, spread=0.6),
        Slot(name="checkout", event="Checkout Started", page=checkout, pause=0.1),
        Slot(name="coupon", event="Coupon Entered", page=checkout, pause=22.0, spread=0.5),
        Slot(name="coupon_result", page=checkout, pause=0.6),
        Slot(name="coupon_again", event="Coupon Entered", page=checkout, pause=14.0, spread=0.5),
        Slot(name="coupon_again_result", page=checkout, pause=0.6),
        Slot(name="shipping_page", type=PAGE, page=pages.SHIPPING, pause=28.0, spread=0.5),
        Slot(name="shipping", event="Checkout Step Viewed", page=pages.SHIPPING, pause=0.1),
        Slot(name="form_error", event="Form Error", page=pages.SHIPPING, pause=26.0, spread=0.4),
        Slot(name="payment_page", type=PAGE, page=pages.PAYMENT, pause=45.0, spread=0.5),
        Slot(name="payment", event="Checkout Step Viewed", page=pages.PAYMENT, pause=0.1),
        Slot(name="payment_info", event="Payment Info Entered", page=pages.PAYMENT, pause=38.0, spread=0.4),
        Slot(name="fee_page", type=PAGE, page=pages.FEE, pause=1.2),
        Slot(name="complete_page", type=PAGE, page=pages.COMPLETE, pause=24.0, spread=0.5),
        Slot(name="order", event="Order Completed", page=pages.COMPLETE, pause=0.1),
        Slot(name="review", event="Product Reviewed", later=True),
        Slot(name="refund", event="Order Refunded", later=True),
    )


SLOTS = _slots()
COUNT = len(SLOTS)
assert COUNT < 1 << 7

CELL_PAGE, CELL_TRACK, CELL_WISH, CELL_ADD = (
    np.array([s for s, slot in enumerate(SLOTS) if slot.name == name])
    for name in ("page", "track", "wish", "add")
)
AT = {slot.name: place for place, slot in enumerate(SLOTS) if slot.cell < 0}
"""Place of each slot outside the browsing cells."""
LANDING = int(CELL_PAGE[0])

TYPE = np.array([slot.type for slot in SLOTS], dtype=np.int8)
EVENT_OF = np.array([EVENT.get(slot.event, NO_EVENT) for slot in SLOTS], dtype=np.int8)
PAGE_OF = np.array([slot.page for slot in SLOTS], dtype=np.int32)
CELL_OF = np.array([slot.cell for slot in SLOTS], dtype=np.int8)
IS_PAGE = TYPE == PAGE
PAUSE = np.log(np.array([slot.pause for slot in SLOTS], dtype=np.float32) * np.float32(1e6))
SPREAD = np.array([slot.spread for slot in SLOTS], dtype=np.float32)
IS_CELL_TRACK = np.array([slot.name == "track" for slot in SLOTS])
IS_CELL_ADD = np.array([slot.name == "add" for slot in SLOTS])
LATER = np.array([slot.later for slot in SLOTS])
TRACK_OF_KIND = np.array(
    [NO_EVENT, EVENT["Product List Viewed"], EVENT["Products Searched"], EVENT["Product Viewed"]],
    dtype=np.int8,
)
"""The event of a browsed page, by kind of page."""
