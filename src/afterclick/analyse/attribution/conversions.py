"""What touches may be credited with: orders net of their refunds, or another event that is a goal, with its money."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from afterclick.analyse.distinct import grouped
from afterclick.analyse.fields import check_fields, columns
from afterclick.analyse.orders import Orders, amounts_of, orders_of, total
from afterclick.analyse.scope import Scope
from afterclick.core.arrays import frozen
from afterclick.core.figures import decimals
from afterclick.core.money import DECIMALS
from afterclick.core.names import ORDER_COMPLETED
from afterclick.core.spans import Period
from afterclick.core.step import Step


@dataclass(frozen=True)
class Conversions:
    """Conversions of known visitors before the end of the period, by (visitor, instant).

    row int64 (global), visitor int32, at int64, amount int64 (minor units, net of refunds), unit int64 (its smallest
    coin), currency int32 (code, -1 the store's own), here bool (counts in the period), first bool (the visitor's first
    ever). `loose_count` and `loose_amount` are what counts besides and can be credited to nobody: orders of nobody,
    refunds without an order. `mixed`: amounts of several currencies without a rate.
    """

    row: np.ndarray
    visitor: np.ndarray
    at: np.ndarray
    amount: np.ndarray
    unit: np.ndarray
    currency: np.ndarray
    here: np.ndarray
    first: np.ndarray
    loose_count: int
    loose_amount: int
    mixed: bool

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def count(self) -> int:
        """Conversions of the period."""
        return int(self.here.sum()) + self.loose_count

    @cached_property
    def value(self) -> int:
        """Their exact amount in minor units."""
        return total(self.amount[self.here]) + self.loose_amount

    @cached_property
    def new(self) -> int:
        """Visitors whose first one ever is in the period."""
        return int((self.here & self.first).sum())


def is_order(goal: Step) -> bool:
    """Is the goal an order, whatever it is like? Orders are counted once and net of their refunds."""
    return goal.event == ORDER_COMPLETED and goal.condition is None


def conversions_of(scope: Scope, goal: Step, period: Period, only_first: bool) -> Conversions:
    """Every conversion, or only each visitor's first one ever."""
    return _orders(scope, period, only_first) if is_order(goal) else _goals(scope, goal, period, only_first)


def _orders(scope: Scope, period: Period, only_first: bool) -> Conversions:
    orders = orders_of(scope)
    sold = np.flatnonzero(~orders.refund)
    counted = orders.within(period) & (orders.first_ever | orders.refund if only_first else True)
    amount, loose = _net(orders, sold)
    loose &= counted & (not only_first)
    known = orders.visitor[sold] >= 0
    nobody = sold[~known & counted[sold]] if not only_first else sold[:0]
    place = sold[known & (orders.at[sold] < period.end)]
    place = place[grouped(orders.visitor[place])]
    net = amount[place]
    return Conversions(
        row=frozen(orders.row[place]), visitor=frozen(orders.visitor[place]), at=frozen(orders.at[place]),
        amount=frozen(net), unit=_units(scope, orders.currency[place], net), here=frozen(counted[place]),
        currency=frozen(orders.currency[place]),
        first=frozen(orders.first_ever[place]), loose_count=len(nobody),
        loose_amount=total(orders.amount[loose]) + total(amount[nobody]),
        mixed=orders.mixed,
    )  # fmt: skip


def _net(orders: Orders, sold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per row its amount less its refunds, of an order; and which rows are refunds of no known order; int64, bool."""
    amount, loose = orders.amount.copy(), np.zeros(len(orders.row), bool)
    back = np.flatnonzero(orders.refund)
    loose[back] = True
    if len(sold) and len(back):
        by_row = np.argsort(orders.row[sold])
        place = np.searchsorted(orders.row[sold], orders.home[back], sorter=by_row)
        home = sold[by_row[np.minimum(place, len(sold) - 1)]]
        known = orders.row[home] == orders.home[back]
        np.add.at(amount, home[known], orders.amount[back[known]])
        loose[back[known]] = False
    return amount, loose


def _units(scope: Scope, code: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """The smallest coin of each amount in minor units, by its currency; 1 where the amount itself is finer than that."""
    texts, own = scope.context.texts("currency"), scope.context.snapshot.definitions
    coins = np.array([10 ** (DECIMALS - decimals(text)) for text in [*texts, own.currency]], np.int64)
    if own.rates or not texts:
        coins = coins[-1:]
    # A currency that is not said, -1, finds the last coin: that of the store's own.
    unit = coins[code] if len(coins) > 1 else np.full(len(code), coins[0])
    return frozen(np.where(amount % unit == 0, unit, 1))


def _goals(scope: Scope, goal: Step, period: Period, only_first: bool) -> Conversions:
    """Events that meet the step, all of history up to the end of the period."""
    context = scope.context
    if goal.condition is not None:
        check_fields(context, goal.condition, "goal")
    row = _matching(scope, goal, period)
    at, device = context.snapshot.take("at", row), context.snapshot.take("device", row)
    counted = scope.mask_rows(row) & (at >= period.start)
    loose = int((counted & (device < 0)).sum()) if not only_first else 0
    amount, mixed = amounts_of(context, row, at)
    loose_amount = total(amount[counted & (device < 0)]) if not only_first else 0
    known = np.flatnonzero(device >= 0)
    row, at, counted, amount = row[known], at[known], counted[known], amount[known]
    visitor = scope.labels.of(device[known], at)
    order = np.lexsort((row, context.snapshot.take("tie", row), at, visitor))
    row, at, counted, amount, visitor = row[order], at[order], counted[order], amount[order], visitor[order]
    currency = context.snapshot.take("currency", row)
    first = np.ones(len(row), bool)
    first[1:] = visitor[1:] != visitor[:-1]
    return Conversions(
        row=frozen(row), visitor=frozen(visitor.astype(np.int32)), at=frozen(at), amount=frozen(amount),
        unit=_units(scope, currency, amount), currency=frozen(currency),
        here=frozen(counted & first if only_first else counted), first=frozen(first), loose_count=loose,
        loose_amount=loose_amount, mixed=mixed,
    )  # fmt: skip


def _matching(scope: Scope, goal: Step, period: Period) -> np.ndarray:
    context, found = scope.context, [np.zeros(0, np.int64)]
    codes = context.name_codes(goal.event)
    wanted = np.zeros(len(context.names()[0]), bool)
    wanted[codes] = True
    bots, end = scope.left_out(system=True), min(period.end, scope.as_of + 1)
    for chunk in context.snapshot.chunks(("name", "flags", "at"), Period(-(2**62), end)):
        name, flags, at = (chunk.columns[column] for column in ("name", "flags", "at"))
        here = np.flatnonzero(wanted[name] & ((flags & bots) == 0) & (at < end))
        if goal.condition is not None:
            fields = columns(context, goal.condition.fields, scope.taker(chunk.start, here))
            here = here[goal.condition.mask(fields, len(here))]
        found.append(chunk.start + here)
    return np.concatenate(found)
