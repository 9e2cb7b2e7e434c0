"""The tail becomes segments: when, and how its pieces in memory become the piece on disk without being derived again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import pyarrow as pa

from afterclick.core.spans import HOUR
from afterclick.store import manifest, tail_batch
from afterclick.store.current import Current
from afterclick.store.history import History
from afterclick.store.manifest import ImportEntry, Manifest, SegmentEntry
from afterclick.store.piece_files import Fit
from afterclick.store.pieces import DerivedPiece
from afterclick.store.projection import Progress
from afterclick.store.snapshot import Snapshot
from afterclick.store.tail_batch import Batch
from afterclick.store.tail_view import TailView
from afterclick.store.transaction import Transaction

SEAL_EVENTS: Final = 200_000
SEAL_AGE: Final = HOUR
SOURCE: Final = "live"


class Sealed(Protocol):
    """What sealing needs of the tail's one writer."""

    @property
    def position(self) -> int: ...

    @property
    def sealed(self) -> int: ...

    @property
    def events(self) -> int: ...

    @property
    def oldest_at(self) -> int | None: ...

    def forget(self, upto_seq: int, *, duplicates: int = 0, rejected: int = 0) -> None: ...


def due(tail: Sealed, now: int) -> bool:
    """Is it time to seal: so many events, or the oldest so old? `now`: µs UTC."""
    oldest = tail.oldest_at
    return tail.events >= SEAL_EVENTS or (oldest is not None and now - oldest >= SEAL_AGE)


class Seal:
    """One sealing of what the tail holds. The caller has the store's lock and lets no import in beside it."""

    def __init__(self, current: Current, view: TailView, tail: Sealed, progress: Progress) -> None:
        self._current = current
        self._view = view
        self._tail = tail
        self._progress = progress
        self._chain = ""

    def run(self, healthy: Callable[[Snapshot], None]) -> ImportEntry | None:
        """Seal at most about SEAL_EVENTS events; None if there was nothing. `healthy` raises where a segment is damaged."""
        self.mend()
        with self._current.mutex:
            snapshot = self._current.newest(self._progress, most=SEAL_EVENTS)
            healthy(snapshot)
            self._view.freeze()
        try:
            return self._seal(snapshot)
        finally:
            with self._current.mutex:
                self._view.thaw()

    def mend(self) -> None:
        """Take out of the tail what a crash left there although it lies in segments."""
        state = manifest.read(self._current.log)
        if state.live_seq > self._tail.sealed:
            late = [entry for entry in state.entries if entry.live_seq > self._tail.sealed]
            self._forget(late)

    def _seal(self, snapshot: Snapshot) -> ImportEntry | None:
        found = snapshot.tail
        if not found.position:
            return None
        if not found.events and not found.rejected:
            self._tail.forget(found.position)
            return None
        history = History(self._current.log, self._current.reader, ())
        transaction = Transaction(
            self._current.log, snapshot.manifest, history, SOURCE, "live", lambda after: self._settle(snapshot, after)
        )
        try:
            return self._write(snapshot, transaction)
        finally:
            transaction.close()

    def _write(self, snapshot: Snapshot, transaction: Transaction) -> ImportEntry:
        found = snapshot.tail
        batches = [batch for batch in found.batches if batch.rows]
        table, derived = _whole(batches)
        if table is not None:
            transaction.add(table)
        transaction.reject(found.rejected)
        duplicates = sum(batch.duplicates for batch in found.batches)

        def ahead(segments: Sequence[SegmentEntry]) -> None:
            if table is not None and len(segments) == 1:
                self._keep(snapshot, segments[0], table, derived)

        entry = transaction.commit(
            {"read": found.events + len(found.letters), "duplicates": duplicates, "letters": len(found.letters)},
            live_seq=found.position,
            ahead=ahead,
        )
        self._forget([entry])
        return entry

    def _keep(self, snapshot: Snapshot, entry: SegmentEntry, table: pa.Table, derived: DerivedPiece | None) -> None:
        """Store the piece before its segment counts, so that no question has to wait for it."""
        projection = self._current.projection
        fit = Fit(entry, snapshot.sealed.chain, projection.derivation(snapshot.definitions, 0))
        if derived is not None:
            self._chain = projection.keep(fit, derived, table["event_id"])
            return
        # A property became text: its codes are others than those the batches gave, and what came since follows them.
        with self._current.mutex:
            books = projection.behind(snapshot.sealed).copy()
        projection.keep(fit, projection.made(table, books, snapshot.definitions), table["event_id"])

    def _settle(self, before: Snapshot, after: Manifest) -> None:
        """The line is written: bring questions to it."""
        with self._current.mutex:
            if self._chain:
                self._view.settle(after.live_seq, before.sealed.chain, self._chain)
            self._current.newest(self._progress, most=0)

    def _forget(self, entries: Sequence[ImportEntry]) -> None:
        """Dead letters were counted when they came; what only sealing found is counted now."""
        rejected = sum(entry.counts.get("rejected", 0) - entry.counts.get("letters", 0) for entry in entries)
        duplicates = sum(entry.counts.get("duplicates", 0) for entry in entries)
        self._tail.forget(max(entry.live_seq for entry in entries), duplicates=duplicates, rejected=rejected)


def _whole(batches: Sequence[Batch]) -> tuple[pa.Table | None, DerivedPiece | None]:
    return tail_batch.united(batches) if batches else (None, None)
