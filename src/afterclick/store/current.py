"""The newest snapshot of a store: one object as long as nothing changes, brought up to date when it is asked for."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Final, NamedTuple

from afterclick.core import clock
from afterclick.core.errors import StoreError
from afterclick.core.event import Rejected
from afterclick.core.said import Said
from afterclick.store import definitions as meant
from afterclick.store import disk, manifest
from afterclick.store.lock import Lock
from afterclick.store.projection import Derive, Opened, Progress, Projection, silent
from afterclick.store.segment import SegmentReader
from afterclick.store.snapshot import Snapshot
from afterclick.store.tail_batch import EMPTY
from afterclick.store.tail_rows import TailRows
from afterclick.store.tail_view import TailView

REFRESH_S: Final = 1.0
"""The tail is looked at so often at most: news is seen at the latest so long after it was acknowledged."""
_STALE_S: Final = 1.8
"""A question that would wait while another one brings the tail up to date takes a snapshot of up to this age."""
_TURNS: Final = 20


class _Seen(NamedTuple):
    """A snapshot with the bytes of the manifest and of the definitions that it was made of."""

    lines: bytes
    wording: bytes
    snapshot: Snapshot
    opened: Opened

    def fits(self, lines: bytes, wording: bytes) -> bool:
        """Do segments and definitions stand as they stood?"""
        return (self.lines, self.wording) == (lines, wording)


class Current:
    """Safe from several threads: one brings the snapshot up to date, others wait or take the one before."""

    def __init__(self, store: Path, derive: Derive, rows: TailRows | None, lock: Lock) -> None:
        self.mutex = threading.RLock()
        self.reader = SegmentReader()
        self.projection = Projection(store, derive)
        self.view = None if rows is None else TailView(store, derive, rows, self.reader)
        self._store = store
        self.log = store / "log"
        self._lock = lock
        self._seen: _Seen | None = None
        self._looked = -_STALE_S

    def snapshot(self, progress: Progress) -> Snapshot:
        """Everything acknowledged up to now, of the tail up to REFRESH_S ago; the same object while nothing changed."""
        if not self.mutex.acquire(blocking=False):
            before = self._before()
            if before is not None:
                return before
            self.mutex.acquire()
        try:
            return self._made(progress, look=clock.ticks() - self._looked >= REFRESH_S)
        finally:
            self.mutex.release()

    def newest(self, progress: Progress, most: int | None = None) -> Snapshot:
        """The same with the tail as it is at this moment, `most` more events of it at the most."""
        with self.mutex:
            return self._made(progress, look=True, most=most)

    def unsealed_rejects(self) -> tuple[Rejected, ...]:
        """Rejects that lie in no file yet; without live traffic nothing is opened to know that there are none."""
        state = manifest.read(self.log)
        if self.view is None or not self.view.goes_beyond(state.live_seq):
            return ()
        return self.newest(silent).tail.rejected

    def close(self) -> None:
        """Give back what is kept open; snapshots stay usable, and so does this."""
        with self.mutex:
            if self.view is not None:
                self.view.close()

    def rebuild(self, progress: Progress) -> Snapshot:
        """Delete the projection and derive it from the log. Raises StoreError before that if a segment is damaged."""
        with self.mutex:
            segments = manifest.read(self.log).segments
            for number, entry in enumerate(segments):
                progress("verify", number, len(segments))
                if not self.projection.is_intact(entry):
                    raise StoreError(
                        Said("refusals.segment_file_damaged", name=entry.name),
                        hint=Said("refusals.doctor_or_backup"),
                        code="segment_damaged",
                    )
            with disk.explained(self.projection.folder):
                if self.projection.folder.exists():
                    shutil.rmtree(self.projection.folder)
                self.projection.folder.mkdir()
            self.projection = self.projection.anew()
            if self.view is not None:
                self.view.reset()
            self._seen = None
            return self._made(progress, look=True)

    def _before(self) -> Snapshot | None:
        """The last snapshot, if only the tail can have changed since, and not for long."""
        seen = self._seen
        if seen is None or clock.ticks() - self._looked > _STALE_S:
            return None
        return seen.snapshot if seen.fits(manifest.content(self.log), meant.read(self._store)[1]) else None

    def _made(self, progress: Progress, *, look: bool, most: int | None = None) -> Snapshot:
        for turn in range(_TURNS):
            # The tail before the manifest: what is sealed in between is then seen in its segment.
            if self.view is not None and (look or turn):
                self.view.look(most)
                if most is None:
                    self._looked = clock.ticks()
            made = self._read(progress)
            if made is not None:
                return made
        raise StoreError(
            Said("refusals.changes_too_fast"), hint=Said("refusals.ask_again"), path=str(self._store), code="busy"
        )

    def _read(self, progress: Progress) -> Snapshot | None:
        """The snapshot of what was looked at; None where something was replaced meanwhile and all must be read again."""
        (definitions, wording), lines = meant.read(self._store), manifest.content(self.log)
        seen = self._seen if self._seen is not None and self._seen.fits(lines, wording) else None
        if seen is not None and (self.view is None or not self.view.has_news):
            return seen.snapshot
        if seen is None:
            state = manifest.parse(lines)
            opened = self.projection.open(state, definitions, self._lock, progress)
        else:
            state, opened = seen.snapshot.manifest, seen.opened
        if opened.damaged and manifest.content(self.log) != lines:
            # Its file may have been removed because another stands in its place now.
            return None
        tail = EMPTY
        if self.view is not None:
            followed = self.view.refresh(state, definitions, opened, lambda: self.projection.behind(opened))
            if followed is None:
                self.view.reset()
                return None
            tail = followed
        snapshot = Snapshot(self.log, state, definitions, opened, self.reader, tail)
        self._seen = _Seen(lines, wording, snapshot, opened)
        return snapshot
