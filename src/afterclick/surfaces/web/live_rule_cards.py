"""What the Live page asks of whoever keeps automations: how many bought after a rule, one visitor beside all rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from afterclick.app.automation_trace import trace
from afterclick.core.errors import AfterclickError
from afterclick.surfaces.viz import live_rules
from afterclick.surfaces.viz.markup import Html
from afterclick.surfaces.viz.voice import Voice


def converted(keeper: Any, voice: Voice) -> dict[str, str]:
    """Per rule how many of those who were shown something ordered within 7 days; nothing where nobody keeps rules."""
    if not hasattr(keeper, "automations"):
        return {}
    try:
        found = keeper.automations.outcomes().found
    except AfterclickError:
        return {}
    return {name: voice.rate(each.converted.rate) for (kind, name), each in found.items() if kind == "rule"}


def followed(
    keeper: Any, who: str, path: str, pairs: Mapping[str, str], voice: Voice, near: Sequence[tuple[str, str]] = ()
) -> Html | None:
    """The card that follows a visitor; None where no rule is on. `near` are those seen last, each with its address."""
    if not hasattr(keeper, "automations") or not any(rule.state == "on" for rule in keeper.automations.rules.values()):
        return None
    if not who:
        return live_rules.traced(who, [], "", path, pairs, voice, near)
    try:
        return live_rules.traced(who, trace(keeper, who, voice.lang), "", path, pairs, voice, near)
    except AfterclickError as error:
        return live_rules.traced(who, [], error.say(voice.lang), path, pairs, voice, near)
