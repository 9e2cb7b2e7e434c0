"""Merges segments of live traffic with their pieces, and lets the files they replace go once nobody reads them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
import pyarrow as pa

from afterclick.core import clock
from afterclick.store import compaction, disk, log
from afterclick.store.books import Books
from afterclick.store.current import Current
from afterclick.store.gather import gather, texts_of
from afterclick.store.manifest import ImportEntry, SegmentEntry
from afterclick.store.piece_files import Fit
from afterclick.store.pieces import DerivedPiece, Piece
from afterclick.store.projection import books_of
from afterclick.store.replacing import Replacing
from afterclick.store.segment import SegmentReader
from afterclick.store.snapshot import Snapshot

GRACE_S: Final = 60.0
"""Files that were replaced stay so long: a question that was asked before may still read them."""


class Merge:
    """One run of neighbouring segments that become one. Codes stay what they are, so the pieces behind it stay too."""

    def __init__(self, current: Current, snapshot: Snapshot, first: int, end: int) -> None:
        self._current = current
        self._snapshot = snapshot
        self._segments: Sequence[SegmentEntry] = snapshot.sealed.segments[first:end]
        self._pieces: Sequence[Piece] = snapshot.sealed.pieces[first:end]
        self._until: Sequence[Piece] = snapshot.sealed.pieces[:end]
        self._after = snapshot.sealed.pieces[first - 1].chain if first else ""

    @classmethod
    def of(cls, current: Current, snapshot: Snapshot) -> Self | None:
        """The run to be merged next, None if there is none; a damaged segment is merged with nothing."""
        opened = snapshot.sealed
        live = compaction.mergeable(snapshot.manifest)
        chosen = None if opened.damaged else compaction.choose(opened.segments, live)
        return None if chosen is None else cls(current, snapshot, *chosen)

    def run(self, replacing: Replacing) -> ImportEntry:
        """Write the merged segment and its piece, then the line."""
        whole = log.conform(log.unite([replacing.read(entry) for entry in self._segments]))
        order = log.order_of(whole)
        table = log.take(whole, order)
        del whole
        written = replacing.replace(self._segments, table)
        if len(written) == 1:
            self._keep(written[0], table, order)
        rows = sum(entry.rows for entry in self._segments)
        return replacing.commit({"read": 0, "merged": rows})

    def _keep(self, entry: SegmentEntry, table: pa.Table, order: np.ndarray) -> None:
        projection, definitions = self._current.projection, self._snapshot.definitions
        fit = Fit(entry, self._after, projection.derivation(definitions, 0))
        derived = gather(self._pieces, order)
        if derived is not None:
            projection.keep(fit, derived, table["event_id"], self._pieces[-1].chain)
            return
        # A property became text: its numbers get codes behind the others, and the pieces behind it are made anew.
        made = projection.made(table, Books(books_of(self._until)), definitions)
        new = texts_of([*(piece.new for piece in self._pieces), made.new])
        projection.keep(fit, DerivedPiece(made.columns, made.kinds, new, made.edges), table["event_id"])


class Leaving:
    """Files that no longer count, until they are removed; whatever is left at the end the next writer removes."""

    def __init__(self, store: Path, reader: SegmentReader) -> None:
        self._projection = store / "projection"
        self._reader = reader
        self._waiting: list[tuple[float, Path]] = []

    def add(self, files: Sequence[Path]) -> None:
        """These were replaced now."""
        self._waiting += [(clock.ticks(), file) for file in files]

    def sweep(self, *, now: bool = False) -> None:
        """Remove what was replaced GRACE_S ago, with the pieces made of it; everything if it has to be gone `now`.

        Raises StoreError for what has to be gone and cannot be removed; it counts no more all the same.
        """
        due = [file for since, file in self._waiting if now or clock.ticks() - since >= GRACE_S]
        self._waiting = [one for one in self._waiting if one[1] not in set(due)]
        self._reader.forget(set(due))
        for file in due:
            try:
                self._remove(file)
            except OSError as error:
                if now:
                    raise disk.explain(error, file) from error

    def _remove(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        piece = self._projection / file.stem
        if file.suffix == log.SUFFIX and piece.is_dir():
            shutil.rmtree(piece)
