"""One period credited by every model: what the tables, the people and the sums of an answer are read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from afterclick.analyse.attribution.bootstrap import Spread
from afterclick.analyse.attribution.conversions import Conversions, conversions_of
from afterclick.analyse.attribution.credits import Credit, Split, credit_rules, split_of
from afterclick.analyse.attribution.items import items_of
from afterclick.analyse.attribution.models import DATA_DRIVEN, Models
from afterclick.analyse.attribution.reached import Reached, touches_of_some
from afterclick.analyse.attribution.rules import Trails, weights
from afterclick.analyse.attribution.touches import Sought, Touches, touches_of
from afterclick.analyse.attribution.trails import Windows, trails_of
from afterclick.analyse.costs import Costs, costs_of
from afterclick.analyse.distinct import distinct, expanded, firsts, sums
from afterclick.analyse.groups import value_of
from afterclick.analyse.kernels.attribution import DIRECT, PRIOR
from afterclick.analyse.orders import orders_of
from afterclick.analyse.scope import Scope
from afterclick.core.spans import Period

if TYPE_CHECKING:
    from afterclick.analyse.attribution.attribution import Attribution

ALL_TIME = -(2**62)
COSTED = {"channel": "channel", "source": "source", "campaign": "campaign", "ad": "content"}
"""What a cost can be asked by, in the words of a cost."""
_DENSE, _FEW = 1 << 26, 1 << 18
"""Cells of visitors and values that are marked one by one, and touches that are sooner sorted."""


@dataclass(frozen=True)
class Attributed:
    """A period of a scope: its touches, conversions, and what each model credits.

    `touches` are at least those of everybody with a conversion; `reached` is what the others had.
    """

    scope: Scope
    asked: Attribution
    period: Period
    sought: Sought
    touches: Touches = field(repr=False)
    reached: Reached = field(repr=False)
    conversions: Conversions = field(repr=False)
    windows: Windows = field(repr=False)
    split: Split = field(repr=False)
    models: Models | None = field(repr=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What is credited, the last being `(none)`, or each with how often it stood in its path."""
        return self.windows.names

    @cached_property
    def credits(self) -> dict[str, Credit]:
        """By model, all rules first."""
        found = credit_rules(self.windows, self.split, half_life=self.asked.half_life_micros, custom=self.asked.shape)
        return found | (self.models.credits() if self.models is not None else {})

    @cached_property
    def lead(self) -> Credit | None:
        """The credit of the model that was asked for; None where it could not be computed."""
        return self.credits.get(self.asked.touch)

    @cached_property
    def spreads(self) -> dict[str, Spread]:
        """The intervals of the data-driven models."""
        return self.models.spreads() if self.models is not None else {}

    def unattributed(self, model: str) -> tuple[float, int, float]:
        """(conversions, revenue in minor units, new buyers) that no value gets; what `any` leaves is what last does."""
        credit = self.credits["last" if model == "any" else model]
        return (
            max(0.0, round(self.conversions.count - float(credit.conversions.sum()), 9)),
            self.conversions.value - sum(credit.revenue),
            max(0.0, round(self.conversions.new - float(credit.new.sum()), 9)),
        )

    @cached_property
    def untouched(self) -> np.ndarray:
        """Labels of visitors with a conversion in the period of which no touch can have any, ascending."""
        here = self.conversions.here
        reached = np.zeros(len(self.conversions), bool)
        reached[self.split.conversion[self.split.high > self.split.low]] = True
        return self._labels(self.conversions.visitor[here & ~reached])

    def touched(self, name: str) -> np.ndarray:
        """Labels of the visitors with a touch of this value in the period, ascending."""
        every = touches_of(self.scope, self.sought)
        mine = self._inside(every) & (every.value == every.names.index(name))
        return self._labels(every.owners()[mine])

    def _inside(self, touches: Touches) -> np.ndarray:
        inside: np.ndarray = (touches.at >= self.period.start) & (touches.at < self.period.end)
        return inside

    @cached_property
    def _mine(self) -> tuple[np.ndarray, np.ndarray]:
        """Value and visitor of each of the touches that lie in the period."""
        value, owner, inside = self.touches.value, self.touches.owners(), self._inside(self.touches)
        return (value, owner) if inside.all() else (value[inside], owner[inside])

    @cached_property
    def reach(self) -> dict[str, tuple[int, int]]:
        """Per value of the touches how many lie in the period, and how many visitors had one."""
        size, (value, owner) = len(self.touches.names), self._mine
        pair = owner.astype(np.int64) * size + value
        if len(pair) <= _FEW or self.touches.visitors * size > _DENSE:
            pair.sort()
            both = pair[firsts(pair)]
        else:
            seen = np.zeros(self.touches.visitors * size, bool)
            seen[pair] = True
            both = np.flatnonzero(seen)
        counts = np.bincount(value, minlength=size).tolist(), np.bincount(both % size, minlength=size).tolist()
        more, people = self.reached.touches, self.reached.visitors
        return {
            name: (touches + more.get(name, 0), visitors + people.get(name, 0))
            for name, touches, visitors in zip(self.touches.names, *counts, strict=True)
        }

    @cached_property
    def everyone(self) -> int:
        """Visitors with a touch or a conversion in the period."""
        who = np.concatenate([self._mine[1], self.conversions.visitor[self.conversions.here]])
        return len(self._labels(who)) + self.reached.everyone

    def _labels(self, visitors: np.ndarray) -> np.ndarray:
        return distinct(visitors, self.touches.visitors)

    def buyers(self, value: int, model: str) -> np.ndarray:
        """Labels of the visitors of whose conversions this value gets some, ascending."""
        if model in DATA_DRIVEN:
            assert self.models is not None
            return self.models.visitors(value)
        some = np.flatnonzero(self.split.high > self.split.low)
        length = (self.split.high - self.split.low)[some]
        touch, visitor = expanded(self.split.low[some], length), np.repeat(self.split.visitor[some], length)
        given = self.windows.value[touch] == value
        if model != "any" and len(touch):
            offsets = np.append(0, np.cumsum(length))
            age = np.repeat(self.windows.at[self.split.high[some] - 1], length) - self.windows.at[touch]
            marks = self.windows.marks[touch]
            paths = Trails(offsets, age, (marks & DIRECT) != 0, (marks & PRIOR) != 0)
            given &= weights(model, paths, self.asked.half_life_micros, self.asked.shape) > 0
        return self._labels(visitor[given])

    @cached_property
    def costs(self) -> Costs:
        """All costs of the scope."""
        return costs_of(self.scope)

    @cached_property
    def spent(self) -> dict[str, int]:
        """Cost of the period by value, minor units; nothing where no cost can be said."""
        by = COSTED.get(self.asked.by)
        if by is None or self.costs.reason:
            return {}
        rows = np.flatnonzero(self.costs.within(self.period))
        of_ad = [value_of(ad, by) for ad in self.costs.ads]
        known = sorted(set(of_ad))
        place = np.array([known.index(value) for value in of_ad], np.int64)[self.costs.ad[rows]]
        return dict(zip(known, sums(place, self.costs.amount[rows], len(known)), strict=True))

    @cached_property
    def returned(self) -> Credit | None:
        """The credit of the model asked for that is owed to touches which a cost names; None where that is not known.

        A data-driven model credits a value as a whole, so only values all of whose touches have a cost.
        """
        if not self.spent or self.lead is None:
            return None
        size = len(self.names)
        if self.asked.touch in DATA_DRIVEN:
            return self.lead
        value = np.where(self.windows.costed, self.windows.value, size).astype(np.int32)
        found = credit_rules(
            self.windows, self.split, half_life=self.asked.half_life_micros, custom=self.asked.shape, value=value,
            names=size + 1,
        )  # fmt: skip
        return found[self.asked.touch]

    @cached_property
    def partly_costed(self) -> frozenset[str]:
        """Values with touches that a cost names and others that none does."""
        some, all_of = np.zeros(len(self.names), bool), np.ones(len(self.names), bool)
        some[self.windows.value[self.windows.costed]] = True
        all_of[self.windows.value[~self.windows.costed]] = False
        return frozenset(name for name, a, b in zip(self.names, some, all_of, strict=True) if a and not b)


