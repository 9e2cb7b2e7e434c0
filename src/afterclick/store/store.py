"""The directory that holds everything: opened for reading by anyone, for writing by one."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from afterclick.core.errors import StoreError, StoreLocked
from afterclick.core.event import Rejected
from afterclick.store import definitions as meant
from afterclick.store import disk, layout, manifest, projection, rejects, transaction, verify
from afterclick.store.definitions import Definitions
from afterclick.store.history import History
from afterclick.store.lock import Lock
from afterclick.store.manifest import Manifest
from afterclick.store.projection import Derive, Progress, Projection, silent
from afterclick.store.segment import SegmentReader
from afterclick.store.snapshot import Snapshot
from afterclick.store.transaction import Kind, Transaction


class Store:
    """A store on disk. Reading is safe from several threads; one thread writes, in one process at a time."""

    def __init__(self, path: Path, derive: Derive) -> None:
        self.path = path
        self._log = path / "log"
        self._lock = Lock(path)
        self._projection = Projection(path, derive)
        self._reader = SegmentReader()
        self._mutex = threading.RLock()
        self._importing = threading.Lock()
        self._seen: tuple[bytes, bytes, Snapshot] | None = None

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        derive: Derive,
        write: bool = False,
        create: bool = False,
        definitions: Definitions | None = None,
    ) -> Self:
        """Open a store; `write` keeps the lock until `close`, `create` lays a new one out (with these definitions).

        Raises StoreFormat for what is no store or too new, StoreLocked if `write` and somebody else writes.
        """
        store = cls(Path(path).absolute(), derive)
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
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def snapshot(self, progress: Progress = silent) -> Snapshot:
        """Everything acknowledged up to now; the same object as long as nothing changed.

        Pieces that are missing or do not fit are derived: stored if this process writes or nobody does, else in memory.
        """
        with self._mutex:
            wording = meant.read(self.path)
            lines = manifest.content(self._log)
            if self._seen is not None and self._seen[:2] == (lines, wording[1]):
                return self._seen[2]
            state = manifest.parse(lines)
            opened = self._projection.open(state, wording[0], self._lock, progress)
            snapshot = Snapshot(self._log, state, wording[0], opened, self._reader)
            self._seen = (lines, wording[1], snapshot)
            return snapshot

    @contextmanager
    def writing(self) -> Iterator[Lock]:
        """Within the block this process is the writer; raises StoreLocked if another one is."""
        # Under the mutex, because a question of another thread may hold the lock for as long as it derives.
        with self._mutex:
            ours = not self._lock.held
            if ours:
                self._become_writer()
        try:
            yield self._lock
        finally:
            if ours:
                with self._mutex:
                    self._lock.release()

    @contextmanager
    def transaction(self, source: str, kind: Kind = "import", progress: Progress = silent) -> Iterator[Transaction]:
        """An import: `add`, `reject`, then `commit` inside the block; what is not committed leaves nothing behind."""
        with self.writing(), self._alone():
            before = self.snapshot(progress)
            if before.damaged:
                raise StoreError(
                    f"the segment {before.damaged[0]} is damaged, so nothing can be told apart from what it held",
                    hint="run afterclick doctor; restore the file from a backup",
                    code="segment_damaged",
                )
            history = History(self._log, self._reader, before.pieces)
            opened = Transaction(
                self._log, before.manifest, history, source, kind, lambda _: self._derive_new(progress)
            )
            try:
                yield opened
            finally:
                opened.close()

    def save_definitions(self, definitions: Definitions) -> None:
        """Write afterclick.toml anew. Pieces that depend on what changed are derived again at the next question."""
        with self.writing():
            meant.save(self.path, definitions)

    def rebuild(self, progress: Progress = silent) -> Snapshot:
        """Delete the projection and derive it from the log. Raises StoreError before that if a segment is damaged."""
        with self.writing(), self._mutex:
            segments = self.manifest.segments
            for number, entry in enumerate(segments):
                progress("verify", number, len(segments))
                if not self._projection.is_intact(entry):
                    raise StoreError(
                        f"the segment {entry.name} is damaged; the projection stays, it may be all that is left",
                        hint="run afterclick doctor; restore the file from a backup",
                        code="segment_damaged",
                    )
            with disk.explained(self._projection.folder):
                if self._projection.folder.exists():
                    shutil.rmtree(self._projection.folder)
                self._projection.folder.mkdir()
            self._projection = self._projection.anew()
            self._seen = None
            return self.snapshot(progress)

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
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._importing.acquire(blocking=False):
            raise StoreLocked("an import into this store is open already", hint="commit or leave it first")
        try:
            yield
        finally:
            self._importing.release()

    def _derive_new(self, progress: Progress) -> None:
        self.snapshot(progress)

    def _become_writer(self) -> None:
        self._lock.acquire()
        try:
            state = transaction.recover(self._log, manifest.read(self._log))
            projection.clean(self._projection.folder, state)
        except BaseException:
            self._lock.release()
            raise
