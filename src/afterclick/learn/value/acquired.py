"""Buyers by the visit that won them, what winning them cost, and what they are worth beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.formulas import ratio, rounded
from afterclick.analyse.groups import Groups, grouped
from afterclick.analyse.measures import measures
from afterclick.analyse.scope import Scope
from afterclick.analyse.spending import Spending, spending
from afterclick.learn.value.outlook import Outlook
from afterclick.learn.value.purchases import Purchases

_AMOUNT: Final = pa.decimal128(28, 4)


def schema(by: str) -> pa.Schema:
    """The columns of the table."""
    return pa.schema(
        [
            (by, pa.string()), ("customers", pa.int64()), ("repeaters", pa.int64()), ("repeat_rate", pa.float64()),
            ("alive", pa.float64()), ("alive_rate", pa.float64()), ("orders_ahead", pa.float64()), ("clv", _AMOUNT),
            ("clv_mean", _AMOUNT), ("new_buyers", pa.int64()), ("won", pa.int64()), ("won_clv", _AMOUNT),
            ("cost", _AMOUNT), ("cac", _AMOUNT), ("ltv_cac", pa.float64()), ("reason", pa.string()),
        ]
    )  # fmt: skip


@dataclass(frozen=True)
class FirstTouch(Spending):
    """Every order credited to the visitor's first visit ever, whatever brought the visit it was placed in."""

    @cached_property
    def order_touch(self) -> np.ndarray:
        """Per row of the orders relation the touch of the visitor's first visit, -1 for none; int64."""
        sessions, visitor = self.m.sessions, self.m.orders.visitor.astype(np.int64)
        if not len(sessions):
            return np.full(len(visitor), -1, np.int64)
        place = np.minimum(np.searchsorted(sessions.visitor, visitor), len(sessions) - 1)
        return np.where(sessions.visitor[place] == visitor, sessions.touch[place], -1).astype(np.int64)


@dataclass(frozen=True)
class Acquired:
    """Groups of buyers; `outlook` None where nothing can be foreseen. `code` int64: per buyer the group that won it."""

    purchases: Purchases = field(repr=False)
    groups: Groups = field(repr=False)
    outlook: Outlook | None = field(repr=False)
    reason: str

    @cached_property
    def code(self) -> np.ndarray:
        """Per buyer its group: that of the first order ever; the last one, (none), where it is not known."""
        orders = self.groups.m.orders
        first = np.flatnonzero(orders.first_ever)
        known, codes = orders.visitor[first].astype(np.int64), self.groups.order_codes[first]
        order = np.argsort(known)
        known, codes = known[order], codes[order]
        place = np.minimum(np.searchsorted(known, self.purchases.buyers), max(len(known) - 1, 0))
        none = np.full(len(self.purchases.buyers), self.groups.names.none)
        return np.where(known[place] == self.purchases.buyers, codes[place], none) if len(known) else none

    def of(self, number: int) -> np.ndarray:
        """Places of the buyers of a group."""
        return np.flatnonzero(self.code == number)

    def won(self, number: int | None) -> np.ndarray:
        """Labels of the new buyers of the range that costs can claim, of a group or of all."""
        spent = self.groups.spent
        which = spent.attributed & spent.m.orders.first_ever
        return self.groups.m.buyers_of(np.flatnonzero(which)) if number is None else self.groups.buyers(number, which)

    def worth(self, labels: np.ndarray) -> Decimal | None:
        """The mean value to come of these buyers; None without any, or where values are unknown."""
        clv = None if self.outlook is None else self.outlook.clv
        place = np.flatnonzero(np.isin(self.purchases.buyers, labels))
        return None if clv is None or not len(place) else money(float(clv[place].mean()))

    def rows(self) -> list[dict[str, Any]]:
        """One row per group with a buyer or a cost, the one worth most first."""
        reasons, by = self.groups.spent.reasons(), self.groups.names.by
        found = []
        for number, (name, bag) in enumerate(zip(self.groups.names.values, self.groups.bags(), strict=True)):
            places = self.of(number)
            if not len(places) and not bag["cost"]:
                continue
            cac = ratio("cac", bag, reasons)
            worth = self.worth(self.won(number))
            found.append(
                {
                    by: name, **self._people(places), "new_buyers": bag["new_buyers"], "won": bag["attributed_new_buyers"],
                    "won_clv": worth, "cost": bag["cost"],
                    "cac": None if cac.value is None else rounded(Decimal(cac.value)),
                    **self.ratio(worth, cac.value, cac.reason),
                }
            )  # fmt: skip
        return sorted(found, key=lambda row: (-(row["clv"] or 0), -row["customers"], row[by]))

    def ratio(self, worth: Decimal | None, cac: Any, why: str) -> dict[str, Any]:
        """LTV:CAC, or the reason why there is none."""
        foreign = self.groups.spent.costs.foreign
        reason = why or ("mixed_currencies" if foreign else "" if worth is not None else self.reason or "empty")
        if reason or not cac:
            return {"ltv_cac": None, "reason": reason or "no_cost"}
        assert worth is not None
        return {"ltv_cac": float(worth / Decimal(cac)), "reason": ""}

    def _people(self, places: np.ndarray) -> dict[str, Any]:
        outlook, n = self.outlook, len(places)
        repeaters = int((np.diff(self.purchases.offsets)[places] > 1).sum())
        alive = None if outlook is None else float(outlook.alive[places].sum())
        clv = None if outlook is None or outlook.clv is None else float(outlook.clv[places].sum())
        ahead = None if outlook is None or not outlook.terms.months else float(outlook.orders[places].sum())
        return {
            "customers": n, "repeaters": repeaters, "repeat_rate": repeaters / n if n else None, "alive": alive,
            "alive_rate": alive / n if n and alive is not None else None, "orders_ahead": ahead,
            "clv": None if clv is None else money(clv), "clv_mean": money(clv / n) if n and clv is not None else None,
        }  # fmt: skip


def acquired(
    scope: Scope, by: str, touch: str, purchases: Purchases, outlook: Outlook | None, reason: str
) -> Acquired:
    """The buyers of a scope by what won them."""
    spent = spending(measures(scope, scope.period))
    if touch == "first":
        spent = FirstTouch(spent.m, spent.costs)
    return Acquired(purchases, grouped(spent, by), outlook, reason)


def money(amount: float) -> Decimal:
    """An estimate as an amount of four decimals."""
    return Decimal(repr(round(amount, 4)))


def cells(found: Acquired, shown: list[str]) -> dict[str, Callable[[], np.ndarray]]:
    """Labels behind each row: all buyers, those who bought again, the new ones of the range, those credited to costs."""
    groups, buyers = found.groups, found.purchases.buyers
    place = {name: number for number, name in enumerate(groups.names.values)}
    orders, mask = groups.m.orders, groups.m.order_mask
    repeated = np.diff(found.purchases.offsets) > 1

    def parts(number: int) -> dict[str, Callable[[], np.ndarray]]:
        return {
            "": lambda: buyers[found.of(number)],
            ";part=repeaters": lambda: buyers[np.intersect1d(found.of(number), np.flatnonzero(repeated))],
            ";part=new_buyers": lambda: groups.buyers(number, mask & orders.first_ever),
            ";part=won": lambda: found.won(number),
        }

    return {
        f"{groups.names.by}={name}{part}": labels for name in shown for part, labels in parts(place[name]).items()
    }


