"""A funnel's attempts read into a Result: the frame of its steps, its parts, its finding and its caveats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from afterclick.analyse.attempts import Attempts, Chain, attempts_of
from afterclick.analyse.funnel_groups import breakdown, groups_of
from afterclick.analyse.funnel_money import Money
from afterclick.analyse.funnel_people import Cells
from afterclick.analyse.funnel_presets import STATES_WITHIN
from afterclick.analyse.funnel_tables import histogram, steps_table
from afterclick.analyse.funnel_trend import Trend, trend_of
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.kernels.funnel_attempt import ANY
from afterclick.analyse.scope import Scope
from afterclick.core import spans
from afterclick.core.moments import Share
from afterclick.core.result import Note, Result, Text

if TYPE_CHECKING:
    from afterclick.analyse.funnel import Funnel


@dataclass(frozen=True)
class Reading:
    """What every table of one funnel is read from: the question with its preset's values, and the attempts found.

    `before` are those of the period it is compared with, `waiting` (bool per unit) says who may still go on.
    """

    scope: Scope
    funnel: Funnel
    chain: Chain
    found: Attempts
    before: Attempts | None
    waiting: np.ndarray

    @cached_property
    def money(self) -> Money:
        """Amounts of the rows that served a step."""
        return Money(self.scope, self.funnel.value)

    @property
    def horizon(self) -> int:
        """The last instant (µs) at which anything can have counted."""
        return min(self.scope.as_of, self.scope.period.end - 1) if self.chain.clipped else self.scope.as_of


def read(scope: Scope, asked: Funnel) -> Result:
    """Run the funnel and read it."""
    funnel, filled = asked.filled()
    chain = asked.chain()
    found = attempts_of(scope, chain, scope.period)
    before = attempts_of(scope, chain, scope.previous) if scope.previous else None
    horizon = min(scope.as_of, scope.period.end - 1) if chain.clipped else scope.as_of
    reading = Reading(scope, funnel, chain, found, before, found.waiting(chain, horizon))
    frame = steps_table(reading)
    rows = frame.to_pylist()
    bins = [pool().submit(histogram, reading, previous=since) for since in (False, True)]
    trend, groups = trend_of(reading), groups_of(reading)
    parts = {"histogram": bins[0].result(), "histogram_previous": bins[1].result(), "trend": trend.table}
    if groups:
        parts["breakdown"] = breakdown(reading, groups)
    return Result(
        asked, frame, sentence=_sentence(reading, rows), figures=_figures(reading, rows, trend), parts=parts,
        notes=_notes(reading, asked, filled, trend),
        about=scope.about(funnel.unit, within=funnel.within if funnel.windowed else "", visitors=found.visitors),
        people=Cells(reading, groups, trend),
    )  # fmt: skip


def _figures(reading: Reading, rows: list[dict[str, Any]], trend: Trend) -> dict[str, Any]:
    before, steps = reading.before, len(reading.chain.required)
    worst = _worst(rows)
    return {
        "started": len(reading.found.visitor),
        "converted": rows[-1]["n"],
        "conversion_rate": rows[-1]["of_all_rate"],
        "previous_conversion_rate": (
            None if before is None else Share(int((before.reached == steps).sum()), len(before.reached)).rate
        ),
        "seconds_to_convert_p50": rows[-1]["seconds_from_first_p50"],
        "worst_step": worst["step"] if worst else None,
        "interval": trend.interval,
    }


def _worst(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The step behind which most are missing."""
    required = [row for row in rows if not row["optional"]]
    missing = [row["n"] - after["n"] for row, after in pairwise(required)]
    return required[int(np.argmax(missing))] if rows[0]["n"] else None


def _notes(reading: Reading, asked: Funnel, filled: dict[str, str], trend: Trend) -> tuple[Note, ...]:
    funnel, notes = reading.funnel, []
    if asked.compat != "none":
        said = ", ".join(f"{name}={value}" for name, value in filled.items()) or "–"
        notes.append(Note("funnel_compat", {"preset": asked.compat, "filled": said}))
        if asked.compat in STATES_WITHIN:
            notes.append(Note("funnel_compat_within", {"preset": asked.compat, "within": spans.micros(funnel.within)}))
    still_open = int(reading.waiting.sum())
    if still_open and funnel.windowed:
        notes.append(Note("funnel_open", {"open": still_open, "within": spans.micros(funnel.within)}))
    elif still_open:
        notes.append(Note("funnel_open_session", {"open": still_open}))
    if not len(reading.found.visitor):
        notes.append(Note("funnel_empty", {"step": funnel.steps[0]}))
    if reading.chain.order == ANY:
        notes.append(Note("funnel_any_order", {}))
    if funnel.by and funnel.by_value == "all":
        notes.append(Note("funnel_by_all", {}))
    if trend.incomplete:
        notes.append(Note("funnel_trend_incomplete", {"count": trend.incomplete}))
    return tuple(notes)


def _sentence(reading: Reading, rows: list[dict[str, Any]]) -> Text:
    funnel, worst = reading.funnel, _worst(rows)
    if worst is None:
        return Text("sentence.funnel_empty", {"step": rows[0]["event"]})
    required = [row for row in rows if not row["optional"]]
    after = required[required.index(worst) + 1]
    params = {
        "started": rows[0]["n"], "lost": worst["n"] - after["n"], "open": worst["open"], "before": worst["event"],
        "after": after["event"], "rate": rows[-1]["of_all_rate"], "within": spans.micros(funnel.within),
        "steps": len(rows), "taken": worst["step"], "key": funnel.unit.partition(":")[2],
    }  # fmt: skip
    if reading.chain.order == ANY:
        kind = "any" if funnel.windowed else "any_session"
    elif funnel.unit != "visitors":
        kind = funnel.unit.partition(":")[0] + ("_within" if funnel.unit == "sessions" and funnel.windowed else "")
    else:
        kind = "open" if worst["open"] else ""
    return Text(f"sentence.funnel_{kind}" if kind else "sentence.funnel", params)
