"""Friction of touchpoints, 0 to 100: leaving, errors and retries, going back and forth, slowness. Feeds no money."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels import friction as kernels
from afterclick.analyse.kernels import parts
from afterclick.analyse.kernels import touchpoints as touch_kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.measures import measures
from afterclick.analyse.points import Points, points_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions, sessions_of
from afterclick.analyse.troubles import troubles
from afterclick.core.arrays import frozen
from afterclick.core.moments import Share
from afterclick.core.names import FEEDBACK_EVENTS, ORDER_COMPLETED
from afterclick.core.spans import Period
from afterclick.stitch.stages import stages_of
from afterclick.store.columns import Flag

WEIGHTS: Final = {"exit_rate": 0.4, "error_rate": 0.3, "loop_rate": 0.15, "slow_rate": 0.15}
_PAGE, _ACT = int(Flag.PAGE), int(Flag.PAGE | Flag.QUALIFYING)
GOAL_SHARE: Final = 0.9
"""A page on which the goal is reached in this share of its visits is a goal page."""


def score(rates: dict[str, float | None], *, goal: bool) -> float:
    """Friction of a touchpoint from its rates; an unknown rate counts 0, as does leaving where the goal is reached."""
    parts = {name: rates[name] or 0.0 for name in WEIGHTS}
    if goal:
        parts["exit_rate"] = 0.0
    return 100 * sum(weight * parts[name] for name, weight in WEIGHTS.items())


@dataclass(frozen=True)
class Friction:
    """Per cell (stage * points.size + touchpoint) of a set of visits: counts of visits, int64[cells].

    visits, troubled (an error or a retry), looped, timed, slowed; views (rows in these visits, twins not counted again),
    exits (visits whose last page, or for an event whose last action, it was); goal bool[points.size].
    """

    visits: np.ndarray
    troubled: np.ndarray
    looped: np.ndarray
    timed: np.ndarray
    slowed: np.ndarray
    views: np.ndarray
    exits: np.ndarray
    goal: np.ndarray

    def row(self, cell: int) -> dict[str, Any]:
        """The figures of one cell: friction, its four rates, goal, visits."""
        visits = int(self.visits[cell])
        rates = {
            "exit_rate": Share(int(self.exits[cell]), int(self.views[cell])).rate,
            "error_rate": Share(int(self.troubled[cell]), visits).rate,
            "loop_rate": Share(int(self.looped[cell]), visits).rate,
            "slow_rate": Share(int(self.slowed[cell]), int(self.timed[cell])).rate,
        }
        goal = bool(self.goal[cell % len(self.goal)])
        return {"sessions": visits, "goal": goal, "friction": score(rates, goal=goal) if visits else None, **rates}


class Visits:
    """The visits of a range with the touchpoint and the stage of each of their rows.

    `stage` uint8 per global row says at which stage it counts, parts.NOWHERE where it does not.
    """

    def __init__(
        self, scope: Scope, points: Points, sessions: Sessions, ids: np.ndarray, stage: np.ndarray, stages: int
    ) -> None:
        self.scope, self.points, self.sessions, self.ids, self.stage = scope, points, sessions, ids, stage
        self.cells = points.size * stages
        self.edges = edges_of(sessions)
        """Visit s holds the gathered rows edges[s] to edges[s + 1]."""

    @cached_property
    def friction(self) -> Friction:
        """What went wrong where."""
        counts, views = self._empty()
        for part_counts, part_views in self._fold(-1, np.zeros(1, np.uint8)):
            counts += part_counts
            views += part_views
        visits, troubled, looped, timed, slowed = kernels.by_part(counts).T
        goal = goals(self.scope, self.points)
        return Friction(visits, troubled, looped, timed, slowed, views[:-1], self.exits, goal)

    def _empty(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts and views of no visit; the last cell is of rows that are in none."""
        return np.zeros(self.cells + 1 << parts.PARTS, np.int64), np.zeros(self.cells + 1, np.int64)

    def marks(self, cell: int) -> np.ndarray:
        """Per visit (as `ids`) the bits 1 << part of what it met at a cell; uint8."""
        marks = np.zeros(len(self.ids), np.uint8)
        self._fold(cell, marks)
        return marks

    def _fold(self, watched: int, marks: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        rows, context = self.sessions.rows, self.scope.context
        columns = (
            rows.at, rows.key, self.points.along, frozen(self.points.merged), self.stage, troubles(context),
            context.column("path"), len(self.points.groups), self.points.size,
        )  # fmt: skip
        ids, edges = frozen(self.ids.astype(np.int64)), self.edges
        held = int((edges[ids + 1] - edges[ids]).sum()) if len(ids) else 0

        def fold(span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
            counts, views = self._empty()
            seen = np.zeros(len(views), np.int64)
            kernels.meet_troubles(ids, edges, *span, *columns, counts, views, seen, watched, marks, rows=held)
            return counts, views

        return list(pool().map(fold, _even(len(ids), kernels.meet_troubles.parts(held))))

    @cached_property
    def point(self) -> np.ndarray:
        """The touchpoint of each gathered row, int32."""
        result: np.ndarray = self.points.of_row[self.sessions.rows.rows]
        return result

    @cached_property
    def pages(self) -> np.ndarray:
        """Gathered rows that are page views."""
        return np.flatnonzero(self.sessions.rows.key & _PAGE)

    @cached_property
    def steps(self) -> np.ndarray:
        """Gathered rows that are pages or actions; passive events are none, and twins stand with their page."""
        keys = self.sessions.rows.key
        twin = (self.point < len(self.points.groups)) & ((keys & _PAGE) == 0)
        return np.flatnonzero(((keys & _ACT) != 0) & ~twin)

    @cached_property
    def exits(self) -> np.ndarray:
        """Per cell the visits whose last page it was; of an event those that took no further step after it."""
        points, kernel = self.points, touch_kernels.leave_points
        columns = (
            frozen(self.ids.astype(np.int64)), self.edges, self.sessions.rows.key, points.along, frozen(points.merged),
            self.stage, len(points.groups), points.size,
        )  # fmt: skip

        def leave(span: tuple[int, int]) -> np.ndarray:
            exits = np.zeros(self.cells, np.int64)
            kernel(*columns, *span, exits, np.zeros(self.cells, np.int64), rows=len(self.sessions.rows.at))
            return exits

        parts = pool().map(leave, _even(len(self.ids), kernel.parts(len(self.sessions.rows.at))))
        return sum(parts, np.zeros(self.cells, np.int64))


def visits_of(scope: Scope, period: Period) -> Visits:
    """The visits of a period whatever the stage: cell = touchpoint. Kept in the context."""
    key = ("visits", scope.as_of, period, scope.question.where, scope.question.bots, scope.question.identity,
           scope.sessions_like.key)  # fmt: skip
    return scope.context.keep(key, lambda: _visits(scope, period))


def _visits(scope: Scope, period: Period) -> Visits:
    found = measures(scope, period)
    counted = scope.counted
    rows = scope.context.snapshot.rows
    stage = np.zeros(rows, np.uint8) if counted is None else np.where(counted, 0, parts.NOWHERE).astype(np.uint8)
    return Visits(scope, points_of(scope), found.sessions, found.session_ids, frozen(stage), 1)


def _even(count: int, parts: int) -> list[tuple[int, int]]:
    cuts = np.linspace(0, count, parts + 1).astype(int).tolist()
    return [(low, high) for low, high in pairwise(cuts) if high > low]


def goals(scope: Scope, points: Points) -> np.ndarray:
    """Per touchpoint whether the goal is reached there; bool[points.size].

    Goals are orders and the events that enter the last stage, and the pages that stand directly beside such an event
    in GOAL_SHARE of their visits.
    """
    key = ("goals", scope.question.identity, scope.question.bots, scope.as_of, scope.sessions_like.key)
    return scope.context.keep(key, lambda: _goals(scope, points))


def _goals(scope: Scope, points: Points) -> np.ndarray:
    last = stages_of(scope.context.snapshot.definitions)[-1]
    names = {ORDER_COMPLETED, *(step.event for step in last.enter)}
    goal = np.zeros(points.size, bool)
    events = [len(points.groups) + number for number, name in enumerate(points.events) if name in names]
    goal[points.merged[np.array(events, np.int64)]] = True
    visits, beside = _beside(points, sessions_of(scope.context, scope.sessions_like, scope.as_of), events)
    goal[: len(points.groups)] |= (beside > 0) & (beside >= GOAL_SHARE * visits)
    # Whoever has answered has done all there was to do: surveys are answered in visits of their own.
    goal[[len(points.groups) + number for number, name in enumerate(points.events) if name in FEEDBACK_EVENTS]] = True
    return frozen(goal)


def _beside(points: Points, sessions: Sessions, events: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Per page the visits that met it, and those in which it stands directly beside one of these events."""
    rows, groups = sessions.rows, len(points.groups)
    reached = frozen(np.isin(np.arange(points.size), events).astype(np.uint8))
    columns = edges_of(sessions), points.along, frozen(points.merged), reached, groups
    kernel = touch_kernels.stand_beside

    def count(span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        visits, beside, *seen = (np.zeros(groups, np.int64) for _ in range(4))
        kernel(*columns, *span, visits, beside, *seen, rows=len(rows.at))
        return visits, beside

    parts = list(pool().map(count, _even(len(sessions), kernel.parts(len(rows.at)))))
    none = np.zeros(groups, np.int64)
    return sum((part[0] for part in parts), none), sum((part[1] for part in parts), none)


def edges_of(sessions: Sessions) -> np.ndarray:
    """Visit s holds the gathered rows edges[s] to edges[s + 1]; int64."""
    return frozen(np.append(sessions.first, len(sessions.rows.at)).astype(np.int64))
