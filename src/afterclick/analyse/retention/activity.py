"""Who was active in which interval: one byte per interval and visitor, the relation behind life cycle and stickiness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afterclick.analyse.retention.rules import Rules, units
from afterclick.core.arrays import frozen


@dataclass(frozen=True)
class Activity:
    """`visitor` int64 labels of those ever active in time, `active` bool[intervals, visitors], `first_at` int64 µs the
    instant of each one's first activity ever."""

    visitor: np.ndarray
    active: np.ndarray
    first_at: np.ndarray

    def labels(self, which: np.ndarray) -> np.ndarray:
        """The labels of some of the visitors (bool), ascending."""
        found: np.ndarray = self.visitor[which]
        return found


def activity_of(rules: Rules, edges: np.ndarray) -> Activity:
    """Activity between `edges` (int64 µs, ascending, of intervals without gaps), of visitors who began before their end."""
    first = rules.first_starts(edges)
    visitor = np.flatnonzero(first < edges[-1])
    place = np.full(len(first), -1, np.int32)
    place[visitor] = np.arange(len(visitor))
    # A row behind the last interval stands in a row of its own, which is cut off.
    seen = np.zeros((len(edges), len(visitor)), np.uint8)
    none, since = np.zeros(len(visitor), np.int32), np.full(len(visitor), edges[0])
    if len(visitor):
        rules.mark(int(edges[0]), units(place, none, since, edges), seen, own=True)
    return Activity(visitor, frozen(seen[:-1].view(bool)), frozen(first[visitor]))
