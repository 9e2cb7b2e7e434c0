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
_REFERENCE = ALL_BARRIERS - {"weak_landing_page"}
"""The barriers rows are counted with: half-way between all (about .5 % fewer rows) and none (.7 % more)."""


def count_rows(shop: Shop, visits: Visits) -> NDArray[np.int64]:
    """Rows of each visit in a shop with `_REFERENCE`.

    The same people make the shop whatever its barriers, or switching one would change who comes.
    """
    reference = replace(shop, barriers=_REFERENCE)
    parts = [
        outline(reference, visits.take(slice(start, start + BLOCK))).filled.sum(axis=1)
        for start in range(0, len(visits), BLOCK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _within(rows: NDArray[np.int64], left: float) -> NDArray[np.bool_]:
    """Which people to keep so that their rows add up to `left` as nearly as whole people allow.

    The first ones that fit, and behind the first that does not, every one who still does.
    """
    keep = np.cumsum(rows) <= left
    left -= int(rows[keep].sum())
    for person in np.flatnonzero(~keep):
        if 0 < rows[person] <= left:
            keep[person] = True
            left -= int(rows[person])
    return keep


def plan_population(shop: Shop) -> Visits:
    """Every visit of the period, by instant: as many people, from the first number on, as the events ask for."""
    wanted = shop.events - shop.bot_events
    size = int(np.clip(wanted // 32, 512, BLOCK))
    parts: list[Visits] = []
    low, rows_so_far, visits_so_far, mean = 0, 0.0, 0, 0.0
    while True:
        block = plan_visits(shop, low, low + size)
        if rows_so_far < COUNTED_UP_TO:
            rows = count_rows(shop, block)
            mean = (rows_so_far + int(rows.sum())) / max(visits_so_far + len(block), 1)
        else:
            rows = np.full(len(block), mean)
        total = rows_so_far + float(rows.sum())
        if total >= wanted:
            per_person = np.bincount(block.visitor - low, weights=rows, minlength=size)
            keep = _within(per_person, wanted - rows_so_far)
            parts.append(block.take(keep[block.visitor - low]))
            break
        parts.append(block)
        low, rows_so_far, visits_so_far = low + size, total, visits_so_far + len(block)
    visits = Visits.join(parts)
    parts.clear()
    return visits.take(np.argsort(visits.starts_at, kind="stable"))
