"""A rule over one visitor's events as they happen: the same rule, the same answer as over the whole store at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from afterclick.analyse.segments.following import Following, Missing
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.machines import NEVER, Lapsing, Machine
from afterclick.analyse.segments.state_machines import Setting, Stating, VisitorState
from afterclick.analyse.segments.tallies import Counting, Figuring
from afterclick.core import condition_tree as tree
from afterclick.core import spans
from afterclick.core.errors import SpecError
from afterclick.core.rule import Rule
from afterclick.core.rule_terms import Count, Figure, Member, Reached, Sequence, Since, State, Term


class Fired(NamedTuple):
    """A rule that has come true: when, and what its terms were then."""

    at: int
    values: Mapping[str, Any]


class Stream:
    """The state of a rule for one visitor. Feed it events in (instant, event id) order; ask it at any later instant.

    `facts` are the values of terms that no single visitor's events can tell: scores beside all buyers (`rfm.*`) and lists
    (`member`). Raises SpecError for such a term without one.
    """

    def __init__(self, rule: Rule, setting: Setting | None = None, facts: Mapping[str, Any] | None = None) -> None:
        self.rule = rule
        self.state = VisitorState(setting or Setting())
        self.facts = dict(facts or {})
        self.at = -NEVER
        self._machines = {
            text: self._machine(term, _spans(rule, text)) for text, term in rule.terms.items() if text not in self.facts
        }

    def _machine(self, term: Term, compared: tuple[int, ...]) -> Machine | Stating:
        match term:
            case Count():
                return Counting(term)
            case Figure():
                return Figuring(term)
            case Since():
                return Lapsing(term, compared)
            case Sequence(absent=True):
                return Missing(term)
            case Sequence() | Reached():
                return Following(term)
            case Member():
                raise _needs_fact(term)
            case State(field) if field.startswith("rfm."):
                raise _needs_fact(term)
            case _:
                return Stating(term, self.state, compared)

    def add(self, one: Happening) -> None:
        """The next event."""
        self.at = one.at
        self.state.add(one)
        for machine in self._machines.values():
            machine.add(one)

    def values(self, at: int) -> dict[str, Any]:
        """The value of each term at an instant not before the last event."""
        return {text: machine.value(at) for text, machine in self._machines.items()} | self.facts

    def holds(self, at: int) -> bool:
        """Whether the rule holds then; a visitor without any behaviour is in no segment."""
        return self.state.visits.sessions > 0 and self.rule.holds(self.values(at))

    def turn(self, at: int) -> int:
        """The next instant after `at` at which the rule may change though nothing happens, NEVER (2**62) if it cannot."""
        return min((machine.turn(at) for machine in self._machines.values()), default=NEVER)


class Trigger:
    """Fires when a rule becomes true, at most once per `once`: session, visitor, ever, or a span such as `7d`.

    `visitor` and `ever` are the same for one visitor's events; `ever` is kept when visitors are parted again.
    """

    def __init__(self, stream: Stream, once: str = "session") -> None:
        self.stream = stream
        self.once = once
        self._every = 0 if once in ("session", "visitor", "ever") else spans.micros(once)
        self._held = False
        self._last: tuple[int, int] | None = None

    def add(self, one: Happening) -> Fired | None:
        """The next event: what it fires, if anything."""
        self.stream.add(one)
        return self.tick(one.at)

    def tick(self, at: int) -> Fired | None:
        """Time has come to `at` and nothing has happened since the last event: what that fires, if anything."""
        held, self._held = self._held, self.stream.holds(at)
        if held or not self._held or not self._may(at):
            return None
        self._last = at, self.stream.state.visits.sessions
        return Fired(at, self.stream.values(at))

    def _may(self, at: int) -> bool:
        if self._last is None:
            return True
        if self._every:
            return at - self._last[0] >= self._every
        return self.once == "session" and self.stream.state.visits.sessions != self._last[1]


def _spans(rule: Rule, text: str) -> tuple[int, ...]:
    """The spans a term is compared with."""
    found: list[int] = []
    for leaf in tree.leaves(rule.root):
        if leaf.field == text and isinstance(leaf, tree.Compare | tree.In):
            values = leaf.values if isinstance(leaf, tree.In) else (leaf.value,)
            found += [int(value.value) for value in values if isinstance(value, tree.Number)]
    return tuple(found)


def _needs_fact(term: Term) -> SpecError:
    return SpecError(
        f"{term.text()} compares with other visitors", hint="give its value as a fact, from the last batch", path="rule"
    )
