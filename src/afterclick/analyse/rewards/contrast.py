"""Members beside visitors alike: matching on what was done before joining, balance, and differences with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.matching import LEAST, crossed
from afterclick.analyse.rewards.panel import NEVER_DAY, Panel
from afterclick.core.moments import Interval

FEWEST: Final = 30
"""Matched members under which no difference is said."""
MOST_UNMATCHED: Final = 0.2
"""Share of the members without their like from which the others are too different to be compared with."""
BALANCED, TOLERATED = 0.1, 0.25
"""Standardised differences up to which a covariate is balanced (Austin 2009), and beyond which nothing is said (Stuart
2010)."""

MOST_EXPOSED: Final = 0.5
"""Share of the time that the likes spent as members from which they are no likes any more."""

FEWEST_ACTS: Final = 5
"""Members who must have done something, and as many who must be expected to, before a mean of it is taken to be normal."""

LEVELS: Final = (
    ("week", "today", "recency", "orders", "money", "visits", "channel", "device"),
    ("today", "recency", "orders", "money", "visits", "channel", "device"),
    ("today", "recency", "orders", "money", "visits", "channel"),
    ("today", "recency", "orders", "money", "visits"),
    ("today", "recency", "orders", "visits"),
    ("today", "orders", "visits"),
)
"""What members and others have in common, from the finest to the coarsest: each member is compared at the finest level
that holds ten others."""

_RECENCY: Final = np.array([3, 7, 14, 30, 60, NEVER_DAY - 1])
_VISITS: Final = np.array([1, 2, 3, 4, 6, 8, 11, 15, 21, 31])
_ORDERS: Final = np.array([1, 2, 3, 4, 6, 9])
_MONEY_BANDS: Final = 5


class Effect(NamedTuple):
    """Means of members and of their likes, their difference and its 95 % interval, None where nothing is said: all alike,
    or `rare`, so few did anything that no mean of it is normal."""

    members: float
    others: float
    difference: float
    interval: Interval | None
    naive: float
    rare: bool = False


class Balance(NamedTuple):
    """Means of a covariate: members, all others, matched others; and the standardised differences without and with
    matching (None where nobody differs from anybody)."""

    name: str
    members: float
    others: float
    matched: float
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Matched:
    """A panel with its members matched. Per row: `level` int64 at which a member is compared (-1 for none and for others),
    `share` float64 what a row weighs as another (Σ = 1 where anybody is matched)."""

    panel: Panel
    level: np.ndarray
    share: np.ndarray
    strata: Sequence[np.ndarray]

    @cached_property
    def members(self) -> np.ndarray:
        """Rows of the members."""
        return np.flatnonzero(self.panel.joined)

    @cached_property
    def matched(self) -> np.ndarray:
        """Rows of the members who have their like."""
        return np.flatnonzero(self.level >= 0)

    @cached_property
    def others(self) -> np.ndarray:
        """Rows that members are compared with."""
        return np.flatnonzero(self.share > 0)

    @property
    def unmatched_rate(self) -> float | None:
        """Share of the members without their like."""
        return 1 - len(self.matched) / len(self.members) if len(self.members) else None

    @cached_property
    def balance(self) -> list[Balance]:
        """The covariates of matching."""
        return [self._balance(name, values) for name, values in _covariates(self.panel).items()]

    def _balance(self, name: str, values: np.ndarray) -> Balance:
        joined = self.panel.joined
        mine, rest = values[joined], values[~joined]
        like = float((self.share * values).sum())
        spread = math.sqrt((mine.var() + rest.var()) / 2) if len(mine) and len(rest) else 0.0
        kept = values[self.matched]
        if not spread or not len(kept):
            return Balance(name, _mean(mine), _mean(rest), like, None, None)
        before, after = (_mean(mine) - _mean(rest)) / spread, (_mean(kept) - like) / spread
        return Balance(name, _mean(mine), _mean(rest), like, before, after)

    @property
    def worst(self) -> float:
        """The greatest standardised difference that matching left."""
        return max((abs(one.after) for one in self.balance if one.after is not None), default=0.0)

    @property
    def exposed_rate(self) -> float:
        """Share of the time looked at that the likes spent as members themselves."""
        return float((self.share * self.panel.exposed).sum())

    @property
    def reason(self) -> str:
        """Why no difference is said: nobody (no members), few, overlap, balance, crossed; "" where one is."""
        if not len(self.members):
            return "nobody"
        if len(self.matched) < FEWEST:
            return "few" if len(self.members) < FEWEST else "overlap"
        if (self.unmatched_rate or 0.0) > MOST_UNMATCHED:
            return "overlap"
        if self.worst > TOLERATED:
            return "balance"
        return "crossed" if self.exposed_rate > MOST_EXPOSED else ""

    def effect(self, outcome: np.ndarray) -> Effect:
        """Of an outcome (float64 per row): the mean over matched members of own less expected.

        Likes who joined meanwhile lead by as much for the share of the time that they were members, so the difference is
        divided by what is left of it; `others` is what members would have done by that.
        The interval is Student's with the variance of that mean: each visitor's own part of it, members' and others'
        together, since the same visitor may stand on both sides and on several days (Abadie & Imbens 2006, section 4,
        with the clusters of Liang & Zeger 1986).
        """
        kept, others = self.matched, self.others
        count = len(kept)
        expected = np.zeros(len(outcome))
        influence = np.zeros(len(outcome))
        did = outcome[others]
        for here, stratum, there, votes in self._used:
            own_stratum = stratum[others]
            mean = np.bincount(own_stratum, weights=did, minlength=len(there)) / np.maximum(there, 1)
            expected[here] = mean[stratum[here]]
            influence[others] -= votes[own_stratum] * (did - mean[own_stratum])
        own, like = _mean(outcome[kept]), _mean(expected[kept])
        each = outcome[kept] - expected[kept]
        influence[kept] = (each - (own - like)) / count if count else 0.0
        naive = _mean(outcome[self.panel.joined]) - _mean(outcome[~self.panel.joined])
        apart = 1 - self.exposed_rate
        middle = (own - like) / apart
        acts = int((outcome[kept] != 0).sum()), count * float((self.share * (outcome != 0)).sum())
        rare = min(acts) < FEWEST_ACTS and max(acts) > 0
        around = None if rare else self._around(middle, influence / apart, count)
        return Effect(own, own - middle, middle, around, naive, rare)

    @cached_property
    def _used(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Per level at which members are compared: their rows, the stratum of all rows, and per stratum its others and what
        each of them weighs, a little more where they are few: a mean of n values looks closer than it is by n / (n - 1)."""
        found = []
        for number, stratum in enumerate(self.strata):
            here = self.matched[self.level[self.matched] == number]
            if len(here):
                size = int(stratum.max()) + 1
                there = np.bincount(stratum[self.others], minlength=size)
                votes = np.bincount(stratum[here], minlength=size) / np.maximum(there, 1) / len(self.matched)
                found.append((here, stratum, there, votes * np.sqrt(there / np.maximum(there - 1, 1))))
        return found

    def _around(self, middle: float, influence: np.ndarray, count: int) -> Interval | None:
        if count < 2:
            return None
        from scipy.special import stdtrit  # noqa: PLC0415 - scipy is slow to import

        part = np.bincount(np.unique(self.panel.visitor, return_inverse=True)[1], weights=influence)
        variance = float((part**2).sum()) * count / (count - 1)
        half = float(stdtrit(count - 1, 0.975)) * math.sqrt(variance)
        return Interval(middle - half, middle + half) if half > 0 else None


