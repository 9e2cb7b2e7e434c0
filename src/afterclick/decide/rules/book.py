"""All rules that are on, compiled together: each distinct term, comparison and condition is there once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from afterclick.analyse.context import TOUCH_FIELDS
from afterclick.analyse.segments.state_machines import Bounds, VisitorState
from afterclick.core import condition_tree as tree
from afterclick.core import rule as rules_of_text
from afterclick.core.errors import SpecError
from afterclick.core.rule import Rule
from afterclick.core.rule_terms import Count, Figure, Reached, Term, Trait, Was
from afterclick.core.rule_terms import Sequence as Chain
from afterclick.core.said import Said
from afterclick.core.step import Step
from afterclick.decide.decision import Kind
from afterclick.decide.rules.asked import Asked
from afterclick.decide.rules.conditions import Conditions
from afterclick.decide.rules.running import EVERY_EDGE, Running
from afterclick.decide.rules.said import said_traits
from afterclick.decide.rules.steps import StepIndex
from afterclick.store.automations import Journey, LiveRule, nodes
from afterclick.store.definitions import Definitions

MANY: Final = 40
"""Rules of one event name from which on it is kept up to date which of their conditions hold."""

JOURNEY: Final = "journey:"
"""Before the name of a journey: the rule that brings visitors in when the journey's own condition comes true."""

StateTerm = tuple[int, Callable[[VisitorState, int], Any], Callable[[VisitorState, int], int] | None]
"""A term of the state: its number, how it is read, and when time alone changes it."""


