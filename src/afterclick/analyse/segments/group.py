"""The key figures of some visitors: those of the measures of a period, each sum taken over these visitors alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from afterclick.analyse.formulas import FORMULAS, ratio
from afterclick.analyse.kpi_figures import UNITS
from afterclick.analyse.measures import Measures
from afterclick.core.moments import Interval, Moments
from afterclick.core.money import SCALE
from afterclick.store.columns import Flag

FIGURES: Final = (
    "visitors", "new_visitor_rate", "sessions", "pages_per_session", "bounce_rate", "engagement_rate", "orders",
    "buyers", "buyer_rate", "conversion_rate", "repeat_order_rate", "aov", "arpv", "revenue",
)  # fmt: skip
"""What a segment is compared by, in order."""


@dataclass(frozen=True)
class Group:
    """Visitors of a period: `member` bool per label. Every figure equals that of `Kpi(segment=...)`."""

    m: Measures
    member: np.ndarray

    @cached_property
    def visitors(self) -> np.ndarray:
        """Those active in the period."""
        found: np.ndarray = self.m.visitors
        return found[self.member[found]] if len(found) else found

    @cached_property
    def _mine(self) -> np.ndarray:
        """Which of `m.session_ids` are theirs."""
        result: np.ndarray = self.member[self.m.sessions.visitor[self.m.session_ids]]
        return result

    @cached_property
    def sessions(self) -> np.ndarray:
        """Their sessions of the period."""
        found: np.ndarray = self.m.session_ids[self._mine]
        return found

    @cached_property
    def sales(self) -> np.ndarray:
        """Their rows of the orders relation dated in the period."""
        orders = self.m.orders
        places = np.flatnonzero(self.m.order_mask & (orders.visitor >= 0))
        return places[self.member[orders.visitor[places]]] if len(places) else places

    @cached_property
    def sold(self) -> np.ndarray:
        """The orders among them."""
        found: np.ndarray = self.sales[~self.m.orders.refund[self.sales]]
        return found

    @cached_property
    def pages(self) -> int:
        """Page views in the period."""
        m, found = self.m, self.m.sessions
        places, owner = m.telling
        mine = self.member[found.visitor[owner]] if len(owner) else np.zeros(0, bool)
        if m.met is not None:
            return int(np.count_nonzero(found.rows.key[places[mine]] & int(Flag.PAGE)))
        whole = m.inside[0]
        edge = places[~whole[owner] & mine]
        inside = np.flatnonzero(whole)
        total = int(found.pages[inside[self.member[found.visitor[inside]]]].sum()) if len(inside) else 0
        return total + int(np.count_nonzero(found.rows.key[edge] & int(Flag.PAGE)))

    @cached_property
    def bag(self) -> dict[str, Any]:
        """What was counted."""
        m, orders = self.m, self.m.orders
        first_seen = m.first_seen[self.member[m.visitors]] if len(m.visitors) else m.first_seen
        return {
            "visitors": len(self.visitors),
            "new_visitors": int((first_seen >= m.period.start).sum()),
            "sessions": len(self.sessions),
            "pageviews": self.pages,
            "bounced": int((self._mine & m.is_bounced).sum()),
            "qualifying_sessions": int((self._mine & m.is_qualifying).sum()),
            "engaged_sessions": int((self._mine & m.is_engaged).sum()),
            "orders": len(self.sold),
            "buyers": len(m.buyers_of(self.sold)),
            "repeat_orders": int((~orders.first_ever[self.sold]).sum()),
            "revenue": m.sum_of(self.sales),
        }

    @cached_property
    def values(self) -> dict[str, float | None]:
        """Every one of FIGURES; None where it cannot be computed."""
        reasons = {"revenue": "mixed_currencies"} if self.m.orders.mixed else {}
        found: dict[str, Any] = dict(self.bag)
        for name in FIGURES:
            if name in FORMULAS:
                found[name] = ratio(name, found, reasons).value
        return {name: None if found[name] is None else float(found[name]) for name in FIGURES}

    @cached_property
    def reasons(self) -> dict[str, str]:
        """Why a figure is None."""
        mixed = {"revenue": "mixed_currencies"} if self.m.orders.mixed else {}
        made = {name: ratio(name, self.bag, mixed).reason for name in FIGURES if name in FORMULAS}
        return {name: reason for name, reason in {**made, **mixed}.items() if self.values[name] is None}

    def interval(self, name: str) -> Interval | None:
        """The 95 % interval of a rate or a mean: Wilson's of shares, Student's of means; None of counts and sums."""
        if name in FORMULAS and FORMULAS[name].share:
            return ratio(name, self.bag, {}).interval
        found = self._moments(name)
        if found is None or found.interval is None:
            return None
        scale = SCALE if UNITS[name] == "money" else 1
        return Interval(found.interval.low / scale, found.interval.high / scale)

    def unsure(self, name: str) -> str:
        """Why a mean that is known has no interval; "" where it has one, or is none."""
        found = self._moments(name)
        return "" if found is None or self.values[name] is None else found.reason or ""

    def _moments(self, name: str) -> Moments | None:
        """The values that a figure is the mean of."""
        if name == "pages_per_session":
            return Moments.of(self.m.sessions.pages[self.sessions].astype(np.int64))
        if name == "conversion_rate":
            return Moments.of(self._per_visitor(np.ones(len(self.sold), np.int64), self.sold))
        if self.m.orders.mixed or name not in ("aov", "arpv"):
            return None
        if name == "aov":
            return Moments.of(self._per_order())
        return Moments.of(self._per_visitor(self.m.orders.amount[self.sales], self.sales))

    def _per_visitor(self, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Sums per active visitor; what buyers without an event in the period bought stands in rows of its own."""
        out = np.zeros(len(self.member), np.int64)
        np.add.at(out, self.m.orders.visitor[rows], values)
        active = np.zeros(len(self.member), bool)
        active[self.visitors] = True
        return np.concatenate([out[active], out[~active & (out != 0)]])

    def _per_order(self) -> np.ndarray:
        """What each order brought, less its refunds."""
        orders = self.m.orders
        homes, place = np.unique(orders.home[self.sales], return_inverse=True)
        out = np.zeros(len(homes), np.int64)
        np.add.at(out, place, orders.amount[self.sales])
        return out


def unit_of(name: str) -> str:
    """Count, rate, number or money."""
    return UNITS[name]
