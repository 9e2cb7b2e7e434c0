"""Orders as a relation: each order id counted once, refunds dated to their order, amounts exact."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.distinct import firsts, grouped
from afterclick.analyse.kernels import find as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.scope import Scope
from afterclick.analyse.scratch import borrowed
from afterclick.core import spans
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.store.columns import NO_AMOUNT, Flag
from afterclick.store.snapshot import Chunk

_SPARSE = ("order", "amount", "currency")
"""Columns read here and there only, which brings all of them into memory."""
_MANY = 32_000_000
"""Rows from which on that is worth letting go of."""


@dataclass(frozen=True)
class Orders:
    """One row per counted order, then one per refund; instants µs UTC, amounts int64 minor units.

    row int64 (global), home int64 (the row it belongs to: a refund's is its order's), visitor int32 (-1 nobody), at
    int64 (the order's own instant also for its refunds), amount int64 (refunds negative), currency int32 (code, -1 none),
    refund bool. `replaced` are rows of orders sent again by the same visitor, `conflicts` pairs of (row that stays, row of
    another visitor with the same order id), `over` refunds that exceed their order. `mixed` says that amounts are of
    several currencies without a rate, so that no sum of them exists.
    """

    row: np.ndarray
    home: np.ndarray
    visitor: np.ndarray
    at: np.ndarray
    amount: np.ndarray
    currency: np.ndarray
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
        sold = sold[grouped(self.visitor[sold])]
        first[sold[firsts(self.visitor[sold])]] = True
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
    context, snapshot = scope.context, scope.context.snapshot
    row = _found(scope)
    wanted = ("at", "device", "order", "flags", "amount", "currency")
    at, device, code, flags, amount, currency = pool().map(lambda name: snapshot.take(name, row), wanted)
    snapshot.let_go(_SPARSE, least=_MANY)
    known_by_now = np.flatnonzero(at <= scope.as_of)
    order = known_by_now[_in_order(context, row[known_by_now], at[known_by_now])]
    row, at, device, code, currency = row[order], at[order], device[order], code[order], currency[order]
    visitor = np.full(len(row), -1, np.int32)
    known = np.flatnonzero(device >= 0)
    visitor[known] = scope.labels.of(device[known], at[known])
    refund = (flags[order] & int(Flag.REFUND)) != 0
    amount, mixed = _valued(context, amount[order], currency, at)
    keep, replaced, conflicts, sold = _counted_once(row, visitor, code, refund)
    order_of, over = _refunded(code, refund, amount, sold)
    dated = at[order_of]
    amount = np.where(refund, -amount, amount)
    met, kept = scope.mask_rows(row), np.flatnonzero(keep)
    return Orders(
        row=frozen(row[kept]), home=frozen(row[order_of][kept]),
        visitor=frozen(visitor[kept]), at=frozen(dated[kept]), amount=frozen(amount[kept]), currency=frozen(currency[kept]),
        refund=frozen(refund[kept]), counted=frozen(met[kept]), replaced=row[replaced],
        conflicts=tuple((int(row[a]), int(row[b])) for a, b in conflicts), over=row[over], mixed=mixed,
    )  # fmt: skip


def _found(scope: Scope) -> np.ndarray:
    """The rows of orders and refunds, ascending int64."""
    snapshot = scope.context.snapshot
    out = int(Flag.BOT) if scope.question.bots == "out" else 0

    def find(chunk: Chunk) -> np.ndarray:
        with borrowed(chunk.rows, np.int64) as room:
            flags = chunk.columns["flags"]
            found = kernels.find_flagged(flags, int(Flag.ORDER | Flag.REFUND), out, chunk.start, room, rows=chunk.rows)
            snapshot.let_go(("flags",), chunk.start, chunk.rows)
            rows: np.ndarray = room[:found].copy()
            return rows

    return np.concatenate([np.zeros(0, np.int64), *pool().map(find, snapshot.chunks(("flags",), None))])


def _in_order(context: Context, row: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The places of rows by (time, event id); the ids are read only where their first eight bytes do not tell."""
    order = np.argsort(at)
    same = at[order][1:] == at[order][:-1]
    if not same.any():
        return order
    near = np.flatnonzero(np.append(same, False) | np.append(False, same))
    places = order[near]
    tie = context.snapshot.take("tie", row[places])
    again = np.lexsort((row[places], tie, at[places]))
    order[near] = places = places[again]
    tie = tie[again]
    same = (at[places][1:] == at[places][:-1]) & (tie[1:] == tie[:-1])
    if same.any():
        some = np.flatnonzero(np.append(same, False) | np.append(False, same))
        names = context.event_ids(row[places[some]])
        keys = zip(at[places[some]].tolist(), tie[some].tolist(), names, places[some].tolist(), strict=True)
        order[near[some]] = [place for *_, place in sorted(keys)]
    return order


_Sold = tuple[np.ndarray, np.ndarray]
"""Codes of orders, ascending, and the place of the row of each that counts; int64."""


def _counted_once(
    row: np.ndarray, visitor: np.ndarray, code: np.ndarray, refund: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]], _Sold]:
    """Same id and visitor: the later one replaces. Same id, other visitor: a conflict, the first stays."""
    keep = np.ones(len(row), bool)
    replaced: list[int] = []
    conflicts: list[tuple[int, int]] = []
    candidates = np.flatnonzero(~refund & (code >= 0))
    candidates = candidates[grouped(code[candidates])]
    codes = code[candidates]
    begins = np.flatnonzero(firsts(codes))
    ends = np.append(begins[1:], len(codes))
    sold = candidates[begins]
    for number in np.flatnonzero(ends - begins > 1).tolist():
        places = candidates[begins[number] : ends[number]].tolist()
        stays = places[0]
        for place in places[1:]:
            if visitor[place] == visitor[stays]:
                keep[stays] = False
                replaced.append(stays)
                stays = place
            else:
                keep[place] = False
                conflicts.append((stays, place))
        sold[number] = stays
    return keep, np.array(replaced, np.int64), conflicts, (codes[begins], sold)


