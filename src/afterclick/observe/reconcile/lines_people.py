"""Visitors agree: new and returning, the stages of the river, the steps of a funnel."""

from __future__ import annotations

import numpy as np

from afterclick.analyse.context import NO_BEHAVIOUR
from afterclick.analyse.fields import columns
from afterclick.analyse.funnel import Funnel
from afterclick.analyse.journey_map import JourneyMap
from afterclick.analyse.kpi import Kpi
from afterclick.core.names import ORDER_COMPLETED
from afterclick.core.result import Result
from afterclick.core.step import Step
from afterclick.observe.reconcile.line import Days, Ledger, Line, Side
from afterclick.observe.reconcile.reports import Reports, one, per_visitor
from afterclick.stitch.stages import Stage, stages_of
from afterclick.store.columns import Flag


def people_lines(reports: Reports) -> list[Line]:
    """The lines about visitors."""
    return [*_active(reports), *_stages(reports), *_funnel(reports)]


def _active(reports: Reports) -> list[Line]:
    hand = reports.hand

    def visitors(days: Days) -> np.ndarray:
        return hand.visitors(reports.period(days))

    def fresh(days: Days) -> set[int]:
        start = reports.period(days).start
        return {one for one in visitors(days).tolist() if hand.first_at[one] >= start}

    def kinds(days: Days) -> Ledger:
        new = len(fresh(days))
        return {"new": new, "returning": len(visitors(days)) - new}

    def told(days: Days) -> Ledger:
        result = reports.ask(Kpi, days)
        return {"new": len(result.people("new")), "returning": len(result.people("returning"))}

    everyone: tuple[Side, Side] = (
        lambda days: per_visitor(reports.ask(Kpi, days).people("visitors").labels),
        lambda days: per_visitor(visitors(days)),
    )
    newcomers: tuple[Side, Side] = (
        lambda days: per_visitor(reports.ask(Kpi, days).people("new").labels),
        lambda days: per_visitor(sorted(fresh(days))),
    )
    return [
        Line(
            code="visitors", number=3, fine=everyone, name=reports.handle, right=lambda days: one(len(visitors(days))),
            left=lambda days: one(reports.ask(Kpi, days).figures["visitors"]),
        ),
        Line(code="new_returning", number=3, left=told, right=kinds, fine=newcomers, name=reports.handle),
    ]  # fmt: skip


def _stages(reports: Reports) -> list[Line]:
    hand = reports.hand

    def journey(days: Days) -> Result:
        # Without its barriers, which are a search and no count.
        return reports.ask(JourneyMap, days, barriers="off")

    def river(days: Days) -> Ledger:
        result = journey(days)
        return one(sum(result.frame["highest"].to_pylist()) + result.figures["none"])

    def entered(days: Days) -> Ledger:
        return {row["stage"]: row["entered"] for row in journey(days).frame.to_pylist()}

    def became(days: Days) -> Ledger:
        return {row["stage"]: row["onward"] + row["open"] + row["lost"] for row in journey(days).frame.to_pylist()}

    def people(days: Days) -> Ledger:
        result = journey(days)
        found = [result.people(f"stage={name};part=highest").labels for name in result.frame["stage"].to_pylist()]
        return per_visitor(np.concatenate([*found, result.people("stage=none").labels]))

    fine: tuple[Side, Side] = people, lambda days: per_visitor(hand.visitors(reports.period(days)))
    again = _Entries(reports)
    return [
        Line(
            code="river", number=8, left=river, fine=fine, name=reports.handle,
            right=lambda days: one(len(hand.visitors(reports.period(days)))),
        ),
        Line(code="stage_parts", number=8, left=entered, right=became),
        Line(code="stage_entries", number=8, left=entered, right=again.ledger),
    ]  # fmt: skip


class _Entries:
    """Who entered each stage when: the first row of a visitor that meets its rule, over all history."""

    def __init__(self, reports: Reports) -> None:
        self.reports = reports
        self._found: dict[str, dict[int, int]] | None = None

    def ledger(self, days: Days) -> Ledger:
        """Entries of these days by stage."""
        if self._found is None:
            stages = stages_of(self.reports.scope.context.snapshot.definitions)
            self._found = {stage.name: self._first(stage) for stage in stages}
        start, end = self.reports.period(days)
        return {name: sum(start <= at < end for at in firsts.values()) for name, firsts in self._found.items()}

    def _first(self, stage: Stage) -> dict[int, int]:
        scope, context = self.reports.scope, self.reports.scope.context
        name, device, at, flags = (context.column(column) for column in ("name", "device", "at", "flags"))
        out = int(Flag.BOT) if scope.question.bots == "out" else 0
        kept = (device >= 0) & (at <= scope.as_of) & ((flags & out) == 0)
        kept &= np.ones(len(at), bool) if scope.counted is None else scope.counted
        found: dict[int, int] = {}
        for step in stage.enter:
            rows = np.flatnonzero(kept & np.isin(name, context.name_codes(step.event)))
            if step.condition is not None:
                fields = columns(context, step.condition.fields, scope.taker(0, rows))
                rows = rows[step.condition.mask(fields, len(rows))]
            for visitor, when in zip(scope.labels.of(device[rows], at[rows]).tolist(), at[rows].tolist(), strict=True):
                found[visitor] = min(when, found.get(visitor, when))
        return found


def _funnel(reports: Reports) -> list[Line]:
    context = reports.scope.context
    steps = _steps(reports)
    if not steps:
        return []

    def counts(days: Days) -> Ledger:
        rows = reports.ask(Funnel, days, steps=steps).frame.to_pylist()
        return {str(row["step"]): row["n"] for row in rows}

    def falling(days: Days) -> Ledger:
        found = dict(counts(days))
        names = list(found)
        return {name: min(found[one] for one in names[: i + 1]) for i, name in enumerate(names)}

    def began(days: Days) -> np.ndarray:
        hand = reports.hand
        here = hand.inside(reports.period(days)) & np.isin(
            context.column("name")[hand.row], context.name_codes(Step.parse(steps[0]).event)
        )
        return np.unique(hand.visitor[here])

    fine: tuple[Side, Side] = (
        lambda days: per_visitor(reports.ask(Funnel, days, steps=steps).people("step=1;part=reached").labels),
        lambda days: per_visitor(began(days)),
    )
    return [
        Line(
            code="funnel_start", number=4, fine=fine, name=reports.handle, right=lambda days: one(len(began(days))),
            left=lambda days: one(next(iter(counts(days).values()))),
        ),
        Line(code="funnel_falls", number=4, left=counts, right=falling),
    ]  # fmt: skip


def _steps(reports: Reports) -> tuple[str, ...]:
    """The behaviour that stands most often in the store, then the order (or what comes next in number)."""
    context = reports.scope.context
    names = context.names()[0]
    counts = np.bincount(context.column("name")[reports.hand.row], minlength=len(names))
    ranked = [names[code] for code in np.argsort(-counts, kind="stable").tolist() if counts[code]]
    known = [name for name in dict.fromkeys(ranked) if name not in NO_BEHAVIOUR]
    if not known:
        return ()
    second = ORDER_COMPLETED if ORDER_COMPLETED in known[1:] else known[1] if len(known) > 1 else known[0]
    return Step(event=known[0]).text(), Step(event=second).text()
