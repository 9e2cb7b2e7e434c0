"""Counted once: finds event ids among all that are stored, and says whether the same id came with the same content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core.event import LOG_COLUMNS, PROPERTY_PREFIX
from afterclick.store import ids, log, segment
from afterclick.store.ids import HashIndex
from afterclick.store.pieces import Piece
from afterclick.store.segment import RowSource, SegmentReader, SegmentRows, TableRows

CONTENT: Final = tuple(
    name
    for name in LOG_COLUMNS.names
    if name not in ("event_id", "occurred_at", "received_at", "sent_at", "original_at", "source")
)
"""Columns that must be equal for two events of one id to be the same event. Its instant is the original one where both
have that: `occurred_at` is corrected by clocks that change at every retry."""

NEW: Final = -1
ITSELF: Final = -2


class Source(RowSource, Protocol):
    """Rows that are stored, or about to be: an index over their event ids, and their columns."""

    @property
    def index(self) -> HashIndex:
        """Hashes of the event ids."""
        ...


class StoredRows(SegmentRows):
    """The rows of a segment on disk, to be found by their ids."""

    def __init__(self, path: Path, reader: SegmentReader, index: HashIndex) -> None:
        super().__init__(path, reader)
        self.index = index


class IndexedRows(TableRows):
    """The rows of a table, to be found by their ids; without an index none is looked up."""

    def __init__(self, table: pa.Table, index: HashIndex | None = None) -> None:
        super().__init__(table)
        self.index = HashIndex.build(np.zeros(0, np.uint64)) if index is None else index


class HeldRows:
    """Rows in memory, added to bit by bit."""

    def __init__(self) -> None:
        self.tables: list[pa.Table] = []
        self.rows = 0
        self.bytes = 0
        self._levels: list[HashIndex] = []

    def add(self, table: pa.Table, hashes: np.ndarray) -> None:
        """Add conforming rows with the hashes of their event ids."""
        fresh = HashIndex.build(hashes)
        fresh = HashIndex(fresh.hashes, fresh.rows + np.int32(self.rows))
        # Indexes of about equal size are merged, so that many small additions stay cheap.
        while self._levels and len(self._levels[-1].hashes) <= 2 * len(fresh.hashes):
            fresh = self._levels.pop().merge(fresh)
        self._levels.append(fresh)
        self.tables.append(table)
        self.rows += table.num_rows
        self.bytes += table.nbytes

    @property
    def index(self) -> HashIndex:
        """The index over all rows."""
        while len(self._levels) > 1:
            last = self._levels.pop()
            self._levels[-1] = self._levels[-1].merge(last)
        return self._levels[0] if self._levels else HashIndex.build(np.zeros(0, np.uint64))

    def names(self) -> set[str]:
        """Names of all columns."""
        return {name for table in self.tables for name in table.column_names}

    def take(self, column: str, rows: np.ndarray) -> pa.ChunkedArray:
        """Values of a column at these rows."""
        return self.whole((column,))[column].take(pa.array(rows))

    def whole(self, columns: Iterable[str] | None = None) -> pa.Table:
        """All rows as one table; a property that is text in one part is text in all."""
        chosen = None if columns is None else set(columns)
        return log.unite(
            [table.select([n for n in table.column_names if chosen is None or n in chosen]) for table in self.tables]
        )


class Matches(NamedTuple):
    """Per event id where it was first seen: number of the source (or NEW, or ITSELF = the ids asked), row there."""

    source: np.ndarray
    row: np.ndarray


class History:
    """Everything stored, and what the open transaction has added so far.

    `tables` are the rows of pieces that lie in no segment, by the piece's name.
    """

    def __init__(
        self,
        log_folder: Path,
        reader: SegmentReader,
        pieces: Iterable[Piece],
        tables: Mapping[str, pa.Table] = MappingProxyType({}),
    ) -> None:
        self._log = log_folder
        self._reader = reader
        self._tables = tables
        self.sources: list[Source] = [self._stored(piece) for piece in pieces]

    def add(self, rows: Source) -> int:
        """Rows that stand from now on; their number, by which they can be replaced."""
        self.sources.append(rows)
        return len(self.sources) - 1

    def segment(self, name: str, event_ids: pa.ChunkedArray) -> StoredRows:
        """The rows of a segment that was written since."""
        return StoredRows(self._log / (name + log.SUFFIX), self._reader, HashIndex.build(ids.hash64(event_ids)))

    def match(self, event_ids: pa.Array | pa.ChunkedArray, hashes: np.ndarray, held: HeldRows) -> Matches:
        """Where each of these ids was first seen, in the stored rows, then in `held`, then earlier among themselves."""
        texts = ids.texts(event_ids)
        order = np.argsort(hashes)
        source = np.full(len(hashes), NEW, np.int32)
        row = np.full(len(hashes), -1, np.int64)
        everything: list[Source] = [*self.sources, held]
        for number, rows in enumerate(everything):
            left = order[source[order] == NEW]
            equal = _same_id(texts, left, rows)
            found = rows.index.find_sorted(hashes[left], equal)
            hit = found >= 0
            source[left[hit]] = number
            row[left[hit]] = found[hit]
        self._match_itself(texts, hashes, source, row)
        return Matches(source, row)

    def conflicts(self, table: pa.Table, matches: Matches, held: HeldRows) -> np.ndarray:
        """Of the rows whose id was seen before: is their content another one? A bool per row."""
        result = np.zeros(table.num_rows, bool)
        sources: list[Source] = [*self.sources, held]
        for number in np.unique(matches.source):
            if number == NEW:
                continue
            here = np.flatnonzero(matches.source == number)
            theirs = IndexedRows(table) if number == ITSELF else sources[number]
            result[here] = _differ(IndexedRows(table), here, theirs, matches.row[here])
        return result

    def _match_itself(self, texts: pa.Array, hashes: np.ndarray, source: np.ndarray, row: np.ndarray) -> None:
        fresh = np.flatnonzero(source == NEW)
        index = HashIndex.build(hashes[fresh])
        if not (index.hashes[1:] == index.hashes[:-1]).any():
            return
        own = texts.take(pa.array(fresh))
        first = index.find(hashes[fresh], lambda i, rows: _equal(own.take(pa.array(i)), own.take(pa.array(rows))))
        again = first != np.arange(len(fresh))
        source[fresh[again]] = ITSELF
        row[fresh[again]] = fresh[first[again]]

    def _stored(self, piece: Piece) -> Source:
        path = self._log / (piece.segment + log.SUFFIX)
        index = piece.index
        table = self._tables.get(piece.segment)
        if table is not None:
            return IndexedRows(table, index or HashIndex.build(ids.hash64(table["event_id"])))
        if index is None:
            index = HashIndex.build(ids.hash64(segment.read_segment(path, ("event_id",))["event_id"]))
        return StoredRows(path, self._reader, index)


def _same_id(texts: pa.Array, places: np.ndarray, rows: Source) -> ids.Equal:
    def equal(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
        return _equal(texts.take(pa.array(places[wanted])), rows.take("event_id", found))

    return equal


def _equal(ours: pa.Array, theirs: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.equal(ours, ids.texts(theirs)))


def _differ(ours: Source, our_rows: np.ndarray, theirs: Source, their_rows: np.ndarray) -> np.ndarray:
    names = [
        name for name in sorted(ours.names() | theirs.names()) if name in CONTENT or name.startswith(PROPERTY_PREFIX)
    ]
    result = _instants_differ(ours, our_rows, theirs, their_rows)
    for name in names:
        one, other = _column(ours, name, our_rows), _column(theirs, name, their_rows)
        result |= ~_same_values(one, other)
    return result


def _instants_differ(ours: Source, our_rows: np.ndarray, theirs: Source, their_rows: np.ndarray) -> np.ndarray:
    one, other = _column(ours, "original_at", our_rows), _column(theirs, "original_at", their_rows)
    both = np.asarray(pc.and_(one.is_valid(), other.is_valid()))
    when, then = _column(ours, "occurred_at", our_rows), _column(theirs, "occurred_at", their_rows)
    return np.where(both, ~_same_values(one, other), ~_same_values(when, then))


def _column(source: Source, name: str, rows: np.ndarray) -> pa.Array:
    if name not in source.names():
        return pa.nulls(len(rows))
    column = source.take(name, rows).combine_chunks()
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), None, column)
    return column


def _same_values(one: pa.Array, other: pa.Array) -> np.ndarray:
    """Equal, or both missing. Values of different types are compared as text."""
    if one.type != other.type and not pa.types.is_null(one.type) and not pa.types.is_null(other.type):
        one, other = log.as_text(one), log.as_text(other)
    missing = pc.and_(one.is_null(), other.is_null())
    if pa.types.is_null(one.type) or pa.types.is_null(other.type):
        return np.asarray(missing)
    return np.asarray(pc.or_(pc.fill_null(pc.equal(one, other), False), missing))
