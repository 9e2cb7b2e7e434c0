"""Reading the journey map: every figure is a mask over per-visitor columns, so the people behind it are that mask."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.crossings import Crossings
from afterclick.analyse.journey import Journey, journey_of
from afterclick.analyse.kernels.journey import LOOP, LOOP_ORDER, NEVER
from afterclick.analyse.kpi import money_notes
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.scope import Scope
from afterclick.analyse.touchpoints import Touchpoints
from afterclick.core import spans
from afterclick.core.moments import Quantiles, Share
from afterclick.core.result import Note, People, Result, Text, stage_term
from afterclick.core.spans import Period
from afterclick.stitch.stages import stages_of
from afterclick.store.columns import Flag

_COUNTS = (
    "entered", "onward", "open", "lost", "skipped", "returns", "highest", "sessions",
    "previous_entered", "previous_onward", "previous_lost",
)  # fmt: skip
_FLOATS = (
    "onward_rate", "dwell_seconds", "dwell_p25_seconds", "dwell_p75_seconds", "pages_per_session", "bounce_rate",
    "exit_rate",
)  # fmt: skip
_SCHEMA = pa.schema(
    [
        ("stage", pa.string()), ("question", pa.string()), ("question_id", pa.string()), ("position", pa.int32()),
        ("has_events", pa.bool_()), *((name, pa.int64()) for name in _COUNTS), *((name, pa.float64()) for name in _FLOATS),
    ]
)  # fmt: skip


class Map:
    """One scope's journey map."""

    def __init__(self, scope: Scope, within: str, touchpoints: int) -> None:
        self.scope = scope
        self.named = touchpoints
        self.stages = stages_of(scope.context.snapshot.definitions)
        self.names = [stage.name for stage in self.stages]
        self.within = self._span(within)

    def _span(self, asked: str) -> int:
        """The time to reach a higher stage: as asked, else min(30d, a quarter of the data's span), at least a day."""
        if asked:
            return spans.micros(asked)
        snapshot = self.scope.context.snapshot
        quarter = (self.scope.as_of - snapshot.first_at) // 4
        return max(spans.DAY, min(30 * spans.DAY, quarter // spans.DAY * spans.DAY))

    @cached_property
    def journey(self) -> Journey:
        """Stage entries, with the moves of the range."""
        return journey_of(self.scope, self.stages, self.scope.period)

    @cached_property
    def now(self) -> Measures:
        """Figures of the range."""
        return measures(self.scope, self.scope.period)

    @cached_property
    def before(self) -> Measures | None:
        """Figures of the period it is compared with."""
        return measures(self.scope, self.scope.previous) if self.scope.previous else None

    @cached_property
    def touchpoints(self) -> Touchpoints:
        """What visitors met."""
        return Touchpoints(self.scope, self.journey, self.names)

    @cached_property
    def crossings(self) -> Crossings:
        """Channels and devices at stage entries."""
        return Crossings(self.scope, self.journey, self.now.sessions, self.names)

    @cached_property
    def river(self) -> np.ndarray:
        """Per active visitor of the range the highest stage entered up to its end."""
        result: np.ndarray = self.journey.highest(min(self.scope.period.end, self.scope.as_of + 1))[self.now.visitors]
        return result

    def next_entry(self, stage: int) -> np.ndarray:
        """Per visitor the first instant strictly after entering `stage` at which a higher stage was entered (NEVER)."""
        since = self.journey.entered_at[:, stage]
        higher = self.journey.entered_at[:, stage + 1 :]
        if not higher.shape[1]:
            return np.full(len(since), NEVER, np.int64)
        result: np.ndarray = np.where(higher > since[:, None], higher, NEVER).min(axis=1)
        return result

    def masks(self, stage: int, period: Period) -> dict[str, np.ndarray]:
        """Per visitor (bool): entered, onward, open and lost of a stage, and who skipped it."""
        since = self.journey.entered_at[:, stage]
        entered = (since >= period.start) & (since < period.end)
        span = np.where(entered, self.next_entry(stage), NEVER) - np.where(entered, since, 0)
        onward = entered & (span <= self.within)
        still = entered & ~onward & (np.where(entered, since, 0) + self.within > self.scope.as_of)
        higher = self.journey.entered_at[:, stage + 1 :]
        arrived = ((higher >= period.start) & (higher < period.end)).any(axis=1)
        first = higher.min(axis=1) if higher.shape[1] else np.full(len(since), NEVER)
        return {
            "entered": entered,
            "onward": onward,
            "open": still,
            "lost": entered & ~onward & ~still,
            "skipped": arrived & (since > first) & (first >= period.start) & (first < period.end),
        }

    def result(self, people: Callable[[str], People]) -> Result:
        """The whole map, with what gives the people behind its cells."""
        parts = {
            "channels": self.crossings.shares("channel", self.scope.period),
            "devices": self.crossings.shares("device_type", self.scope.period),
            "touchpoints": self.touchpoints.table(
                self.scope.period, self.now.sessions, self.now.session_ids, self.named
            ),
            "flows": self._flows(),
            "crossings": self.crossings.table(self.scope.period),
        }
        figures = self._figures()
        frame = pa.Table.from_pylist([self._stage(number) for number in range(len(self.stages))], schema=_SCHEMA)
        return Result(
            self.scope.question, frame, sentence=self._sentence(frame.to_pylist(), figures), figures=figures, parts=parts,
            notes=self._notes(), about=self.scope.about(
                "visitors", events=self.now.events, within=figures["within"], visitors=figures["visitors"]
            ),
            people=people,
        )  # fmt: skip

    def _figures(self) -> dict[str, Any]:
        figures = _equation(self.now)
        figures |= {
            "gross": self.now.gross,
            "none": int((self.river == -1).sum()),
            "loop": int((self.journey.loop & LOOP != 0).sum()),
            "loop_orders": int((self.journey.loop & LOOP_ORDER != 0).sum()),
            "within": spans.duration_text(self.within),
            "previous": _equation(self.before) if self.before else None,
        }
        return figures

    def _stage(self, number: int) -> dict[str, Any]:
        stage, journey = self.stages[number], self.journey
        masks = self.masks(number, self.scope.period)
        counts = {name: int(mask.sum()) for name, mask in masks.items()}
        since = journey.entered_at[masks["onward"], number]
        dwell = Quantiles.of(self.next_entry(number)[masks["onward"]] - since)
        low, median, high = (
            None if value is None else value / spans.SECOND for value in (dwell.p25, dwell.median, dwell.p75)
        )
        earlier = self.masks(number, self.scope.previous) if self.scope.previous else None
        row: dict[str, Any] = {
            "stage": stage.name, "question": stage.question, "question_id": stage.question_id, "position": number,
            "has_events": journey.has_events[number], **counts,
            "onward_rate": Share(counts["onward"], counts["entered"]).rate if number + 1 < len(self.stages) else None,
            "returns": int((journey.returned >> number & 1).sum()), "highest": int((self.river == number).sum()),
            "dwell_seconds": median, "dwell_p25_seconds": low, "dwell_p75_seconds": high, **self._behaviour(number),
        }  # fmt: skip
        for part in ("entered", "onward", "lost"):
            row[f"previous_{part}"] = None if earlier is None else int(earlier[part].sum())
        return row

    def _behaviour(self, number: int) -> dict[str, Any]:
        """Sessions whose visitor stood at this stage when they began."""
        sessions, here = self.now.sessions, self.sessions_at(number)
        pages = int(sessions.pages[here].sum())
        qualifying = sessions.qualifying[here]
        views, exits = self._page_views(number)
        return {
            "sessions": len(here),
            "pages_per_session": pages / len(here) if len(here) else None,
            "bounce_rate": Share(int((qualifying == 1).sum()), int((qualifying >= 1).sum())).rate,
            "exit_rate": Share(exits, views).rate,
        }

    def sessions_at(self, number: int) -> np.ndarray:
        """Sessions of the range that began while their visitor stood at a stage."""
        ids = self.now.session_ids
        stage = self.stage_of_rows(self.now.sessions.rows.rows[self.now.sessions.first[ids]])
        result: np.ndarray = ids[stage == number]
        return result

    def stage_of_rows(self, rows: np.ndarray) -> np.ndarray:
        """The stage at which each global row stands, NO_STAGE for none; uint8."""
        result: np.ndarray = self._stage_by_row[rows]
        return result

    @cached_property
    def _stage_by_row(self) -> np.ndarray:
        by_row = np.full(self.scope.context.snapshot.rows, 255, np.uint8)
        by_row[self.journey.rows.rows] = self.journey.stage_of_row
        return by_row

    def _page_views(self, number: int) -> tuple[int, int]:
        m, flags = self.now, int(Flag.PAGE)
        rows = m.sessions.rows
        views = m.row_mask & ((rows.key & flags) != 0)
        at_stage = self.stage_of_rows(rows.rows) == number
        last = m.sessions.exit_page[m.session_ids]
        exits = last[last >= 0]
        return int((views & at_stage).sum()), int(at_stage[exits].sum())

    def _flows(self) -> pa.Table:
        final, rows = len(self.stages) - 1, []
        for a, b in zip(*np.nonzero(self.journey.moves), strict=True):
            loop = a == final and b == final - 1
            direction = "loop" if loop else "back" if b < a else "forward" if b == a + 1 else "skip"
            rows.append(
                {
                    "from_stage": self.names[a], "to_stage": self.names[b], "visitors": int(self.journey.movers[a, b]),
                    "moves": int(self.journey.moves[a, b]), "direction": direction,
                }
            )  # fmt: skip
        texts, counts = ("from_stage", "to_stage", "direction"), ("visitors", "moves")
        kinds = {name: pa.string() for name in texts} | {name: pa.int64() for name in counts}
        order = ("from_stage", "to_stage", "visitors", "moves", "direction")
        return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds[name]) for name in order]))

    def _notes(self) -> tuple[Note, ...]:
        missing = [name for name, there in zip(self.names, self.journey.has_events, strict=True) if not there]
        notes = [Note("stages_without_events", {"stages": [stage_term(name) for name in missing]})] if missing else []
        return (*notes, *money_notes(self.now))

    def _sentence(self, rows: list[dict[str, Any]], figures: dict[str, Any]) -> Text:
        if not figures["visitors"]:
            return Text("sentence.kpi_empty")
        worst = max(rows[:-1], key=lambda row: (row["lost"], row["open"]))
        params = {"visitors": figures["visitors"], "stage": stage_term(worst["stage"]), "lost": worst["lost"]}
        params |= {"entered": worst["entered"], "open": worst["open"]}
        if not worst["entered"]:
            return Text("sentence.map_no_stage", params)
        if not worst["lost"]:
            return Text("sentence.map_open", {**params, "within": self.within})
        return Text("sentence.map", {**params, "rate": worst["lost"] / worst["entered"], "within": self.within})


def _equation(m: Measures) -> dict[str, Any]:
    return {
        "visitors": len(m.visitors),
        "sessions": len(m.session_ids),
        "orders": m.order_count,
        "revenue": m.revenue,
        "conversion_rate": m.conversion_rate,
        "aov": m.aov,
    }
