"""Funnels: who reached which step, how long it took, what it was worth, and who stands behind each number."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from afterclick.analyse import fields, funnel_presets
from afterclick.analyse.attempts import NO_WINDOW, Chain
from afterclick.analyse.context import Context
from afterclick.analyse.funnel_fields import Clip, First, Hold, Ties, TieTolerance, Within, WithinFrom
from afterclick.analyse.funnel_reading import read
from afterclick.analyse.kernels import funnel as kernels
from afterclick.analyse.kernels.funnel_attempt import ANY, SEQUENTIAL, STRICT
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import scope_of
from afterclick.core import spans
from afterclick.core.errors import SpecError
from afterclick.core.exclusion import Exclusion
from afterclick.core.result import Result
from afterclick.core.said import Said, Spoken
from afterclick.core.step import Step

_ORDERS = {"sequential": SEQUENTIAL, "strict": STRICT, "any": ANY}


class Funnel(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many visitors take each step in order, and where they leave."""

    key_word = "funnel"

    steps: Annotated[
        tuple[str, ...],
        Meta(
            description="two or more steps in order, each Event or Event[condition]; behind it ? = optional, ! = anchored",
            examples=["Product Viewed", "Order Completed[revenue >= 20000]", "Coupon Applied?"],
            min_length=2,
        ),
    ]
    order: Annotated[
        Literal["sequential", "strict", "any"],
        Meta(
            description="other events may lie between two steps; or none may (at a step's own instant is not between); "
            "or the steps come in any order, an anchored one after all listed before it"
        ),
    ] = "sequential"
    within: Within = "14d"
    within_from: WithinFrom = "first"
    unit: Annotated[
        str,
        Meta(
            description="count visitors once, each attempt that does not overlap, sessions that hold all steps, "
            "or the values of a property that all steps carry",
            pattern=r"^(visitors|attempts|sessions|key:.*[^\s].*)$",
            examples=["visitors", "attempts", "sessions", "key:basket_id"],
        ),
    ] = "visitors"
    entry: Annotated[
        Literal["best", "first"], Meta(description="the attempt that got furthest, or only the first one")
    ] = "best"
    without: Annotated[
        tuple[str, ...],
        Meta(
            description="events that must not lie between two steps: Event[condition] 1..2 = after step 1, before step 2",
            examples=["Coupon Denied 2..3", 'Payment Failed[code == "card"] 1..4'],
        ),
    ] = ()
    without_ends: Annotated[
        Literal["attempt", "visitor"],
        Meta(description="such an event ends the attempt, or takes the visitor out of the funnel altogether"),
    ] = "attempt"
    ties: Ties = "either"
    tie_tolerance: TieTolerance = "0ms"
    hold: Hold = ()
    first: First = "any"
    clip: Clip = "none"
    by: Annotated[str, Meta(description="field to break down by", examples=["device_type", "channel"])] = ""
    by_value: Annotated[
        str,
        Meta(
            description="the field's value at the first step, the last one reached, or step n; or each value by itself, "
            "with only the events that carry it",
            pattern=r"^(first|last|all|step:[1-9]\d{0,3})$",
            examples=["first", "last", "all", "step:2"],
        ),
    ] = "first"
    value: Annotated[str, Meta(description="money summed per step", examples=["amount", "price"])] = "amount"
    interval: Annotated[
        Literal["auto", "day", "week", "month"], Meta(description="what the conversion over time is cut into")
    ] = "auto"
    compat: Annotated[
        Literal["none", "posthog", "mixpanel", "amplitude"],
        Meta(description="count as another product does: fills the fields left at their default, and says which"),
    ] = "none"

    def check(self) -> None:
        """Steps and exclusions must be readable and fit together."""
        super().check()
        steps = [Step.parse(text) for text in self.steps]
        self._check_steps(steps)
        for one in (Exclusion.parse(text) for text in self.without):
            if one.before > len(steps) or steps[one.after - 1].optional or steps[one.before - 1].optional:
                raise _wrong(
                    "without",
                    Said("refusals.without_missing_step", one=one.text()),
                    Said("refusals.name_required_steps"),
                )
            if self.order == "any" and (one.after, one.before) != (1, len(steps)):
                whole = f"write 1..{len(steps)}"
                raise _wrong("without", Said("refusals.any_order_no_before"), whole)
        number = self.by_value.partition(":")[2]
        if number and int(number) > len(steps):
            raise _wrong(
                "by_value",
                Said("refusals.no_step_number", number=number),
                Said("refusals.funnel_has", n=len(steps)),
            )
        if self.by_value == "all" and self.by and self.unit not in ("visitors", "attempts"):
            raise _wrong("by_value", Said("refusals.by_value_cannot", unit=self.unit), Said("refusals.count_visitors"))
        for name in self.hold:
            if name.removeprefix("properties.") in fields.AMOUNTS:
                raise _wrong("hold", Said("refusals.is_amount", name=name), Said("refusals.hold_text"))

    def _check_steps(self, steps: list[Step]) -> None:
        if steps[0].optional or steps[-1].optional:
            raise _wrong("steps", Said("refusals.ends_not_optional"), Said("refusals.leave_out_question"))
        if self.order == "any":
            if any(step.optional for step in steps):
                raise _wrong("steps", Said("refusals.optional_between"), Said("refusals.leave_out_or_any"))
            if self.first != "any":
                raise _wrong(
                    "first", Said("refusals.any_begins_anywhere"), Said("refusals.leave_out_first")
                )
        elif any(step.anchored for step in steps):
            raise _wrong(
                "steps", Said("refusals.anchor_where_free"), Said("refusals.leave_out_anchor")
            )

    def parsed(self) -> tuple[Step, ...]:
        """The steps as values."""
        return tuple(Step.parse(text) for text in self.steps)

    def filled(self) -> tuple[Funnel, dict[str, str]]:
        """The question with its preset's values in the fields left at their default, and what was filled."""
        found = funnel_presets.filling(self.compat, self.changed())
        values: dict[str, Any] = {**found, "compat": "none"}
        return msgspec.structs.replace(self, **values), found

    @property
    def windowed(self) -> bool:
        """Is there a window? A session needs none unless one is given."""
        return self.unit != "sessions" or "within" in self.changed()

    def chain(self) -> Chain:
        """What an attempt is, as plain values, with the preset's."""
        asked, _ = self.filled()
        strict = asked.ties == "strict"
        entry = kernels.FIRST if asked.entry == "first" else kernels.BEST
        sliced = "session" if asked.unit == "sessions" else asked.unit if asked.unit.startswith("key:") else ""
        return Chain(
            steps=asked.parsed(),
            within=spans.micros(asked.within) if asked.windowed else NO_WINDOW,
            from_previous=asked.within_from == "previous",
            strict=strict,
            tolerance=0 if strict else spans.micros(asked.tie_tolerance),
            entry=kernels.ATTEMPTS if asked.unit == "attempts" else entry,
            clipped=asked.clip == "range",
            order=_ORDERS[asked.order],
            without=tuple(Exclusion.parse(text) for text in asked.without),
            drop=bool(asked.without) and asked.without_ends == "visitor",
            hold=asked.hold,
            first=asked.first,
            sliced=sliced,
        )

    def answer(self, context: Context) -> Result:
        """Run the funnel."""
        return read(scope_of(context, self), self)


def _wrong(path: str, message: Spoken, hint: Spoken) -> SpecError:
    return SpecError(message, hint=hint, path=path)
