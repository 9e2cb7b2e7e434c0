"""What happens between the basket and the order, and afterwards: coupon, shipping, fee, refund, review."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo.browsing import Browsing
from afterclick.app.demo.catalogue import MAX_LINES, discounts, pack, subtotals
from afterclick.app.demo.draws import Uniforms, chance, quarters
from afterclick.app.demo.plan import DAY, Visits
from afterclick.app.demo.shop import (
    COUPON_AGAIN_RATE,
    COUPON_FAIL_RATE,
    COUPON_FAIL_RATE_USUAL,
    COUPON_LEAVE_RATE,
    COUPON_LEAVE_RATE_USUAL,
    FEE_LEAVE_RATE,
    FREE_SHIPPING_FROM,
    Shop,
)
from afterclick.app.demo.sources import COUPON, COUPON_RATE, OWN_APP
from afterclick.app.demo.visitors import Traits

NO_COUPON = -1
_CART_RATE = 0.80
_REMOVE_RATE = 0.15
_ERROR_RATE = 0.06
_INFORM_RATE = 0.95
_ORDER_RATE = 0.93
_START_BASE, _START_INTENT = 0.0, 0.55
_SHIP_BASE, _SHIP_INTENT = 1.2, 0.35
_PAY_BASE, _PAY_INTENT = 1.7, 0.35
_REFUND_RATE = 0.09
_FULL_REFUND_RATE = 0.40
_REVIEW_RATE = 0.15


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """How far each visit with a basket came (one entry per such visit; `visit` is its place among the
    visits).

    `basket` is what was ordered, packed as `catalogue.pack` does; `revenue` and `refunded` are won; `coupon`
    the code in hand; `after` the delay in µs of what happens days later, from the start of the visit.
    """

    visit: NDArray[np.int64]
    cart: NDArray[np.bool_]
    removed: NDArray[np.int16]
    removed_quantity: NDArray[np.int64]
    started: NDArray[np.bool_]
    entered: NDArray[np.bool_]
    denied: NDArray[np.bool_]
    again: NDArray[np.bool_]
    denied_again: NDArray[np.bool_]
    shipping: NDArray[np.bool_]
    error: NDArray[np.bool_]
    payment: NDArray[np.bool_]
    paying: NDArray[np.bool_]
    fee: NDArray[np.bool_]
    ordered: NDArray[np.bool_]
    reviewed: NDArray[np.bool_]
    refunding: NDArray[np.bool_]
    coupon: NDArray[np.int8]
    applied: NDArray[np.bool_]
    basket: NDArray[np.uint64]
    refund: NDArray[np.uint64]
    revenue: NDArray[np.int64]
    refunded: NDArray[np.int64]
    review_after: NDArray[np.int64]
    refund_after: NDArray[np.int64]


def _basket(seen: Browsing, visit: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Products and quantities put into the basket, (n, `MAX_LINES`), in order; quantity 0 = no line."""
    added = seen.added[visit]
    place = np.cumsum(added, axis=1)
    product = np.zeros((len(visit), MAX_LINES), dtype=np.int64)
    quantity = np.zeros((len(visit), MAX_LINES), dtype=np.int64)
    row, cell = np.nonzero(added)
    line = place[row, cell] - 1
    product[row, line] = seen.product[visit[row], cell]
    quantity[row, line] = seen.quantity[visit[row], cell]
    return product, quantity


def _sent_back(full: NDArray[np.bool_], quantity: NDArray[np.int64]) -> NDArray[np.int64]:
    """Quantities of a refund: everything, or the first line, or one piece of an only line."""
    back = np.zeros_like(quantity)
    several = quantity[:, 1] > 0
    back[:, 0] = np.where(several, quantity[:, 0], 1)
    everything = full | (~several & (quantity[:, 0] <= 1))
    returned: NDArray[np.int64] = np.where(everything[:, None], quantity, back)
    return returned


@dataclass(frozen=True, kw_only=True)
class _Code:
    entered: NDArray[np.bool_]
    denied: NDArray[np.bool_]
    again: NDArray[np.bool_]
    denied_again: NDArray[np.bool_]
    applied: NDArray[np.bool_]
    left: NDArray[np.bool_]


