"""A rule over one visitor's events as they happen: the same rule, the same answer as over the whole store at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afterclick.analyse.segments.following import Following, Missing
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.machines import NEVER, Lapsing, Machine
from afterclick.analyse.segments.state_machines import Setting, Stating, VisitorState
from afterclick.analyse.segments.tallies import Counting, Figuring
from afterclick.core import condition_tree as tree
from afterclick.core.errors import SpecError
from afterclick.core.rule import Rule
from afterclick.core.rule_terms import Count, Figure, Member, Reached, Sequence, Since, State, Term
from afterclick.core.said import Said


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
        Said("refusals.compares_others", term=term.text()), hint=Said("refusals.give_as_fact"), path="rule"
    )
