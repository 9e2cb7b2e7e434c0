"""Rules that make events which, over other rules or their own conditions, make them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from afterclick.core import condition_tree as tree
from afterclick.core import names
from afterclick.core.rule import Rule
from afterclick.core.rule_terms import steps_of
from afterclick.core.step import ANY_EVENT
from afterclick.store.automations import LiveRule

_HOLDOUT: Final = (names.EXPERIMENT_VIEWED, names.MESSAGE_SUPPRESSED)


def loops(rules: Sequence[LiveRule], parsed: Mapping[str, Rule]) -> list[list[str]]:
    """The circles among rules that make events, each as the names of its rules, ascending; `parsed` are conditions by name.

    A rule hears an event that it names in `on`, or without `on` in any of its terms; "*" hears every event.
    """
    makers = [rule for rule in rules if rule.name in parsed and (rule.emit or rule.holdout_rate)]
    hearers: dict[str, list[str]] = {}
    for rule in makers:
        for name in heard(rule, parsed[rule.name]):
            hearers.setdefault(name, []).append(rule.name)
    after = {rule.name: [one for name in _made(rule) for one in hearers.get(name, ())] for rule in makers}
    return sorted(
        sorted(circle) for circle in _components(after) if len(circle) > 1 or circle[0] in after[circle[0]]
    )


def _made(rule: LiveRule) -> tuple[str, ...]:
    """The names under which its events are heard; what tells of a hold-out is nobody's behaviour."""
    return (*((rule.emit, ANY_EVENT) if rule.emit else ()), *(_HOLDOUT if rule.holdout_rate else ()))


def heard(rule: LiveRule, parsed: Rule) -> frozenset[str]:
    """The event names that may make a rule fire."""
    if rule.on:
        return frozenset(rule.on)
    asked = {leaf.field for leaf in tree.leaves(parsed.root)}
    return frozenset(step.event for text, term in parsed.terms.items() if text in asked for step in steps_of(term))


def _components(after: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Strongly connected components (Kosaraju, without recursion)."""
    order: list[str] = []
    seen: set[str] = set()
    for begin in after:
        _walk(begin, after, seen, order)
    before: dict[str, list[str]] = {name: [] for name in after}
    for name, others in after.items():
        for other in others:
            before[other].append(name)
    seen, found = set(), []
    for begin in reversed(order):
        if begin not in seen:
            component: list[str] = []
            _walk(begin, before, seen, component)
            found.append(component)
    return found


def _walk(begin: str, after: Mapping[str, Sequence[str]], seen: set[str], left: list[str]) -> None:
    """Everything not seen that can be reached, in the order in which it is left."""
    if begin in seen:
        return
    seen.add(begin)
    path = [(begin, iter(after[begin]))]
    while path:
        name, others = path[-1]
        other = next((one for one in others if one not in seen), None)
        if other is None:
            path.pop()
            left.append(name)
        else:
            seen.add(other)
            path.append((other, iter(after[other])))
