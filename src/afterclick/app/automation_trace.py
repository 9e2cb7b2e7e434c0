"""One visitor followed through the rules that are on: which part of each condition holds now, and how far the others are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from afterclick.analyse.handles import find
from afterclick.analyse.question import Question
from afterclick.analyse.scope import scope_of
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.members import plain_scope
from afterclick.analyse.segments.replay import happenings, setting_of
from afterclick.analyse.segments.stream import Stream
from afterclick.core import clock, names, rule_words
from afterclick.core import condition_tree as tree
from afterclick.core import rule as rules
from afterclick.core.condition import Condition
from afterclick.core.errors import SpecError
from afterclick.core.rule import Rule
from afterclick.core.said import Said
from afterclick.store.automations import LiveRule

if TYPE_CHECKING:
    from afterclick.app.workspace import Workspace

MOST: Final = 50
"""Rules that are followed at once: those nearest to firing."""
_COUNTED: Final = (">=", ">", "==")


class Part(NamedTuple):
    """A part of a condition: in words, whether it holds, and how far it is (`3 of 4`) where it counts something."""

    words: str
    holds: bool
    now: Any = None
    wanted: Any = None


class Traced(NamedTuple):
    """A rule beside one visitor; it holds where every part does. `last_at` (µs UTC) is when the log last says that it did
    something for the visitor, or was held back (`held_back`); None where it never did."""

    rule: LiveRule
    holds: bool
    parts: tuple[Part, ...]
    last_at: int | None = None
    held_back: bool = False

    @property
    def share(self) -> float:
        """How much of the condition holds, 0..1."""
        return sum(part.holds for part in self.parts) / max(1, len(self.parts))


def trace(shop: Workspace, visitor: str, lang: str = "en") -> list[Traced]:
    """The rules that are on beside a visitor (an id or e-mail as it was sent) as they stand now, nearest to firing first.

    The visitor's events are folded by the machines that live rules run. Raises SpecError where no visitor has the id.
    """
    context = shop.context()
    scope = plain_scope(scope_of(context, Question(compare="none", range="all")))
    known = [one for hit in find(context, scope.labels, visitor) for one in hit.visitors]
    if not known:
        raise SpecError(
            Said("refusals.no_visitor", visitor=visitor[:80]),
            hint=Said("refusals.write_id_or_email"),
            path="who",
        )
    label = int(known[0])
    done = happenings(scope, np.array([label]))[label]
    at = max([clock.now(), *(one.at for one in done[-1:])])
    setting, found = setting_of(scope), []
    for each in shop.automations.rules.values():
        if each.state != "on":
            continue
        try:
            stream = Stream(rules.parse(each.when), setting)
        except SpecError:
            continue
        for one in done:
            stream.add(one)
        parts = parts_of(stream.rule, stream.values(at), lang)
        found.append(Traced(each, stream.holds(at), parts, *_last(each.name, done)))
    return sorted(found, key=lambda one: (-one.holds, -one.share, one.rule.name))[:MOST]


def _last(name: str, done: Sequence[Happening]) -> tuple[int | None, bool]:
    """When the events of a visitor last tell of a rule, and whether it was held back then."""
    said = [one for one in done if one.value("rule") == name and names.EXPERIMENT_VIEWED not in one.names]
    return (said[-1].at, names.MESSAGE_SUPPRESSED in said[-1].names) if said else (None, False)


def parts_of(rule: Rule, values: Mapping[str, Any], lang: str) -> tuple[Part, ...]:
    """What a condition asks, part by part, beside the values its terms have now."""
    parts = rule.root.parts if isinstance(rule.root, tree.AllOf) else (rule.root,)
    return tuple(_part(part, rule, values, lang) for part in parts)


def _part(node: tree.Node, rule: Rule, values: Mapping[str, Any], lang: str) -> Part:
    said = rule_words.rule_words(node, rule.terms, lang)
    holds = Condition(node).matches(values)
    if isinstance(node, tree.Compare) and node.op in _COUNTED and isinstance(node.value, tree.Number):
        now = values.get(node.field)
        plain = isinstance(now, int | float | Decimal) and not isinstance(now, bool)
        if plain and rule.terms[node.field].kind != "span":
            return Part(said, holds, now, node.value.value)
    return Part(said, holds)