def _try_code(
    shop: Shop, visits: Visits, phone: NDArray[np.bool_], keen: Uniforms, started: NDArray[np.bool_]
) -> _Code:
    """The discount code: on phones in the browser the field is broken where that barrier is on."""
    enter, fail, again, leave = quarters(shop.seed, "coupon", visits.counter)
    fail_again, _, _, _ = quarters(shop.seed, "coupon again", visits.counter)
    broken = phone & (visits.device != OWN_APP) & ("discount_field_mobile" in shop.barriers)
    fail_rate = np.where(broken, COUPON_FAIL_RATE, COUPON_FAIL_RATE_USUAL)
    entered = started & (enter < np.clip(COUPON_RATE[visits.source] + 0.06 * keen, 0.02, 0.85))
    denied = entered & (fail < fail_rate)
    retried = denied & (again < COUPON_AGAIN_RATE)
    denied_again = retried & (fail_again < fail_rate)
    refused = denied & (~retried | denied_again)
    return _Code(
        entered=entered,
        denied=denied,
        again=retried,
        denied_again=denied_again,
        applied=entered & ~refused,
        left=refused & (leave < np.where(broken, COUPON_LEAVE_RATE, COUPON_LEAVE_RATE_USUAL)),
    )


def _late(shop: Shop, visits: Visits, wanted: NDArray[np.bool_], days: Uniforms) -> NDArray[np.bool_]:
    """Which of the later events still fall into the period, given how many days after the visit they come."""
    kept: NDArray[np.bool_] = wanted & (visits.starts_at + days.astype(np.float64) * DAY < shop.days * DAY)
    return kept


def check_out(shop: Shop, visits: Visits, who: Traits, seen: Browsing) -> Checkout:
    """The checkout of every visit in which something was put into the basket."""
    visit = np.flatnonzero(seen.added.any(axis=1))
    buying, keen, phone, loyal = visits.take(visit), seen.keen[visit], seen.on_phone[visit], who.loyal[visit]
    look, drop, start, _ = quarters(shop.seed, "basket", buying.counter)
    ship, wrong, pay, inform = quarters(shop.seed, "steps", buying.counter)
    charged, shocked, order, _ = quarters(shop.seed, "fee", buying.counter)
    back, whole, back_days, _ = quarters(shop.seed, "refund", buying.counter)
    praise, praise_days, _, _ = quarters(shop.seed, "review", buying.counter)

    product, quantity = _basket(seen, visit)
    cart = look < _CART_RATE
    lines = (quantity > 0).sum(axis=1)
    row = np.flatnonzero(cart & (lines > 1) & (drop < _REMOVE_RATE))
    removed = np.full(len(visit), -1, dtype=np.int16)
    removed[row] = product[row, lines[row] - 1]
    removed_quantity = quantity[np.arange(len(visit)), lines - 1]
    quantity[row, lines[row] - 1] = 0
    basket = pack(product, quantity)
    subtotal = subtotals(basket)

    started = cart & (start < chance(_START_BASE + _START_INTENT * keen))
    code = _try_code(shop, buying, phone, keen, started)
    shipping = started & ~code.left & (ship < chance(_SHIP_BASE + _SHIP_INTENT * keen))
    error = shipping & (wrong < _ERROR_RATE)
    payment = shipping & (pay < chance(_PAY_BASE + _PAY_INTENT * keen))
    paying = payment & (inform < _INFORM_RATE)
    fee_rate = np.where(subtotal < FREE_SHIPPING_FROM, 0.66, 0.22) * np.where(loyal, 0.4, 1.0)
    fee = paying & (charged < fee_rate) & ("shipping_fee_shock" in shop.barriers)
    ordered = paying & ~(fee & (shocked < FEE_LEAVE_RATE)) & (order < _ORDER_RATE)

    coupon = COUPON[buying.source]
    revenue = subtotal - discounts(np.where(code.applied, coupon, NO_COUPON), subtotal)
    returned = _sent_back(whole < _FULL_REFUND_RATE, quantity)
    refund = pack(product, returned)
    refund_days, review_days = 2 + 12 * back_days, 4 + 14 * praise_days
    return Checkout(
        visit=visit,
        cart=cart,
        removed=removed,
        removed_quantity=removed_quantity,
        started=started,
        entered=code.entered,
        denied=code.denied,
        again=code.again,
        denied_again=code.denied_again,
        shipping=shipping,
        error=error,
        payment=payment,
        paying=paying,
        fee=fee,
        ordered=ordered,
        reviewed=_late(shop, buying, ordered & (praise < _REVIEW_RATE), review_days),
        refunding=_late(shop, buying, ordered & (back < _REFUND_RATE), refund_days),
        coupon=coupon,
        applied=code.applied,
        basket=basket,
        refund=refund,
        revenue=revenue,
        refunded=np.where(refund == basket, revenue, revenue * subtotals(refund) // np.maximum(subtotal, 1)),
        review_after=(review_days.astype(np.float64) * DAY).astype(np.int64),
        refund_after=(refund_days.astype(np.float64) * DAY).astype(np.int64),
    )
