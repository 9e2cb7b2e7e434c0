"""How many people the shop needs for the number of events asked for, and the plan of all their visits."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo.outline import outline
from afterclick.app.demo.plan import Visits, plan_visits
from afterclick.app.demo.shop import ALL_BARRIERS, Shop

BLOCK = 1 << 15
"""People planned and visits written at a time: small enough for the processor's cache."""
COMPARED_UP_TO, COUNTED_UP_TO = 300_000, 10_000_000
"""Rows up to which every visit is counted with and without barriers, and up to which it is counted at all."""


def _count(shop: Shop, visits: Visits, barriers: frozenset[str]) -> NDArray[np.float64]:
    """Rows of each visit, were these the barriers."""
    reference = replace(shop, barriers=barriers)
    rows = np.zeros(len(visits))
    for start in range(0, len(visits), BLOCK):
        block = slice(start, start + BLOCK)
        rows[block] = outline(reference, visits.take(block)).filled.sum(axis=1)
    return rows


class _Counter:
    """Rows of visits half-way between a shop with every barrier and one with none.

    The same people make the shop whatever its barriers, or switching one would change who comes; all and none
    of them differ by about 1 % of the rows, so that either stays well within that of the events asked for.
    Both are counted for the first visits, then one, and in the end the mean per visit does: with 10 million
    rows counted its error is about .1 %.
    """

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.visits, self.rows = 0, 0.0
        self._with, self._half_way = 0.0, 0.0

    def count(self, visits: Visits) -> NDArray[np.float64]:
        """Rows of each of these visits, which follow those counted before."""
        if self.rows >= COUNTED_UP_TO:
            return np.full(len(visits), self.rows / self.visits, dtype=np.float64)
        rows = _count(self.shop, visits, ALL_BARRIERS)
        if self.rows < COMPARED_UP_TO:
            self._with += float(rows.sum())
            rows = (rows + _count(self.shop, visits, frozenset())) / 2
            self._half_way += float(rows.sum())
        else:
            rows *= self._half_way / self._with
        self.visits += len(visits)
        self.rows += float(rows.sum())
        return rows


def _within(rows: NDArray[np.float64], left: float) -> NDArray[np.bool_]:
    """Which people to keep so that their rows add up to `left` as nearly as whole people allow.

    The first ones that fit, and behind the first that does not, every one who still does.
    """
    keep = np.cumsum(rows) <= left
    left -= rows[keep].sum()
    for person in np.flatnonzero(~keep):
        if 0 < rows[person] <= left:
            keep[person] = True
            left -= rows[person]
    return keep


def plan_population(shop: Shop) -> Visits:
    """Every visit of the period, by instant: as many people, from number 0 on, as the events ask for."""
    left = float(shop.events - shop.bot_events)
    size = int(np.clip(left // 32, 512, BLOCK))
    counter = _Counter(shop)
    parts: list[Visits] = []
    for low in count(0, size):
        block = plan_visits(shop, low, low + size)
        rows = counter.count(block)
        if rows.sum() >= left:
            of_person = np.bincount(block.visitor - low, weights=rows, minlength=size).astype(np.float64)
            parts.append(block.take(_within(of_person, left)[block.visitor - low]))
            break
        parts.append(block)
        left -= float(rows.sum())
    visits = Visits.join(parts)
    parts.clear()
    return visits.take(np.argsort(visits.starts_at, kind="stable"))
