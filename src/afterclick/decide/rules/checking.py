"""What is wrong with rules before they are on: said in words, beside the field it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.stream import Stream
from afterclick.core import condition_tree as tree
from afterclick.core import names
from afterclick.core import rule as rules_of_text
from afterclick.core.errors import SpecError, nearest
from afterclick.core.rule import Rule
from afterclick.core.rule_terms import Count, Figure, Reached, Term, steps_of
from afterclick.core.rule_terms import Sequence as Chain
from afterclick.core.step import ANY_EVENT
from afterclick.decide.rules.asked import Asked
from afterclick.decide.rules.loops import loops
from afterclick.decide.rules.never import never
from afterclick.decide.rules.problem import Level, Problem
from afterclick.stitch.stages import stages_of
from afterclick.store.automations import Journey, LiveRule
from afterclick.store.columns import Flag
from afterclick.store.definitions import Definitions

MOST_PARTS: Final = 64
"""Parts of a condition: comparisons, and what joins them, those of events included."""

_PAGE: Final = int(Flag.PAGE | Flag.CONTEXT | Flag.QUALIFYING)
_COUNTED: Final = frozenset({names.ORDER_COMPLETED, names.ORDER_REFUNDED, *names.SYSTEM_EVENTS})
"""What a rule must not make: it is counted as money, or as the life of a message or a person."""


def check_rules(
    rules: Sequence[LiveRule],
    journeys: Sequence[Journey],
    definitions: Definitions,
    known_fields: Collection[str] | None = None,
    known_events: Collection[str] | None = None,
) -> list[Problem]:
    """Problems of each rule, in the order of the rules. None of `known_fields` or `known_events`: nothing is known yet.

    Errors: a condition that cannot be read, is too long, asks of other visitors, or can never hold; a journey that is not
    there; an event that must not be made; rules that make one another's events without end. Warnings: events and fields
    the store has not seen; a rule that holds for everybody at their first event; a journey that is not on.
    """
    known = _Known(rules, journeys, definitions, known_fields, known_events)
    found: list[Problem] = []
    parsed: dict[str, Rule] = {}
    for rule in rules:
        read = _parsed(rule)
        if isinstance(read, Problem):
            found.append(read)
        else:
            parsed[rule.name] = read
            found += _of_condition(rule, read, known)
        found += _of_actions(rule, known)
    found += _of_circles(rules, parsed)
    places = {rule.name: place for place, rule in enumerate(rules)}
    return sorted(found, key=lambda problem: places[problem.rule])


class _Known:
    """What there is: journeys, events, fields."""

    def __init__(
        self, rules: Sequence[LiveRule], journeys: Sequence[Journey], definitions: Definitions,
        known_fields: Collection[str] | None, known_events: Collection[str] | None,
    ) -> None:  # fmt: skip
        self.journeys = {journey.name: journey for journey in journeys}
        self.stages = [stage.name for stage in stages_of(definitions)]
        self.fields = None if known_fields is None else {name.removeprefix("properties.") for name in known_fields}
        made = {rule.emit for rule in rules if rule.emit}
        self.events = None if known_events is None else {*known_events, *made, *_PAGE_SCRIPT, ANY_EVENT}


_PAGE_SCRIPT: Final = frozenset({*names.SYSTEM_EVENTS, *names.PASSIVE_EVENTS, *names.PAGE_EVENTS, "Exit Intent", "Copied"})
"""Events that come without anybody having to send them first."""


def _parsed(rule: LiveRule) -> Rule | Problem:
    try:
        read = _read(rule.when)
    except SpecError as error:
        return _problem("error", rule, "when", "cannot_read", message=error.said, hint=error.advice or "")
    parts = _parts(read.root) + sum(
        _parts(step.condition.root) for term in read.terms.values() for step in steps_of(term) if step.condition
    )
    if parts > MOST_PARTS:
        return _problem("error", rule, "when", "too_many_parts", parts=parts, most=MOST_PARTS)
    return read


@lru_cache(maxsize=20_000)
def _read(text: str) -> Rule:
    read = rules_of_text.parse(text, path="when")
    for term_text, term in read.terms.items():
        Asked(0, term_text, term, [leaf for leaf in tree.leaves(read.root) if leaf.field == term_text])
    return read


def _parts(node: tree.Node) -> int:
    match node:
        case tree.AllOf(parts) | tree.AnyOf(parts):
            return 1 + sum(_parts(part) for part in parts)
        case tree.Not(part):
            return 1 + _parts(part)
        case _:
            return 1


def _of_condition(rule: LiveRule, read: Rule, known: _Known) -> Iterator[Problem]:
    if never(read):
        yield _problem("error", rule, "when", "never")
    elif _everybody(rule, read):
        yield _problem("warning", rule, "when", "everybody")
    for term in read.terms.values():
        for step in steps_of(term):
            yield from _of_event(rule, "when", step.event, known)
        for field in sorted(_fields_of(term)):
            if known.fields is not None and field.removeprefix("properties.") not in known.fields:
                hint = nearest(field.removeprefix("properties."), known.fields) or ""
                yield _problem("warning", rule, "when", "unknown_field", field=field, hint=hint)
    for stage in _stages_of(read):
        if stage not in known.stages:
            yield _problem("warning", rule, "when", "unknown_stage", stage=stage, stages=", ".join(known.stages))
    for name in rule.on:
        yield from _of_event(rule, "on", name, known)


def _of_event(rule: LiveRule, path: str, event: str, known: _Known) -> Iterator[Problem]:
    if known.events is not None and event not in known.events:
        hint = nearest(event, known.events) or ""
        yield _problem("warning", rule, path, "unknown_event", event=event, hint=hint)


def _fields_of(term: Term) -> set[str]:
    found = {field for step in steps_of(term) for field in step.fields}
    if isinstance(term, Count | Chain | Reached) and term.same:
        found.add(term.same)
    return found | {term.field} if isinstance(term, Figure) else found


def _stages_of(read: Rule) -> list[str]:
    """The stages it names."""
    found: list[str] = []
    for leaf in tree.leaves(read.root):
        if leaf.field == "visitor.stage" and isinstance(leaf, tree.Compare | tree.In):
            values = leaf.values if isinstance(leaf, tree.In) else (leaf.value,)
            found += [value.value for value in values if isinstance(value, tree.Text)]
    return found


def _everybody(rule: LiveRule, read: Rule) -> bool:
    """Whether the first event of anybody fires it: tried with two visitors who have nothing in common."""
    for name in rule.on or (names.PAGE_VIEWED,):
        event = names.PAGE_VIEWED if name == ANY_EVENT else name
        if all(_holds_at_first(read, event, visitor) for visitor in (0, 1)):
            return True
    return False


def _holds_at_first(read: Rule, event: str, visitor: int) -> bool:
    stream = Stream(read)
    touch = {"channel": "direct"} if visitor else {"channel": "~", "source": "~", "paid": True, "portal": True}
    stream.add(Happening(1, frozenset({event}), {"event": event}, _PAGE, touch, visitor))
    return stream.holds(1)


def _of_actions(rule: LiveRule, known: _Known) -> Iterator[Problem]:
    if rule.enter and rule.enter not in known.journeys:
        hint = nearest(rule.enter, known.journeys) or ""
        yield _problem("error", rule, "enter", "no_journey", journey=rule.enter, hint=hint)
    elif rule.enter and known.journeys[rule.enter].state != "on":
        yield _problem("warning", rule, "enter", "journey_not_on", journey=rule.enter)
    if rule.emit and (rule.emit in _COUNTED or names.canonical(rule.emit) in _COUNTED):
        yield _problem("error", rule, "emit", "counted_event", event=rule.emit)
    if rule.call and not rule.call.lower().startswith(("https://", "http://")):
        yield _problem("error", rule, "call", "no_address", address=rule.call[:80])
    shows = [rule.show, *(arm.show for arm in rule.arms)]
    if any(show is not None and not show.words for show in shows):
        yield _problem("error", rule, "show", "no_words")


def _of_circles(rules: Sequence[LiveRule], parsed: Mapping[str, Rule]) -> Iterator[Problem]:
    by_name = {rule.name: rule for rule in rules}
    for circle in loops(rules, parsed):
        ends = any(by_name[name].once in ("visitor", "ever") for name in circle)
        for name in circle:
            rule = by_name[name]
            level: Level = "warning" if ends else "error"
            endless = "circle" if rule.emit else "circle_held"
            path, text = "emit" if rule.emit else "on", "circle_ends" if ends else endless
            yield _problem(level, rule, path, text, rules=", ".join(circle[:10]))


def _problem(level: Level, rule: LiveRule, path: str, text: str, **params: object) -> Problem:
    return Problem(level, rule.name, path, f"rule_problems.{text}", params)
