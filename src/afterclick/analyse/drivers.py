"""What goes with going on: behaviour seen soon after a step, of those who then took the next one and those who did not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, structs

from afterclick.analyse.attempts import attempts_of
from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.drivers_compare import SUPPORT, Compared, compare_behaviour, least_support
from afterclick.analyse.drivers_landmark import Landmark, landmark, worst_step
from afterclick.analyse.drivers_seen import MOST_VALUES
from afterclick.analyse.funnel import Funnel
from afterclick.analyse.funnel_fields import Clip, First, Hold, Ties, TieTolerance, Within, WithinFrom
from afterclick.analyse.question import Duration, SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core import spans
from afterclick.core.errors import SpecError
from afterclick.core.exclusion import Exclusion
from afterclick.core.moments import Share
from afterclick.core.result import Note, People, Result, Text
from afterclick.core.said import Said
from afterclick.core.step import Step


class Drivers(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs between those who went on to the next step and those who did not."""

    key_word = "drivers"

    steps: Annotated[
        tuple[str, ...],
        Meta(
            description="two or more steps in order, each Event or Event[condition]",
            examples=["Product Viewed", "Order Completed[revenue >= 20000]"],
            min_length=2,
        ),
    ]
    step: Annotated[
        int, Meta(description="the step behind which visitors go on or do not; 0 = where most are lost", ge=0)
    ] = 0
    observe: Annotated[
        Duration, Meta(description="what was seen so long after the step counts; who is decided by then is left out")
    ] = "30m"
    within: Within = "14d"
    within_from: WithinFrom = "first"
    entry: Annotated[
        Literal["best", "first"],
        Meta(description="the attempt that got to the step first, or only the visitor's first one"),
    ] = "best"
    without: Annotated[
        tuple[str, ...],
        Meta(
            description="events that end an attempt between two steps: Event[condition] 1..2 = after step 1, before step 2",
            examples=["Coupon Denied 2..3"],
        ),
    ] = ()
    ties: Ties = "either"
    tie_tolerance: TieTolerance = "0ms"
    hold: Hold = ()
    first: First = "any"
    clip: Clip = "none"
    top: Annotated[int, Meta(description="rows shown for going on, and as many against it", ge=1, le=1000)] = 10
    support: Annotated[
        int, Meta(description="visitors who must have seen a behaviour, and at least 2 % of those analysed", ge=1)
    ] = SUPPORT

    def check(self) -> None:
        """The steps must make a funnel, `step` be one of them but the last, and `observe` end inside the window."""
        super().check()
        self.funnel()
        if any(step.optional for step in map(Step.parse, self.steps)):
            raise SpecError(Said("refusals.nobody_has_to"), hint=Said("refusals.leave_out_optional"), path="steps")
        if self.step >= len(self.steps):
            raise SpecError(
                Said("refusals.nothing_follows", step=self.step, n=len(self.steps)),
                hint=Said("refusals.name_step", n=len(self.steps) - 1),
                path="step",
            )
        if spans.micros(self.observe) >= spans.micros(self.within):
            raise SpecError(
                Said("refusals.window_over", observe=self.observe, within=self.within),
                hint=Said("refusals.observe_shorter"),
                path="observe",
            )

    def funnel(self) -> Funnel:
        """The funnel whose step is explained."""
        shared = {field.name for field in Funnel.fields()} & {field.name for field in type(self).fields()}
        return Funnel(**{name: getattr(self, name) for name in shared})

    @classmethod
    def of(cls, funnel: Funnel, step: int = 0) -> Drivers:
        """The question why visitors of this funnel go on behind a listed step (0 = where most are lost) or do not.

        Optional steps are left out; half of a window under an hour is observed. Raises SpecError for a funnel that does
        not count visitors through steps in order.
        """
        asked, _ = funnel.filled()
        if (asked.order, asked.unit) != ("sequential", "visitors") or (
            asked.without and asked.without_ends == "visitor"
        ):
            raise SpecError(
                Said("refusals.only_ordered_funnel"),
                hint=Said("refusals.ask_ordered_funnel"),
                path="order",
            )
        shared = {field.name for field in Funnel.fields()} & {field.name for field in cls.fields()}
        values = {name: getattr(asked, name) for name in shared}
        places = [place for place, one in enumerate(asked.parsed(), 1) if not one.optional]
        values["steps"] = tuple(asked.steps[place - 1] for place in places)
        values["without"] = tuple(_renumbered(text, places) for text in asked.without)
        observe = min(spans.micros(asked.within) // 2, spans.micros("30m"))
        rank = sum(place <= step for place in places)
        return cls(**values, step=rank, observe=spans.duration_text(observe))

    def answer(self, context: Context) -> Result:
        """Compare those who went on with those who did not. Nothing is compared with another period."""
        scope = scope_of(context, structs.replace(self, compare="none"))
        chain = self.funnel().chain()
        step = self.step or worst_step(attempts_of(scope, chain, scope.period))
        mark = landmark(scope, chain, step, spans.micros(self.observe))
        compared = compare_behaviour(
            scope, mark.visitor, mark.since, mark.until, mark.went_on, rows=mark.rows, support=self.support
        )
        return _Reading(scope, self, step, mark, compared).result()


def _renumbered(text: str, places: list[int]) -> str:
    one = Exclusion.parse(text)
    return Exclusion(step=one.step, after=places.index(one.after) + 1, before=places.index(one.before) + 1).text()


class _Reading:
    def __init__(self, scope: Scope, drivers: Drivers, step: int, mark: Landmark, compared: Compared) -> None:
        self.scope, self.drivers, self.step, self.mark = scope, drivers, step, mark
        self.before, self.after = drivers.steps[step - 1], drivers.steps[step]
        self.observe = spans.micros(drivers.observe)
        self.compared = compared
        self.frame = compared.top(drivers.top)

    def result(self) -> Result:
        figures = self.figures()
        return Result(
            self.drivers, self.frame, sentence=self.sentence(), figures=figures, notes=self.notes(figures),
            about=self.scope.about(
                "visitors", within=self.drivers.within, observe=self.drivers.observe, visitors=figures["reached"]
            ),
            people=self.people(),
        )  # fmt: skip

    def figures(self) -> dict[str, Any]:
        analysed, went_on = len(self.mark.went_on), int(self.mark.went_on.sum())
        return {
            "step": self.step, "before": self.before, "after": self.after,
            "reached": analysed + len(self.mark.decided) + len(self.mark.open),
            "decided_earlier": len(self.mark.decided), "open": len(self.mark.open), "analysed": analysed,
            "went_on": went_on, "did_not": analysed - went_on, "went_on_rate": Share(went_on, analysed).rate,
            "support": least_support(analysed, self.drivers.support), "tested": self.compared.table.num_rows,
            "significant": sum(self.compared.table["significant"].to_pylist()), "skewed": self.compared.skewed,
        }  # fmt: skip

    def sentence(self) -> Text:
        params = {"before": self.before, "after": self.after, "observe": self.observe, "n": len(self.mark.went_on)}
        if not len(self.mark.went_on):
            return Text("sentence.drivers_empty", params)
        found = [row for row in self.compared.table.slice(0, 1).to_pylist() if row["significant"]]
        if not found:
            return Text("sentence.drivers_none", params)
        row = found[0]
        params |= {name: row[name] for name in ("behaviour", "with_rate", "without_rate", "times")}
        # Where nobody with it, or nobody without it, went on, "times as likely" says nothing.
        form = "_only" if row["times"] is None else "" if row["times"] else "_never"
        return Text(f"sentence.drivers{form}", params)

    def notes(self, figures: dict[str, Any]) -> tuple[Note, ...]:
        notes = [Note("drivers_no_cause")] if figures["significant"] else []
        if figures["skewed"]:
            notes.append(Note("drivers_skewed", {"went_on": figures["went_on"], "did_not": figures["did_not"]}))
        if figures["decided_earlier"]:
            params = {"count": figures["decided_earlier"], "observe": self.observe, "before": self.before}
            notes.append(Note("drivers_decided", params))
        if figures["open"]:
            notes.append(Note("drivers_open", {"count": figures["open"], "within": spans.micros(self.drivers.within)}))
        if figures["analysed"] and not figures["tested"]:
            counts = {name: figures[name] for name in ("support", "went_on", "did_not")}
            notes.append(Note("drivers_untested", counts))
        if self.compared.seen.left_out:
            notes.append(Note("drivers_left_out", {"fields": list(self.compared.seen.left_out), "most": MOST_VALUES}))
        return tuple(notes)

    def people(self) -> dict[str, Callable[[], People]]:
        visitor, went_on = self.mark.visitor, self.mark.went_on
        decided, still_open, everyone = self.mark.decided, self.mark.open, np.ones(len(visitor), bool)
        cells = {
            "part=decided_earlier": self._cell("decided_earlier", lambda: decided),
            "part=open": self._cell("open", lambda: still_open),
            "part=analysed": self._cell("analysed", lambda: visitor),
            "part=went_on": self._cell("went_on", lambda: visitor[went_on]),
            "part=did_not": self._cell("did_not", lambda: visitor[~went_on]),
        }

        def group(met: np.ndarray, some: np.ndarray) -> Callable[[], np.ndarray]:
            return lambda: visitor[met & some]

        for row, met in zip(self.frame.to_pylist(), self.compared.visitors_with(self.frame), strict=True):
            for part, some in (("n", everyone), ("went_on", went_on), ("did_not", ~went_on)):
                cell = f"type={row['type']};behaviour={row['behaviour']};part="
                cells[f"{cell}with_{part}"] = self._cell(f"with_{part}", group(met, some), row["behaviour"])
                cells[f"{cell}without_{part}"] = self._cell(f"without_{part}", group(~met, some), row["behaviour"])
        return cells

    def _cell(self, part: str, who: Callable[[], np.ndarray], behaviour: str = "") -> Callable[[], People]:
        params = {
            "before": self.before, "after": self.after, "observe": self.observe,
            "within": spans.micros(self.drivers.within), "behaviour": behaviour,
        }  # fmt: skip
        # Results are kept for long, so their cells hold the visitors and not the rows they were found in.
        scope = self.scope
        return lambda: people_of(scope, who(), Text(f"people.drivers_{part}", params))