def attributed(scope: Scope, asked: Attribution, period: Period) -> Attributed:
    """The period of the scope, credited as the question asks."""
    goal = asked.step
    conversions = conversions_of(scope, goal, period, asked.conversions == "first")
    within = asked.window
    since = period.start - within if within >= 0 else ALL_TIME
    span = Period(min(since, period.start), period.end)
    sought = Sought(asked.action, asked.touch_unit, asked.by, asked.machines == "in", span)
    whole = asked.data_driven == "on" and asked.scope == "basket"
    # A path without a conversion is what only the data-driven models learn from: nobody else's touches need an order.
    some = None if whole else touches_of_some(scope, sought, period, conversions.visitor)
    touches, reached = some or (touches_of(scope, sought), Reached())
    windows, ways = trails_of(
        touches, conversions, period, within=within, through=asked.same_time == "counts", reset=asked.reset == "order",
        transforms=asked.transforms, whole=whole,
    )  # fmt: skip
    if asked.scope == "item":
        windows, split = items_of(scope, orders_of(scope), conversions, windows)
    else:
        split = split_of(windows, conversions)
    models = None
    if ways is not None and whole:
        models = Models(ways, conversions, asked.markov_order, asked.nulls == "in")
    return Attributed(scope, asked, period, sought, touches, reached, conversions, windows, split, models)
