"""Firings of several rules as figures: how often, whom, when, beside which others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from afterclick.analyse.fields import columns
from afterclick.analyse.scope import Scope
from afterclick.core import clock, spans
from afterclick.decide.backtest.running import Firings
from afterclick.decide.backtest.tested import Tested
from afterclick.decide.backtest.worth import Followed, followed, latest_before
from afterclick.decide.draws import draw


@dataclass(frozen=True)
class Counted:
    """One rule's firings by instant: `label` the visitor as the question tells visitors apart, `key` the code of its first
    id, `at`, `row`, `timed` as in `Firings`."""

    name: str
    label: np.ndarray
    key: np.ndarray
    at: np.ndarray
    row: np.ndarray
    timed: np.ndarray

    def __len__(self) -> int:
        return len(self.at)

    @cached_property
    def visitors(self) -> np.ndarray:
        """Whom it would have reached, ascending labels."""
        return np.unique(self.label)

    @cached_property
    def times(self) -> np.ndarray:
        """How often each of `visitors`."""
        counts: np.ndarray = np.unique(self.label, return_counts=True)[1]
        return counts


def counted(scope: Scope, tested: Tested, firings: Firings) -> list[Counted]:
    """The firings of each rule that was run, those that meet the question's conditions."""
    context = scope.context
    met = np.ones(len(firings.at), bool)
    if scope.question.where:
        # What time alone fires meets what the visitor's latest event met.
        known = firings.row >= 0
        met[known] = scope.mask_rows(firings.row[known])
        met[~known] = False
    label = scope.labels.of(firings.visitor, firings.at) if len(firings.at) else np.zeros(0, np.int32)
    found = []
    for place, rule in enumerate(tested.rules):
        mine = np.flatnonzero(met & (firings.rule == place))
        step = tested.entries.get(rule.name)
        if step is not None and step.condition is not None and len(mine):
            rows = firings.row[mine]
            take = scope.taker(0, rows)
            mine = mine[step.condition.mask(columns(context, step.condition.fields, take), len(rows))]
        whole = label, firings.visitor, firings.at, firings.row, firings.timed
        found.append(Counted(rule.name, *(column[mine] for column in whole)))
    return found


def held_out(scope: Scope, one: Counted, rate: float) -> np.ndarray:
    """Which firings are of visitors who would have got nothing, for the comparison; bool."""
    if rate <= 0 or not len(one):
        return np.zeros(len(one), bool)
    codes, place = np.unique(one.key, return_inverse=True)
    keys = scope.context.snapshot.book("id").all.take(codes).to_pylist()
    return np.array([draw(f"holdout:{one.name}", key) < rate for key in keys], bool)[place]


def both(one: Counted, other: Counted) -> np.ndarray:
    """Visitors whom both would have reached."""
    return np.intersect1d(one.visitors, other.visitors, assume_unique=True)


def near(one: Counted, other: Counted) -> int:
    """How many firings of the one have one of the other, of the same visitor, at most a day before or behind."""
    if not len(one) or not len(other):
        return 0
    before = latest_before(other.label, other.at, one.label, one.at + 1)
    close = (before >= 0) & (one.at - other.at[np.maximum(before, 0)] <= spans.DAY)
    # Looked at backwards in time, the next one is the latest one.
    behind = latest_before(other.label, -other.at, one.label, -one.at + 1)
    close |= (behind >= 0) & (other.at[np.maximum(behind, 0)] - one.at <= spans.DAY)
    return int(close.sum())


def money_of(scope: Scope, one: Counted, window: int) -> Followed:
    """What followed its firings."""
    return followed(scope, one.label, one.at, window)


def hours(scope: Scope, one: Counted) -> np.ndarray:
    """Firings by hour of the day in the site's zone, int64[24]."""
    edges, back = _local_hours(scope, one.at)
    counts: np.ndarray = np.bincount(back, minlength=24)[:24] if edges else np.zeros(24, np.int64)
    return counts.astype(np.int64)


def _local_hours(scope: Scope, at: np.ndarray) -> tuple[int, np.ndarray]:
    if not len(at):
        return 0, np.zeros(0, np.int64)
    # Zones differ by quarters of an hour at the least, and clocks change at full quarters.
    quarters, place = np.unique(at // (15 * spans.MINUTE), return_inverse=True)
    of = [clock.to_datetime(int(one) * 15 * spans.MINUTE).astimezone(scope.context.zone).hour for one in quarters]
    return len(of), np.array(of, np.int64)[place]


def per_visitor(one: Counted) -> list[dict[str, Any]]:
    """How many visitors it would have reached how often: 1, 2, 3, 4, 5 to 9, 10 and more times."""
    edges = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 9), (10, None))
    times = one.times
    return [
        {"least": low, "most": high, "visitors": int(((times >= low) & (times <= (high or 2**62))).sum())}
        for low, high in edges
    ]


def of_times(one: Counted, least: int, most: int | None) -> np.ndarray:
    """The visitors reached so often."""
    found: np.ndarray = one.visitors[(one.times >= least) & (one.times <= (most or 2**62))]
    return found
