"""Steps, entries, states and problems of automations as sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from afterclick.core import rule as rules
from afterclick.core import rule_words
from afterclick.core.errors import SpecError
from afterclick.core.step import Step
from afterclick.store.automations import Entry, Journey, LiveRule, Node, Wait, Words, nodes
from afterclick.surfaces.viz.markup import Html, el
from afterclick.surfaces.viz.voice import Voice

_MARKS: Final = {"draft": "○", "on": "●", "paused": "◐"}
_DAYS: Final = 7
_SHORT: Final = 60
_STEPS: Final = 4
_VALUES: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_TAGS: Final = re.compile(r"\{%.*?%\}", re.DOTALL)


def state(value: str, voice: Voice) -> Html:
    """Where a document stands: shape and word, colour third."""
    mark = el("span", {"aria-hidden": "true"}, _MARKS.get(value, "○"), " ")
    return el("span", {"class": f"badge state-{value}"}, mark, voice.text(f"automations.state_{value}"))


def condition(text: str, voice: Voice) -> str:
    """A condition in words; as it was written where it cannot be read."""
    if not text.strip():
        return ""
    try:
        return rules.parse(text).words(voice.lang)
    except SpecError:
        return text


def happening(text: str, voice: Voice) -> str:
    """A step (`Order Completed[revenue > 0]`) in words."""
    try:
        return rule_words.step_words(Step.parse(text), voice.lang)
    except SpecError:
        return text


def span(text: str, voice: Voice) -> str:
    """`3 h` of `3h`; as it was written where it is no span."""
    try:
        return voice.within(text)
    except SpecError:
        return text


def once(rule: LiveRule, voice: Voice) -> str:
    """How often a rule fires for one visitor."""
    known = voice.known(f"automations.once_{rule.once}")
    return known or voice.text("automations.once_span", span=span(rule.once, voice))


def does(rule: LiveRule, voice: Voice) -> str:
    """What a rule does, in a few words."""
    shown = rule.show or next((arm.show for arm in rule.arms if arm.show), None)
    if rule.arms:
        return voice.text("automations.does_arms", n=len(rule.arms))
    if shown is not None:
        return voice.text(f"automations.does_{shown.kind}", title=_title(shown.words, voice))
    if rule.enter:
        return voice.text("automations.does_enter", name=rule.enter)
    if rule.emit:
        return voice.text("automations.does_emit", name=rule.emit)
    return voice.text("automations.does_call", url=rule.call[:80])


def enters(entry: Entry, voice: Voice) -> str:
    """Who enters a journey."""
    parts = []
    if entry.event:
        parts.append(voice.text("automations.enters_event", event=happening(entry.event, voice)))
    if entry.segment:
        at = entry.daily or "–"
        parts.append(voice.text("automations.enters_segment", name=entry.segment, at=at))
    if entry.when:
        kind = "enters_and" if parts else "enters_when"
        parts.append(voice.text(f"automations.{kind}", rule=condition(entry.when, voice)))
    return " ".join(parts) or voice.text("automations.enters_rules")


def again(journey: Journey, voice: Voice) -> str:
    """When somebody may enter once more."""
    if journey.again.startswith("key:"):
        return voice.text("automations.again_key", field=journey.again.removeprefix("key:"))
    known = voice.known(f"automations.again_{journey.again}")
    return known or voice.text("automations.again_span", span=span(journey.again, voice))


def summary(document: LiveRule | Journey, voice: Voice) -> str:
    """Who and what in one line: a rule whole, of a journey its first waits and messages."""
    if isinstance(document, LiveRule):
        return f"{condition(document.when, voice)} → {does(document, voice)}"
    plain = [node for _, node in nodes(document.steps) if node.wait is not None or node.send is not None]
    more = ["…"] if len(plain) > _STEPS else []
    return " → ".join([enters(document.entry, voice), *(step(node, voice) for node in plain[:_STEPS]), *more])


def step(node: Node, voice: Voice) -> str:
    """What a step does."""
    if node.wait is not None:
        return _wait(node.wait, voice)
    if node.send is not None:
        send = node.send
        title = send.to or _title(send.words or (send.show.words if send.show else ()), voice)
        return voice.text(f"automations.send_{send.channel}", title=title)
    if node.branch is not None:
        return voice.text("automations.step_if", rule=condition(node.branch.when, voice))
    if node.split:
        ways = [f"{way.name} {voice.rate(way.share, whole=True)}" for way in node.split]
        return voice.text("automations.step_split", ways=ways)
    if node.set:
        return voice.text("automations.step_set", values=[f"{name} = {value}" for name, value in node.set.items()])
    return voice.text("automations.step_exit")


def _wait(wait: Wait, voice: Voice) -> str:
    if wait.span:
        return voice.text("automations.wait_span", span=span(wait.span, voice))
    if wait.until:
        days = [voice.text(f"automations.day_{day}") for day in wait.weekdays if 1 <= day <= _DAYS]
        kind = "wait_until_days" if days else "wait_until"
        return voice.text(f"automations.{kind}", at=wait.until, **({"days": days} if days else {}))
    most = span(wait.timeout, voice) if wait.timeout else "–"
    if wait.event:
        return voice.text("automations.wait_event", event=happening(wait.event, voice), span=most)
    return voice.text("automations.wait_condition", rule=condition(wait.condition, voice), span=most)


def _title(words: Sequence[Words], voice: Voice) -> str:
    """What a message is about, in the page's language where it is written in it."""
    spoken = sorted(words, key=lambda each: each.lang != voice.lang)
    title = next((each.title or each.body for each in spoken if each.title or each.body), "")
    # What a template puts in differs from visitor to visitor; its text says nothing to who reads a list.
    title = " ".join(_TAGS.sub("", _VALUES.sub("…", title)).split()) or voice.text("automations.no_words")
    return title if len(title) <= _SHORT else title[: _SHORT - 1] + "…"
