"""What rules ask of a visitor: each distinct term once, with all that any rule compares it with, and so its bounds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property, partial
from typing import Any, Final, Literal

from afterclick.analyse.segments.following import Following, Missing
from afterclick.analyse.segments.machines import Lapsing, Machine, passing
from afterclick.analyse.segments.sliding import Sliding
from afterclick.analyse.segments.state_machines import READ, VisitorState, read_state, turn_of_state
from afterclick.analyse.segments.tallies import Counting, Figuring
from afterclick.core import condition_tree as tree
from afterclick.core.errors import SpecError
from afterclick.core.rule_terms import (
    TOUCH,
    Count,
    Figure,
    Member,
    Reached,
    Sequence,
    Since,
    SinceInstant,
    State,
    Term,
    Trait,
    Was,
    steps_of,
)
from afterclick.core.said import Said
from afterclick.core.step import Step

MOST_COUNTED: Final = 1_000
"""Events in a sliding span that a live rule can count."""

KEY_BYTES: Final = 6

Direction = Literal["no", "falls", "rises", "turns"]
"""How a value moves by time alone; what has `turns` may do anything."""

Family = Literal["machine", "visit", "touch", "basket", "trait"]


class Asked:
    """One term. `number` is its place in the book, `spans` and `drops` are what its value is compared with.

    Raises SpecError for a term that no visitor's events can tell, or that no bounded state can.
    """

    def __init__(self, number: int, text: str, term: Term, leaves: Iterable[tree.Leaf]) -> None:
        _refuse_facts(term)
        literals = [literal for leaf in leaves for literal in _literals(leaf)]
        self.number = number
        self.text = text
        self.term = term
        self.spans = tuple(sorted({int(literal) for _, literal in literals}))
        self.drops = tuple(sorted({drop for op, literal in literals for drop in _drops(op, literal)}))
        self.most = max(self.drops, default=1)
        if isinstance(term, Count) and term.within and self.most > MOST_COUNTED:
            raise SpecError(
                Said("refusals.compared_with", text=text, n=self.most - 1),
                hint=Said("refusals.counts_at_most", most_counted=MOST_COUNTED),
                path="when",
                code="counts_too_far",
            )
        self.steps: tuple[Step, ...] = steps_of(term)
        self.window = _window(term)
        """The span (µs) of a plain window, in which every event of one name counts whatever it says; 0 for all others."""
        self.read = _reader(term)
        """The value of a term of the state at an instant."""
        self.turn = _turner(term, self.spans) if self.direction != "no" and not self.steps else None
        """When time alone changes it next, for a term of the state that time changes."""

    @cached_property
    def signature(self) -> str:
        """The text, and the bound where what is kept depends on it: equal signatures keep equal states."""
        bounded = isinstance(self.term, Count) and self.term.within
        return f"{self.text} #{self.most}" if bounded else self.text

    @cached_property
    def key(self) -> bytes:
        """A short name of the signature, the same in every book."""
        return short(self.signature)

    @property
    def family(self) -> Family:
        """What feeds it: a machine of its own, or a part of the visitor's state."""
        if self.steps:
            return "machine"
        if isinstance(self.term, Trait | Was):
            return "trait"
        field = self.term.field if isinstance(self.term, State | SinceInstant) else ""
        root, _, name = field.partition(".")
        if root != "visitor" and name in TOUCH:
            return "touch"
        return "basket" if root == "basket" else "visit"

    @property
    def direction(self) -> Direction:
        """How time alone moves the value."""
        match self.term:
            case Count(within=within):
                return "falls" if within else "no"
            case Figure(within=within):
                return "turns" if within else "no"
            case Since():
                return "rises"
            case SinceInstant(field):
                return "turns" if field == "basket.abandoned_at" else "rises"
            case Sequence(absent=absent, recent=recent):
                return ("turns" if recent else "rises") if absent else "falls" if recent else "no"
            case State(field):
                return "turns" if field == "basket.abandoned_at" else "no"
            case Was():
                return "falls"
            case _:
                return "no"

    def machine(self) -> Machine:
        """A fresh machine of this term, bounded."""
        match self.term:
            case Count(within=within, same=same) if within and not same:
                return Sliding(self.term, self.drops, self.most)
            case Count():
                return Counting(self.term, self.drops, self.most)
            case Figure():
                return Figuring(self.term, 1)
            case Since():
                return Lapsing(self.term, self.spans)
            case Sequence(absent=True):
                return Missing(self.term, 1)
            case Sequence() | Reached():
                return Following(self.term, 1)
            case _:
                raise AssertionError(f"{self.text} needs no machine")

    def blank(self, state: VisitorState) -> Any:
        """The value for a visitor who has done nothing."""
        return self.machine().value(0) if self.steps else self.read(state, 0)


def _window(term: Term) -> int:
    if isinstance(term, Count) and term.within and not term.same and term.step.condition is None:
        return term.within
    return 0


def _reader(term: Term) -> Callable[[VisitorState, int], Any]:
    if isinstance(term, State):
        return READ[term.field]
    if isinstance(term, SinceInstant):
        read = READ[term.field]
        return lambda state, at: None if (since := read(state, at)) is None else at - since
    if isinstance(term, Trait | Was):
        return partial(read_state, term)
    return _no_state


def _turner(term: Term, compared: tuple[int, ...]) -> Callable[[VisitorState, int], int]:
    if isinstance(term, SinceInstant) and term.field != "basket.abandoned_at":
        read = READ[term.field]
        return lambda state, at: passing(read(state, at), compared, at)
    assert isinstance(term, State | SinceInstant | Was)
    return lambda state, at: turn_of_state(term, state, compared, at)


def _no_state(_state: VisitorState, _at: int) -> Any:
    raise AssertionError("a term of events is read from its machine")


def short(text: str) -> bytes:
    """Six bytes of SHA-256: short enough to be kept per visitor; two of 10,000 texts are equal once in five million books."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:KEY_BYTES]


def _literals(leaf: tree.Leaf) -> list[tuple[str, Decimal]]:
    match leaf:
        case tree.Compare(op=op, value=tree.Number(number)):
            return [(op, number)]
        case tree.In(values=values):
            return [("==", value.value) for value in values if isinstance(value, tree.Number)]
        case _:
            return []


def _drops(op: str, literal: Decimal) -> set[int]:
    """The counts from which one less makes a difference to this comparison."""
    if not -1 < literal < 10**9:
        return set()
    at_least = int(literal.to_integral_value(ROUND_CEILING))
    over = int(literal.to_integral_value(ROUND_FLOOR)) + 1
    found = {">=": {at_least}, "<": {at_least}, ">": {over}, "<=": {over}}.get(op, {at_least, over})
    return {drop for drop in found if drop > 0}


def _refuse_facts(term: Term) -> None:
    if isinstance(term, Member) or (isinstance(term, State) and term.field.startswith("rfm.")):
        raise SpecError(
            Said("refusals.needs_others", term=term.text()),
            hint=Said("refusals.needs_others_hint"),
            path="when",
            code="needs_others",
        )

