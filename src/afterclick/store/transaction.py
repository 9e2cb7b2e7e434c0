"""One import as a whole: everything it adds is there after its line in the manifest, and nothing of it before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core import clock
from afterclick.core.event import Rejected
from afterclick.store import disk, ids, lines, log, manifest
from afterclick.store.acknowledging import Acknowledging
from afterclick.store.history import NEW, HeldRows, History, StoredRows
from afterclick.store.manifest import FileEntry, ImportEntry, Manifest, RejectsEntry, SegmentEntry
from afterclick.store.rejects import RejectWriter

Kind = Literal["import", "replay", "live"]

_HELD_BYTES: Final = 1 << 30
_OURS: Final = re.compile(r"\d{6,}-[0-9a-f]{8}(-\d{3,})?\.(parquet|jsonl)(\.tmp)?|(format|manifest\.torn-\d+)\.tmp")
"""Names of files that an import or a writer makes; what else lies in the log is somebody's and stays."""


class _Landed(NamedTuple):
    written: log.Written
    orders: pa.Array | None
    rows: StoredRows


class Transaction:
    """Made by `Store.transaction`. Rows are sorted into segments of up to 2 M; what is not committed is removed.

    Not thread-safe. `seen` and `conflicts` answer for all kept history and for what this transaction added before.
    """

    def __init__(
        self,
        log_folder: Path,
        state: Manifest,
        history: History,
        source: str,
        kind: Kind = "import",
        done: Callable[[Manifest], None] = lambda _: None,
    ) -> None:
        self.id = state.next_id()
        self.source = source
        self.kind: Kind = kind
        self._log = log_folder
        self._state = state
        self._history = history
        self._held = HeldRows()
        self._segments: list[SegmentEntry] = []
        self._rejects = RejectWriter(log_folder, self.id)
        self._orders: list[pa.Array] = []
        self._line = Acknowledging(log_folder, state, f"import {self.id}", done)
        # Segments are sorted and written beside the reading of the next rows, one at a time.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="afterclick-segment")
        self._flying: tuple[Future[_Landed], int, int] | None = None

    @property
    def entry(self) -> ImportEntry | None:
        """The line of the import once it counts."""
        return self._line.entry

    @property
    def rows(self) -> int:
        """Rows added so far."""
        flying = self._flying[2] if self._flying else 0
        return self._held.rows + flying + sum(entry.rows for entry in self._segments)

    def seen(self, event_ids: pa.Array | pa.ChunkedArray) -> pa.BooleanArray:
        """Which of these ids are stored already, were added before, or stand earlier among these ids themselves."""
        return pa.array(self._history.match(event_ids, ids.hash64(event_ids), self._held).source != NEW)

    def conflicts(self, table: pa.Table) -> pa.BooleanArray:
        """Of rows to be added: which came before with the same id and another content. All of them are `seen` too."""
        rows = log.conform(table)
        matches = self._history.match(rows["event_id"], ids.hash64(rows["event_id"]), self._held)
        return pa.array(self._history.conflicts(rows, matches, self._held))

    def add(self, table: pa.Table) -> None:
        """Add rows whose ids were not seen (see log.write_segment for columns). Raises ValueError for bad columns."""
        self._line.check_open()
        rows = log.conform(table)
        start = 0
        while start < rows.num_rows:
            part = rows.slice(start, log.SEGMENT_ROWS - self._held.rows)
            self._held.add(part, ids.hash64(part["event_id"]))
            start += part.num_rows
            if self._held.rows >= log.SEGMENT_ROWS or self._held.bytes >= _HELD_BYTES:
                self._flush()

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Keep what could not become an event."""
        self._line.check_open()
        self._rejects.write(rejected)

    def commit(
        self,
        counts: Mapping[str, int] | None = None,
        files: Sequence[FileEntry] = (),
        column_map: Mapping[str, Any] | None = None,
        *,
        reject_ids: Sequence[str] = (),
        live_seq: int = 0,
        ahead: Callable[[Sequence[SegmentEntry]], None] = lambda _: None,
    ) -> ImportEntry:
        """Acknowledge: when this returns, everything added is on disk and counts. Then the pieces are derived.

        `stored` and `rejected` of the counts are those of this transaction, whatever is given. `reject_ids` are the
        rejects that a replay took up, `live_seq` the last call of the tail that was sealed; `ahead` may make the pieces
        of the segments, which are written by then, before anybody can ask for them. Raises StoreError when the disk
        refuses; with code `unconfirmed` it is unknown whether the import is stored (the next command that opens the store
        knows).
        """
        self._line.check_open()
        rejected = self._finish()
        ahead(self._segments)
        entry = ImportEntry(
            seq=self._state.position + 1,
            kind=self.kind,
            id=self.id,
            at=clock.now(),
            source=self.source,
            files=tuple(files),
            segments=tuple(self._segments),
            rejects=rejected,
            counts={**(counts or {}), "stored": self.rows, "rejected": self._rejects.rows},
            map=dict(column_map or {}),
            reject_ids=tuple(reject_ids),
            stale=self._stale(),
            live_seq=live_seq,
        )
        return self._line.write(entry)

    def close(self) -> None:
        """Remove what was written if it was not committed; what cannot be removed the next writer removes."""
        self._writer.shutdown()
        if self._line.over:
            return
        flying = self._flying[0] if self._flying else None
        if flying is not None and flying.exception() is None:
            self._segments.append(flying.result().written.entry)
        for entry in self._segments:
            disk.discard(self._log / (entry.name + log.SUFFIX))
        self._rejects.discard()

    def _finish(self) -> RejectsEntry | None:
        """Everything added lies on disk under its name when this returns."""
        self._flush()
        self._land()
        rejected = self._rejects.finish()
        if self._segments:
            with disk.explained(self._log):
                disk.sync_folder(self._log)
        return rejected

    def _flush(self) -> None:
        if not self._held.rows:
            return
        self._land()
        held, self._held = self._held, HeldRows()
        name = f"{self.id}-{len(self._segments):03d}"
        self._flying = self._writer.submit(self._write, held, name), self._history.add(held), held.rows

    def _write(self, held: HeldRows, name: str) -> _Landed:
        table = held.whole()
        written = log.write_segment(self._log, name, table)
        orders = lines.line_orders(table) if written.entry.lines else None
        return _Landed(written, orders, self._history.segment(name, written.event_ids))

    def _land(self) -> None:
        """Wait for the segment that is being written; raises what its writing raised."""
        if self._flying is None:
            return
        landed, (_, place, _) = self._flying[0].result(), self._flying
        self._flying = None
        self._segments.append(landed.written.entry)
        self._history.sources[place] = landed.rows
        if landed.orders is not None:
            self._orders.append(landed.orders)

    def _stale(self) -> tuple[str, ...]:
        """Older segments with lines of orders that this import goes on with: their totals change."""
        if not self._orders:
            return ()
        orders = pc.unique(pa.concat_arrays(self._orders))
        return lines.holding(self._log, self._state.segments, orders)


def recover(log_folder: Path, state: Manifest) -> Manifest:
    """Bring the log back to what the manifest acknowledges: remove what a crash left. Needs the store's lock.

    Files that a torn line names are set aside with it instead: should it have been damaged after it was acknowledged,
    nothing is lost.
    """
    named = state.files
    with disk.explained(log_folder):
        torn = manifest.content(log_folder)[state.size :]
        aside = manifest.set_aside(log_folder, state)
        for folder in (log_folder, log_folder / "rejects"):
            for path in sorted(folder.glob("*")):
                if not _OURS.fullmatch(path.name) or path.name in named or not path.is_file():
                    continue
                if aside is not None and path.name.removesuffix(log.SUFFIX).encode() in torn:
                    home = log_folder / f"{aside.name}.files"
                    home.mkdir(exist_ok=True)
                    path.rename(home / path.name)
                else:
                    path.unlink()
    return manifest.read(log_folder) if aside is not None else state
