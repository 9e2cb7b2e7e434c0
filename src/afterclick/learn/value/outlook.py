"""What is to be expected of every buyer: still there or not, how many orders to come, worth how much today."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from afterclick.core.moments import Z95, Interval
from afterclick.learn.value.fitting import Fit
from afterclick.learn.value.histories import Histories
from afterclick.learn.value.lifetime import Lifetime
from afterclick.learn.value.models import MODELS
from afterclick.learn.value.purchases import Counted
from afterclick.learn.value.spend import PlainMean, Spend, spend_of

MONTH: Final = 4.345
"""Weeks of a month (SEMANTICS 10)."""
YEAR: Final = 12 * MONTH
LIKELY: Final = 0.5
DRAWS: Final = 100
SEED: Final = 1
_KNOTS: Final = 12
"""Ages at which the expectations of a draw are computed; between them they are as smooth as anything."""


@dataclass(frozen=True)
class Terms:
    """What makes a value of what is expected: months (0 = without end), the discount a year, the part of revenue that stays."""

    months: int
    discount_rate: float
    margin: float

    @property
    def times(self) -> np.ndarray:
        """Weeks until the end of each month."""
        return MONTH * np.arange(1, self.months + 1)

    @property
    def worth(self) -> np.ndarray:
        """What one unit of money at the end of each month is worth today."""
        result: np.ndarray = (1 + self.discount_rate) ** (-np.arange(1, self.months + 1) / 12)
        return result

    @property
    def rate(self) -> float:
        """The continuous discount a week."""
        return math.log1p(self.discount_rate) / YEAR


@dataclass(frozen=True)
class Outlook:
    """Expectations under one set of parameters; `lives` says who is there, `model` how often the living order.

    The two are the same model, but where a model says nothing of who is there (see `alive_model`). `alive_h` are the
    histories `lives` reads.
    """

    model: Lifetime
    counted: Counted = field(repr=False)
    lives: Lifetime
    alive_h: Histories = field(repr=False)
    spend: Spend | None
    terms: Terms

    @property
    def h(self) -> Histories:
        """The histories the model reads."""
        return self.counted.histories

    @cached_property
    def alive(self) -> np.ndarray:
        """P(alive) per buyer."""
        result: np.ndarray = self.lives.alive(self.alive_h)[self.alive_h.of]
        return result

    @property
    def likely(self) -> np.ndarray:
        """Buyers who are more likely there than not; bool."""
        result: np.ndarray = self.alive >= LIKELY
        return result

    @cached_property
    def _monthly(self) -> tuple[np.ndarray, np.ndarray]:
        """Per distinct (repeats, age) the orders of somebody who is alive in each month; and per row which it has."""
        repeats, age, of = self.h.pairs
        return np.diff(self.model.living(repeats, age, self.terms.times), axis=1, prepend=0.0), of

    @cached_property
    def _alive_rows(self) -> np.ndarray:
        return self.model.alive(self.h)

    @cached_property
    def orders(self) -> np.ndarray:
        """Expected orders of each buyer within the horizon; of all time to come only discounted (`discounted`)."""
        living, of = self._monthly
        rows = self._alive_rows * living.sum(axis=1)[of]
        result: np.ndarray = rows[self.h.of]
        return result

    @cached_property
    def discounted(self) -> np.ndarray:
        """Expected orders of each buyer, each counted as what money of its month is worth today."""
        if not self.terms.months:
            endless = self.model.endless(self.h, self.terms.rate)
            assert endless is not None, "check() refuses models without a closed form"
            return np.asarray(endless[self.h.of])
        living, of = self._monthly
        rows = self._alive_rows * (living @ self.terms.worth)[of]
        result: np.ndarray = rows[self.h.of]
        return result

    @cached_property
    def order_value(self) -> np.ndarray | None:
        """Expected value of a purchase of each buyer, major units; None where values are unknown."""
        if self.spend is None:
            return None
        # A mean of refunds is no value that a purchase can have.
        return self.spend.expected(self.counted.repeats, np.maximum(self.counted.mean, 0.0))

    @cached_property
    def clv(self) -> np.ndarray | None:
        """Discounted value of each buyer's orders to come, major units."""
        if self.order_value is None:
            return None
        result: np.ndarray = self.terms.margin * self.order_value * self.discounted
        return result

    def months(self) -> list[tuple[float, float | None, float | None]]:
        """(orders, their value, that value today) of all buyers, month by month; no month without a horizon."""
        if not self.terms.months:
            return []
        living, of = self._monthly
        buyers = self._alive_rows[self.h.of]
        pair = of[self.h.of]
        orders = np.bincount(pair, weights=buyers, minlength=len(living)) @ living
        if self.order_value is None:
            return [(float(count), None, None) for count in orders]
        money = np.bincount(pair, weights=buyers * self.order_value, minlength=len(living)) @ living * self.terms.margin
        return [
            (float(count), float(amount), float(amount * worth))
            for count, amount, worth in zip(orders, money, self.terms.worth, strict=True)
        ]

    def newcomer(self) -> float | None:
        """The value of the orders to come of somebody who has just bought for the first time."""
        mean = self.spend.mean if self.spend is not None else None
        if mean is None:
            return None
        if not self.terms.months:
            new = Histories.of_values(np.zeros(1), np.zeros(1), np.zeros(1))
            endless = self.model.endless(new, self.terms.rate)
            assert endless is not None
            return float(endless[0]) * mean * self.terms.margin
        orders = np.diff(self.model.fresh(self.terms.times), prepend=0.0)
        return float(orders @ self.terms.worth) * mean * self.terms.margin


