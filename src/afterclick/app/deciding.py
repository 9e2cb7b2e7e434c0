"""The decider of a store that collects: learnt from the log, fed by every commit, saved, and taken up again after a crash."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from afterclick.app.books import Books, known_part
from afterclick.app.emitting import Emitter
from afterclick.app.missed import Missed
from afterclick.app.preparing import Preparing
from afterclick.app.rule_events import events_of
from afterclick.app.workspace import Workspace
from afterclick.collect.live.journal import Journal
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import clock
from afterclick.core.errors import StoreError
from afterclick.core.spans import SECOND
from afterclick.decide.decider import Decider
from afterclick.decide.decision import Decision
from afterclick.decide.states_file import StatesFile
from afterclick.decide.told import Decided, Told
from afterclick.store.automations import Journey, LiveRule
from afterclick.store.definitions import FILE, Definitions
from afterclick.store.live.calls import TailCall
from afterclick.store.live.reader import TailReader
from afterclick.store.live.tail import Tail
from afterclick.store.manifest import FILE as MANIFEST

_SAVE_EVERY: Final = 60 * SECOND
_SAVE_EVENTS: Final = 100_000
_AGAIN_S: Final = 30.0
_STORE_S: Final = 5.0
_NOTICED: Final = 3 * SECOND
"""As long as it takes at most until documents that were changed are noticed; what came since belongs to them."""
_TICK_S: Final = 0.8
"""Longest time that one look at the clock takes; whose time has come besides is next."""


class Deciding:
    """Owned by the server. `heard` is called on the loop's thread, `tick`, `renew` and `save` on that of a follower.

    `settled(position)` returns whether those who act have stored what they were told up to there: states are saved no
    further than that. `in_use` gives the journeys that runs still go by, `owes` whether anything was
    ever to be sent; `crowded` says whether who acts comes not after.
    """

    def __init__(self, shop: Workspace, tail: Tail, reader: TailReader, journal: Journal) -> None:
        self.decider = Decider()
        self.settled: Callable[[int], bool] = lambda _: True
        self.in_use: Callable[[], Sequence[Journey]] = tuple
        self.crowded: Callable[[], bool] = bool
        self.owes: Callable[[], bool] = bool
        self._resting = False
        self._shop = shop
        self._tail = tail
        self._journal = journal
        self._file = StatesFile(shop.store.path)
        self._seq = tail.position
        self._missed = 0
        self._saved_at = clock.now()
        self._saved_events = 0
        self._anew = True
        self._saving = threading.Lock()
        self._rules: dict[str, LiveRule] = {}
        self._books = Books(journal)
        self._erased: list[str] = []
        self._waiting_since = 0
        self._waiting: Missed | None = None
        self._stood: tuple[object, ...] = ()
        self._again_at = 0.0
        self._emitter: Emitter | None = None
        self._sending = threading.Condition()
        self._sent = self._answered = 0
        self._unstored: list[Canonical] = []
        self.decider.on_unheard = lambda code: self._journal.write("task_failed", task="telling", code=code)
        self._preparing = Preparing(
            shop, tail, reader, self.decider, self._file, self._prepared, self._journal, self._is_crowded
        )

    def start(self, emitter: Emitter | None = None) -> None:
        """Take up the kept states or learn from the log, in the background; `emitter` stores the events of rules."""
        self._emitter = emitter
        self.decider.listen(self._follow, events=frozenset())
        definitions = self._shop.store.definitions
        self._know(definitions)
        self._resting = self._may_rest(definitions)
        if not self._resting:
            self._preparing.begin(definitions, self._books.whole(definitions, self.in_use()))

    def close(self) -> None:
        """Stop learning and keep the states."""
        self._preparing.stop()
        self.save()

    @property
    def busy(self) -> bool:
        """Whether the log is being read: what lies in the tail is to stay there."""
        return self._preparing.busy

    @property
    def names(self) -> frozenset[str]:
        """The event names that journeys want to hear of: also of what is told while the first fold is still being made."""
        return self.decider.names if self.decider.ready else self._preparing.names

    def health(self) -> dict[str, Any]:
        """How far it is, in figures."""
        done, total = self._preparing.progress
        return {
            "ready": self._resting or self.decider.ready, "resting": self._resting,
            "learning": self.busy, "learnt": done, "of": total, "position": self.decider.position,
            "rules": len(self._rules), "unheard": self.decider.unheard, **self.decider.size,
        }  # fmt: skip

    def troubles(self) -> list[str]:
        """What of it does not get on: the log cannot be learnt, a rule is left out, somebody did not hear what was decided."""
        found = {"learning": self._preparing.failed, "refused": bool(self._books.refused), "unheard": self.decider.unheard > 0}
        return [name for name, wrong in found.items() if wrong]

    def heard(self, call: TailCall, events: Sequence[Canonical]) -> list[Decision]:
        """A call is on disk; calls come in the order of their commits, each once."""
        with self.decider.alone():
            if call.bodies or call.rejected:
                self._seq += 1
            if self._resting or not events:
                return []
            return self.decider.take(self._seq, call.received_at, call.source, events)

    def tick(self, until: int) -> None:
        """Time has come to `until` (µs UTC), and whatever arrived before has been heard."""
        begun = clock.ticks()
        with self._sending:
            unstored, self._unstored = self._unstored, []
        self._send(unstored)
        while self.decider.next_due() <= until and clock.ticks() - begun < _TICK_S:
            self.decider.tick(until)
            self.decider.give_way()

    def look(self, waiting: int) -> None:
        """Notice calls that were committed and not heard, `waiting` being those on their way: they are in the tail."""
        if self._resting:
            return
        position = self._tail.position
        self._missed = self._missed + 1 if not waiting and self._seq < position else 0
        if self._missed > 1:
            self._journal.write("decisions_missed", heard=self._seq, stored=position)
            self._missed = 0
            with self.decider.alone():
                self._preparing.catch_up()
                self._seq = max(self._seq, self.decider.position)

    def renew(self) -> None:
        """Heed rules, journeys and definitions that were changed, and imports, while the server runs."""
        standing = self._standing()
        if self.busy or (standing == self._stood and not self._preparing.failed):
            return
        if self._preparing.failed and clock.ticks() < self._again_at:
            return
        self._stood, self._again_at = standing, clock.ticks() + _AGAIN_S
        definitions = self._shop.store.definitions
        if self._resting:
            self._wake(definitions)
            return
        book = self._books.whole(definitions, self.in_use())
        self._know(definitions)
        if self._preparing.failed or self._preparing.is_outdated(definitions) or not book.terms <= self.decider.terms:
            known, waiting = known_part(definitions, self.in_use(), self.decider.terms)
            # Where learning failed before, they have been waiting since then.
            self._waiting_since = self._waiting_since or clock.now() - _NOTICED
            self._waiting = Missed(book, known, waiting, self._waiting_since) if self.decider.ready else None
            self.decider.use(known)
            self._preparing.begin(definitions, book, self._waiting)
        elif book.fingerprint != self.decider.fingerprint or self.decider.shows_otherwise(book):
            self.decider.use(book)

    def follows(self, definitions: Definitions) -> bool:
        """Whether these are the documents that decide now."""
        return self.decider.ready and self._books.whole(definitions, self.in_use()).fingerprint == self.decider.fingerprint

    def save(self) -> bool:
        """Keep what changed; False where not all that was decided is stored yet. Raises StoreError where the disk refuses;
        it is tried again."""
        if not self.decider.ready or self.busy:
            return True
        with self._saving:
            changes = self.decider.saving(self._preparing.meaning, self._preparing.imports)
            if changes is None:
                return True
            if not (self.settled(changes.note.position) and self._is_stored()):
                self.decider.unsaved(changes)
                return False
            try:
                self._file.save(changes, anew=self._anew)
            except StoreError:
                self.decider.unsaved(changes)
                raise
            self._anew = False
            self._saved_at, self._saved_events = clock.now(), self.decider.size["events"]
            return True

    def save_if_due(self) -> None:
        """`save` once a minute, or after so many events."""
        grown = self.decider.size["events"] - self._saved_events
        if grown >= _SAVE_EVENTS or (grown and not 0 <= clock.now() - self._saved_at < _SAVE_EVERY):
            self.save()

    def forget(self, ids: Sequence[str]) -> list[str]:
        """Erase the visitors behind ids from memory and disk; their keys."""
        with self._saving:
            if self.busy:
                # Who is being learnt just now may be among them.
                self._erased.extend(ids)
            gone = self.decider.forget(ids)
            if self._waiting is not None:
                self._waiting.forget({*gone, *ids})
            with self._sending:
                named = {*gone, *ids}
                self._unstored = [one for one in self._unstored if named.isdisjoint(_ids(one))]
            self._file.forget(gone, ids)
        return gone

    def _may_rest(self, definitions: Definitions) -> bool:
        """Nobody asks for anything: no rule is on, no journey runs, nothing was ever to be sent."""
        rules = any(rule.state == "on" for rule in definitions.rules)
        journeys = any(journey.state != "draft" for journey in definitions.journeys)
        return not (rules or journeys or self.in_use() or self.owes())

    def _wake(self, definitions: Definitions) -> None:
        """Learn the past once somebody asks for it; until then collecting costs nothing more."""
        self._resting = self._may_rest(definitions)
        if not self._resting:
            self._know(definitions)
            self._preparing.begin(definitions, self._books.whole(definitions, self.in_use()))

    def _standing(self) -> tuple[object, ...]:
        """Differs where anything may have changed that rules or visitors depend on."""
        store = self._shop.store.path
        files = [os.stat(path) for path in (store / FILE, store / "log" / MANIFEST) if path.exists()]
        return (*((one.st_mtime_ns, one.st_size, one.st_ino) for one in files), *self.in_use())

    def _know(self, definitions: Definitions) -> None:
        self._rules = {rule.name: rule for rule in definitions.rules if rule.state == "on"}

    def _prepared(self, *, anew: bool) -> None:
        """The decider has another fold."""
        self._anew = anew
        self._waiting_since, self._waiting = 0, None
        self._saved_events = 0
        erased, self._erased = self._erased, []
        self.decider.forget(erased)

    def _follow(self, told: Sequence[Told]) -> None:
        """Store what rules send, and who was held back."""
        events = [
            event
            for one in told
            if isinstance(one, Decided) and (rule := self._rules.get(one.decision.rule)) is not None
            for event in events_of(one.decision, rule)
        ]
        self._send(events)

    def _send(self, events: list[Canonical]) -> None:
        if not events or self._emitter is None:
            return
        with self._sending:
            self._sent += 1
        try:
            self._emitter.send(events, partial(self._told_of, events))
        except RuntimeError as error:
            # The loop has ended: states are not kept any more, and after the next start the same decisions bring the same.
            self._told_of(events, error)

    def _told_of(self, events: list[Canonical], error: Exception | None) -> None:
        with self._sending:
            self._answered += 1
            if error is not None:
                self._unstored += events
            self._sending.notify_all()

    def _is_crowded(self) -> bool:
        return self.crowded()

    def _is_stored(self) -> bool:
        """Whether every event that decisions brought up to now is on disk; waits a moment for those on their way."""
        with self._sending:
            sent = self._sent
            self._sending.wait_for(lambda: self._answered >= sent, _STORE_S)
            return self._answered >= sent and not self._unstored


def _ids(event: Canonical) -> tuple[str, str]:
    return f"a:{event.anonymous_id}", f"u:{event.user_id}"