def match(panel: Panel) -> Matched:
    """Match the members of a panel."""
    bands = _bands(panel)
    strata = [crossed(*(bands[name] for name in level)) for level in LEVELS] if len(panel) else []
    level = np.full(len(panel), -1, np.int64)
    share = np.zeros(len(panel))
    control = ~panel.joined
    waiting = panel.joined.copy()
    for number, stratum in enumerate(strata):
        size = int(stratum.max()) + 1
        there = np.bincount(stratum[control], minlength=size)
        taken = waiting & (there >= LEAST)[stratum]
        votes = np.bincount(stratum[taken], minlength=size)
        share[control] += (votes / np.maximum(there, 1))[stratum[control]]
        level[taken] = number
        waiting &= ~taken
    total = share.sum()
    return Matched(panel, level, share / total if total else share, strata)


def _bands(panel: Panel) -> Mapping[str, np.ndarray]:
    # Bands of money by what the members had spent, so that they are narrow where members are.
    spent = panel.money[panel.joined & (panel.money > 0)]
    edges = np.unique(np.quantile(spent, np.linspace(0, 1, _MONEY_BANDS + 1)[1:-1])) if len(spent) else np.zeros(0)
    return {
        "week": panel.day // 7, "today": panel.today.astype(np.int64),
        "recency": np.searchsorted(_RECENCY, panel.recency), "orders": np.searchsorted(_ORDERS, panel.orders, side="right"),
        "money": np.where(panel.money > 0, 1 + np.searchsorted(edges, panel.money), 0),
        "visits": np.searchsorted(_VISITS, panel.visits, side="right"), "channel": panel.channel.astype(np.int64),
        "device": panel.device.astype(np.int64),
    }  # fmt: skip


def _covariates(panel: Panel) -> dict[str, np.ndarray]:
    """What balance is shown of; who never ordered counts as the longest ago of those who did, and apart as no buyer."""
    bought = panel.recency < NEVER_DAY
    longest = int(panel.recency[bought].max()) if bought.any() else 0
    return {
        "recency": np.where(bought, panel.recency, longest).astype(np.float64), "orders": panel.orders.astype(np.float64),
        "money": panel.money.astype(np.float64), "visits": panel.visits.astype(np.float64),
        "today": panel.today.astype(np.float64), "buyer": bought.astype(np.float64),
    }  # fmt: skip


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0
