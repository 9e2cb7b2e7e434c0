"""What is wrong with a journey before it is on: said in words, beside the step it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from afterclick.core import spans
from afterclick.core.errors import SpecError, nearest
from afterclick.core.step import ANY_EVENT, Step
from afterclick.decide.rules.checking import check_rules
from afterclick.decide.rules.problem import Level, Problem
from afterclick.store import automation_checks
from afterclick.store.automations import Delivery, Journey, LiveRule, Node, Send, Wait, nodes
from afterclick.store.definitions import Definitions

_OF_ENTRY_ONLY: Final = "rule_problems.everybody"
_ADDRESS: Final = "https://unused.invalid"
_WRITTEN: Final = ("email", "push", "onsite")
"""Channels whose messages are words."""


def check_journey(
    journey: Journey, definitions: Definitions, known_fields: Collection[str] | None = None,
    known_events: Collection[str] | None = None,
) -> list[Problem]:  # fmt: skip
    """Problems of a journey: first those of the whole, then step by step; each `path` is `entry.when`, `steps.1.then.0` ...

    Errors: parts that cannot be read, conditions that can never hold, nobody who could enter, no steps, messages without
    words or address. Warnings: events and fields the store has not seen (None: nothing is known yet), an entry that is
    everybody's, waits of nothing, steps that nobody reaches, no goal, nothing sent.
    """
    try:
        automation_checks.check((), [journey], Delivery())
        spans.micros(journey.grace)
    except SpecError as error:
        return [_unread(journey, error.path.removeprefix("journeys[0]").removeprefix("."), error)]
    known = _Known(journey, definitions, known_fields, known_events)
    found = [*_of_whole(journey), *_of_entry(journey, known)]
    for path, texts in (("goal", journey.goal), ("leave", journey.leave)):
        for text in texts:
            found += known.event(path, text)
    for place, node in nodes(journey.steps):
        found += _of_node(journey, f"steps.{place}", node, known)
    found += [_problem("warning", journey, f"steps.{place}", "unreachable") for place in _unreachable(journey.steps, "")]
    return found


class _Known:
    """What the store knows, and the checks that need it."""

    def __init__(
        self, journey: Journey, definitions: Definitions, fields: Collection[str] | None, events: Collection[str] | None
    ) -> None:
        self.journey, self.definitions, self.fields, self.events = journey, definitions, fields, events

    def event(self, path: str, text: str) -> Iterator[Problem]:
        """A step such as `Order Completed[revenue > 0]`."""
        try:
            step = Step.parse(text, path=path)
        except SpecError as error:
            yield _unread(self.journey, path, error)
            return
        # A rule that counts it, or hears it where there is nothing to ask of it, needs the same of the store.
        asked = (f"count({text}) >= 1", ()) if step.condition else ("session.pages >= 0", (step.event,))
        for problem in self.condition(path, *asked):
            if problem.message_id != _OF_ENTRY_ONLY:
                yield problem

    def condition(self, path: str, text: str, on: tuple[str, ...] = ()) -> Iterator[Problem]:
        """A condition, as a rule that calls somebody."""
        rule = LiveRule(name=self.journey.name, when=text, on=on, call=_ADDRESS)
        for problem in check_rules([rule], (), self.definitions, self.fields, self.events):
            yield problem._replace(path=path)


def _of_whole(journey: Journey) -> Iterator[Problem]:
    if not journey.steps:
        yield _problem("error", journey, "steps", "no_steps")
        return
    sends = waits = False
    for _, node in nodes(journey.steps):
        sends, waits = sends or node.send is not None, waits or node.wait is not None
    if not sends:
        yield _problem("warning", journey, "steps", "nothing_sent")
    elif waits and not journey.goal:
        yield _problem("warning", journey, "goal", "no_goal")


def _of_entry(journey: Journey, known: _Known) -> Iterator[Problem]:
    entry = journey.entry
    if not (entry.event or entry.when or entry.segment):
        yield _problem("warning", journey, "entry", "no_entry")
    if bool(entry.segment) != bool(entry.daily):
        yield _problem("error", journey, "entry", "segment_and_time")
    if entry.segment and entry.segment not in known.definitions.segments:
        hint = nearest(entry.segment, known.definitions.segments)
        yield _problem("error", journey, "entry.segment", "no_segment", segment=entry.segment, hint=hint)
    if journey.again.startswith("key:") and not entry.event and entry.segment:
        yield _problem("error", journey, "again", "key_without_event", field=journey.again.removeprefix("key:"))
    if entry.event:
        yield from known.event("entry.event", entry.event)
    if entry.when:
        for problem in known.condition("entry.when", entry.when):
            # With an event of its own the condition is asked of those who do it.
            if not (entry.event and problem.message_id == _OF_ENTRY_ONLY):
                yield problem
    elif entry.event.strip() == ANY_EVENT:
        yield Problem("warning", journey.name, "entry.event", _OF_ENTRY_ONLY)


def _of_node(journey: Journey, path: str, node: Node, known: _Known) -> Iterator[Problem]:
    if node.wait is not None:
        yield from _of_wait(journey, path, node.wait, known)
    if node.branch is not None:
        yield from _asked(path, node.branch.when, known)
    if node.send is not None:
        yield from _of_send(journey, path, node.send)


def _of_wait(journey: Journey, path: str, wait: Wait, known: _Known) -> Iterator[Problem]:
    if any(text and not spans.micros(text) for text in (wait.span, wait.timeout)):
        yield _problem("warning", journey, path, "waits_for_nothing")
    if wait.event:
        yield from known.event(path, wait.event)
    if wait.condition:
        yield from _asked(path, wait.condition, known)


def _asked(path: str, text: str, known: _Known) -> Iterator[Problem]:
    yield from (problem for problem in known.condition(path, text) if problem.message_id != _OF_ENTRY_ONLY)


def _of_send(journey: Journey, path: str, send: Send) -> Iterator[Problem]:
    words = (*send.words, *(send.show.words if send.show is not None else ()))
    if send.channel in _WRITTEN and not any(one.title.strip() or one.body.strip() for one in words):
        yield _problem("error", journey, path, "no_words")
    elif send.channel == "email" and not all(one.title.strip() for one in words):
        yield _problem("error", journey, path, "no_subject")
    if send.channel == "webhook" and not send.to.lower().startswith(("https://", "http://")):
        yield Problem("error", journey.name, path, "rule_problems.no_address", {"address": send.to[:80] or "-"})
    if send.channel == "export" and not send.to.strip():
        yield _problem("error", journey, path, "no_audience")


def _unreachable(steps: Sequence[Node], prefix: str) -> Iterator[str]:
    """The first step of each list that stands behind an end."""
    for i, node in enumerate(steps):
        for name, inside in _ways(node):
            yield from _unreachable(inside, f"{prefix}{i}.{name}.")
        if _ends(node) and i + 1 < len(steps):
            yield f"{prefix}{i + 1}"
            return


def _ends(node: Node) -> bool:
    """Whether nobody comes out behind a step."""
    ways = list(_ways(node))
    return node.exit or bool(ways) and all(any(_ends(one) for one in inside) for _, inside in ways)


def _ways(node: Node) -> Iterator[tuple[str, Sequence[Node]]]:
    if node.branch is not None:
        yield "then", node.branch.then
        yield "otherwise", node.branch.otherwise
    for way in node.split:
        if way.share > 0:
            yield way.name, way.steps


def _unread(journey: Journey, path: str, error: SpecError) -> Problem:
    return _problem("error", journey, path, "cannot_read", message=error.said, hint=error.advice or "")


def _problem(level: Level, journey: Journey, path: str, text: str, **params: object) -> Problem:
    return Problem(level, journey.name, path, f"journey_problems.{text}", params)
