"""Reads segments of the log, checking every page, and only the row groups that are asked for."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from afterclick.core.errors import StoreError
from afterclick.core.said import Said
from afterclick.store import log
from afterclick.store.manifest import SegmentEntry

CODED: Final = (
    "type", "event", "raw_event", "anonymous_id", "user_id", "email", "phone", "session_id", "url", "referrer",
    "user_agent", "order_id", "currency", "source",
)  # fmt: skip
"""Text columns of the log that are read as dictionaries when many rows are worked on."""

GONE: Final = "segment_gone"
_KEPT_BYTES: Final = 256 << 20


def read_segment(
    path: Path,
    columns: Sequence[str] | None = None,
    rows: tuple[int, int] | None = None,
    *,
    coded: Sequence[str] = (),
) -> pa.Table:
    """Rows [first, last) of these columns, in the order of the file; those of `coded` as dictionaries.

    Columns the segment has not are left out. Raises StoreError where a page fails its checksum.
    """
    with _open(path, coded) as file:
        names = file.schema_arrow.names
        wanted = names if columns is None else [name for name in columns if name in names]
        if rows is None:
            return file.read(columns=wanted)
        bounds = _bounds(file)
        first, last = rows
        groups = [g for g in range(len(bounds) - 1) if bounds[g] < last and bounds[g + 1] > first]
        if not groups:
            return file.schema_arrow.empty_table().select(wanted)
        return file.read_row_groups(groups, columns=wanted).slice(first - bounds[groups[0]], last - first)


def read_whole(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows in one piece per column, repeated texts (CODED and text properties) as dictionaries."""
    with _open(path) as file:
        texts = [field.name for field in file.schema_arrow if field.type == pa.string()]
    coded = [name for name in texts if name in CODED or name.startswith("p.")]
    return read_segment(path, columns, coded=coded).unify_dictionaries().combine_chunks()


def is_intact(log_folder: Path, entry: SegmentEntry) -> bool:
    """Is the file there with the bytes that were acknowledged?"""
    try:
        with (log_folder / (entry.name + log.SUFFIX)).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
    except OSError:
        return False


def damaged_groups(log_folder: Path, entry: SegmentEntry) -> list[int]:
    """Row groups that can no longer be read; all of them when the file's own directory is gone."""
    path = log_folder / (entry.name + log.SUFFIX)
    try:
        with _open(path) as file:
            groups = file.metadata.num_row_groups
    except StoreError:
        return list(range(-(-entry.rows // log.ROW_GROUP)))
    damaged = []
    for group in range(groups):
        try:
            with _open(path) as file:
                file.read_row_group(group)
        except StoreError:
            damaged.append(group)
    return damaged


class _Key(NamedTuple):
    path: Path
    column: str
    group: int


class SegmentReader:
    """Single rows of segments, with the columns of the row groups read last kept in memory (256 MiB). Thread-safe."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, pa.ChunkedArray] = OrderedDict()
        self._bounds: dict[Path, np.ndarray] = {}
        self._types: dict[Path, dict[str, pa.DataType]] = {}
        self._bytes = 0
        self._mutex = threading.Lock()

    def names(self, path: Path) -> set[str]:
        """Names of the columns the segment has."""
        with self._mutex:
            self._look_at(path)
            return set(self._types[path])

    def take(self, path: Path, column: str, rows: np.ndarray) -> pa.ChunkedArray:
        """The values of a column the segment has, at these rows (int64, any order)."""
        with self._mutex:
            self._look_at(path)
            bounds = self._bounds[path]
            which = np.searchsorted(bounds, rows, side="right") - 1
            groups = np.flatnonzero(np.bincount(which, minlength=len(bounds) - 1))
            parts = self._groups(path, column, groups.tolist())
        if all(part.null_count == len(part) for part in parts):
            return pa.chunked_array([pa.nulls(len(rows), self._types[path][column])])
        starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
        place = starts[np.searchsorted(groups, which)] + rows - bounds[which]
        whole = pa.chunked_array([chunk for part in parts for chunk in part.chunks], parts[0].type)
        return whole.take(pa.array(place))

    def forget(self, paths: Collection[Path]) -> None:
        """Let go of segments that are removed."""
        with self._mutex:
            for path in paths:
                self._bounds.pop(path, None)
                self._types.pop(path, None)
            for key in [key for key in self._kept if key.path in paths]:
                self._bytes -= self._kept.pop(key).nbytes

    def _look_at(self, path: Path) -> None:
        if path not in self._bounds:
            with _open(path) as file:
                self._bounds[path] = _bounds(file)
                self._types[path] = {field.name: field.type for field in file.schema_arrow}

    def _groups(self, path: Path, column: str, groups: list[int]) -> list[pa.ChunkedArray]:
        missing = [group for group in groups if _Key(path, column, group) not in self._kept]
        fresh = {}
        if missing:
            with _open(path) as file:
                for group in missing:
                    fresh[group] = file.read_row_group(group, columns=[column])[column]
        parts = []
        for group in groups:
            key = _Key(path, column, group)
            if group in fresh:
                self._kept[key] = fresh[group]
                self._bytes += fresh[group].nbytes
            self._kept.move_to_end(key)
            parts.append(self._kept[key])
        while self._bytes > _KEPT_BYTES and self._kept:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return parts


class RowSource(Protocol):
    """Rows of the log, on disk or in memory."""

    def names(self) -> set[str]:
        """Names of the columns."""
        ...

    def take(self, column: str, rows: np.ndarray) -> pa.ChunkedArray:
        """Values of a column at these rows (int64, any order)."""
        ...


class SegmentRows:
    """The rows of a segment on disk."""

    def __init__(self, path: Path, reader: SegmentReader) -> None:
        self._path = path
        self._reader = reader

    def names(self) -> set[str]:
        """Names of the segment's columns."""
        return self._reader.names(self._path)

    def take(self, column: str, rows: np.ndarray) -> pa.ChunkedArray:
        """Values of a column at these rows of the segment."""
        return self._reader.take(self._path, column, rows)


class TableRows:
    """The rows of a table in memory."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def names(self) -> set[str]:
        """Names of the table's columns."""
        return set(self._table.column_names)

    def take(self, column: str, rows: np.ndarray) -> pa.ChunkedArray:
        """Values of a column at these rows."""
        return self._table[column].take(pa.array(rows))


@contextmanager
def _open(path: Path, coded: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=list(coded)) as file:
            yield file
    except FileNotFoundError as error:
        # Merged or rewritten since the question was asked, or lost: a look at the manifest tells.
        raise StoreError(
            Said("refusals.segment_file_gone", name=path.name), hint=Said("refusals.ask_again_or_doctor"),
            path=str(path), code=GONE,
        ) from error  # fmt: skip
    except (OSError, pa.ArrowInvalid) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(
            Said("refusals.segment_file_unreadable", name=path.name, said=said),
            hint=Said("refusals.run_doctor"),
            path=str(path),
            code="segment_damaged",
        ) from error


def _bounds(file: pq.ParquetFile) -> np.ndarray:
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    return np.cumsum([0, *sizes])
