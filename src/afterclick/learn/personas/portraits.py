"""What sets a persona apart: behaviours with their lift, and where, when and by which way its visitors come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.fields import touch_field
from afterclick.analyse.measures import Measures
from afterclick.core import clock
from afterclick.core.moments import Z95, Interval
from afterclick.core.spans import HOUR
from afterclick.learn.personas.features import VISITS, Features

TOLD: Final = 3
"""Behaviours that name a persona."""
_APART: Final = 0.1
"""Standard deviations by which a persona must differ from everyone for a behaviour to tell it."""
_RARE: Final = 0.6
"""A behaviour that more visitors share than this is told by how often they do it."""


class Trait(NamedTuple):
    """A behaviour done at least `least` times: by how many of the persona, its rate, everyone's, the lift of the one over
    the other with its 95 % interval, and how far apart the two are in standard deviations."""

    name: str
    column: int
    least: int
    visitors: int
    rate: float
    everyone_rate: float
    lift: float
    interval: Interval
    apart: float

    @property
    def sure(self) -> bool:
        """Does the interval leave 1 out, and the difference amount to something?"""
        return abs(self.apart) >= _APART and (self.interval.low > 1 or self.interval.high < 1)


def thresholds(features: Features) -> list[int]:
    """How often each behaviour must have been done to count as done: once, or more often than half of all visitors do
    where most do it at all; to have come back, for visits."""
    found = []
    for number, name in enumerate(features.names):
        column = features.counts[:, number]
        done = np.count_nonzero(column) / max(len(column), 1)
        usual = 1 if done <= _RARE else int(np.sort(column)[len(column) // 2]) + 1
        found.append(2 if name == VISITS else usual)
    return found


def traits(features: Features, least: Sequence[int], inside: np.ndarray) -> list[Trait]:
    """Every behaviour of the persona whose visitors are `inside` (bool[n]), the most telling first."""
    n, n1 = len(inside), int(inside.sum())
    found = []
    for number, name in enumerate(features.names):
        done = features.counts[:, number] >= least[number]
        both, all_ = int((done & inside).sum()), int(done.sum())
        if not 0 < all_ < n or not 0 < n1 < n:
            continue
        rate, usual = both / n1, all_ / n
        apart = (rate - usual) / math.sqrt(usual * (1 - usual))
        found.append(Trait(name, number, least[number], both, rate, usual, rate / usual, lift(both, n1, all_, n), apart))
    return sorted(found, key=lambda one: (not one.sure, -abs(one.apart), one.name))


def lift(both: int, n1: int, all_: int, n: int) -> Interval:
    """The 95 % interval of (both / n1) / (all_ / n), `n1` being part of `n`.

    Katz's interval of the ratio to all others on the log scale (Katz et al. 1978, Biometrics 34, p. 470), a half added to
    each count and each size (Walter 1976), then the others mixed with the group by their sizes.
    """
    hits, miss, others, rest = both + 0.5, n1 + 0.5, all_ - both + 0.5, n - n1 + 0.5
    ratio = math.log(hits / miss) - math.log(others / rest)
    half = Z95 * math.sqrt(max(0.0, 1 / hits - 1 / miss + 1 / others - 1 / rest))
    share = n1 / n
    low, high = (1 / (share + (1 - share) * math.exp(-end)) for end in (ratio - half, ratio + half))
    point = (both / n1) / (all_ / n)
    # The half that was added draws the interval a hair towards 1: it still holds what was seen.
    return Interval(min(low, point), max(high, point))


class Usual(NamedTuple):
    """The most frequent value of a persona's visits: visitors with it, their share of the persona, everyone's share."""

    value: str
    visitors: int
    rate: float
    everyone_rate: float


class Habits:
    """Per visit of the range its visitor (place in the list of visitors), its channel and its hour on the clock."""

    def __init__(self, m: Measures, visitors: np.ndarray) -> None:
        self.n = len(visitors)
        where = np.full(m.sessions.rows.visitors + 1, -1, np.int64)
        where[visitors] = np.arange(len(visitors))
        owner = where[m.sessions.visitor[m.session_ids]]
        own = owner >= 0
        self.owner = owner[own]
        session = m.session_ids[own]
        lookup, names = touch_field(m.scope.context, "channel")
        touch = m.sessions.touch[session]
        code = np.where(touch >= 0, lookup[np.maximum(touch, 0)], -1) if len(lookup) else np.full(len(touch), -1)
        self._codes = {"channel": code, "hour": local_hours(m.sessions.start_at[session], m)}
        self._names = {"channel": names, "hour": [f"{hour:02d}" for hour in range(24)]}

    def visitors(self, by: str, value: str, inside: np.ndarray) -> np.ndarray:
        """Places of the visitors `inside` with a visit of this value, ascending."""
        there = self._codes[by] == self._names[by].index(value)
        found = np.unique(self.owner[there])
        result: np.ndarray = found[inside[found]]
        return result

    def usual(self, by: str, inside: np.ndarray) -> Usual | None:
        """What most visitors of a persona have; None where no visit has any value."""
        code, size = self._codes[by], len(self._names[by])
        known = code >= 0
        if not known.any() or not inside.any():
            return None
        pairs = np.unique(self.owner[known] * size + code[known])
        value, owner = pairs % size, pairs // size
        here, all_ = np.bincount(value[inside[owner]], minlength=size), np.bincount(value, minlength=size)
        best = min(range(size), key=lambda one: (-here[one], self._names[by][one]))
        if not here[best]:
            return None
        n1 = int(inside.sum())
        return Usual(self._names[by][best], int(here[best]), int(here[best]) / n1, int(all_[best]) / self.n)


def local_hours(at: np.ndarray, m: Measures) -> np.ndarray:
    """The hour 0..23 on the site's clock at each instant (µs); int64."""
    # Zones are whole quarters of an hour from UTC, and change at one.
    quarter, place = np.unique(at // (HOUR // 4), return_inverse=True)
    zone = m.scope.context.zone
    hours = [clock.to_datetime(one * (HOUR // 4)).astimezone(zone).hour for one in quarter.tolist()]
    return np.array(hours, np.int64)[place]
