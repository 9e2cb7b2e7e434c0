"""Reading the journey map: every figure is a mask over per-visitor columns, so the people behind it are that mask."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.crossings import Crossings
from afterclick.analyse.journey import Journey, journey_of
from afterclick.analyse.kernels import journey as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.journey import LOOP, LOOP_ORDER
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.money_notes import money_notes
from afterclick.analyse.scope import Scope
from afterclick.analyse.touchpoints import Touchpoints
from afterclick.core import spans
from afterclick.core.arrays import frozen
from afterclick.core.moments import Quantiles, Share
from afterclick.core.result import Note, People, Result, Text, stage_term
from afterclick.core.spans import Period
from afterclick.stitch.stages import stages_of

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


_PARTS = {
    "entered": kernels.ENTERED, "onward": kernels.ONWARD, "open": kernels.OPEN, "lost": kernels.LOST,
    "skipped": kernels.SKIPPED,
}  # fmt: skip


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
        quarter = (self.scope.as_of - snapshot.behaved[0]) // 4
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

    def _weighed(self, stage: int, period: Period) -> tuple[np.ndarray, np.ndarray]:
        """Per visitor what became of it at a stage (bits of `kernels.weigh_stage`), and the dwell of those who went on."""
        entered, stages = self.journey.entered_at.reshape(-1), len(self.stages)
        visitors = len(self.journey.entered_at)
        bits, dwell = np.zeros(visitors, np.uint8), np.zeros(visitors, np.int64)
        weigh = kernels.weigh_stage

        def part(span: tuple[int, int]) -> None:
            weigh(entered, stages, stage, *span, *period, self.within, self.scope.as_of, bits, dwell, rows=visitors)

        cuts = np.linspace(0, visitors, weigh.parts(visitors) + 1).astype(int).tolist()
        list(pool().map(part, pairwise(cuts)))
        return bits, dwell

    def masks(self, stage: int, period: Period) -> dict[str, np.ndarray]:
        """Per visitor (bool): entered, onward, open and lost of a stage, and who skipped it."""
        bits, _ = self._weighed(stage, period)
        return {name: (bits & bit) != 0 for name, bit in _PARTS.items()}

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
            **self._changed(),
            "within": spans.duration_text(self.within),
            "previous": _equation(self.before) if self.before else None,
        }
        return figures

    def _changed(self) -> dict[str, int]:
        """How many entered several stages by a known channel (device), and how many of them by several."""
        found: dict[str, int] = {}
        for by in ("channel", "device_type"):
            several, changed = self.crossings.changed(by, self.scope.period)
            found |= {f"several_{by}": len(several), f"changed_{by}": len(changed)}
        return found

    def _stage(self, number: int) -> dict[str, Any]:
        stage, journey = self.stages[number], self.journey
        bits, gaps = self._weighed(number, self.scope.period)
        counts = _parts(bits)
        dwell = Quantiles.of(gaps[(bits & kernels.ONWARD) != 0])
        low, median, high = (
            None if value is None else value / spans.SECOND for value in (dwell.p25, dwell.median, dwell.p75)
        )
        earlier = _parts(self._weighed(number, self.scope.previous)[0]) if self.scope.previous else None
        row: dict[str, Any] = {
            "stage": stage.name, "question": stage.question, "question_id": stage.question_id, "position": number,
            "has_events": journey.has_events[number], **counts,
            "onward_rate": Share(counts["onward"], counts["entered"]).rate if number + 1 < len(self.stages) else None,
            "returns": int((journey.returned >> number & 1).sum()), "highest": int((self.river == number).sum()),
            "dwell_seconds": median, "dwell_p25_seconds": low, "dwell_p75_seconds": high, **self._behaviour(number),
        }  # fmt: skip
        for part in ("entered", "onward", "lost"):
            row[f"previous_{part}"] = None if earlier is None else earlier[part]
        return row

    def _behaviour(self, number: int) -> dict[str, Any]:
        """Sessions whose visitor stood at this stage when they began."""
        sessions, here = self.now.sessions, self.sessions_at(number)
        pages = int(sessions.pages[here].sum())
        qualifying = sessions.qualifying[here]
        views, exits = int(self.journey.views[number]), int(self._exits[number])
        return {
            "sessions": len(here),
            "pages_per_session": pages / len(here) if len(here) else None,
            "bounce_rate": Share(int((qualifying == 1).sum()), int((qualifying >= 1).sum())).rate,
            "exit_rate": Share(exits, views).rate,
        }

    def sessions_at(self, number: int) -> np.ndarray:
        """Sessions of the range that began while their visitor stood at a stage."""
        result: np.ndarray = self.now.session_ids[self._session_stage == number]
        return result

    @cached_property
    def _session_stage(self) -> np.ndarray:
        """Per session of the range the stage at which its visitor stood when it began, NO_STAGE for none; uint8."""
        return self._standing(self.now.sessions.first[self.now.session_ids])

    @cached_property
    def _exits(self) -> np.ndarray:
        """How many sessions of the range ended on a page at each stage; int64[256]."""
        return np.bincount(self._standing(self.now.sessions.exit_page[self.now.session_ids]), minlength=256)

    def _standing(self, places: np.ndarray) -> np.ndarray:
        """The stage at which each of these rows of the sessions stands, NO_STAGE for none and for a negative place; uint8."""
        found, key = np.empty(len(places), np.uint8), self.now.sessions.rows.key
        stand = kernels.stand_at

        def part(span: tuple[int, int]) -> None:
            low, high = span
            stand(frozen(places[low:high]), key, self.journey.by_row, found[low:high], rows=len(places))

        cuts = np.linspace(0, len(places), stand.parts(len(places)) + 1).astype(int).tolist()
        list(pool().map(part, pairwise(cuts)))
        return found

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


def _parts(bits: np.ndarray) -> dict[str, int]:
    """How many visitors are of each part of a stage."""
    found = np.bincount(bits, minlength=32)
    return {name: int(found[(np.arange(len(found)) & bit) != 0].sum()) for name, bit in _PARTS.items()}


def _equation(m: Measures) -> dict[str, Any]:
    return {
        "visitors": len(m.visitors),
        "sessions": len(m.session_ids),
        "orders": m.order_count,
        "revenue": m.revenue,
        "conversion_rate": m.conversion_rate,
        "aov": m.aov,
    }