class RuleBook:
    """What an engine runs. Made by `compile`; the same documents make the same book.

    `rules` are the documents that are on, `watch` the rules that journeys ask, by text, `names` the event names that
    journeys want to hear of. `terms` are the signatures of what visitors keep for this book alone: a book with more of
    them needs the log to learn what they are today. Visits, orders and baskets are kept for every book.
    """

    def __init__(
        self, rules: Sequence[tuple[LiveRule, Kind, Rule]], watch: Mapping[str, Rule], names: frozenset[str],
        said: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        """`rules` with what they do and their parsed conditions; `said` are traits that messages name."""
        self.rules = tuple(rule for rule, kind, _ in rules if kind != "watch" and rule.once != EVERY_EDGE)
        self.watch = dict(watch)
        self.names = names
        parsed = [parsed for _, _, parsed in rules]
        self.asked = _asked([*parsed, *watch.values()])
        kept = {one.signature for one in self.asked if one.family in ("machine", "trait")}
        self.terms = frozenset(kept | {Trait(name).text() for name in said})
        self.by_key = {one.key: one for one in self.asked}
        if len(self.by_key) < len(self.asked):
            raise SpecError(Said("refusals.one_short_name"), hint=Said("refusals.other_order"))
        windows: dict[str, list[Asked]] = {}
        for one in self.asked:
            if one.window:
                windows.setdefault(one.steps[0].event, []).append(one)
        self.windows = {event: tuple(found) for event, found in windows.items()}
        """The plain windows of each event name: one event moves them all."""
        self.steps = StepIndex(((one.number, one.steps) for one in self.asked if one.steps and not one.window), self.windows)
        self.touch_fields = _touch_fields(self.asked)
        self.bounds = Bounds(dict.fromkeys(said, 0) | _traits(self.asked))
        self.conditions = Conditions(self.asked, [*parsed, *watch.values()], _followed(rules))
        self.running = tuple(
            Running(number, rule, self.conditions.numbers[one.text], kind) for number, (rule, kind, one) in enumerate(rules)
        )
        self.by_rule = {one.key: one for one in self.running}
        self.rule_names = frozenset(one.name for one in self.running)
        self._index()
        self.fingerprint = _fingerprint(self)

    def _index(self) -> None:
        """Rules by what may fire them: an event of a name, or their condition coming true; and what time may do alone."""
        self.on: dict[str, dict[int, list[Running]]] = {}
        self.edges: dict[int, list[Running]] = {}
        for one in self.running:
            if not one.rule.on:
                self.edges.setdefault(one.condition, []).append(one)
            for name in one.rule.on:
                self.on.setdefault(name, {}).setdefault(one.condition, []).append(one)
        self.wakes = self.conditions.wakes(self.asked, self.edges)
        self.machines = {one.number: one for one in self.asked if one.family == "machine"}
        moved = [one for one in self.asked if one.number in self.conditions.moved]
        self.moved_machines = frozenset(one.number for one in moved if one.family == "machine")
        self.visit, self.touch, self.basket, self.traits = (
            tuple((one.number, one.read, one.turn) for one in moved if one.family == family)
            for family in ("visit", "touch", "basket", "trait")
        )
        self.turning = any(turn is not None for *_, turn in (*self.visit, *self.touch, *self.basket, *self.traits))
        self.timed = frozenset(one.number for one in moved if one.direction != "no")
        groups: dict[str, frozenset[bytes]] = {}
        for one in self.running:
            if one.rule.group:
                groups[one.rule.group] = groups.get(one.rule.group, frozenset()) | {one.key}
        self.groups = groups

    @classmethod
    def compile(
        cls, rules: Sequence[LiveRule], journeys: Sequence[Journey] = (), definitions: Definitions | None = None
    ) -> RuleBook:
        """The rules whose state is on, and what the journeys that are not drafts ask for.

        Raises SpecError for a condition that cannot compile; its `path` is `rules[3].when` or `journeys[0].entry.when`.
        `definitions` are those of the store: two books over different definitions are never taken for one another.
        """
        read = _Reading()
        found: list[tuple[LiveRule, Kind, Rule]] = [
            (rule, _kind(rule), read.rule(rule.when, f"rules[{i}].when")) for i, rule in enumerate(rules) if rule.state == "on"
        ]
        watch: dict[str, Rule] = {}
        heard: set[str] = set()
        waited: dict[str, Rule] = {}
        for i, journey in enumerate(journeys):
            if journey.state != "draft":
                found += _entry(journey, read, f"journeys[{i}].entry.when", watch)
                heard |= _heard(journey, read, f"journeys[{i}]", watch, waited)
        for text, parsed in waited.items():
            found.append((LiveRule(name=text, when=text, once=EVERY_EDGE), "watch", parsed))
        book = cls(found, watch, frozenset(heard), said_traits(rules, journeys))
        if definitions is not None:
            stages = repr([(stage.name, stage.enter) for stage in definitions.stages])
            book.fingerprint = _digest([book.fingerprint, stages, definitions.currency])
        return book


class _Reading:
    """Texts parsed once."""

    def __init__(self) -> None:
        self._known: dict[str, Rule] = {}

    def rule(self, text: str, path: str) -> Rule:
        found = self._known.get(text)
        if found is None:
            try:
                found = self._known[text] = rules_of_text.parse(text, path=path)
                for term_text, term in found.terms.items():
                    Asked(0, term_text, term, [leaf for leaf in tree.leaves(found.root) if leaf.field == term_text])
            except SpecError as error:
                raise SpecError(error.said, hint=error.advice, path=path, code=error.code) from None
        return found


def _kind(rule: LiveRule) -> Kind:
    return "enter" if rule.enter else "emit" if rule.emit else "call" if rule.call else "show"


def _entry(journey: Journey, read: _Reading, path: str, watch: dict[str, Rule]) -> list[tuple[LiveRule, Kind, Rule]]:
    """The rule of a journey with a condition: visitors enter when it comes true, or at an event at which it holds."""
    entry = journey.entry
    if not entry.when:
        return []
    parsed = read.rule(entry.when, path)
    watch[entry.when] = parsed
    if entry.segment or journey.state != "on":
        return []
    on = (Step.parse(entry.event, path=path.replace(".when", ".event")).event,) if entry.event else ()
    rule = LiveRule(
        name=f"{JOURNEY}{journey.name}", when=entry.when, on=on, once=EVERY_EDGE, enter=journey.name,
        on_since=journey.on_since,
    )  # fmt: skip
    return [(rule, "enter", parsed)]


def _heard(journey: Journey, read: _Reading, path: str, watch: dict[str, Rule], waited: dict[str, Rule]) -> set[str]:
    """Event names a journey wants to hear; the rules its steps ask are put into `watch`, those waited for into `waited`."""
    texts = [journey.entry.event, *journey.goal, *journey.leave]
    for place, node in nodes(journey.steps):
        if node.branch is not None:
            watch[node.branch.when] = read.rule(node.branch.when, f"{path}.steps.{place}.branch.when")
        if node.wait is not None and node.wait.condition:
            parsed = read.rule(node.wait.condition, f"{path}.steps.{place}.wait.condition")
            watch[node.wait.condition] = waited[node.wait.condition] = parsed
        if node.wait is not None:
            texts.append(node.wait.event)
    return {Step.parse(text, path=path).event for text in texts if text}


def _asked(parsed: Iterable[Rule]) -> tuple[Asked, ...]:
    terms: dict[str, Term] = {}
    leaves: dict[str, dict[str, tree.Leaf]] = {}
    for rule in parsed:
        terms.update(rule.terms)
        for leaf in tree.leaves(rule.root):
            leaves.setdefault(leaf.field, {})[tree.node_text(leaf, str)] = leaf
    return tuple(Asked(i, text, terms[text], leaves[text].values()) for i, text in enumerate(sorted(terms)))


def _touch_fields(asked: Iterable[Asked]) -> tuple[str, ...]:
    """The fields of a visit that conditions of events ask for: an event by itself does not know them."""
    found: set[str] = set()
    for one in asked:
        for step in one.steps:
            found |= step.fields
        if isinstance(one.term, Count | Chain | Reached):
            found.add(one.term.same)
        if isinstance(one.term, Figure):
            found.add(one.term.field)
    return tuple(name for name in TOUCH_FIELDS if name in found)


def _followed(rules: Sequence[tuple[LiveRule, Kind, Rule]]) -> frozenset[str]:
    """The conditions kept up to date for every visitor: those that fire by coming true, and those of an event that so many
    rules name that asking each of them at each such event would take longer."""
    on = Counter(name for rule, _, _ in rules for name in rule.on)
    return frozenset(
        parsed.text for rule, _, parsed in rules if not rule.on or any(on[name] > MANY for name in rule.on)
    )


def _traits(asked: Iterable[Asked]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in asked:
        if isinstance(one.term, Trait):
            found.setdefault(one.term.name, 0)
        elif isinstance(one.term, Was):
            found[one.term.trait] = max(found.get(one.term.trait, 0), one.term.within)
    return found


def _fingerprint(book: RuleBook) -> str:
    """Over everything that changes states and guards: not what is shown, nor how it looks."""
    parts: list[Any] = [sorted(book.terms), sorted(book.watch), sorted(book.bounds.traits.items())]
    for one in book.running:
        plain = msgspec.to_builtins(msgspec.structs.replace(one.rule, show=None, arms=(), cost=0.0, tested=""))
        parts.append([one.kind, plain, [(arm.name, arm.weight) for arm in one.rule.arms]])
    return _digest(parts)


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]
