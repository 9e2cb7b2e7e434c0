"""The live decisions of a store: events in the order of the log go in, decisions come out, whoever listens is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import msgspec

from afterclick.analyse.segments.machines import NEVER
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import spans
from afterclick.core.errors import AfterclickError
from afterclick.decide.decision import Decision
from afterclick.decide.fold import Fold
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.states_file import Changes, Note
from afterclick.decide.told import Decided, Heard, Offer, Told
from afterclick.store.automations import Show, Words

Listener = Callable[[Sequence[Told]], None]
_TURNS: Final = 400
_BREATH_S: Final = 0.0005
_SLICE: Final = 100
"""States that are packed for a saving before others may go on."""


class Decider:
    """Safe from several threads: one lock, held for a call, a slice of visitors whose time has come, or of a saving.

    Until a store's history is learnt (`ready`) events are kept waiting elsewhere and nothing is offered. `unheard` counts
    what a listener stumbled over; `on_unheard` is told what it raised, by its code or name.
    """

    def __init__(self, fold: Fold | None = None) -> None:
        self._lock = threading.RLock()
        self._breath = threading.Event()
        self._fold = fold
        self._listeners: dict[Listener, frozenset[str] | None] = {}
        self._shows = {} if fold is None else _shows(fold.engine.book)
        self.unheard = 0
        self.on_unheard: Callable[[str], None] = lambda _: None

    @property
    def ready(self) -> bool:
        """Whether it knows the visitors and decides."""
        return self._fold is not None

    @property
    def position(self) -> int:
        """The number of the last call that was taken."""
        return 0 if self._fold is None else self._fold.position

    @property
    def report(self) -> dict[str, dict[str, int]]:
        """Per rule what became of it since this process began to decide; see `Engine.report`."""
        with self._lock:
            return {} if self._fold is None else {name: dict(found) for name, found in self._fold.engine.report.items()}

    @property
    def size(self) -> dict[str, int]:
        """How many visitors and ids are known, how many wait for their time, events folded and left out."""
        with self._lock:
            fold = self._fold
            if fold is None:
                return {"visitors": 0, "ids": 0, "waiting": 0, "events": 0, "skipped": 0}
            return {
                "visitors": len(fold.memories), "ids": len(fold.people), "waiting": len(fold.due), "events": fold.events,
                "skipped": fold.skipped,
            }  # fmt: skip

    def listen(self, callback: Listener, *, events: frozenset[str] | None = None) -> None:
        """Tell it everything of one call, or of time, in one list, in the order of the log; it must be quick.

        Most calls bring one event and nothing else: of those it hears such `events` alone, of all where that is None.
        """
        self._listeners[callback] = events

    def take(self, seq: int, received_at: int, source: str, events: Sequence[Canonical]) -> list[Decision]:
        """The events of a call that is on disk; calls come in the order of their numbers."""
        with self._lock:
            if self._fold is None:
                return []
            told = self._fold.take(seq, received_at, source, events)
            self.tell(told)
        return [one.decision for one in told if isinstance(one, Decided)]

    def tick(self, now: int) -> list[Decision]:
        """Time has come to `now` (µs UTC); every event that arrived before was taken. Some visitors at a time."""
        with self._lock:
            if self._fold is None:
                return []
            found = self._fold.tick(now)
            self.tell([Decided(0, decision) for decision in found])
        return found

    def next_due(self) -> int:
        """When time fires something next at the earliest, NEVER (2**62) if it cannot."""
        with self._lock:
            return NEVER if self._fold is None else self._fold.next_due()

    def adopt(self, fold: Fold) -> Fold | None:
        """Go on with a fold that has learnt as much of the log as the one so far, which is given back: `let_go` of it."""
        with self._lock:
            before, self._fold = self._fold, fold
            self._shows = _shows(fold.engine.book)
        return before

    def let_go(self, fold: Fold | None) -> None:
        """Free a fold that is of no use any more, slice by slice: all at once the whole process would stand still."""
        while fold is not None and not fold.dissolve(_SLICE):
            self.give_way()

    def give_way(self) -> None:
        """Let others have the lock: who gives it back and takes it again at once keeps everybody waiting."""
        self._breath.wait(_BREATH_S)

    def alone(self) -> threading.RLock:
        """The lock, for whoever replaces the fold."""
        return self._lock

    def use(self, book: RuleBook) -> None:
        """Decide by other rules from now on, whose terms are known already; what is shown changes at once."""
        for _ in range(_TURNS):
            # States are turned to the other rules packed: most of them before anybody has to wait for it.
            with self._lock:
                if self._fold is None or self._fold.memories.cool(_SLICE):
                    break
            self.give_way()
        with self._lock:
            if self._fold is None:
                return
            self._fold.use(book)
            self._shows = _shows(book)

    @property
    def terms(self) -> frozenset[str]:
        """The terms whose states are kept."""
        return frozenset() if self._fold is None else self._fold.engine.book.terms

    @property
    def names(self) -> frozenset[str]:
        """The event names that journeys want to hear of."""
        return frozenset() if self._fold is None else self._fold.engine.book.names

    @property
    def fingerprint(self) -> str:
        """Of the rules that decide now."""
        return "" if self._fold is None else self._fold.engine.book.fingerprint

    def visitor(self, anonymous_id: str = "", user_id: str = "") -> str:
        """The key of the visitor behind ids, "" for nobody known."""
        with self._lock:
            return "" if self._fold is None else self._fold.people.find(anonymous_id, user_id)

    def is_own(self, anonymous_id: str) -> bool:
        """May this device be told what its visitor did elsewhere? See `People.is_own`."""
        with self._lock:
            return self._fold is not None and self._fold.people.is_own(anonymous_id)

    def offers(
        self,
        anonymous_id: str,
        user_id: str,
        now: int,
        placements: Collection[str] = (),
        languages: Sequence[str] = (),
    ) -> list[Offer]:
        """What a page may show this visitor now, most urgent first: what names no placement, and what names one of these.

        `languages` are those the visitor speaks, best first. Words may hold Liquid, to be filled in by whoever shows them.
        """
        with self._lock:
            fold = self._fold
            key = "" if fold is None else fold.people.find(anonymous_id, user_id)
            memory = fold.memories.get(key) if fold is not None and key else None
            if fold is None or memory is None:
                return []
            found = fold.engine.offers(memory, now)
        return [offer for one in found if (offer := self._offer(one, placements, languages)) is not None]

    def is_open(self, anonymous_id: str) -> bool:
        """Whether anything at all may be shown to the visitor of a device."""
        with self._lock:
            fold = self._fold
            if fold is None:
                return False
            memory = fold.memories.get(fold.people.of_device(anonymous_id))
            return memory is not None and bool(memory.offers)

    def holds(self, visitor: str, text: str, at: int) -> bool:
        """Whether a rule that journeys watch holds for a visitor. Raises SpecError for one that nobody watches."""
        with self._lock:
            fold = self._fold
            if fold is None:
                return False
            memory = fold.memories.get(fold.people.current(visitor))
            return memory is not None and fold.engine.holds(memory, text, max(at, memory.at))

    def values(self, visitor: str, text: str, at: int) -> dict[str, Any]:
        """What the terms of such a rule are for a visitor; empty for one never seen."""
        with self._lock:
            fold = self._fold
            memory = None if fold is None else fold.memories.get(fold.people.current(visitor))
            if fold is None or memory is None:
                return {}
            return fold.engine.values(memory, text, max(at, memory.at))

    def facts(self, visitor: str, at: int) -> dict[str, Any]:
        """What messages may say of a visitor: the latest `visitor` traits that rules ask for, and the `basket`."""
        with self._lock:
            memory = None if self._fold is None else self._fold.memories.get(self._fold.people.current(visitor))
            if memory is None:
                return {"visitor": {}, "basket": {"value": 0, "count": 0, "lines": []}}
            state, moment = memory.state, max(at, memory.at)
            lines = [
                {"product_id": product, "variant": variant, "quantity": line[0], "price": line[1] / 10_000}
                for (product, variant), line in state.basket.lines.items()
                if line[0]
            ]
            return {
                "visitor": {name: held[-1][1] for name, held in state.traits.items() if held},
                "basket": {"value": state.basket.value("value", moment), "count": len(lines), "lines": lines},
            }

    def saving(self, meaning: str, imports: int) -> Changes | None:
        """Everything that changed since the last saving, as it was at one moment. None before it is ready."""
        with self._lock:
            fold = self._fold
            if fold is None:
                return None
            book = fold.engine.book
            note = Note(
                position=fold.position, imports=imports, book=book.fingerprint if fold.settled else "", meaning=meaning,
                terms=sorted(book.terms), learnt=fold.reader.learnt, tallies=fold.engine.tallies(),
            )  # fmt: skip
            people = fold.people.changes()
            fold.memories.begin_picture()
            due = dict(fold.due)
        while True:
            with self._lock:
                picture = fold.memories.picture(_SLICE)
            if picture is not None:
                states = {key: (due.get(key, NEVER), packed) for key, packed in picture.items()}
                return Changes(note, states, *people.rows())
            self.give_way()

    def unsaved(self, changes: Changes) -> None:
        """The saving failed: the next one has to bring the same again."""
        with self._lock:
            if self._fold is not None:
                self._fold.memories.again(changes.states.keys())
                self._fold.people.changed.update(number for number, *_ in changes.ids)

    def forget(self, ids: Collection[str]) -> list[str]:
        """Erase the visitors behind ids (with their namespaces); the keys of those who are gone."""
        with self._lock:
            return [] if self._fold is None else self._fold.forget(ids)

    def shows_otherwise(self, book: RuleBook) -> bool:
        """Whether a book that decides the same shows something else."""
        return _shows(book) != self._shows

    def tell(self, told: Sequence[Told]) -> None:
        """Tell the listeners what was learnt beside `take` and `tick`."""
        if not told:
            return
        first = told[0]
        name = first.event.event if len(told) == 1 and isinstance(first, Heard) else None
        for listener, events in self._listeners.items():
            if name is not None and events is not None and name not in events:
                continue
            try:
                listener(told)
            except Exception as mistake:  # noqa: BLE001 - it must keep neither the others from hearing nor the event's sender
                self.unheard += 1
                self.on_unheard(mistake.code if isinstance(mistake, AfterclickError) else type(mistake).__name__)

    def _offer(self, one: Decision, placements: Collection[str], languages: Sequence[str]) -> Offer | None:
        show = self._shows.get((one.rule, one.arm))
        if show is None or (show.placement and show.placement not in placements):
            return None
        words = chosen(show.words, languages)
        content = {} if words is None else {k: v for k, v in msgspec.to_builtins(words).items() if k != "lang" or v}
        content |= {"theme": show.theme, "colour": show.colour}
        experiment = {"id": one.rule, "arm": one.arm} if one.arm else None
        ttl_s = spans.micros(show.ttl) // spans.SECOND
        return Offer(one.action_id, show.placement, show.kind, content, ttl_s, experiment, rule=one.rule)


def chosen(words: Sequence[Words], languages: Sequence[str]) -> Words | None:
    """The first in the language that the visitor speaks best, else one that fits every visitor, else the first of all.

    `languages` are best first: most people speak another one as well.
    """
    spoken = [text.lower().partition("-")[0] for text in languages]
    for lang in [*spoken, ""]:
        found = next((one for one in words if one.lang.lower().partition("-")[0] == lang), None)
        if found is not None:
            return found
    return words[0] if words else None


def _shows(book: RuleBook) -> dict[tuple[str, str], Show]:
    found = {(rule.name, ""): rule.show for rule in book.rules}
    found |= {(rule.name, arm.name): arm.show for rule in book.rules for arm in rule.arms}
    return {key: show for key, show in found.items() if show is not None}
