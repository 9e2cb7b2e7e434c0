"""Who the people of the example shop are: what is fixed about each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo.draws import Counters, Uniforms, bell, quarters
from afterclick.app.demo.shop import Shop

VISIT_SHIFT = np.uint64(10)
VISITOR_SHIFT = np.uint64(24)
"""A visitor's number stands above bit 24 of a counter, the visit's above bit 10, the place in the visit
below.
"""

NO_MEMBER, OLD_MEMBER, NEW_MEMBER = range(3)


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What is fixed about people (one entry each): `intent` is a deviation, `focus`, `ad_set` and `patience`
    are uniforms, the rest are flags and codes.
    """

    intent: NDArray[np.float32]
    loyal: NDArray[np.bool_]
    desktop: NDArray[np.bool_]
    phone: NDArray[np.uint8]
    browser: NDArray[np.uint8]
    member: NDArray[np.uint8]
    joins_at: NDArray[np.int64]
    two_devices: NDArray[np.bool_]
    has_app: NDArray[np.bool_]
    focus: Uniforms
    ad_set: Uniforms
    patience: Uniforms


def traits(shop: Shop, visitor: Counters) -> Traits:
    """The traits of the visitors with these numbers."""
    at = visitor << VISITOR_SHIFT
    loyal, desktop, phone, browser = quarters(shop.seed, "habits", at)
    member, joins, two, app = quarters(shop.seed, "ties", at)
    focus, patience, ad_set, _ = quarters(shop.seed, "tastes", at)
    two_devices = two < shop.two_devices_rate
    # People on two devices are members, or nobody could tell that they are one person.
    kind = np.where(member < 0.075, OLD_MEMBER, np.where(member < 0.14, NEW_MEMBER, NO_MEMBER))
    kind = np.where(two_devices & (kind == NO_MEMBER), 1 + (member > 0.6), kind)
    return Traits(
        intent=bell(shop.seed, "intent", at),
        loyal=loyal < 0.06,
        desktop=desktop < 0.27,
        phone=(1.0 * (phone > 0.40) + (phone > 0.72)).astype(np.uint8),
        browser=(1.0 * (browser > 0.58) + (browser > 0.86)).astype(np.uint8),
        member=kind.astype(np.uint8),
        joins_at=np.where(two_devices, 0, (joins * 3).astype(np.int64)),
        two_devices=two_devices,
        has_app=app < 0.09,
        focus=focus,
        ad_set=ad_set,
        patience=patience,
    )
