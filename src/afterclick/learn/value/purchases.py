"""The orders of a scope as purchase days of each buyer: what every question of this package is folded from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from afterclick.analyse.distinct import firsts
from afterclick.analyse.orders import orders_of
from afterclick.analyse.scope import Scope
from afterclick.core import clock, spans
from afterclick.core.arrays import frozen
from afterclick.core.money import SCALE
from afterclick.learn.value.histories import Histories, Unit

_WEEK: Final = 7


def known_day(scope: Scope) -> date:
    """The day up to which buyers were watched: the one asked for, though nothing may have happened on it; never a later
    one than today."""
    zone, asked = scope.context.zone, scope.question.as_of
    if not asked:
        return spans.local_day(scope.as_of, zone)
    today = spans.local_day(clock.now(), zone)
    if "T" in asked:
        return min(spans.local_day(clock.from_datetime(msgspec.convert(asked, type=datetime)), zone), today)
    return min(msgspec.convert(asked, type=date), today)


def days_said(first: int, last: int) -> str:
    """Ordinals of days as every Result states its days."""
    return f"{date.fromordinal(first)}..{date.fromordinal(max(first, last))}"


@dataclass(frozen=True)
class Purchases:
    """One row per buyer and day with an order, by buyer and day; `buyers` are their labels, ascending.

    buyer int64 (place in `buyers`), day int64 (ordinal of the site's local day), amount int64 (minor units, refunds dated
    to their order taken off). `until` is the ordinal of the last day that is known. `mixed`: no sum of amounts exists.
    """

    buyers: np.ndarray
    buyer: np.ndarray
    day: np.ndarray
    amount: np.ndarray = field(repr=False)
    until: int
    mixed: bool

    @cached_property
    def offsets(self) -> np.ndarray:
        """Where the rows of each buyer begin, int64[buyers + 1]."""
        result: np.ndarray = np.searchsorted(self.buyer, np.arange(len(self.buyers) + 1))
        return result

    @cached_property
    def first(self) -> np.ndarray:
        """Per buyer the day of the first purchase."""
        result: np.ndarray = self.day[self.offsets[:-1]]
        return result

    def up_to(self, day: int) -> Purchases:
        """What was known at the end of an earlier day: later purchases, and buyers of only those, are not there."""
        kept = self.day <= day
        held, buyer = np.unique(self.buyer[kept], return_inverse=True)
        return Purchases(
            self.buyers[held], buyer.reshape(-1), self.day[kept], self.amount[kept], day, self.mixed,
        )  # fmt: skip

    def counted(self, unit: Unit) -> Counted:
        """Repeat purchases by days, or by whole weeks since the first purchase (an unfinished week is left out)."""
        since = self.day - self.first[self.buyer]
        age = self.until - self.first
        if unit == "week":
            since, age = -(-since // _WEEK), age // _WEEK
        kept = (since > 0) & (since <= age[self.buyer])
        buyer, since, amount = self.buyer[kept], since[kept], self.amount[kept]
        size = len(self.buyers)
        repeats = np.bincount(buyer[firsts(buyer, since)] if len(buyer) else buyer, minlength=size).astype(np.int64)
        last = np.zeros(size, np.int64)
        np.maximum.at(last, buyer, since)
        spent = np.bincount(buyer, weights=amount.astype(np.float64), minlength=size) / SCALE
        mean = np.divide(spent, repeats, out=np.zeros(size), where=repeats > 0)
        return Counted(repeats, mean, Histories.of_days(repeats, last, age, 1.0 if unit == "week" else float(_WEEK)))

    def after(self, day: int, buyers: np.ndarray) -> np.ndarray:
        """Purchase days after a day of these buyers (labels), int64 per buyer."""
        owner = self.buyers[self.buyer[self.day > day]]
        place = np.minimum(np.searchsorted(buyers, owner), max(len(buyers) - 1, 0))
        there = buyers[place] == owner if len(buyers) else np.zeros(0, bool)
        return np.bincount(place[there], minlength=len(buyers)).astype(np.int64)


@dataclass(frozen=True)
class Counted:
    """Per buyer: repeat purchases (int64), their mean value (float64, major units, 0 without any), and the histories."""

    repeats: np.ndarray
    mean: np.ndarray = field(repr=False)
    histories: Histories


def purchases_of(scope: Scope) -> Purchases:
    """The purchase days of the scope's buyers up to `as_of`; orders of nobody are nobody's."""
    question = scope.question
    key = ("purchases", question.identity, question.bots, question.as_of, scope.as_of, question.where, scope.sessions_like.key)
    return scope.context.keep(key, lambda: _read(scope))


def _read(scope: Scope) -> Purchases:
    orders = orders_of(scope)
    mine = np.flatnonzero((orders.visitor >= 0) & orders.counted & (orders.at <= scope.as_of))
    visitor = orders.visitor[mine].astype(np.int64)
    day = days_of(scope, orders.at[mine])
    order = np.lexsort((day, visitor))
    visitor, day, rows = visitor[order], day[order], mine[order]
    begins = np.flatnonzero(firsts(visitor, day))
    amount = np.add.reduceat(orders.amount[rows], begins) if len(begins) else np.zeros(0, np.int64)
    sold = np.add.reduceat((~orders.refund[rows]).astype(np.int64), begins) > 0 if len(begins) else np.zeros(0, bool)
    # A day with nothing but a refund of an unknown order is no purchase.
    kept = begins[sold]
    buyers, buyer = np.unique(visitor[kept], return_inverse=True)
    return Purchases(
        frozen(buyers), frozen(buyer.reshape(-1)), frozen(day[kept]), frozen(amount[sold]), known_day(scope).toordinal(),
        orders.mixed,
    )  # fmt: skip


def days_of(scope: Scope, at: np.ndarray) -> np.ndarray:
    """The ordinal of the site's local day of each instant, int64."""
    if not len(at):
        return np.zeros(0, np.int64)
    zone = scope.context.zone
    first, last = spans.local_day(int(at.min()), zone), spans.local_day(int(at.max()), zone)
    edges = [spans.midnight(first + timedelta(days=number), zone) for number in range((last - first).days + 1)]
    result: np.ndarray = np.searchsorted(np.array(edges, np.int64), at, side="right") - 1 + first.toordinal()
    return result
