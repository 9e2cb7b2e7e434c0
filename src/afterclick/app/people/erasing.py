"""Erases one person from a whole store, so that a crash at any moment leaves something the next call finishes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import numpy as np

from afterclick.act import acts_file
from afterclick.app import kept_acts, kept_words
from afterclick.app.people import journal, papers, rewriting
from afterclick.app.people.forms import Needles
from afterclick.app.people.redaction import Redaction
from afterclick.app.people.traces import Search, Trace
from afterclick.app.people.whose import Person, person_of
from afterclick.core import clock
from afterclick.core.errors import StoreError, StoreLocked
from afterclick.core.said import Said
from afterclick.decide.states_file import StatesFile
from afterclick.store import tombstones
from afterclick.store.live import database
from afterclick.store.live.tail import Tail
from afterclick.store.replacing import Replacing
from afterclick.store.tombstones import JOURNAL

if TYPE_CHECKING:
    from afterclick.app.workspace import Workspace

_TRIES: Final = 3
_PATIENCE: Final = 300
_PAUSE_S: Final = 0.2
_CHECKPOINTS: Final = 12
_OPEN_HERE: Final = frozenset(
    (database.FILE, database.WAL, database.SHM, *(acts_file.FILE + end for end in ("", "-wal", "-shm")))
)

T = TypeVar("T")
Progress = Callable[[str], None]
"""`progress(step)` before each step: known, sealed, rewritten, cleaned, searched."""


class Live(Protocol):
    """What an erasure needs of a server that collects meanwhile."""

    @property
    def tail(self) -> Tail:
        """The tail it writes to."""
        ...

    def quiesce(self) -> None:
        """Return when everything admitted before is in the tail, and who was erased is refused from now on."""
        ...

    def forget(self, ids: Sequence[str]) -> None:
        """Erase what is decided of the visitors behind these ids."""
        ...

    def blot(self, blotting: kept_words.Blotting) -> bool:
        """Erase what journeys say of somebody to others; whether they did."""
        ...

    def resend(self, action_id: str, channel: str) -> bool:
        """Let a message go again; False where there is none."""
        ...


@dataclass
class Erased:
    """What an erasure did. `left` are traces that it could not remove: files that are not the store's own."""

    ids: int
    events: int = 0
    changed: int = 0
    rejects: int = 0
    files: list[str] = field(default_factory=list)
    left: list[Trace] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "ids": self.ids, "events": self.events, "changed": self.changed, "rejects": self.rejects,
            "files": sorted(set(self.files)), "left": [one._asdict() for one in self.left],
        }  # fmt: skip


def erase(shop: Workspace, given: str, space: str = "", progress: Progress = lambda _: None) -> Erased:
    """Erase the person behind an id; see `Workspace.erase`."""
    with shop.store.writing():
        person = _begun(shop, person_of(shop.context(), given, space))
        progress("known")
        return _Erasing(shop, person, given, space, progress).run()


def finish(shop: Workspace, progress: Progress = lambda _: None) -> Erased | None:
    """Finish an erasure that a crash interrupted; None where none was."""
    ids = journal.ids(shop.store.path)
    if not ids:
        return None
    with shop.store.writing():
        return _Erasing(shop, Person(ids[0][2:], ids), ids[0][2:], ids[0][:2], progress).run()


def again(shop: Workspace, progress: Progress = lambda _: None) -> list[Erased]:
    """Erase everybody who was erased before and is there again, as after a backup was restored with the tombstones of
    today; also who may not have been finished."""
    done = [one for one in (finish(shop, progress),) if one is not None]
    while True:
        known = tombstones.Tombstones.load(shop.store.path)
        texts = shop.context().snapshot.book("id").all.to_pylist()
        back = next((text for text in texts if known.erased(text[:2], text[2:])), "")
        if not back:
            return done
        done.append(erase(shop, back[2:], back[:2], progress))


def _begun(shop: Workspace, person: Person) -> Person:
    """The person with the ids that an interrupted erasure was about: all of it is finished at once."""
    kept = journal.ids(shop.store.path)
    ids = (*person.ids, *(one for one in kept if one not in person.ids))
    journal.begin(shop.store.path, ids)
    return Person(person.given, ids, person.shared, person.rows)


