"""Touchpoints of each stage: which pages and events visitors met while they stood there, with their friction."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from afterclick.analyse.friction import Visits
from afterclick.analyse.journey import Journey
from afterclick.analyse.kernels import touchpoints as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.points import points_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions
from afterclick.core.arrays import frozen
from afterclick.core.errors import SpecError
from afterclick.core.spans import Period

THIN = 30

RATES = ("friction", "exit_rate", "error_rate", "loop_rate", "slow_rate")

_SCHEMA = pa.schema(
    [
        ("stage", pa.string()), ("touchpoint", pa.string()), ("type", pa.string()), ("twin", pa.string()),
        ("visitors", pa.int64()), ("events", pa.int64()), ("sessions", pa.int64()), ("thin", pa.bool_()),
        ("goal", pa.bool_()), *((name, pa.float64()) for name in RATES),
    ]
)  # fmt: skip


class _Met(NamedTuple):
    """Per gathered row and per global row the stage at which it is met (uint8, NOWHERE), and per cell events and visitors."""

    stage: np.ndarray
    by_row: np.ndarray
    events: np.ndarray
    visitors: np.ndarray


class Touchpoints:
    """Every behavioural row's touchpoint, a page group or an event, by the stage its visitor stood at.

    An event that is its page's twin (see `points`) is no touchpoint of its own: its rows are met as the page's, and
    `events` counts the page's views once.
    """

    def __init__(self, scope: Scope, journey: Journey, stages: list[str]) -> None:
        self.scope = scope
        self.journey = journey
        self.stages = stages
        self.points = points_of(scope)
        self.groups, self.events, self.size = self.points.groups, self.points.events, self.points.size

    @cached_property
    def code(self) -> np.ndarray:
        """Per gathered row of the journey its touchpoint, int32."""
        result: np.ndarray = self.points.of_row[self.journey.rows.rows]
        return result

    @property
    def stage(self) -> np.ndarray:
        """Per gathered row the stage at which its touchpoint is met; a page view whose twin leads on stands where it leads."""
        return self._met(Period(0, 0)).stage

    def _met(self, period: Period) -> _Met:
        key = ("touchpoints", self.scope.question.identity, self.scope.question.bots, self.scope.question.where,
               self.scope.as_of, self.scope.sessions_like.key, period, tuple(self.stages))  # fmt: skip
        return self.scope.context.keep(key, lambda: self._meet(period))

    def _meet(self, period: Period) -> _Met:
        rows, total = self.journey.rows, self.size * len(self.stages)
        columns = (
            rows.offsets, rows.at, rows.key, self.points.own, frozen(self.points.merged), frozen(self.journey.stage_of_row),
            len(self.groups), self.size,
        )  # fmt: skip
        stage = np.empty(len(rows.at), np.uint8)
        by_row = np.full(self.scope.context.snapshot.rows, kernels.NOWHERE, np.uint8)

        def meet(span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
            events, visitors, marker = (np.zeros(total, np.int64) for _ in range(3))
            kernels.meet_points(*columns, *span, *period, stage, by_row, events, visitors, marker, rows=len(rows.at))
            return events, visitors

        parts = list(pool().map(meet, rows.spans(kernels.meet_points.parts(len(rows.at)))))
        events, visitors = (sum((part[i] for part in parts), np.zeros(total, np.int64)) for i in (0, 1))
        return _Met(frozen(stage), frozen(by_row), events, visitors)

    @cached_property
    def _cells(self) -> np.ndarray:
        stage = self.stage.astype(np.int32)
        counted = (stage != kernels.NOWHERE) & self.journey.acts
        return frozen(np.where(counted, stage * self.size + self.code, -1).astype(np.int32))

    def cells(self) -> np.ndarray:
        """Per gathered row stage * size + touchpoint, -1 where it is no behaviour or stands before every stage; int32."""
        return self._cells

    def name(self, code: int) -> tuple[str, str]:
        """A touchpoint's name and type."""
        return self.points.name(code)

    def table(self, period: Period, sessions: Sessions, session_ids: np.ndarray, top: int) -> pa.Table:
        """The most met touchpoints of each stage with their friction, then how many more there are."""
        met = self._met(period)
        visitors, events = met.visitors, met.events
        friction = Visits(self.scope, self.points, sessions, session_ids, met.by_row, len(self.stages)).friction
        out: list[dict[str, Any]] = []
        for number, stage in enumerate(self.stages):
            low = number * self.size
            here = np.flatnonzero(visitors[low : low + self.size])
            ranked = sorted(here.tolist(), key=lambda code: (-visitors[low + code], self.name(code)))
            for code in ranked[:top]:
                name, kind = self.name(code)
                found: dict[str, Any] = {
                    "stage": stage,
                    "touchpoint": name,
                    "type": kind,
                    "twin": ", ".join(self.points.twins(code)),
                }
                found |= {"visitors": int(visitors[low + code]), "events": int(events[low + code])}
                out.append({**found, "thin": found["visitors"] < THIN, **friction.row(low + code)})
            if len(ranked) > top:
                rest: dict[str, Any] = {
                    "stage": stage,
                    "touchpoint": "",
                    "type": "more",
                    "twin": "",
                    "visitors": 0,
                    "sessions": 0,
                }
                rest |= {"thin": False, "goal": False, "events": len(ranked) - top}
                out.append({**rest, **dict.fromkeys(RATES)})
        return pa.Table.from_pylist(out, schema=_SCHEMA)

    def visitors(self, stage: int, touchpoint: str, period: Period) -> np.ndarray:
        """Distinct visitors of a cell: the same rows the table counts."""
        rows = self.journey.rows
        try:
            code = self.points.resolve(touchpoint)
        except SpecError:
            return np.zeros(0, np.int64)
        wanted = self.cells() == stage * self.size + code
        wanted &= (rows.at >= period.start) & (rows.at < period.end)
        return np.unique(rows.owners()[wanted])
