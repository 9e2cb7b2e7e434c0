"""What followed a rule's firings, and what they would have cost: money at stake, never a gain."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.orders import orders_of, total
from afterclick.analyse.scope import Scope
from afterclick.core import money
from afterclick.core.moments import Interval

DRAWS: Final = 1_000
_SEED: Final = 73
_MANY: Final = 5_000


class Followed(NamedTuple):
    """Revenue net of refunds from orders inside the span behind a firing, each order once; `interval` is the 95 % interval
    of its sum if other visitors of the same kind had come. `orders` counts them. None where currencies differ."""

    revenue: Decimal | None
    interval: Interval | None
    orders: int


def followed(scope: Scope, visitor: np.ndarray, at: np.ndarray, window: int) -> Followed:
    """What came within `window` µs behind firings (visitor label, instant) of one rule."""
    orders = orders_of(scope)
    if orders.mixed:
        return Followed(None, None, 0)
    keep = np.flatnonzero((orders.visitor >= 0) & (orders.at <= scope.as_of))
    last = latest_before(visitor, at, orders.visitor[keep], orders.at[keep])
    keep = keep[(last >= 0) & (orders.at[keep] - at[np.maximum(last, 0)] <= window)] if len(at) else keep[:0]
    amounts, who = orders.amount[keep], orders.visitor[keep]
    people = np.unique(visitor)
    each = np.zeros(len(people), np.float64)
    np.add.at(each, np.searchsorted(people, who), amounts.astype(np.float64))
    return Followed(money.to_decimal(total(amounts)), _interval(each), int((~orders.refund[keep]).sum()))


def latest_before(visitor: np.ndarray, at: np.ndarray, owner: np.ndarray, when: np.ndarray) -> np.ndarray:
    """For each (owner, when) the place of the latest firing of that visitor strictly before; -1 for none.

    Firings are in any order.
    """
    order = np.lexsort((at, visitor))
    size = len(order)
    if not size:
        return np.full(len(owner), -1, np.int64)
    whole = np.lexsort((np.append(np.ones(size, bool), np.zeros(len(owner), bool)), np.append(at[order], when),
                        np.append(visitor[order], owner)))  # fmt: skip
    # Walking both in (visitor, instant) order, a question before a firing of the same instant; the last one met counts.
    place = np.where(whole < size, whole, -1)
    latest = np.maximum.accumulate(place)
    asked = whole >= size
    found = np.full(len(owner), -1, np.int64)
    found[whole[asked] - size] = latest[asked]
    mine = (found >= 0) & (visitor[order][np.maximum(found, 0)] == owner)
    return np.where(mine, order[np.maximum(found, 0)], -1)


def _interval(each: np.ndarray) -> Interval | None:
    """The 95 % percentile interval of a sum over visitors (Efron 1979): visitors drawn again with replacement, seeded.

    Of many visitors only how often each amount occurs is drawn.
    """
    if len(each) < 2:
        return None
    values, counts = np.unique(each, return_counts=True)
    if len(values) > _MANY:
        # A sum of so many different amounts is normal by then.
        wide = 1.96 * float(np.sqrt(len(each)) * each.std())
        low, high = float(each.sum()) - wide, float(each.sum()) + wide
    else:
        drawn = np.random.default_rng(_SEED).multinomial(len(each), counts / len(each), DRAWS) @ values
        low, high = np.quantile(drawn, (0.025, 0.975)).tolist()
    return Interval(low / money.SCALE, high / money.SCALE)