class _Erasing:
    def __init__(self, shop: Workspace, person: Person, given: str, space: str, progress: Progress) -> None:
        self._shop = shop
        self._store = shop.store
        self._person = person
        self._given = given
        self._space = space
        self._progress = progress
        self._done = Erased(len(person.ids))

    def run(self) -> Erased:
        """Everything, in the order in which nothing can slip back in: refuse, seal, rewrite, clean, look."""
        for _ in range(_TRIES):
            self._refuse()
            self._seal()
            self._progress("sealed")
            needles, redaction = self._rewrite()
            self._progress("rewritten")
            self._forget()
            self._done.files += papers.clean(self._store, needles, redaction)
            self._blot(kept_words.Blotting(redaction, needles))
            self._shop.forget()
            self._shop.context()
            self._progress("cleaned")
            self._done.left = [trace for trace in self._search(needles) if trace.file != JOURNAL]
            self._progress("searched")
            # What came in between by another way, such as a link by hand, goes with the next turn.
            if not any(trace.file.startswith(("log/", "projection/", database.FILE)) for trace in self._done.left):
                break
            if any(trace.file.startswith("projection/") for trace in self._done.left):
                self._store.rebuild()
        journal.end(self._store.path)
        return self._done

    def _refuse(self) -> None:
        tombstones.add(self._store.path, self._person.ids, clock.now())
        if self._shop.live is not None:
            self._shop.live.quiesce()

    def _forget(self) -> None:
        """The live states: where no server runs all of them, which are learnt again from the log; and what waits for them."""
        live = self._shop.live
        if live is not None:
            live.forget(self._person.ids)
            return
        StatesFile(self._store.path).remove()
        if acts_file.exists(self._store.path):
            kept_acts.forget_offline(self._store.path, self._person.ids)

    def _blot(self, blotting: kept_words.Blotting) -> None:
        """What journeys say to others; their documents no longer say it."""
        live = self._shop.live
        if live.blot(blotting) if live is not None else kept_words.blot_offline(self._store.path, blotting):
            self._done.files.append(acts_file.FILE)

    def _seal(self) -> None:
        """Empty the tail into segments: they can be rewritten, and no page of its file keeps anything."""
        if self._shop.live is not None:
            self._seal_all(self._shop.live.tail)
        elif (self._store.path / database.FILE).exists():
            tail = Tail.open(self._store.path)
            try:
                self._seal_all(tail)
            finally:
                tail.close()

    def _seal_all(self, tail: Tail) -> None:
        # Up to here and no further: others' events go on coming in.
        upto = tail.position
        while tail.sealed < upto:
            _patiently(lambda: self._store.seal(tail))
        for _ in range(_CHECKPOINTS):
            if tail.checkpoint(truncate=True):
                return
        # Its old pages would keep what is erased, and `finish` has to come back to them.
        raise StoreError(
            Said("refusals.tail_in_use", wal=database.WAL),
            hint=Said("refusals.end_readers"),
            path=str(self._store.path / database.WAL), code="tail_in_use",
        )  # fmt: skip

    def _look_again(self) -> None:
        """The person as they are known now: ids may have been linked since the question was asked."""
        ids = dict.fromkeys(self._person.ids)
        context = self._shop.context()
        rows = [np.zeros(0, np.int64)]
        shared = dict.fromkeys(self._person.shared)
        for one in self._person.ids:
            if one[:2] != "p:" and context.snapshot.book("id").code(one) >= 0:
                found = person_of(context, one[2:], one[:2])
                ids.update(dict.fromkeys(found.ids))
                shared.update(dict.fromkeys(found.shared))
                rows.append(found.rows)
        fresh = [one for one in ids if one not in self._person.ids]
        self._person = Person(self._given, tuple(ids), tuple(shared), np.unique(np.concatenate(rows)))
        self._done.ids = len(ids)
        if fresh:
            self._person = _begun(self._shop, self._person)
            self._refuse()

    def _rewrite(self) -> tuple[Needles, Redaction]:
        """Rewrite the log without the person; nothing else can change it between looking and writing."""
        with self._replacing() as replacing:
            self._look_again()
            needles = Needles(self._person.ids)
            redaction = Redaction(self._person, needles)
            snapshot = self._shop.context().snapshot
            events, changed = rewriting.segments(replacing, snapshot, self._person, redaction)
            gone = rewriting.rejected(replacing, self._store.path / "log", redaction)
            if events or changed or gone:
                replacing.commit({"erased": events, "changed": changed, "erased_rejects": gone})
        self._done.events += events
        self._done.changed += changed
        self._done.rejects += gone
        return needles, redaction

    @contextmanager
    def _replacing(self) -> Iterator[Replacing]:
        """The right to rewrite the log, after whatever another thread of a server does with it just now."""
        with ExitStack() as stack:
            opened = _patiently(lambda: stack.enter_context(self._store.replacing("erase", source="erase")))
            yield opened

    def _search(self, needles: Needles) -> list[Trace]:
        aside = _OPEN_HERE if self._shop.live is not None else frozenset[str]()
        return Search(self._store.path, needles, aside=aside).run()


def _patiently(attempt: Callable[[], T]) -> T:
    """What an attempt gives, made again while another thread of this process writes. Raises StoreLocked after a minute."""
    for _ in range(_PATIENCE):
        try:
            return attempt()
        except StoreLocked:
            threading.Event().wait(_PAUSE_S)
    return attempt()