def _refunded(
    code: np.ndarray, refund: np.ndarray, amount: np.ndarray, sold: _Sold
) -> tuple[np.ndarray, np.ndarray]:
    """Per row the place of the order it belongs to (its own unless it refunds a known order), and refunds beyond it."""
    order_of = np.arange(len(code))
    back: dict[int, int] = {}
    over = []
    places = np.flatnonzero(refund & (code >= 0))
    found = np.searchsorted(sold[0], code[places])
    known = np.append(sold[0], -1)[found] == code[places]
    places = places[known]
    order_of[places] = sold[1][found[known]]
    of_order = order_of[places]
    for place, order, paid, worth in zip(
        places.tolist(), of_order.tolist(), amount[places].tolist(), amount[of_order].tolist(), strict=True
    ):
        back[order] = back.get(order, 0) + paid
        if back[order] > worth:
            over.append(place)
    return order_of, np.array(over, np.int64)


def currencies_of(context: Context, row: np.ndarray) -> set[str]:
    """The currencies of these rows; one that names none is in the store's own, "" where that is unknown."""
    return _named(context, context.snapshot.take("currency", row))


def _named(context: Context, currency: np.ndarray) -> set[str]:
    texts, own = context.texts("currency"), context.snapshot.definitions.currency
    met = np.zeros(len(texts) + 1, bool)
    met[currency] = True
    return {texts[code] if code < len(texts) else own for code in np.flatnonzero(met).tolist()}


def amounts_of(context: Context, row: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, bool]:
    """Amounts in the store's currency; a missing one is 0. The flag says that currencies differ and no rate is known."""
    return _valued(context, context.snapshot.take("amount", row), context.snapshot.take("currency", row), at)


def _valued(context: Context, amount: np.ndarray, currency: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, bool]:
    amount = np.where(amount == NO_AMOUNT, 0, amount)
    definitions, used = context.snapshot.definitions, _named(context, currency)
    if used <= {definitions.currency}:
        return amount, False
    if not (definitions.rates and definitions.currency):
        return amount, len(used) > 1
    return _converted(context, amount, currency, at)


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
