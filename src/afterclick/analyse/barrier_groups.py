"""Groups that stumble at one step: a device, system or browser with which visits go on less often there than elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from afterclick.analyse.barrier_candidates import FEWEST, Candidate
from afterclick.analyse.context import Context
from afterclick.analyse.meetings import Meetings
from afterclick.core.names import ORDER_COMPLETED

FIELDS: Final = ("device_type", "os", "browser")
_ON_THE_WAY: Final = 0.6
"""A touchpoint is a step of the way where at least this share of the visits that order pass it."""
_MOST_GROUPS: Final = 12
_NARROW: Final = 0.3
"""What more visits pass is the shop itself and no step on the way out of it."""
STEP_RATE: Final = 0.3
"""Where fewer of the others go on people look around, and how much they do so differs by device without any barrier."""
LEAST_STEPS: Final = 3
"""Steps a group must have been seen at, to tell what it lacks at one from what it lacks at all."""


def groups(context: Context, found: Meetings) -> Iterator[Candidate]:
    """Per step of the way to an order and per group: its visits at that step beside the others', and whether they took
    the next step. What the group lacks at every step alike is its habit and no barrier: `usual` takes it out.
    """
    way = steps_of_the_way(found)
    if len(way) < 3:
        return
    taken = found.sessions.rows.rows[found.sessions.first]
    for field in FIELDS:
        names = context.texts(field)
        code = context.column(field)[taken]
        sizes = np.bincount(code[code >= 0], minlength=len(names))
        for value in np.argsort(-sizes, kind="stable")[:_MOST_GROUPS].tolist():
            if FEWEST <= sizes[value] < len(code) and names[value]:
                yield from _stumbles(found, way, names[value], code == value)


def steps_of_the_way(found: Meetings) -> list[int]:
    """Touchpoints that most visits with an order pass, in the order in which they are met; the order is the last."""
    bought = np.zeros(len(found.visitor), bool)
    for code in range(found.pages, found.start):
        if found.names[code] == ORDER_COMPLETED:
            bought[found.leg[found.of(code)]] = True
    total = int(bought.sum())
    if not total:
        return []
    way: list[tuple[float, int]] = []
    for code in range(found.start):
        span = found.of(code)
        mine = bought[found.leg[span]]
        if mine.sum() >= _ON_THE_WAY * total:
            left = found.order[found.leg[span][mine]] - found.row[span][mine]
            way.append((-float(np.median(left)), code))
    return [code for _, code in sorted(way)]


def _stumbles(found: Meetings, way: list[int], value: str, inside: np.ndarray) -> Iterator[Candidate]:
    parts = []
    for here, after in pairwise(way):
        span = found.of(here)
        place = np.arange(span.start, span.stop)
        if len(place) > _NARROW * len(found.sessions):
            continue
        met = inside[found.session[place]]
        if met.sum() < FEWEST or (~met).sum() < FEWEST:
            continue
        went_on = np.zeros(len(found.visitor), bool)
        went_on[found.leg[found.of(after)]] = True
        passed = went_on[found.leg[place]]
        if passed[~met].mean() < STEP_RATE:
            continue
        ratio = max(float(passed[~met].mean()), 1e-9) / max(float(passed[met].mean()), 1e-9)
        parts.append((here, after, place, met, passed, ratio))
    if len(parts) < LEAST_STEPS:
        return
    ratios = np.array([part[-1] for part in parts])
    for number, (here, after, place, met, passed, _) in enumerate(parts):
        usual = max(1.0, float(np.median(np.delete(ratios, number))))
        next_legs = found.leg[found.of(after)][inside[found.session[found.of(after)]]]
        worth = found.worth[next_legs]
        value_next = float(np.where(worth > 0, worth, 0).mean()) if len(worth) else 0.0
        orders_next = float((found.order[next_legs] >= 0).mean()) if len(worth) else 0.0
        name = f"{value} · {found.names[here]}"
        yield Candidate(
            "segment", name, "page" if here < found.pages else "event", found, place, met,
            np.full(len(place), here, np.int32), found.sessions_of(place[met]), passed, orders_next, value_next, usual,
        )  # fmt: skip
