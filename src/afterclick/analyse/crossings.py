"""Channels and devices at which stages are entered, and how visitors cross from one to another in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.fields import touch_field
from afterclick.analyse.journey import BEHAVIOUR, Journey
from afterclick.analyse.kernels.journey import NEVER
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions
from afterclick.core.moments import Share
from afterclick.core.spans import Period
from afterclick.stitch.channel_rules import media_of

NONE = "(none)"


class Crossings:
    """Per stage entry the channel of its visit and the type of its device."""

    def __init__(self, scope: Scope, journey: Journey, sessions: Sessions, stages: list[str]) -> None:
        self.scope = scope
        self.journey = journey
        self.sessions = sessions
        self.stages = stages
        self._kept: dict[str, tuple[np.ndarray, list[str]]] = {}

    def values(self, by: str) -> tuple[np.ndarray, list[str]]:
        """int32[visitors, stages] codes of the value at each entry (the last code is `(none)`), and their names."""
        if by not in self._kept:
            self._kept[by] = self._values(by)
        return self._kept[by]

    def _values(self, by: str) -> tuple[np.ndarray, list[str]]:
        context, journey = self.scope.context, self.journey
        entered = journey.entered_row
        there = entered >= 0
        rows = journey.rows.rows[entered[there]]
        acted = journey.rows.rows[self._nearest_action(entered[there])]
        if by == "device_type":
            names = context.texts("device_type")
            found = context.column("device_type")[rows]
        else:
            lookup, names = touch_field(context, "channel")
            where = np.full(context.snapshot.rows, -1, np.int64)
            where[self.sessions.rows.rows] = np.arange(len(self.sessions.rows.at))
            place = where[acted]
            session = (
                self.sessions.of_row(np.maximum(place, 0)) if len(self.sessions) else np.zeros(len(rows), np.int64)
            )
            touch = self.sessions.touch[session] if len(self.sessions) else np.full(len(rows), -1)
            touch = np.where(place >= 0, touch, -1)
            found = np.where(touch >= 0, lookup[np.maximum(touch, 0)], -1) if len(lookup) else np.full(len(rows), -1)
        codes = np.full(entered.shape, len(names), np.int32)
        codes[there] = np.where(found >= 0, found, len(names))
        return codes, [*(name or NONE for name in names), NONE]

    def _nearest_action(self, entries: np.ndarray) -> np.ndarray:
        """Per entry the visitor's last behavioural row up to it, else the next one: a call to identify is in no visit."""
        rows = self.journey.rows
        place = np.arange(len(rows.at))
        acts = (rows.key & BEHAVIOUR) != 0
        before = np.maximum.accumulate(np.where(acts, place, -1)) if len(place) else place
        after = np.minimum.accumulate(np.where(acts, place, len(place))[::-1])[::-1] if len(place) else place
        first = rows.offsets[np.searchsorted(rows.offsets, entries, side="right") - 1]
        last = np.where(before[entries] >= first, before[entries], after[entries])
        result: np.ndarray = np.where(last < len(place), last, entries)
        return result

    def _entered(self, stage: int, period: Period) -> np.ndarray:
        since = self.journey.entered_at[:, stage]
        return (since >= period.start) & (since < period.end)

    def shares(self, by: str, period: Period) -> pa.Table:
        """How the visitors who entered each stage split over channels or devices."""
        codes, names = self.values(by)
        rows: list[dict[str, Any]] = []
        for number, stage in enumerate(self.stages):
            entered = self._entered(number, period)
            counts = np.bincount(codes[entered, number], minlength=len(names))
            merged: dict[str, int] = {}
            for code in np.flatnonzero(counts).tolist():
                merged[names[code]] = merged.get(names[code], 0) + int(counts[code])
            for name, visitors in sorted(merged.items(), key=lambda item: (-item[1], item[0])):
                row = {"stage": stage, by: name, "visitors": visitors}
                row["share_rate"] = Share(visitors, int(entered.sum())).rate
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
            codes, names = self.values(by)
            for start in range(len(self.stages)):
                for end in range(start + 1, len(self.stages)):
                    follows = self._pairs(start, end, period)
                    pair = codes[follows, start].astype(np.int64) * len(names) + codes[follows, end]
                    merged: dict[tuple[str, str], int] = {}
                    for code, count in zip(*np.unique(pair, return_counts=True), strict=True):
                        key = (names[code // len(names)], names[code % len(names)])
                        if NONE not in key and key[0] != key[1]:
                            merged[key] = merged.get(key, 0) + int(count)
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

    def crossed(self, by: str, start: str, one: str, end: str, other: str, period: Period) -> np.ndarray:
        """The visitors of one row of `table`."""
        codes, names = self.values(by)
        a, b = self.stages.index(start), self.stages.index(end)
        follows = self._pairs(a, b, period)
        first = np.isin(codes[:, a], [code for code, name in enumerate(names) if name == one])
        second = np.isin(codes[:, b], [code for code, name in enumerate(names) if name == other])
        return np.flatnonzero(follows & first & second)
