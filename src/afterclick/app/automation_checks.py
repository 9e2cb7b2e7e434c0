"""What speaks against the rules and journeys of a store, in words, before any of them is switched on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from afterclick.act.channels import readiness
from afterclick.act.journeys.checking import check_journey
from afterclick.act.secrets import Secrets
from afterclick.act.templates import check_words
from afterclick.analyse import fields
from afterclick.core import i18n
from afterclick.core.errors import StoreError
from afterclick.decide.rules.checking import check_rules
from afterclick.decide.rules.problem import Problem
from afterclick.store.automations import Journey, LiveRule, Show, nodes

if TYPE_CHECKING:
    from afterclick.app.workspace import Workspace

__all__ = ["Problem", "checked", "say"]


def say(problem: Problem, lang: str) -> str:
    """The problem as a sentence."""
    return i18n.text(lang, problem.message_id, **problem.params).strip()


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
        for path, show in _shown(rule):
            found.setdefault(("rule", rule.name), []).extend(_looked_at(rule.name, show, path))
    for journey in definitions.journeys:
        found.setdefault(("journey", journey.name), []).extend(check_journey(journey, definitions, known, events))
        for place, node in nodes(journey.steps):
            if node.send is not None:
                problems = found.setdefault(("journey", journey.name), [])
                problems.extend(check_words(node.send.words, f"steps.{place}", node.send.channel))
                if node.send.show is not None:
                    problems.extend(_looked_at(journey.name, node.send.show, f"steps.{place}"))
        found.setdefault(("journey", journey.name), []).extend(_unready(shop, journey))
    return {key: problems for key, problems in found.items() if problems}


def _shown(rule: LiveRule) -> Iterator[tuple[str, Show]]:
    """What a rule shows, each version with its path."""
    if rule.show is not None:
        yield "show", rule.show
    for i, arm in enumerate(rule.arms):
        if arm.show is not None:
            yield f"arms.{i}", arm.show


def _looked_at(name: str, show: Show, path: str) -> Iterator[Problem]:
    """What is wrong with what a page shows: its words, and what they leave a visitor to do."""
    yield from check_words(show.words, path, "onsite")
    if show.placement and show.kind != "slot":
        yield Problem("warning", name, path, "show_problems.placed", {"placement": show.placement})
    if any(words.button and not words.url for words in show.words):
        yield Problem("warning", name, path, "show_problems.leads_nowhere")


def _unready(shop: Workspace, journey: Journey) -> Iterator[Problem]:
    """What the channels of a journey still lack; nothing of it keeps the journey off, but no message would leave."""
    used = {node.send.channel for _, node in nodes(journey.steps) if node.send is not None and node.send.advertising}
    try:
        found = readiness.of(shop.store.definitions, Secrets(shop.store.path))
    except StoreError:
        yield Problem("warning", journey.name, "delivery", "channel_lacks.secrets_said")
        return
    for name in dict.fromkeys(name for channel, lacks in found if channel in used for name in lacks):
        yield Problem("warning", journey.name, "delivery", f"channel_lacks.{name}_said")
