"""Everything that is decided about visits before a row is written: which places of each are filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo import slots
from afterclick.app.demo.browsing import Browsing, browse
from afterclick.app.demo.checkout import Checkout, check_out
from afterclick.app.demo.pages import PLAIN
from afterclick.app.demo.plan import Visits
from afterclick.app.demo.shop import Shop
from afterclick.app.demo.slots import AT, CELL_ADD, CELL_PAGE, CELL_TRACK, CELL_WISH
from afterclick.app.demo.sources import EMAIL, PUSH
from afterclick.app.demo.visitors import Traits, traits


def _filled(visits: Visits, seen: Browsing, bought: Checkout) -> NDArray[np.bool_]:
    """Which slots of each visit are filled, (visits, slots)."""
    mask = np.zeros((len(visits), slots.COUNT), dtype=bool)
    mailed = visits.source == EMAIL
    mask[:, AT["opened"]] = mailed | (visits.source == PUSH)
    mask[:, AT["clicked"]] = mailed & ~visits.opens_only
    mask[:, AT["installed"]] = visits.installs
    mask[:, AT["login_page"]] = visits.login & ~mailed
    mask[:, AT["signed_up"]] = visits.joins
    mask[:, AT["identify"]] = visits.login
    mask[:, CELL_PAGE] = seen.seen
    mask[:, CELL_TRACK] = seen.seen & (seen.kind != PLAIN)
    mask[:, CELL_WISH] = seen.wished
    mask[:, CELL_ADD] = seen.added
    steps = {
        ("cart_page", "cart"): bought.cart,
        ("removed",): bought.removed >= 0,
        ("checkout_page", "checkout"): bought.started,
        ("coupon", "coupon_result"): bought.entered,
        ("coupon_again", "coupon_again_result"): bought.again,
        ("shipping_page", "shipping"): bought.shipping,
        ("form_error",): bought.error,
        ("payment_page", "payment"): bought.payment,
        ("payment_info",): bought.paying,
        ("fee_page",): bought.fee,
        ("complete_page", "order"): bought.ordered,
        ("review",): bought.reviewed,
        ("refund",): bought.refunding,
    }
    for names, happened in steps.items():
        for name in names:
            mask[bought.visit, AT[name]] = happened
    return mask


@dataclass(frozen=True, kw_only=True)
class Outline:
    """Visits decided but not yet written out: enough to count their rows."""

    visits: Visits
    who: Traits
    seen: Browsing
    bought: Checkout
    filled: NDArray[np.bool_]


def outline(shop: Shop, visits: Visits) -> Outline:
    """Decides everything that happens in these visits."""
    who = traits(shop, visits.visitor.astype(np.uint64))
    seen = browse(shop, visits, who)
    bought = check_out(shop, visits, who, seen)
    return Outline(visits=visits, who=who, seen=seen, bought=bought, filled=_filled(visits, seen, bought))
