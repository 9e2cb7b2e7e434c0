"""What visitors do in a range as one column of counts per behaviour: what groups and hidden stages are found in."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from afterclick.analyse.measures import Measures
from afterclick.analyse.points import Points, points_of
from afterclick.core.condition_tree import quoted
from afterclick.core.names import PAGE_VIEWED
from afterclick.core.step import NAME_LIMIT, Step

WIDE: Final = 32
"""The most frequent touchpoints that are looked at."""
_BLOCK: Final = 1 << 17
_MOST: Final = 2**15


class Behaviours:
    """The most frequent touchpoints of a scope's range and who met them how often; nothing hangs on the order of rows.

    `visitors` int64[n] labels, ascending; `names` as a person reads them (an event that comes with each view of a page
    names that page), `steps` the same as steps of a funnel, both by code; `counts` uint16[n, codes], `places` int64 the
    gathered rows that met one, `code` int16 which.
    """

    def __init__(self, m: Measures, most: int = WIDE) -> None:
        self.m = m
        self.visitors = m.visitors
        self.points = points_of(m.scope)
        self.places, self.code, self.names, self.steps = self._read(most)

    def _read(self, most: int) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
        rows = self.m.sessions.rows
        places = np.flatnonzero(self.m.row_mask)
        point = self.points.own[rows.rows_at(places)]
        # An event that comes with each view of a page is that view; the two count once.
        once = self.points.merged[point] == point if self.points.size else np.zeros(len(point), bool)
        places, point = places[once], point[once]
        met = np.bincount(point, minlength=self.points.size)
        # Names are read of those only that may be among the most frequent ones; of equal ones the name decides.
        least = max(1, int(np.sort(met)[-most])) if len(met) >= most else 1
        named = {int(one): _named(self.points, int(one)) for one in np.flatnonzero(met >= least)}
        ranked = sorted((one for one in named if named[one][1]), key=lambda one: (-met[one], named[one]))[:most]
        ranked.sort(key=lambda one: named[one])
        lookup = np.full(max(self.points.size, 1), -1, np.int16)
        lookup[ranked] = np.arange(len(ranked))
        code = lookup[point]
        kept = np.flatnonzero(code >= 0)
        return places[kept], code[kept], [named[one][0] for one in ranked], [named[one][1] for one in ranked]

    @cached_property
    def owner(self) -> np.ndarray:
        """Per row of `places` the place of its visitor in `visitors`; int32."""
        rows = self.m.sessions.rows
        where = np.full(rows.visitors + 1, -1, np.int32)
        where[self.visitors] = np.arange(len(self.visitors))
        result: np.ndarray = where[rows.owners()[self.places]]
        return result

    @cached_property
    def session(self) -> np.ndarray:
        """Per row of `places` the session it lies in; int64."""
        return self.m.sessions.of_row(self.places)

    @cached_property
    def counts(self) -> np.ndarray:
        """How often each visitor met each; uint16[n, codes], at most 32768."""
        size, found = len(self.names), np.zeros((len(self.visitors), len(self.names)), np.uint16)
        if not size:
            return found
        # Rows of a visitor lie together, so that a block of visitors is a block of rows.
        edges = np.searchsorted(self.owner, np.arange(0, len(self.visitors) + _BLOCK, _BLOCK))
        for block, (low, high) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
            first = block * _BLOCK
            here = min(_BLOCK, len(self.visitors) - first)
            cell = (self.owner[low:high].astype(np.int64) - first) * size + self.code[low:high]
            met = np.bincount(cell, minlength=here * size).reshape(here, size)
            found[first : first + here] = np.minimum(met, _MOST)
        return found

    @cached_property
    def visits(self) -> np.ndarray:
        """How many visits of the range each visitor began; uint16[n], at most 32768."""
        where = np.full(self.m.sessions.rows.visitors + 1, -1, np.int64)
        where[self.visitors] = np.arange(len(self.visitors))
        owner = where[self.m.sessions.visitor[self.m.session_ids]]
        found = np.bincount(owner[owner >= 0], minlength=len(self.visitors))
        return np.minimum(found, _MOST).astype(np.uint16)


def _named(points: Points, code: int) -> tuple[str, str]:
    """The name of a touchpoint and the step that is taken by meeting it; the step is "" where none can be written."""
    name, kind = points.name(code)
    twins = points.twins(code)
    if twins:
        return twins[0], _step(twins[0])
    if kind == "event":
        return name, _step(name)
    return name, f"{PAGE_VIEWED}[page_group == {quoted(name)}]" if name and len(name) <= NAME_LIMIT // 2 else ""


def _step(name: str) -> str:
    return Step(event=name).text() if name.strip() and len(name) <= NAME_LIMIT else ""
