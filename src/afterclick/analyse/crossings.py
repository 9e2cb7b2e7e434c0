"""Channels and devices at which stages are entered, and how visitors cross from one to another in between."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.fields import touch_field
from afterclick.analyse.gathered_marks import marked
from afterclick.analyse.journey import Journey
from afterclick.analyse.kernels import journey as kernels
from afterclick.analyse.kernels.compiled import pool, workers
from afterclick.analyse.kernels.journey import NEVER
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions
from afterclick.core.arrays import frozen
from afterclick.core.moments import Share
from afterclick.core.spans import Period
from afterclick.stitch.channel_rules import media_of
from afterclick.store.columns import Flag

NONE = "(none)"
_SYSTEM = int(Flag.SYSTEM)


class Crossings:
    """Per stage entry the channel of its visit and the type of its device."""

    def __init__(self, scope: Scope, journey: Journey, sessions: Sessions, stages: list[str]) -> None:
        self.scope = scope
        self.journey = journey
        self.sessions = sessions
        self.stages = stages
        self._kept: dict[str, tuple[np.ndarray, list[str]]] = {}
        self._tables: dict[tuple[str, Period], tuple[np.ndarray, np.ndarray]] = {}

    def values(self, by: str) -> tuple[np.ndarray, list[str]]:
        """int32[visitors, stages] codes of the value at each entry (the last code is `(none)`), and their names."""
        if by not in self._kept:
            self._kept[by] = self._values(by)
        return self._kept[by]

    def _values(self, by: str) -> tuple[np.ndarray, list[str]]:
        context, journey = self.scope.context, self.journey
        visitors, stages = journey.entered_row.shape
        codes = np.empty(visitors * stages, np.int32)
        if by == "device_type":
            names = context.texts("device_type")
            places, column = journey.entered_row.reshape(-1), context.column("device_type")

            def fill(span: tuple[int, int]) -> None:
                here = slice(span[0] * stages, span[1] * stages)
                kernels.enter_on(places[here], journey.rows.key, column, len(names), codes[here], rows=visitors)
        else:
            lookup, names = touch_field(context, "channel")
            columns = *self._acts(), self.sessions.first, self.sessions.touch, frozen(lookup), len(names)

            def fill(span: tuple[int, int]) -> None:
                kernels.enter_by(*columns, *span, codes, rows=visitors)

        cuts = np.linspace(0, visitors, kernels.enter_by.parts(visitors) + 1).astype(int).tolist()
        list(pool().map(fill, pairwise(cuts)))
        return codes.reshape(visitors, stages), [*(name or NONE for name in names), NONE]

    def _acts(self) -> tuple[np.ndarray, int, np.ndarray]:
        """What `kernels.enter_by` takes: the acts nearest to the entries, stages, and the rows that sessions do not have.

        Without conditions a journey has the rows of the sessions in their order, but for the system rows in between.
        """
        rows, acts = self.journey.rows, self.journey.entered_act.reshape(-1)
        if not self.scope.conditions:
            return acts, len(self.stages), marked(rows, _SYSTEM)
        where = np.full(self.scope.context.snapshot.rows, -1, np.int64)
        where[self.sessions.rows.rows] = np.arange(len(self.sessions.rows.at))
        found = np.where(acts >= 0, where[rows.rows_at(np.maximum(acts, 0))] if len(rows.at) else -1, -1)
        return frozen(found), len(self.stages), frozen(np.zeros(0, np.int64))

    def _entered(self, stage: int, period: Period) -> np.ndarray:
        since = self.journey.entered_at[:, stage]
        return (since >= period.start) & (since < period.end)

    def _counted(self, by: str, period: Period) -> tuple[np.ndarray, np.ndarray]:
        """int64[stages, values] visitors by the value at their entry; int64[stages, stages, values, values] by the values
        at the entries of two stages, one next to the other."""
        if (by, period) not in self._tables:
            self._tables[by, period] = self._count(by, period)
        return self._tables[by, period]

    def _count(self, by: str, period: Period) -> tuple[np.ndarray, np.ndarray]:
        codes, names = self.values(by)
        stages, size, visitors = len(self.stages), len(names), len(codes)
        columns = self.journey.entered_at.reshape(-1), frozen(codes.reshape(-1)), stages, size

        def count(span: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
            entries, pairs = np.zeros(stages * size, np.int64), np.zeros((stages * size) ** 2, np.int64)
            kernels.cross_stages(*columns, *span, *period, entries, pairs, rows=visitors)
            return entries, pairs

        cuts = np.linspace(0, visitors, min(workers(), kernels.cross_stages.parts(visitors)) + 1).astype(int).tolist()
        parts = list(pool().map(count, pairwise(cuts)))
        entries = sum((part[0] for part in parts), np.zeros(stages * size, np.int64))
        pairs = sum((part[1] for part in parts), np.zeros((stages * size) ** 2, np.int64))
        return entries.reshape(stages, size), pairs.reshape(stages, stages, size, size)

    def shares(self, by: str, period: Period) -> pa.Table:
        """How the visitors who entered each stage split over channels or devices."""
        _, names = self.values(by)
        counted, _ = self._counted(by, period)
        rows: list[dict[str, Any]] = []
        for number, stage in enumerate(self.stages):
            counts = counted[number]
            merged: dict[str, int] = {}
            for code in np.flatnonzero(counts).tolist():
                merged[names[code]] = merged.get(names[code], 0) + int(counts[code])
            for name, visitors in sorted(merged.items(), key=lambda item: (-item[1], item[0])):
                row = {"stage": stage, by: name, "visitors": visitors}
                row["share_rate"] = Share(visitors, int(counts.sum())).rate
                if by == "channel":
                    row["media"] = media_of(name)
                rows.append(row)
        kinds = [("stage", pa.string()), (by, pa.string())]
        kinds += [("media", pa.string())] if by == "channel" else []
        return pa.Table.from_pylist(
            rows, schema=pa.schema([*kinds, ("visitors", pa.int64()), ("share_rate", pa.float64())])
        )

    def visitors(self, by: str, stage: int, value: str, period: Period) -> np.ndarray:
        """Who entered a stage in the period by this channel or device."""
        codes, names = self.values(by)
        wanted = [code for code, name in enumerate(names) if name == value]
        return np.flatnonzero(self._entered(stage, period) & np.isin(codes[:, stage], wanted))

    def _pairs(self, start: int, end: int, period: Period) -> np.ndarray:
        """Visitors whose next stage after `start` was `end`, entered in the period."""
        entered = self.journey.entered_at
        since, until = entered[:, start], entered[:, end]
        follows = (since != NEVER) & self._entered(end, period) & (until > since)
        for other in range(len(self.stages)):
            if other not in (start, end):
                between = (entered[:, other] > since) & (entered[:, other] < until)
                follows &= ~between
        result: np.ndarray = follows
        return result

    def table(self, period: Period) -> pa.Table:
        """Visitors who entered one stage on one device (or channel) and the next on another."""
        rows: list[dict[str, Any]] = []
        for by in ("device_type", "channel"):
            _, names = self.values(by)
            _, counted = self._counted(by, period)
            for start in range(len(self.stages)):
                for end in range(start + 1, len(self.stages)):
                    merged: dict[tuple[str, str], int] = {}
                    for first, second in zip(*(place.tolist() for place in np.nonzero(counted[start, end])), strict=True):
                        key = (names[first], names[second])
                        if NONE not in key and key[0] != key[1]:
                            merged[key] = merged.get(key, 0) + int(counted[start, end, first, second])
                    for (one, other), visitors in merged.items():
                        rows.append(
                            {
                                "by": by, "from_stage": self.stages[start], "to_stage": self.stages[end],
                                "from_value": one, "to_value": other, "visitors": visitors,
                            }
                        )  # fmt: skip
        rows.sort(key=lambda row: (row["by"], -row["visitors"], *map(str, row.values())))
        texts = ("by", "from_stage", "to_stage", "from_value", "to_value")
        return pa.Table.from_pylist(
            rows, schema=pa.schema([*((name, pa.string()) for name in texts), ("visitors", pa.int64())])
        )

    def changed(self, by: str, period: Period) -> tuple[np.ndarray, np.ndarray]:
        """Visitors who entered two stages or more in the period by a known channel (device), and those of them for whom
        it was not the same every time; labels."""
        codes, names = self.values(by)
        entered, known = self.journey.entered_at, len(names) - 1
        often = np.zeros(len(codes), np.int8)
        for stage in range(len(self.stages)):
            often += self._entered(stage, period)
        several = np.flatnonzero(often > 1)
        at, code = entered[several], codes[several]
        there = (at >= period.start) & (at < period.end) & (code >= 0) & (code < known)
        most, least = np.where(there, code, -1).max(axis=1), np.where(there, code, known).min(axis=1)
        twice = np.count_nonzero(there, axis=1) > 1
        return several[twice], several[twice & (most > least)]

    def crossed(self, by: str, start: str, one: str, end: str, other: str, period: Period) -> np.ndarray:
        """The visitors of one row of `table`."""
        codes, names = self.values(by)
        a, b = self.stages.index(start), self.stages.index(end)
        follows = self._pairs(a, b, period)
        first = np.isin(codes[:, a], [code for code, name in enumerate(names) if name == one])
        second = np.isin(codes[:, b], [code for code, name in enumerate(names) if name == other])
        return np.flatnonzero(follows & first & second)
