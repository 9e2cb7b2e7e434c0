"""What a visitor's events call for, the moment they happen: one fold per visitor, the same live, replayed and backtested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from afterclick.analyse.context import NO_BEHAVIOUR
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.machines import NEVER
from afterclick.analyse.segments.sliding import Sliding
from afterclick.analyse.segments.state_machines import Setting
from afterclick.analyse.segments.state_terms import IDENTIFIED
from afterclick.core import names
from afterclick.core.condition_values import as_number
from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.core.step import ANY_EVENT
from afterclick.decide.decision import Decision
from afterclick.decide.event_fields import GENERATION, of_visit
from afterclick.decide.firing import Cause, Firing
from afterclick.decide.memory import Memory
from afterclick.decide.merging import merge
from afterclick.decide.rules.book import MANY, RuleBook, StateTerm
from afterclick.decide.rules.running import Running

__all__ = ["Decision", "Engine"]

_ACKS: Final = {
    names.MESSAGE_DELIVERED: "shown", names.MESSAGE_CLICKED: "clicked", "Message Dismissed": "dismissed",
    names.MESSAGE_FAILED: "failed",
}  # fmt: skip
_ACKS_NAMES: Final = frozenset(_ACKS)
_MOST: Final = 2**31
_BASKET: Final = frozenset({"Product Added", "Product Removed", names.ORDER_COMPLETED})


class Engine:
    """Folds the events of visitors, whose memories it is handed, and decides.

    A rule without `on` fires when its condition turns from false to true, by an event or by time alone; a rule with `on`
    at such an event for whose visitor the condition holds. Memories of one engine may be used in any order; one memory's
    events come in the order of the log. Not safe for several threads at once.
    """

    def __init__(self, book: RuleBook, setting: Setting | None = None) -> None:
        self.book = book
        self.setting = setting or Setting()
        self._firing = Firing(book)

    @property
    def report(self) -> Mapping[str, Mapping[str, int]]:
        """Per rule since the engine began: fired, held_out, shown, clicked, dismissed, failed, suppressed.<reason>."""
        return self._firing.report

    def tallies(self) -> dict[str, tuple[int, int]]:
        """Per rule the hour (since 1970) and the events it has made in it; `restore` goes on from there."""
        return dict(self._firing.emitted)

    def restore(self, tallies: Mapping[str, tuple[int, int]]) -> None:
        """Go on counting made events where another engine stopped."""
        self._firing.restore(tallies)

    def fresh(self, key: str) -> Memory:
        """A visitor of whom nothing is known yet; `key` is the first id."""
        return Memory(key, self.book, self.setting)

    def unpack(self, packed: bytes) -> Memory:
        """What `Memory.pack` wrote, under this engine's book. Raises StoreFormat."""
        return Memory.unpacked(packed, self.book, self.setting)

    def add(self, memory: Memory, happening: Happening, event_id: str, *, live: bool, late: bool) -> list[Decision]:
        """Take all turns of time up to the event, then the event; what both fire, in this order.

        An event that is not live (imported) or late changes the state and fires nothing. One that happened before the
        last one of its visitor counts from then.
        """
        one = happening if happening.at >= memory.at else happening._replace(at=memory.at)
        if not memory.warm:
            memory.warmed()
        decisions = [] if memory.soonest > one.at else self._turns(memory, one.at)
        was_here = memory.state.visits.sessions > 0
        memory.at, memory.live = one.at, live
        made = one.fields.get(GENERATION)
        memory.generation = 0 if made is None else _generation(made)
        if memory.offers or not one.names.isdisjoint(_ACKS_NAMES):
            self._acknowledge(memory, one)
            memory.expire(one.at)
        risen = memory.book.conditions.update(memory.holding, memory.values, self._changed(memory, one))
        if not live or late or not memory.state.visits.sessions:
            return decisions
        if not was_here:
            risen = sorted(memory.holding)
        found = self._risen(risen) if risen else []
        if self.book.on:
            found += self._asked_now(memory, one)
        if found:
            decisions += self._firing.fire(memory, found, Cause(one.at, event_id, memory.generation))
        return decisions

    def _changed(self, memory: Memory, one: Happening) -> dict[int, Any]:
        """Fold the event; the values of all terms it may have changed."""
        book, state, at = memory.book, memory.state, one.at
        session = state.visits.session
        came_by = session.get("touch")
        state.add(one)
        fields = one.fields
        if book.touch_fields and not one.system:
            one = of_visit(one, state.visits.session.get("touch"), book.touch_fields)
            fields = one.fields
        changed: dict[int, Any] = {}
        counted, served = book.steps.served(one.names, fields)
        for event in counted:
            # Most windows hold fewer than any rule asks for.
            if not memory.passes(event, at):
                self._counted(memory, event, changed)
        machines, moved, timed = memory.kept, book.moved_machines, book.timed
        for number, places in served.items():
            machine = machines.get(number)
            if machine is None:
                machine = machines[number] = book.machines[number].machine()
            machine.take(one, places)
            if number in moved:
                changed[number] = machine.value(at)
                if number in timed:
                    memory.turns[number] = machine.turn(at)
        self._of_state(memory, book.visit, changed)
        if state.visits.session is not session or session.get("touch") is not came_by:
            self._of_state(memory, book.touch, changed)
        if book.basket and not one.names.isdisjoint(_BASKET):
            self._of_state(memory, book.basket, changed)
        if book.traits and IDENTIFIED.event in one.names:
            self._of_state(memory, book.traits, changed)
        if (changed or book.turning) and memory.turns:
            memory.soonest = min(memory.turns.values())
        return changed

    def _counted(self, memory: Memory, event: str, changed: dict[int, Any]) -> None:
        """Count an event in its windows; the values that any rule may see, and when time changes them."""
        at, book = memory.at, memory.book
        for asked in book.windows[event]:
            number = asked.number
            machine = memory.kept.get(number)
            if machine is None:
                machine = memory.kept[number] = asked.machine()
            assert isinstance(machine, Sliding)
            if machine.step(at) and number in book.moved_machines:
                changed[number] = machine.value(at)
                if number in book.timed:
                    memory.turns[number] = machine.turn(at)

    def _of_state(self, memory: Memory, terms: tuple[StateTerm, ...], changed: dict[int, Any]) -> None:
        """The values of terms of the state, and when time changes them."""
        state, at, turns = memory.state, memory.at, memory.turns
        values = memory.values
        for number, read, turn in terms:
            new = read(state, at)
            if new is not values.get(number, values):
                changed[number] = new
            if turn is not None:
                turns[number] = turn(state, at)

    def _risen(self, conditions: list[int]) -> list[Running]:
        edges = self.book.edges
        return [one for number in conditions for one in edges.get(number, ())]

    def _asked_now(self, memory: Memory, one: Happening) -> list[Running]:
        """Rules that this very event asks, whose conditions hold."""
        on = self.book.on
        asked = [on[name] for name in one.names if name in on]
        if ANY_EVENT in on and one.names.isdisjoint(NO_BEHAVIOUR):
            asked.append(on[ANY_EVENT])
        conditions, holding, now = self.book.conditions, memory.holding, _At(memory, memory.at)
        found: dict[int, Running] = {}
        for by_condition in asked:
            for number in by_condition if len(by_condition) <= MANY else by_condition.keys() & holding:
                if number in holding or (number not in conditions.followed and conditions.tests[number](now)):
                    found.update((rule.number, rule) for rule in by_condition[number])
        return list(found.values())

    def tick(self, memory: Memory, at: int) -> list[Decision]:
        """Time has come to `at`: what turned true on the way fires at the instant it did."""
        if not memory.warm:
            memory.warmed()
        return [] if memory.soonest > at else self._turns(memory, at)

    def _turns(self, memory: Memory, until: int) -> list[Decision]:
        decisions: list[Decision] = []
        book = memory.book
        while memory.soonest <= until:
            at = memory.at = memory.soonest
            changed = {number: memory.value(book.asked[number], at) for number, turn in memory.turns.items() if turn <= at}
            for number in changed:
                memory.wind(number, at)
            memory.soonest = min(memory.turns.values())
            risen = book.conditions.update(memory.holding, memory.values, changed)
            if risen and memory.live and memory.here:
                found = self._risen(risen)
                if found:
                    decisions += self._firing.fire(memory, found, Cause(at, "", memory.generation))
        return decisions

    def due(self, memory: Memory) -> int:
        """The next turn at which time alone may make a rule true, NEVER (2**62) if none can."""
        if not memory.live or not self.book.wakes:
            return NEVER
        memory.warmed()
        wakes = self.book.wakes
        if memory.soonest >= NEVER or wakes >= self.book.timed:
            return memory.soonest
        turns = memory.turns
        return min([turns[number] for number in wakes if number in turns], default=NEVER)

    def merge(self, into: Memory, other: Memory) -> None:
        """The two visitors are one, under the key of `into`; nothing fires by it. `other` is of no use afterwards."""
        merge(into, other)

    def holds(self, memory: Memory, text: str, at: int) -> bool:
        """Whether a rule of `RuleBook.watch`, or the condition of a rule that is on, holds at an instant not before the
        visitor's last event. Raises SpecError for a text that the book does not hold."""
        number = self._condition(text)
        return memory.here and self.book.conditions.tests[number](_At(memory, at))

    def values(self, memory: Memory, text: str, at: int) -> dict[str, Any]:
        """What the terms of such a rule are then, by their texts; money Decimal, spans and instants µs."""
        terms = self.book.conditions.terms_of(self._condition(text), self.book.asked)
        return {asked.text: memory.value(asked, at) for asked in terms}

    def _condition(self, text: str) -> int:
        number = self.book.conditions.number_of(text)
        if number is None:
            raise SpecError(
                Said("refusals.nobody_asks", text=text[:80]),
                hint=Said("refusals.switch_on_or_segment"),
                path="when",
            )
        return number

    def offers(self, memory: Memory, at: int) -> list[Decision]:
        """What may be shown at an instant: not acknowledged, its time not over, its rule still on; most urgent first.

        Decisions as they were made but for `event_id`, which is not kept.
        """
        if not memory.offers:
            return []
        found = []
        for one in memory.offers:
            rule = self.book.by_rule.get(one.rule)
            if rule is not None and one.at <= at < one.expires_at:
                decision = Decision(
                    action_id=one.action_id, rule=rule.name, visitor=memory.key, at=one.at, event_id="", kind="show",
                    arm=one.arm, expires_at=one.expires_at, generation=one.generation,
                )  # fmt: skip
                found.append((rule.order, one.at, decision))
        return [decision for *_, decision in sorted(found, key=lambda part: part[:2])]

    def _acknowledge(self, memory: Memory, one: Happening) -> None:
        """What the visitor has seen, or could not be shown, is offered no more."""
        if one.names.isdisjoint(_ACKS_NAMES):
            return
        action_id = one.value("action_id")
        if not isinstance(action_id, str):
            return
        name = next(name for name in _ACKS if name in one.names)
        rule = one.value("rule")
        for offer in memory.offers:
            if offer.action_id == action_id and offer.rule in self.book.by_rule:
                rule = self.book.by_rule[offer.rule].name
        memory.offers = [offer for offer in memory.offers if offer.action_id != action_id]
        # Anybody can send such an event: names that are no rule's would fill the report without end.
        if isinstance(rule, str) and (rule in self.book.rule_names or rule in self._firing.report):
            self._firing.count(rule, _ACKS[name])


class _At:
    """The values of terms at one instant, read when they are asked for."""

    def __init__(self, memory: Memory, at: int) -> None:
        self.memory = memory
        self.at = at

    def __getitem__(self, number: int) -> Any:
        return self.memory.value(self.memory.book.asked[number], self.at)


def _generation(made: Any) -> int:
    """How many rules stand behind an event, by what it says of it."""
    number = as_number(made)
    return int(number) if number is not None and 0 < number < _MOST else 0