@dataclass(frozen=True)
class Spread:
    """The 95 % intervals of what depends on the parameters: buyers still there, orders to come, value to come."""

    alive: Interval
    orders: Interval | None
    clv: Interval | None


def spread(outlook: Outlook, lifetime: Fit, lives: Fit, spend: Fit | None) -> Spread:
    """Intervals from `DRAWS` draws of the parameters out of the normal distribution of their logs (parametric bootstrap).

    They tell how well the parameters are known, not how single buyers differ from what is expected of them.
    """
    draws = lifetime.drawn(DRAWS, SEED)
    of_lives = draws if lives is lifetime else lives.drawn(DRAWS, SEED + 1)
    of_spend = spend.drawn(DRAWS, SEED + 2) if spend is not None else None
    coarse = _Coarse(outlook)
    there, ordered, worth = [], [], []
    for place in range(DRAWS):
        model = MODELS[lifetime.model](draws[place].tolist())
        alive = model.alive(outlook.h)
        own = alive if lives is lifetime else MODELS[lives.model](of_lives[place].tolist()).alive(outlook.alive_h)
        there.append(float((own * outlook.alive_h.count).sum()))
        values = spend_of(spend, of_spend[place].tolist()) if spend is not None and of_spend is not None else None
        orders, clv = coarse.totals(model, alive, values)
        ordered.append(orders)
        worth.append(clv)
    found = float(outlook.alive.sum())
    size = outlook.alive_h.customers
    clv_total = None if outlook.clv is None else float(outlook.clv.sum())
    return Spread(
        _of_share(found / size, np.array(there) / size, size),
        _of_logs(float(outlook.orders.sum()), ordered) if outlook.terms.months else None,
        None if clv_total is None else _of_logs(clv_total, worth),
    )


class _Coarse:
    """Totals of a draw: the orders of the living at a few ages, interpolated in between, and sums by distinct history."""

    def __init__(self, outlook: Outlook) -> None:
        self.outlook, h = outlook, outlook.h
        repeats, age, self.of = h.pairs
        self.kept, self.place = np.unique(repeats, return_inverse=True)
        low, high = float(age.min()), float(age.max())
        # Chebyshev's points of the root of the age, and the weights that carry their values to every age.
        points = np.cos((2 * np.arange(_KNOTS) + 1) * np.pi / (2 * _KNOTS))
        self.knots = ((points + 1) / 2 * (np.sqrt(high) - np.sqrt(low)) + np.sqrt(low)) ** 2
        self.carry = _barycentric(np.sqrt(self.knots), np.sqrt(age))
        self.sums = np.bincount(h.of, weights=np.maximum(outlook.counted.mean, 0.0), minlength=len(h))

    def totals(self, model: Lifetime, alive: np.ndarray, spend: Spend | None) -> tuple[float, float]:
        """(orders within the horizon, their value today) of all buyers."""
        outlook, h = self.outlook, self.outlook.h
        orders = 0.0
        if outlook.terms.months:
            ages = np.tile(self.knots, len(self.kept))
            living = model.living(np.repeat(self.kept, len(self.knots)), ages, outlook.terms.times)
            both = np.stack([living[:, -1], np.diff(living, axis=1, prepend=0.0) @ outlook.terms.worth])
            at_knots = both.reshape(2, len(self.kept), len(self.knots))
            plain, discounted = ((self.carry * each[self.place]).sum(axis=1)[self.of] for each in at_knots)
            orders = float((alive * plain * h.count).sum())
            discounted = alive * discounted
        else:
            discounted = model.endless(h, outlook.terms.rate)
        if spend is None or spend.mean is None:
            return orders, math.nan
        weight = np.zeros(len(h))
        if not isinstance(spend, PlainMean):
            weight = spend.p * h.repeats / (spend.p * h.repeats + spend.q - 1)
        values = weight * self.sums + (1 - weight) * spend.mean * h.count
        return orders, float((values * discounted).sum()) * outlook.terms.margin


def _barycentric(knots: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Weights float64[at, knots] of Lagrange's polynomial through the knots (Berrut, Trefethen 2004); 1 at a knot."""
    if float(np.ptp(knots)) < 1e-9:
        return np.full((len(at), len(knots)), 1 / len(knots))
    apart = knots[:, None] - knots[None, :] + np.eye(len(knots)) * float(np.ptp(knots))
    weight = 1 / (apart / float(np.ptp(knots))).prod(axis=1)
    gap = at[:, None] - knots[None, :]
    on = np.abs(gap) < 1e-12
    parts = weight / np.where(on, 1.0, gap)
    parts = np.where(on.any(axis=1, keepdims=True), on.astype(np.float64), parts)
    result: np.ndarray = parts / parts.sum(axis=1, keepdims=True)
    return result


def _of_logs(found: float, draws: Sequence[float]) -> Interval | None:
    """found × e^(± 1.96 s) with s of the logs of the draws; None where one of them has no log."""
    drawn = np.array(draws)
    if found <= 0 or not np.isfinite(drawn).all() or (drawn <= 0).any():
        return None
    half = Z95 * float(np.log(drawn).std(ddof=1))
    return Interval(found * math.exp(-half), found * math.exp(half))


def _of_share(found: float, draws: np.ndarray, size: int) -> Interval:
    """The interval of a number of `size`, symmetric in the logit of its share."""
    tiny = 1e-12

    def logit(share: np.ndarray) -> np.ndarray:
        kept = np.clip(share, tiny, 1 - tiny)
        result: np.ndarray = np.log(kept / (1 - kept))
        return result

    middle, half = float(logit(np.array(found))), Z95 * float(logit(draws).std(ddof=1))
    low, high = (1 / (1 + math.exp(-(middle + side * half))) for side in (-1, 1))
    return Interval(size * low, size * high)
