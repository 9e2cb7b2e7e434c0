"""Touchpoints of each stage: which pages and events visitors met while they stood there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.journey import BEHAVIOUR, Journey
from afterclick.analyse.kernels import journey as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions
from afterclick.core.arrays import frozen
from afterclick.core.moments import Share
from afterclick.core.spans import Period
from afterclick.store.columns import Flag

THIN = 30

_SCHEMA = pa.schema(
    [
        ("stage", pa.string()), ("touchpoint", pa.string()), ("type", pa.string()), ("visitors", pa.int64()),
        ("events", pa.int64()), ("exit_rate", pa.float64()), ("thin", pa.bool_()),
    ]
)  # fmt: skip


class Touchpoints:
    """Every behavioural row's touchpoint, a page group or an event, by the stage its visitor stood at."""

    def __init__(self, scope: Scope, journey: Journey, stages: list[str]) -> None:
        self.scope = scope
        self.journey = journey
        self.stages = stages
        context = scope.context
        self.groups = context.texts("page_group")
        canonical = context.names()[0]
        self.events = sorted(set(canonical))
        event_of = np.array([self.events.index(name) for name in canonical], np.int32)
        rows = journey.rows.rows
        group = context.column("page_group")[rows]
        page = (context.column("flags")[rows] & int(Flag.PAGE)) != 0
        names = event_of[context.column("name")[rows]] if len(event_of) else np.zeros(len(rows), np.int32)
        self.code = np.where(page & (group >= 0), group, len(self.groups) + names).astype(np.int32)
        self.size = len(self.groups) + len(self.events)

    def cells(self) -> np.ndarray:
        """Per gathered row stage * size + touchpoint, -1 where it is no behaviour or stands before every stage; int32."""
        stage = self.journey.stage_of_row.astype(np.int32)
        counted = (stage != kernels.NO_STAGE) & ((self.journey.rows.key & BEHAVIOUR) != 0)
        return frozen(np.where(counted, stage * self.size + self.code, -1).astype(np.int32))

    def name(self, code: int) -> tuple[str, str]:
        """A touchpoint's name and type."""
        if code < len(self.groups):
            return self.groups[code], "page"
        return self.events[code - len(self.groups)], "event"

    def table(self, period: Period, sessions: Sessions, session_ids: np.ndarray, top: int) -> pa.Table:
        """The most met touchpoints of each stage with their exit rates, then how many more there are."""
        journey, cells, total = self.journey, self.cells(), self.size * len(self.stages)
        rows = journey.rows

        def count(span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
            events, visitors = np.zeros(total, np.int64), np.zeros(total, np.int64)
            kernels.count_cells(
                rows.offsets, rows.at, cells, *span, period.start, period.end, events, visitors,
                np.zeros(total, np.int64), rows=len(rows.at),
            )  # fmt: skip
            return events, visitors

        parts = list(pool().map(count, rows.spans(kernels.count_cells.parts(len(rows.at)))))
        empty = np.zeros(total, np.int64)
        events = sum((part[0] for part in parts), empty)
        visitors = sum((part[1] for part in parts), empty)
        exits = self._exits(sessions, session_ids, cells, total)
        out: list[dict[str, Any]] = []
        for number, stage in enumerate(self.stages):
            low = number * self.size
            met = np.flatnonzero(visitors[low : low + self.size])
            ranked = sorted(met.tolist(), key=lambda code: (-visitors[low + code], self.name(code)))
            for code in ranked[:top]:
                name, kind = self.name(code)
                place = low + code
                out.append(
                    {
                        "stage": stage, "touchpoint": name, "type": kind, "visitors": int(visitors[place]),
                        "events": int(events[place]), "thin": bool(visitors[place] < THIN),
                        "exit_rate": Share(int(exits[place]), int(events[place])).rate if kind == "page" else None,
                    }
                )  # fmt: skip
            if len(ranked) > top:
                more = {"stage": stage, "touchpoint": "", "type": "more", "visitors": 0, "thin": False}
                out.append({**more, "events": len(ranked) - top, "exit_rate": None})
        return pa.Table.from_pylist(out, schema=_SCHEMA)

    def _exits(self, sessions: Sessions, session_ids: np.ndarray, cells: np.ndarray, total: int) -> np.ndarray:
        """Sessions of the period that ended on each page touchpoint."""
        last = sessions.exit_page[session_ids]
        rows = sessions.rows.rows[last[last >= 0]]
        where = np.full(self.scope.context.snapshot.rows, -1, np.int64)
        where[self.journey.rows.rows] = np.arange(len(self.journey.rows.at))
        place = where[rows]
        found = cells[place[place >= 0]]
        return np.bincount(found[found >= 0], minlength=total)

    def visitors(self, stage: int, touchpoint: str, period: Period) -> np.ndarray:
        """Distinct visitors of a cell: the same rows the table counts."""
        rows = self.journey.rows
        codes = [code for code in range(self.size) if self.name(code)[0] == touchpoint]
        wanted = np.isin(self.cells(), [stage * self.size + code for code in codes])
        wanted &= (rows.at >= period.start) & (rows.at < period.end)
        return np.unique(rows.owners()[wanted])
