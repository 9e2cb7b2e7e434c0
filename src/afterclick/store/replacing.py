"""Segments and rejects rewritten: the new files are there whole before the one line that puts them in the old ones' place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core import clock
from afterclick.core.errors import StoreError
from afterclick.core.event import Rejected
from afterclick.core.said import Said
from afterclick.store import disk, lines, log, rejects, segment
from afterclick.store.acknowledging import Acknowledging
from afterclick.store.manifest import ImportEntry, Manifest, RejectsEntry, Replaced, SegmentEntry
from afterclick.store.rejects import RejectWriter

Change = Literal["compact", "erase"]

_BATCH: Final = 1000


class Replacing:
    """Made by `Store.replacing`: `read`, `replace`, then `commit` inside the block. Not thread-safe.

    What is not committed leaves nothing behind. `manifest` is that from before.
    """

    def __init__(
        self, log_folder: Path, state: Manifest, kind: Change, source: str, done: Callable[[Manifest], None]
    ) -> None:
        self.id = state.next_id()
        self.manifest = state
        self.kind: Change = kind
        self._log = log_folder
        self._source = source
        self._segments: list[SegmentEntry] = []
        self._replaces: list[Replaced] = []
        self._rejects: dict[str, RejectsEntry | None] = {}
        self._writers: list[RejectWriter] = []
        self._orders: list[pa.Array] = []
        self._line = Acknowledging(log_folder, state, f"change {self.id}", done)

    @property
    def entry(self) -> ImportEntry | None:
        """The line of the change once it counts."""
        return self._line.entry

    def read(self, entry: SegmentEntry, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of a segment that counts, in its order. Raises StoreError if its bytes are not those that were acknowledged."""
        if not segment.is_intact(self._log, entry):
            raise StoreError(
                Said("refusals.damaged_stays", name=entry.name),
                hint=Said("refusals.doctor_or_backup"),
                code="segment_damaged",
            )
        return segment.read_segment(self._log / (entry.name + log.SUFFIX), columns, coded=segment.CODED)

    def replace(self, old: Sequence[SegmentEntry], rows: pa.Table | None) -> list[SegmentEntry]:
        """Write rows (in any order) that will stand where neighbouring segments stand; None or none: nothing will.

        Raises StoreError for what the disk refuses, ValueError for columns that are none of the log.
        """
        self._line.check_open()
        written: list[SegmentEntry] = []
        for start in range(0, rows.num_rows if rows is not None else 0, log.SEGMENT_ROWS):
            name = f"{self.id}-{len(self._segments):03d}"
            part = log.write_segment(self._log, name, rows.slice(start, log.SEGMENT_ROWS))  # type: ignore[union-attr]
            written.append(part.entry)
            self._segments.append(part.entry)
        self._replaces.append(Replaced(old=tuple(one.name for one in old), new=tuple(one.name for one in written)))
        if self.kind == "erase":
            self._orders += [self._line_orders(entry) for entry in old if entry.lines]
        return written

    def replace_rejects(self, entry: ImportEntry, kept: Iterable[Rejected]) -> None:
        """Write what is kept of the rejects of an import."""
        self._line.check_open()
        writer = RejectWriter(self._log, f"{self.id}-{len(self._writers):03d}")
        self._writers.append(writer)
        batch: list[Rejected] = []
        for one in kept:
            batch.append(one)
            if len(batch) >= _BATCH:
                writer.write(batch)
                batch = []
        writer.write(batch)
        self._rejects[entry.id] = writer.finish()

    def commit(self, counts: Mapping[str, int] | None = None) -> ImportEntry:
        """Acknowledge: when this returns, the new files count and the old ones do not, whatever happens.

        Raises StoreError when the disk refuses; with code `unconfirmed` only the next one who opens the store knows.
        """
        self._line.check_open()
        with disk.explained(self._log):
            disk.sync_folder(self._log)
        entry = ImportEntry(
            seq=self.manifest.position + 1,
            kind=self.kind,
            id=self.id,
            at=clock.now(),
            source=self._source,
            segments=tuple(self._segments),
            counts={**(counts or {}), "stored": 0, "rejected": 0},
            stale=self._stale(),
            replaces=tuple(self._replaces),
            rejects_for=self._rejects,
        )
        return self._line.write(entry)

    def close(self) -> None:
        """Remove what was written if it was not committed; what cannot be removed the next writer removes."""
        if self._line.over:
            return
        for entry in self._segments:
            disk.discard(self._log / (entry.name + log.SUFFIX))
        for writer in self._writers:
            writer.discard()

    def _stale(self) -> tuple[str, ...]:
        """Segments that hold lines of orders of which lines may have gone: their totals change."""
        if not self._orders:
            return ()
        gone = {name for one in self._replaces for name in one.old}
        others = [entry for entry in self.manifest.segments if entry.name not in gone]
        return lines.holding(self._log, others, pc.unique(pa.concat_arrays(self._orders)))

    def _line_orders(self, entry: SegmentEntry) -> pa.Array:
        path = self._log / (entry.name + log.SUFFIX)
        return lines.line_orders(segment.read_segment(path, ("order_id", "order_line")))


def replaced_files(log_folder: Path, before: Manifest, after: Manifest) -> list[Path]:
    """Files that counted before and do not any more."""
    return [
        log_folder / (rejects.FOLDER if name.endswith(rejects.SUFFIX) else "") / name
        for name in sorted(before.files - after.files)
    ]
