"""What a rule may ask of a visitor: a closed list of terms, each a value at an instant, read from the events up to it."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import msgspec

from afterclick.core import condition_tree as tree
from afterclick.core import spans
from afterclick.core.condition_tree import Leaf
from afterclick.core.step import Step

Kind = Literal["number", "money", "span", "text", "flag", "instant", "any"]
"""What a term's value is; `any` is what the data make of it, a text or a number."""

Which = Literal["sum", "min", "max", "first", "last"]
WHICH: Final[tuple[Which, ...]] = ("sum", "min", "max", "first", "last")

TOUCH: Final[dict[str, Kind]] = {
    "channel": "text", "source": "text", "medium": "text", "campaign": "text", "term": "text", "content": "text",
    "network": "text", "paid": "flag", "portal": "flag",
}  # fmt: skip

STATE: Final[dict[str, Kind]] = {
    "visitor.sessions": "number", "visitor.pages": "number", "visitor.events": "number", "visitor.orders": "number",
    "visitor.revenue": "money", "visitor.known": "flag", "visitor.stage": "text",
    "visitor.first_seen_at": "instant", "visitor.last_seen_at": "instant", "visitor.last_order_at": "instant",
    "session.pages": "number", "session.events": "number", "session.orders": "number", "session.length": "span",
    **{f"session.{name}": kind for name, kind in TOUCH.items()},
    **{f"first_touch.{name}": kind for name, kind in TOUCH.items()},
    **{f"last_touch.{name}": kind for name, kind in TOUCH.items()},
    "basket.value": "money", "basket.units": "number", "basket.lines": "number",
    "basket.changed_at": "instant", "basket.abandoned_at": "instant",
    "rfm.recency": "number", "rfm.frequency": "number", "rfm.money": "number", "rfm.name": "text",
}  # fmt: skip
"""What is known of a visitor without naming an event. `session` is the last visit so far, `rfm` compares with all buyers."""

LATER: Final = ("score", "arm")
"""Roots whose fields are reserved: scores of models and arms of experiments are not there yet."""

TRAIT: Final = "trait"

ABANDONED_AFTER: Final = spans.HOUR
"""A basket is abandoned when it has stood unchanged, without an order, for this long."""


class Count(msgspec.Struct, frozen=True):
    """How many such events there were, within the last `within` µs (0 = ever).

    With `same` the largest number of them that share one value of this field.
    """

    step: Step
    within: int = 0
    same: str = ""

    kind: ClassVar[Kind] = "number"

    def text(self) -> str:
        """As it is written."""
        same = f" same {tree.field_text(self.same)}" if self.same else ""
        return f"count({step_text(self.step)}{same}{_span(self.within)})"


class Figure(msgspec.Struct, frozen=True):
    """The sum, smallest, largest, first or last value of a field of such events, within the last `within` µs (0 = ever).

    A sum over no event is 0; the others are missing then.
    """

    which: Which
    step: Step
    field: str
    within: int = 0

    @property
    def kind(self) -> Kind:
        """Sums, smallest and largest are numbers (amounts in major units), first and last what the field is."""
        return "number" if self.which in ("sum", "min", "max") else "any"

    def text(self) -> str:
        """As it is written."""
        return f"{self.which}({step_text(self.step)}, {tree.field_text(self.field)}{_span(self.within)})"


class Since(msgspec.Struct, frozen=True):
    """How long ago the last such event was; missing where there was none."""

    step: Step

    kind: ClassVar[Kind] = "span"

    def text(self) -> str:
        """As it is written."""
        return f"since({step_text(self.step)})"


class SinceInstant(msgspec.Struct, frozen=True):
    """How long ago an instant of the visitor's state was; missing where there is none."""

    field: str

    kind: ClassVar[Kind] = "span"

    def text(self) -> str:
        """As it is written."""
        return f"since({self.field})"


class Sequence(msgspec.Struct, frozen=True):
    """Whether such events followed each other, the last at most `within` µs after the first (0 = any time).

    `absent`: the last step is one that must *not* follow the first within the span, which must be over. `recent` > 0: the
    first lies in the last `recent` µs. `same`: all carry one value of this field. "Follows" is (instant, event id) order.
    """

    steps: tuple[Step, ...]
    within: int = 0
    absent: bool = False
    same: str = ""
    recent: int = 0

    kind: ClassVar[Kind] = "flag"

    def text(self) -> str:
        """As it is written."""
        return f"sequence({_chain(self.steps, self.within, self.same, absent=self.absent)}{_span(self.recent)})"


class Reached(msgspec.Struct, frozen=True):
    """How many steps of a funnel the visitor's best attempt has taken, in order, within the span of its first step."""

    steps: tuple[Step, ...]
    within: int = 0
    same: str = ""

    kind: ClassVar[Kind] = "number"

    def text(self) -> str:
        """As it is written."""
        return f"reached({_chain(self.steps, self.within, self.same)})"


class State(msgspec.Struct, frozen=True):
    """A field of `STATE`."""

    field: str

    @property
    def kind(self) -> Kind:
        """What it is."""
        return STATE[self.field]

    def text(self) -> str:
        """As it is written."""
        return self.field


class Trait(msgspec.Struct, frozen=True):
    """The latest value of a trait: a property of the visitor's `Identified` events."""

    name: str

    kind: ClassVar[Kind] = "any"

    def text(self) -> str:
        """As it is written."""
        return tree.field_text(f"{TRAIT}.{self.name}")


class Was(msgspec.Struct, frozen=True):
    """Whether a trait met a condition at any moment of the last `within` µs, the value it came in with included."""

    trait: str
    leaf: Leaf
    within: int

    kind: ClassVar[Kind] = "flag"

    def text(self) -> str:
        """As it is written."""
        return f"was({tree.node_text(self.leaf, str)}{_span(self.within)})"


class Member(msgspec.Struct, frozen=True):
    """Whether the visitor stands in a list that was taken of a segment on a day."""

    name: str

    kind: ClassVar[Kind] = "flag"

    def text(self) -> str:
        """As it is written."""
        return f"member({tree.quoted(self.name)})"


Term = Count | Figure | Since | SinceInstant | Sequence | Reached | State | Trait | Was | Member


def steps_of(term: Term) -> tuple[Step, ...]:
    """The events a term asks for."""
    match term:
        case Count() | Figure() | Since():
            return (term.step,)
        case Sequence() | Reached():
            return term.steps
        case _:
            return ()


def step_text(step: Step) -> str:
    """`"Product Viewed"[price >= 20000]`."""
    return tree.quoted(step.event) + (f"[{step.condition.text()}]" if step.condition else "")


def _chain(steps: tuple[Step, ...], within: int, same: str, *, absent: bool = False) -> str:
    texts = [step_text(step) for step in steps]
    if absent:
        texts[-1] = f"not {texts[-1]}"
    span = f" within {spans.duration_text(within)}" if within else ""
    return " then ".join(texts) + span + (f" same {tree.field_text(same)}" if same else "")


def _span(span: int) -> str:
    return f", {spans.duration_text(span)}" if span else ""
