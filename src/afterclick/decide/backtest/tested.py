"""Which rules a backtest runs: the one that is asked about, and beside it all that would fire with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.said import Said
from afterclick.core.step import Step
from afterclick.decide.backtest.program import MOST_RULES
from afterclick.decide.rules.book import JOURNEY, RuleBook
from afterclick.decide.rules.running import EVERY_EDGE
from afterclick.store.automations import Journey, LiveRule, Show
from afterclick.store.definitions import Definitions

WRITTEN: Final = "written here"
"""The name of a rule that was written into the question."""


class Tested(NamedTuple):
    """`rules` are run together, the first `asked` of them were asked about; `entries` are the events, by rule, that bring
    visitors into journeys, where they have conditions of their own; `left_out` rules found no room."""

    rules: tuple[LiveRule, ...]
    asked: int
    entries: dict[str, Step]
    left_out: int
    journey: str = ""


def tested_of(
    definitions: Definitions, rule: str, journey: str, on: Sequence[str], once: str
) -> Tested:
    """What a question names, and what is on beside it. Raises SpecError for a rule or journey that is not there."""
    entries: dict[str, Step] = {}
    asked: list[LiveRule] = []
    if journey:
        asked = entries_of(_journey(definitions, journey), definitions.rules, entries)
    elif rule:
        asked = [_rule(definitions, rule.strip(), on, once)]
    else:
        asked = [one for one in definitions.rules if one.state == "on"] or list(definitions.rules)
    names = {one.name for one in asked}
    beside = [one for one in definitions.rules if one.state == "on" and one.name not in names]
    for other in definitions.journeys:
        if other.state == "on" and other.name != journey:
            beside += [one for one in entries_of(other, (), entries) if one.name not in names]
    every = [*asked[:MOST_RULES], *beside]
    return Tested(tuple(every[:MOST_RULES]), min(len(asked), MOST_RULES), entries, max(0, len(every) - MOST_RULES), journey)


def entries_of(journey: Journey, rules: Sequence[LiveRule], entries: dict[str, Step]) -> list[LiveRule]:
    """The rules that bring visitors into a journey: its own entry, then those of `rules` that enter it."""
    found = []
    entry = journey.entry
    if entry.event:
        step = Step.parse(entry.event, path="entry.event")
        entries[JOURNEY + journey.name] = step
        found.append(_entry(journey, entry.when or "true", (step.event,)))
    elif entry.when and not entry.segment:
        found.append(_entry(journey, entry.when, ()))
    return found + [one for one in rules if one.enter == journey.name]


def _entry(journey: Journey, when: str, on: tuple[str, ...]) -> LiveRule:
    return LiveRule(name=JOURNEY + journey.name, when=when, on=on, once=EVERY_EDGE, enter=journey.name)


def _rule(definitions: Definitions, text: str, on: Sequence[str], once: str) -> LiveRule:
    saved = {one.name: one for one in definitions.rules}
    if text in saved:
        return saved[text]
    if not any(sign in text for sign in "=<>(.") and text not in ("true", "false"):
        hint = nearest_or_known(text, saved, "refusals.rules_or_write", 20)
        raise SpecError(Said("refusals.no_rule", text=text[:80]), hint=hint, path="rule")
    written = LiveRule(name=WRITTEN, when=text, on=tuple(on), once=once, show=Show())
    try:
        RuleBook.compile([msgspec.structs.replace(written, state="on")])
    except SpecError as error:
        raise SpecError(error.said, hint=error.advice, path="rule", code=error.code) from None
    return written


def _journey(definitions: Definitions, name: str) -> Journey:
    saved = {one.name: one for one in definitions.journeys}
    if name not in saved:
        hint = nearest_or_known(name, saved, "refusals.known_journeys", 20)
        raise SpecError(Said("refusals.no_journey", name=name), hint=hint, path="journey")
    return saved[name]


def switched_on(rule: LiveRule, since: int) -> LiveRule:
    """The rule as if it had been switched on at an instant (µs). What it emits is not bounded by the hour: which visitors
    come first would decide for the others."""
    quiet = msgspec.structs.replace(rule, emit="", call=rule.emit) if rule.emit else rule
    return msgspec.structs.replace(quiet, state="on", on_since=-(-since // 1000))
