"""The directory that holds everything: opened for reading by anyone, for writing by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from afterclick.core.errors import StoreError, StoreLocked
from afterclick.core.event import Rejected
from afterclick.core.said import Said
from afterclick.store import definitions as meant
from afterclick.store import layout, manifest, projection, rejects, transaction, verify
from afterclick.store.current import Current
from afterclick.store.defining import Defining
from afterclick.store.definitions import Definitions
from afterclick.store.history import History
from afterclick.store.lock import Lock
from afterclick.store.manifest import ImportEntry, Manifest
from afterclick.store.merging import Leaving, Merge
from afterclick.store.projection import Derive, Progress, silent
from afterclick.store.replacing import Change, Replacing, replaced_files
from afterclick.store.sealing import Seal, Sealed
from afterclick.store.snapshot import Snapshot
from afterclick.store.tail_rows import TailRows
from afterclick.store.transaction import Kind, Transaction


class Store:
    """A store on disk. Reading is safe from several threads; one thread writes, in one process at a time."""

    def __init__(self, path: Path, derive: Derive, rows: TailRows | None = None) -> None:
        self.path = path
        self._log = path / "log"
        self._lock = Lock(path)
        self._current = Current(path, derive, rows, self._lock)
        self._importing = threading.Lock()
        self._defining = Defining(path)
        self._leaving = Leaving(path, self._current.reader)

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        derive: Derive,
        rows: TailRows | None = None,
        write: bool = False,
        create: bool = False,
        definitions: Definitions | None = None,
    ) -> Self:
        """Open a store; `write` keeps the lock until `close`, `create` lays a new one out (with these definitions).

        `rows` reads the calls of the tail; without it only segments are seen. Raises StoreFormat for what is no store or too
        new, StoreLocked if `write` and somebody else writes.
        """
        store = cls(Path(path).absolute(), derive, rows)
        if create and not layout.is_store(store.path):
            layout.prepare(store.path)
            with store._lock:
                if not layout.is_store(store.path):
                    layout.create(store.path, definitions or Definitions())
        if not layout.check(store.path):
            with store._lock:
                layout.upgrade(store.path)
        if write:
            store._become_writer()
        return store

    @property
    def writes(self) -> bool:
        """Is the lock ours now?"""
        return self._lock.held

    @property
    def definitions(self) -> Definitions:
        """The definitions as they are on disk now. Raises SpecError naming a key that is wrong."""
        return meant.load(self.path)

    @property
    def manifest(self) -> Manifest:
        """What the log holds now."""
        return manifest.read(self._log)

    def close(self) -> None:
        """Give the lock back. Snapshots stay usable."""
        self._current.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def snapshot(self, progress: Progress = silent) -> Snapshot:
        """Everything acknowledged up to now, live traffic up to a second ago; the same object as long as nothing changed.

        Pieces that are missing or do not fit are derived: stored if this process writes or nobody does, else in memory.
        """
        return self._current.snapshot(progress)

    @contextmanager
    def writing(self) -> Iterator[Lock]:
        """Within the block this process is the writer; raises StoreLocked if another one is."""
        # Under the mutex, because a question of another thread may hold the lock for as long as it derives.
        with self._current.mutex:
            ours = not self._lock.held
            if ours:
                self._become_writer()
        try:
            yield self._lock
        finally:
            if ours:
                with self._current.mutex:
                    self._lock.release()

    @contextmanager
    def transaction(self, source: str, kind: Kind = "import", progress: Progress = silent) -> Iterator[Transaction]:
        """An import: `add`, `reject`, then `commit` inside the block; what is not committed leaves nothing behind."""
        with self.writing(), self._alone():
            before = self._current.newest(progress)
            _healthy(before)
            # What is in the tail came first: an import that brings the same ids finds them there.
            history = History(self._log, self._current.reader, before.pieces, before.tail.tables)
            opened = Transaction(
                self._log, before.manifest, history, source, kind, lambda _: self._derive_new(progress)
            )
            try:
                yield opened
            finally:
                opened.close()

    def seal(self, tail: Sealed, progress: Progress = silent) -> ImportEntry | None:
        """Make a segment of what the tail holds, at most about 200,000 events; None if there was nothing to seal.

        Questions are answered meanwhile. Raises StoreLocked while an import is open, StoreError for what the disk refuses:
        then the tail holds everything as before.
        """
        view = self._current.view
        if view is None:
            raise ValueError("a store that was opened without `rows` cannot read its tail")
        with self.writing(), self._alone():
            self._leaving.sweep()
            return Seal(self._current, view, tail, progress).run(_healthy)

    def compact(self, progress: Progress = silent) -> ImportEntry | None:
        """Merge one run of small segments of live traffic; None if there is nothing to merge. Answers stay what they are."""
        with self.writing(), self._alone():
            self._leaving.sweep()
            before = self._current.newest(progress, most=0)
            merge = Merge.of(self._current, before)
            if merge is None:
                return None
            with self._replacing(before, "compact", "", progress) as replacing:
                return merge.run(replacing)

    @contextmanager
    def replacing(self, kind: Change, source: str = "", progress: Progress = silent) -> Iterator[Replacing]:
        """Rewrite segments and rejects: `read`, `replace`, then `commit` inside the block.

        What was `erase`d is gone from the disk when `commit` returns, what was merged a minute later.
        """
        with self.writing(), self._alone():
            before = self._current.newest(progress, most=0)
            with self._replacing(before, kind, source, progress) as opened:
                yield opened

    @contextmanager
    def _replacing(self, before: Snapshot, kind: Change, source: str, progress: Progress) -> Iterator[Replacing]:
        def done(after: Manifest) -> None:
            self._leaving.add(replaced_files(self._log, before.manifest, after))
            if kind == "erase":
                self._leaving.sweep(now=True)
            self._derive_new(progress)

        opened = Replacing(self._log, before.manifest, kind, source, done)
        try:
            yield opened
        finally:
            opened.close()

    def save_definitions(self, definitions: Definitions) -> None:
        """Write afterclick.toml anew. Pieces that depend on what changed are derived again at the next question."""
        with self.defining():
            meant.save(self.path, definitions)

    def defining(self) -> AbstractContextManager[None]:
        """Within the block nobody else changes what is written down, whoever writes events. Can be entered again within.

        Raises StoreLocked where another process takes longer than seconds for its own change.
        """
        return self._defining.alone()

    def rebuild(self, progress: Progress = silent) -> Snapshot:
        """Delete the projection and derive it from the log. Raises StoreError before that if a segment is damaged."""
        with self.writing():
            return self._current.rebuild(progress)

    def verify(self) -> Iterator[verify.Finding]:
        """Look at every byte and say what is damaged; changes nothing."""
        return verify.verify(self.path)

    def rejects(
        self,
        *,
        imported: str = "",
        code: str = "",
        source: str = "",
        file: str = "",
        replayed: bool | None = None,
        ids: frozenset[str] | None = None,
    ) -> Iterator[Rejected]:
        """What could not become an event, by import id, code, source, file, taken up by a replay or not, ids."""
        return rejects.select(
            self._log,
            self.manifest,
            imported=imported,
            code=code,
            source=source,
            file=file,
            replayed=replayed,
            ids=ids,
            unsealed=self._current.unsealed_rejects(),
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._importing.acquire(blocking=False):
            raise StoreLocked(Said("refusals.import_open"), hint=Said("refusals.commit_or_leave"))
        try:
            yield
        finally:
            self._importing.release()

    def _derive_new(self, progress: Progress) -> None:
        self._current.newest(progress, most=0)

    def _become_writer(self) -> None:
        self._lock.acquire()
        try:
            state = transaction.recover(self._log, manifest.read(self._log))
            projection.clean(self._current.projection.folder, state, damaged=self._lock.after_crash)
        except BaseException:
            self._lock.release()
            raise


def _healthy(snapshot: Snapshot) -> None:
    if snapshot.damaged:
        raise StoreError(
            Said("refusals.damaged_so_untold", damaged=snapshot.damaged[0]),
            hint=Said("refusals.doctor_or_backup"),
            code="segment_damaged",
        )
