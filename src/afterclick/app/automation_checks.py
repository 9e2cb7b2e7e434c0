"""What speaks against the rules and journeys of a store, in words, before any of them is switched on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from afterclick.act.journeys.checking import check_journey
from afterclick.act.templates import check_words
from afterclick.analyse import fields
from afterclick.core import i18n
from afterclick.decide.rules.checking import check_rules
from afterclick.decide.rules.problem import Problem
from afterclick.store.automations import LiveRule, Words, nodes

if TYPE_CHECKING:
    from afterclick.app.workspace import Workspace

__all__ = ["Problem", "checked", "say"]


def say(problem: Problem, lang: str) -> str:
    """The problem as a sentence."""
    return i18n.text(lang, problem.message_id, **problem.params)


def checked(shop: Workspace) -> Mapping[tuple[str, str], list[Problem]]:
    """The problems of each rule and journey by (kind, name); fields and events are those the store has seen, if any."""
    definitions = shop.store.definitions
    context = shop.context()
    seen = context.snapshot.rows > 0
    known = fields.known_fields(context) if seen else None
    events = {name for names in context.names() for name in names} if seen else None
    found: dict[tuple[str, str], list[Problem]] = {}
    for problem in check_rules(definitions.rules, definitions.journeys, definitions, known, events):
        found.setdefault(("rule", problem.rule), []).append(problem)
    for rule in definitions.rules:
        for path, words in _shown(rule):
            found.setdefault(("rule", rule.name), []).extend(check_words(words, path))
    for journey in definitions.journeys:
        found.setdefault(("journey", journey.name), []).extend(check_journey(journey, definitions, known, events))
        for place, node in nodes(journey.steps):
            if node.send is not None:
                words = (*node.send.words, *(node.send.show.words if node.send.show else ()))
                found.setdefault(("journey", journey.name), []).extend(check_words(words, f"steps.{place}"))
    return {key: problems for key, problems in found.items() if problems}


def _shown(rule: LiveRule) -> Iterator[tuple[str, tuple[Words, ...]]]:
    """What a rule shows, each version with its path."""
    if rule.show is not None:
        yield "show", rule.show.words
    for i, arm in enumerate(rule.arms):
        if arm.show is not None:
            yield f"arms.{i}", arm.show.words
