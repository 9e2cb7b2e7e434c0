"""Orders as a relation: each order id counted once, refunds dated to their order, amounts exact."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.scope import Scope
from afterclick.core import spans
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.store.columns import NO_AMOUNT, Flag


@dataclass(frozen=True)
class Orders:
    """One row per counted order, then one per refund; instants µs UTC, amounts int64 minor units.

    row int64 (global), home int64 (the row it belongs to: a refund's is its order's), visitor int32 (-1 nobody), at
    int64 (the order's own instant also for its refunds), amount int64
    (refunds negative), refund bool. `replaced` are rows of orders sent again by the same visitor, `conflicts` pairs of
    (row that stays, row of another visitor with the same order id), `over` refunds that exceed their order.
    `mixed` says that amounts are of several currencies without a rate, so that no sum of them exists.
    """

    row: np.ndarray
    home: np.ndarray
    visitor: np.ndarray
    at: np.ndarray
    amount: np.ndarray
    refund: np.ndarray
    counted: np.ndarray
    replaced: np.ndarray
    conflicts: tuple[tuple[int, int], ...]
    over: np.ndarray
    mixed: bool

    def within(self, period: Period) -> np.ndarray:
        """Which rows are dated inside the period and meet the question's conditions."""
        result: np.ndarray = (self.at >= period.start) & (self.at < period.end) & self.counted
        return result

    @cached_property
    def first_ever(self) -> np.ndarray:
        """Which rows are their visitor's first order, whatever the range and the conditions."""
        first = np.zeros(len(self.row), bool)
        sold = np.flatnonzero(~self.refund & (self.visitor >= 0))
        first[sold[np.unique(self.visitor[sold], return_index=True)[1]]] = True
        return first

    def totals(self, period: Period, visitors: np.ndarray | None = None) -> tuple[int, int, int, np.ndarray]:
        """(orders, gross minor units, refunds minor units, buyers) in a period; Python integers never overflow."""
        here = self.within(period)
        if visitors is not None:
            here &= np.isin(self.visitor, visitors)
        sold, back = here & ~self.refund, here & self.refund
        buyers = np.unique(self.visitor[sold])
        return int(sold.sum()), total(self.amount[sold]), -total(self.amount[back]), buyers[buyers >= 0]


def total(amounts: np.ndarray) -> int:
    """The exact sum of minor units: int64 in two halves, added as Python integers."""
    high, low = amounts >> 32, amounts & 0xFFFFFFFF
    return (int(high.sum()) << 32) + int(low.sum())


def orders_of(scope: Scope) -> Orders:
    """All orders and refunds of the scope's visitors up to `as_of`."""
    question = scope.question
    key = ("orders", question.identity, question.bots, scope.as_of, question.where, scope.sessions_like.key)
    return scope.context.keep(key, lambda: _read(scope))


def _read(scope: Scope) -> Orders:
    context = scope.context
    found = []
    for chunk in context.snapshot.chunks(("flags", "at"), None):
        flags = chunk.columns["flags"]
        wanted = (flags & int(Flag.ORDER | Flag.REFUND)) != 0
        if scope.question.bots == "out":
            wanted &= (flags & int(Flag.BOT)) == 0
        there = np.flatnonzero(wanted)
        found.append(chunk.start + there[chunk.columns["at"][there] <= scope.as_of])
    row = np.concatenate(found) if found else np.zeros(0, np.int64)
    at, device = context.snapshot.take("at", row), context.snapshot.take("device", row)
    visitor = np.full(len(row), -1, np.int32)
    known = device >= 0
    visitor[known] = scope.labels.of(device[known], at[known])
    order = _in_order(context, row, at)
    row, at, visitor = row[order], at[order], visitor[order]
    code = context.snapshot.take("order", row)
    refund = (context.snapshot.take("flags", row) & int(Flag.REFUND)) != 0
    amount, mixed = amounts_of(context, row, at)
    keep, replaced, conflicts, sold = _counted_once(row, visitor, code, refund)
    order_of, over = _refunded(code, refund, amount, sold)
    dated = at[order_of]
    amount = np.where(refund, -amount, amount)
    met = scope.mask_rows(row)
    return Orders(
        row=frozen(row[keep]), home=frozen(row[order_of][keep]),
        visitor=frozen(visitor[keep]), at=frozen(dated[keep]), amount=frozen(amount[keep]),
        refund=frozen(refund[keep]), counted=frozen(met[keep]), replaced=row[replaced],
        conflicts=tuple((int(row[a]), int(row[b])) for a, b in conflicts), over=row[over], mixed=mixed,
    )  # fmt: skip


def _in_order(context: Context, row: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The places of rows by (time, event id); the ids are read only where their first eight bytes do not tell."""
    tie = context.snapshot.take("tie", row)
    order = np.lexsort((row, tie, at))
    same = (at[order][1:] == at[order][:-1]) & (tie[order][1:] == tie[order][:-1])
    if not same.any():
        return order
    near = np.flatnonzero(np.append(same, False) | np.append(False, same))
    places = order[near]
    names = context.event_ids(row[places])
    keys = zip(at[places].tolist(), tie[places].tolist(), names, places.tolist(), strict=True)
    order[near] = [place for *_, place in sorted(keys)]
    return order


def _counted_once(
    row: np.ndarray, visitor: np.ndarray, code: np.ndarray, refund: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]], dict[int, int]]:
    """Same id and visitor: the later one replaces. Same id, other visitor: a conflict, the first stays."""
    keep = np.ones(len(row), bool)
    replaced: list[int] = []
    conflicts: list[tuple[int, int]] = []
    sold: dict[int, int] = {}
    candidates = np.flatnonzero(~refund & (code >= 0))
    codes, first, counts = np.unique(code[candidates], return_index=True, return_counts=True)
    sold.update(zip(codes.tolist(), candidates[first].tolist(), strict=True))
    for again in codes[counts > 1]:
        places = candidates[code[candidates] == again]
        stays = int(places[0])
        for place in places[1:].tolist():
            if visitor[place] == visitor[stays]:
                keep[stays] = False
                replaced.append(stays)
                stays = place
            else:
                keep[place] = False
                conflicts.append((stays, place))
        sold[int(again)] = stays
    return keep, np.array(replaced, np.int64), conflicts, sold


def _refunded(
    code: np.ndarray, refund: np.ndarray, amount: np.ndarray, sold: dict[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Per row the place of the order it belongs to (its own unless it refunds a known order), and refunds beyond it."""
    order_of = np.arange(len(code))
    back: dict[int, int] = {}
    over = []
    for place in np.flatnonzero(refund & (code >= 0)).tolist():
        order = sold.get(int(code[place]))
        if order is None:
            continue
        order_of[place] = order
        back[order] = back.get(order, 0) + int(amount[place])
        if back[order] > int(amount[order]):
            over.append(place)
    return order_of, np.array(over, np.int64)


def currencies_of(context: Context, row: np.ndarray) -> set[str]:
    """The currencies of these rows; one that names none is in the store's own, "" where that is unknown."""
    texts, own = context.texts("currency"), context.snapshot.definitions.currency
    return {texts[code] if code >= 0 else own for code in np.unique(context.snapshot.take("currency", row)).tolist()}


def amounts_of(context: Context, row: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, bool]:
    """Amounts in the store's currency; a missing one is 0. The flag says that currencies differ and no rate is known."""
    amount = context.snapshot.take("amount", row)
    amount = np.where(amount == NO_AMOUNT, 0, amount)
    definitions, used = context.snapshot.definitions, currencies_of(context, row)
    if used <= {definitions.currency}:
        return amount, False
    if not (definitions.rates and definitions.currency):
        return amount, len(used) > 1
    return _converted(context, amount, context.snapshot.take("currency", row), at)


def _converted(context: Context, amount: np.ndarray, currency: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, bool]:
    """Each amount at the rate of its day; as they are, and True, where a rate is missing."""
    texts, definitions = context.texts("currency"), context.snapshot.definitions
    converted = amount.copy()
    for code in np.unique(currency).tolist():
        name = texts[code] if code >= 0 else definitions.currency
        if name == definitions.currency:
            continue
        days = sorted((date.fromisoformat(str(on)), Decimal(str(rate))) for on, rate in definitions.rates.get(name, ()))
        for place in np.flatnonzero(currency == code).tolist():
            day = spans.local_day(int(at[place]), context.zone)
            dated = bisect_right([on for on, _ in days], day) - 1
            if dated < 0:
                return amount, True
            converted[place] = int((Decimal(int(amount[place])) * days[dated][1]).to_integral_value())
    return converted, False
