"""How many people the shop needs for the number of events asked for, and the plan of all their visits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from afterclick.app.demo.outline import outline
from afterclick.app.demo.plan import Visits, plan_visits
from afterclick.app.demo.shop import ALL_BARRIERS, Shop

BLOCK = 1 << 15
"""People planned and visits written at a time: small enough for the processor's cache."""
COUNTED_UP_TO = 4_000_000
"""Events up to which every visit is counted; beyond, the first so many give the mean per visit."""


def count_rows(shop: Shop, visits: Visits) -> NDArray[np.float64]:
    """Rows of each visit, half-way between a shop with every barrier and one with none.

    The same people make the shop whatever its barriers, or switching one would change who comes; all and none
    of them differ by about 1 % of the rows, so that either stays well within that of the events asked for.
    """
    rows = np.zeros(len(visits))
    for barriers in (ALL_BARRIERS, frozenset[str]()):
        reference = replace(shop, barriers=barriers)
        for start in range(0, len(visits), BLOCK):
            block = slice(start, start + BLOCK)
            rows[block] += outline(reference, visits.take(block)).filled.sum(axis=1) / 2
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
    wanted = shop.events - shop.bot_events
    size = int(np.clip(wanted // 32, 512, BLOCK))
    parts: list[Visits] = []
    low, rows_so_far, visits_so_far, mean = 0, 0.0, 0, 0.0
    while True:
        block = plan_visits(shop, low, low + size)
        if rows_so_far < COUNTED_UP_TO:
            rows = count_rows(shop, block)
            mean = (rows_so_far + float(rows.sum())) / max(visits_so_far + len(block), 1)
        else:
            rows = np.full(len(block), mean, dtype=np.float64)
        total = rows_so_far + float(rows.sum())
        if total >= wanted:
            per_person = np.bincount(block.visitor - low, weights=rows, minlength=size).astype(np.float64)
            keep = _within(per_person, wanted - rows_so_far)
            parts.append(block.take(keep[block.visitor - low]))
            break
        parts.append(block)
        low, rows_so_far, visits_so_far = low + size, total, visits_so_far + len(block)
    visits = Visits.join(parts)
    parts.clear()
    return visits.take(np.argsort(visits.starts_at, kind="stable"))
