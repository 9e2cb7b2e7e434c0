"""How a decider comes to know its visitors: from the states that were kept and the calls behind them, or from the whole log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from afterclick.app.missed import Missed
from afterclick.app.workspace import Workspace
from afterclick.collect.live.journal import Journal
from afterclick.collect.wire.canonical import DECODER, Canonical
from afterclick.core import clock
from afterclick.core.errors import AfterclickError
from afterclick.decide import learning
from afterclick.decide.decider import Decider
from afterclick.decide.fold import Fold
from afterclick.decide.people import People
from afterclick.decide.reading import EventReader
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.states_file import Kept, StatesFile
from afterclick.decide.told import Decided, Heard, Told
from afterclick.store.definitions import Definitions
from afterclick.store.live.calls import StoredCall
from afterclick.store.live.reader import TailReader
from afterclick.store.live.tail import Tail

MEANING: Final = (
    "timezone", "currency", "own_domains", "fbclid_is_paid", "bots", "pages", "passive", "deny_ids", "id_cap", "stages",
    "rates", "channels",
)  # fmt: skip
"""Definitions by which events are read and visitors told apart."""

_AT_ONCE: Final = 500
_FEW: Final = 20
"""So many calls are taken before others may go on, and so few while they wait."""
_BREATH_S: Final = 0.002
_TURNS: Final = 5


class Prepared(Protocol):
    """Is told when the decider has another fold; `anew`: nothing of what is on disk fits it."""

    def __call__(self, *, anew: bool) -> None: ...


def meaning_of(definitions: Definitions) -> str:
    """Equal as long as kept states mean the same."""
    return definitions.fingerprint(MEANING)


class Preparing:
    """Makes folds in a thread of its own, in small slices, so that whoever waits for an answer hardly notices."""

    def __init__(
        self,
        shop: Workspace,
        tail: Tail,
        reader: TailReader,
        decider: Decider,
        file: StatesFile,
        prepared: Prepared,
        journal: Journal,
        crowded: Callable[[], bool],
    ) -> None:
        """`crowded` says whether what was told waits to be heard in such numbers that more of it has to wait."""
        self._shop = shop
        self._tail = tail
        self._reader = reader
        self._decider = decider
        self._file = file
        self._prepared = prepared
        self._journal = journal
        self._crowded = crowded
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._missed: Missed | None = None
        self.names: frozenset[str] = frozenset()
        self.meaning = ""
        self.imports = 0
        self.failed = False
        self.progress = (0, 0)

    @property
    def busy(self) -> bool:
        """Whether it is at work."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, definitions: Definitions, book: RuleBook, missed: Missed | None = None) -> None:
        """Make a fold under these rules and hand it to the decider when it knows all; `missed` is told then.

        While nobody decides yet (None) nothing is missed: all calls of the tail are told as they are taken.
        """
        self.failed = False
        self.names = book.names
        self._missed = missed
        self._thread = threading.Thread(
            target=self._run, args=(definitions, book), name="afterclick-learning", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Give up what is not finished."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)

    def is_outdated(self, definitions: Definitions) -> bool:
        """Whether something was imported, or is meant otherwise, since the visitors were learnt."""
        return meaning_of(definitions) != self.meaning or self._last_import() != self.imports

    def catch_up(self) -> None:
        """Give the decider the calls of the tail that it has not heard; within its lock."""
        while self._decider.ready and (calls := self._calls(self._decider.position)):
            for call in calls:
                self._decider.take(call.seq, call.received_at, call.source, _events(call))

    def _run(self, definitions: Definitions, book: RuleBook) -> None:
        try:
            begun = clock.ticks()
            kept = None if self._decider.ready else self._fitting(definitions, book)
            fold = self._restored(kept, definitions, book) if kept else self._learnt(definitions, book)
            if fold is None:
                return
            self._adopt(fold)
            self._prepared(anew=kept is None)
            took = round(clock.ticks() - begun, 3)
            self._journal.write("deciding", learnt=kept is None, events=fold.events, visitors=len(fold.memories), seconds=took)
        except _Ended:
            return
        except AfterclickError as error:
            # A later look at the definitions begins again.
            self.failed = True
            self._journal.write("learning_failed", code=error.code)
        except Exception as mistake:  # noqa: BLE001 - the thread must not end in silence and leave a server that never decides
            self.failed = True
            self._journal.write("learning_failed", code=type(mistake).__name__)

    def _fitting(self, definitions: Definitions, book: RuleBook) -> Kept | None:
        """The states that were kept, where they say all that these rules ask, and the tail holds what came after them."""
        kept = self._file.load()
        if kept is None:
            return None
        note = kept.note
        fits = (
            note.meaning == meaning_of(definitions)
            and note.imports == self._last_import()
            and self._tail.sealed <= note.position <= self._tail.position
            and book.terms <= set(note.terms)
        )
        return kept if fits else None

    def _restored(self, kept: Kept, definitions: Definitions, book: RuleBook) -> Fold:
        people = People(cap=definitions.id_cap, denied=definitions.deny_ids)
        people.restore(kept.people)
        fold = Fold(book, definitions, people=people, reader=EventReader(definitions, kept.note.learnt))
        fold.load(kept.states)
        if kept.note.book != book.fingerprint:
            fold.look_at_all()
        fold.engine.restore(kept.note.tallies)
        fold.position = kept.note.position
        self.meaning, self.imports = kept.note.meaning, kept.note.imports
        return fold

    def _learnt(self, definitions: Definitions, book: RuleBook) -> Fold | None:
        """A fold over the whole log that is sealed; None where it is to end before."""
        for _ in range(_TURNS):
            if self._missed is not None:
                self._missed.clear()
            snapshot = self._shop.store.snapshot()
            people = People(cap=definitions.id_cap, denied=definitions.deny_ids, withdrawn=learning.withdrawn(snapshot))
            fold = Fold(book, definitions, people=people)
            meaning, imports = meaning_of(definitions), learning.last_import(snapshot)
            learning.learn(fold, snapshot, hear=self._hear, give_way=self._give_way, progress=self._note)
            if self._tail.sealed <= fold.position:
                self.meaning, self.imports = meaning, imports
                return fold
            # Calls were sealed meanwhile (an erasure does): what they brought is in none of the two.
        return None

    def _adopt(self, fold: Fold) -> None:
        """Bring it up to the last call, the last ones while nobody else may take any; what is news is told.

        What the rules that were being learnt have missed is told when they decide: who hears it asks about them.
        """
        fewest = _AT_ONCE + 1
        # Where as many arrive as are taken meanwhile it would never end.
        while len(calls := self._calls(fold.position)) > _FEW and (len(calls) == _AT_ONCE or len(calls) < fewest):
            fewest = len(calls)
            for number, call in enumerate(calls):
                self._take(fold, call)
                if number % _FEW == 0:
                    self._breathe()
        with self._decider.alone():
            while calls := self._calls(fold.position):
                for call in calls:
                    self._take(fold, call)
            former = self._decider.adopt(fold)
            missed, self._missed = self._missed, None
            if missed is not None:
                self._decider.tell(missed.told(fold.people.current))
        if missed is not None and missed.lost:
            self._journal.write("decisions_lost", number=missed.lost)
        self._decider.let_go(former)

    def _take(self, fold: Fold, call: StoredCall) -> None:
        told = fold.take(call.seq, call.received_at, call.source, _events(call))
        if call.seq > self._decider.position:
            self._decider.tell(told)
        elif self._missed is not None:
            self._missed.note(told, call.received_at)

    def _calls(self, after: int) -> list[StoredCall]:
        return self._reader.read(after, _AT_ONCE)

    def _hear(self, told: list[Told]) -> None:
        """Of what lies long back: who somebody is and where to reach them, no decisions; of a second reading, what is new."""
        again = self._decider.ready
        if self._missed is not None:
            # Calls may have been sealed since it began.
            self._missed.note(told)
        known = [one for one in told if not isinstance(one, Decided) and not (again and isinstance(one, Heard) and one.live)]
        self._decider.tell(known)

    def _give_way(self) -> None:
        self._breathe()
        while self._crowded():
            self._breathe()

    def _breathe(self) -> None:
        if self._stop.wait(_BREATH_S):
            raise _Ended

    def _note(self, done: int, total: int) -> None:
        self.progress = done, total

    def _last_import(self) -> int:
        return learning.last_import_of(self._shop.store.manifest)


class _Ended(Exception):
    """The server stops."""


def _events(call: StoredCall) -> list[Canonical]:
    return [event for body in call.bodies for event in _decoded(body)]


def _decoded(body: bytes) -> Iterable[Canonical]:
    try:
        return (DECODER.decode(body),)
    except (ValueError, UnicodeDecodeError):
        # Another version wrote it; as a row of the log it is a reject.
        return ()
