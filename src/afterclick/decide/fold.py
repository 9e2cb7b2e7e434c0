"""The state of every visitor as a fold over the log in the order in which it arrived."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Final

from afterclick.analyse.segments.machines import NEVER
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import spans
from afterclick.core.errors import AfterclickError
from afterclick.decide.decision import Decision
from afterclick.decide.engine import Engine
from afterclick.decide.hot import MOST_HOT, Memories
from afterclick.decide.people import People
from afterclick.decide.reading import FUTURE, EventReader, Stored, setting_of
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.told import Decided, Heard, Merged, Told
from afterclick.store.columns import Flag
from afterclick.store.definitions import Definitions

LATE: Final = 5 * spans.MINUTE
"""What arrives by so much after it occurred is folded and fires nothing."""
MOST_AT_ONCE: Final = 50
"""Visitors whose time has come that are looked at before anybody else may go on."""
_BOT: Final = int(Flag.BOT)
_MISTAKES: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, AfterclickError)


def in_order(events: Iterable[Canonical]) -> list[Canonical]:
    """The events of one call as they are folded: a sealed segment keeps no other order of theirs."""
    return sorted(events, key=lambda event: (event.occurred_at, event.event_id))


class Fold:
    """People, their states and what time will bring, up to a `position` in the log. One thread at a time."""

    def __init__(
        self,
        book: RuleBook,
        definitions: Definitions,
        *,
        people: People | None = None,
        reader: EventReader | None = None,
        most_hot: int = MOST_HOT,
    ) -> None:
        self.reader = reader or EventReader(definitions)
        self.people = People(cap=definitions.id_cap, denied=definitions.deny_ids) if people is None else people
        self._setting = setting_of(self.reader, definitions)
        self.engine = Engine(book, self._setting)
        self.memories = Memories(self.engine, most_hot)
        self.position = 0
        self.events = 0
        self.skipped = 0
        self.stumbled = ""
        self.due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self._unseen: list[str] = []

    @property
    def settled(self) -> bool:
        """Whether it is known of every visitor when time may do something for them."""
        return not self._unseen

    def take(self, seq: int, received_at: int, source: str, events: Sequence[Canonical]) -> list[Told]:
        """The events of a live call; what was taken already is nothing new."""
        if seq <= self.position:
            return []
        told: list[Told] = []
        for event in in_order(events) if len(events) > 1 else events:
            self.event(event, source, received_at, told, seq=seq, live=True)
        self.position = seq
        return told

    def event(
        self,
        event: Canonical,
        source: str,
        arrival: int,
        told: list[Told],
        *,
        seq: int,
        live: bool,
        stored: Stored | None = None,
    ) -> None:
        """One event that arrived at an instant; adds what it brings to `told`.

        One that our own code stumbles over is left out and counted: it must not keep all others from being decided.
        """
        try:
            self._event(event, source, arrival, told, seq=seq, live=live, stored=stored)
        except _MISTAKES as mistake:
            self._stumble(event.event_id, mistake)

    def _stumble(self, over: str, mistake: BaseException) -> None:
        """One event or visitor that the code cannot deal with must not end the decisions of all others."""
        self.skipped += 1
        self.stumbled = f"{over[:64]}: {type(mistake).__name__}"

    def _event(
        self,
        event: Canonical,
        source: str,
        arrival: int,
        told: list[Told],
        *,
        seq: int,
        live: bool,
        stored: Stored | None,
    ) -> None:
        one = self.reader.happening(event, source, stored)
        if one is None:
            return
        self.events += 1
        if one.at > arrival + FUTURE:
            one = one._replace(at=arrival)
        whose = self.people.visitor(event)
        for gone in whose.absorbed:
            self._merge(whose.visitor, gone, arrival, told, seq)
        if not whose.visitor or one.flags & _BOT:
            return
        memory = self.memories.change(whose.visitor)
        # Nearly always time has done nothing meanwhile, and a page waits for the answer.
        before = self.engine.tick(memory, arrival - 1) if memory.soonest < arrival or not memory.warm else ()
        if one.at < memory.at:
            one = one._replace(at=memory.at)
        late = live and arrival - event.occurred_at > LATE
        found = self.engine.add(memory, one, event.event_id, live=live, late=late)
        due = self.engine.due(memory)
        if due < NEVER or whose.visitor in self.due:
            self._plan(whose.visitor, due)
        if before:
            told.extend(Decided(seq, decision) for decision in before)
        told.append(Heard(seq, event.event_id, whose.visitor, one.at, live, late, event, one))
        if found:
            told.extend(Decided(seq, decision) for decision in found)

    def tick(self, now: int, most: int = MOST_AT_ONCE) -> list[Decision]:
        """Time has come to `now`: what that fires, of so many visitors at the most."""
        found: list[Decision] = []
        while self._unseen and most > 0:
            found += self._looked(self._unseen.pop(), now)
            most -= 1
        while self._heap and self._heap[0][0] <= now and most > 0:
            due, key = heapq.heappop(self._heap)
            if self.due.get(key) != due:
                continue
            del self.due[key]
            found += self._looked(key, now)
            most -= 1
        return found

    def _looked(self, key: str, now: int) -> list[Decision]:
        try:
            return self._look(key, now)
        except _MISTAKES as mistake:
            self._stumble(key, mistake)
            return []

    def _look(self, key: str, now: int) -> list[Decision]:
        if key not in self.memories:
            return []
        memory = self.memories.change(key)
        found = self.engine.tick(memory, now)
        self._plan(key, self.engine.due(memory))
        return found

    def next_due(self) -> int:
        """When time will fire something next at the earliest, NEVER (2**62) if it cannot."""
        if self._unseen:
            return 0
        return self._heap[0][0] if self._heap else NEVER

    def load(self, states: dict[str, tuple[int, bytes]]) -> None:
        """States as they were saved, with the instants at which time may do something."""
        self.memories.load({key: packed for key, (_, packed) in states.items()})
        self.due = {key: due for key, (due, _) in states.items() if due < NEVER}
        self._heap = [(due, key) for key, due in self.due.items()]
        heapq.heapify(self._heap)

    def use(self, book: RuleBook) -> None:
        """Go on under another book; of terms that it alone knows nothing is remembered. Nothing fires by it."""
        engine = Engine(book, self._setting)
        engine.restore(self.engine.tallies())
        self.memories.turn_to(engine)
        self.engine = engine
        self.look_at_all()

    def look_at_all(self) -> None:
        """What time may bring depends on the rules: every visitor is looked at once, by and by, where any waits for time.

        What was noted under other rules stands until it is met: freeing it all at once would take long.
        """
        self._unseen = self.memories.keys() if self.engine.book.wakes else []

    def dissolve(self, most: int) -> bool:
        """Let go of so many visitors of a fold that is of no use any more; whether all are gone. Many at once take long."""
        return self.memories.shrink(most)

    def forget(self, ids: Iterable[str]) -> list[str]:
        """Erase the visitors behind these ids; their keys."""
        named = set(ids)
        keys = sorted({self.people.current(text) for text in named})
        for key in keys:
            named.update(self.people.members(key))
            self.memories.drop(key)
            self.due.pop(key, None)
        self.people.forget(named)
        return keys

    def _merge(self, into: str, gone: str, arrival: int, told: list[Told], seq: int) -> None:
        if gone in self.memories:
            try:
                self._unite(into, gone, arrival, told, seq)
            except _MISTAKES as mistake:
                self._stumble(gone, mistake)
            self.memories.drop(gone)
            self.due.pop(gone, None)
        # They are one visitor from now on, whatever became of the states: runs and contacts must follow.
        told.append(Merged(seq, into, gone))

    def _unite(self, into: str, gone: str, arrival: int, told: list[Told], seq: int) -> None:
        memory, other = self.memories.change(into), self.memories.change(gone)
        for one in (memory, other):
            told.extend(Decided(seq, decision) for decision in self.engine.tick(one, arrival - 1))
        self.engine.merge(memory, other)
        self._plan(into, self.engine.due(memory))

    def _plan(self, key: str, due: int) -> None:
        """Note when time may do something for a visitor; an earlier note that is later stands until it is met."""
        if due >= NEVER:
            self.due.pop(key, None)
            return
        if self.due.get(key) != due:
            self.due[key] = due
            heapq.heappush(self._heap, (due, key))
            if len(self._heap) > 64 + 4 * len(self.due):
                self._heap = [(when, name) for name, when in self.due.items()]
                heapq.heapify(self._heap)
