"""The store as it was at one moment: pieces, books and definitions that do not change while a question is answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from afterclick.core.arrays import frozen
from afterclick.core.event import LOG_COLUMNS, PROPERTY_PREFIX, Rejected
from afterclick.core.spans import Period
from afterclick.store import arrow_files, log, rejects
from afterclick.store.books import Book
from afterclick.store.definitions import Definitions
from afterclick.store.manifest import ImportEntry, Manifest
from afterclick.store.pieces import Edges, Piece, join_edges, none_of
from afterclick.store.projection import Opened
from afterclick.store.promotion import Promoted, promote
from afterclick.store.segment import RowSource, SegmentReader, SegmentRows, TableRows
from afterclick.store.tail_batch import EMPTY, TailState

LARGE: Final = 64_000_000
"""Rows from which on columns that were read are let go again."""
_MANY: Final = 500
"""Rows of a piece whose values lie all over it."""
_FEW: Final = 16
"""Pieces up to which comparing rows with each one's first is quicker than a search."""


class Chunk(NamedTuple):
    """A contiguous run of rows of one piece. `start` is the global number of its first row; columns are read-only."""

    start: int
    piece: int
    rows: int
    columns: Mapping[str, np.ndarray]


class Snapshot:
    """A frozen view; rows are numbered through all pieces in the order of the log, those of the tail last.

    Safe to read from several threads. `damaged` names segments that could neither be opened nor derived: their rows
    are missing here, and a result must say so.
    """

    def __init__(
        self,
        log_folder: Path,
        manifest: Manifest,
        definitions: Definitions,
        opened: Opened,
        reader: SegmentReader,
        tail: TailState = EMPTY,
    ) -> None:
        self.manifest = manifest
        self.definitions = definitions
        self.sealed = opened
        self.tail = tail
        self.pieces: tuple[Piece, ...] = (*opened.pieces, *tail.pieces)
        self.damaged = opened.damaged
        self.starts = np.cumsum([0, *(piece.rows for piece in self.pieces)]).astype(np.int64)
        self._log = log_folder
        self._books = opened.books if tail.books is None else tail.books
        self._tables = tail.tables
        self._reader = reader
        self._promoted: dict[str, Promoted] = {}
        self._mutex = threading.Lock()

    @property
    def rows(self) -> int:
        """How many events there are."""
        return int(self.starts[-1])

    @cached_property
    def first_at(self) -> int:
        """The first event, µs UTC; 0 without any."""
        return min((piece.first_at for piece in self.pieces), default=0)

    @cached_property
    def last_at(self) -> int:
        """The last event, µs UTC; 0 without any."""
        return max((piece.last_at for piece in self.pieces), default=0)

    @cached_property
    def behaved(self) -> tuple[int, int]:
        """The first and the last event that somebody did, µs UTC; of all events where nobody did any.

        A price list or a bill imported today moves no range of a log that ended last year.
        """
        known = [span for piece in self.pieces if (span := piece.behaved) is not None]
        self.let_go(("at", "flags"))
        if not known:
            return self.first_at, self.last_at
        return min(first for first, _ in known), max(last for _, last in known)

    @cached_property
    def fingerprint(self) -> str:
        """Equal for equal content under equal definitions: position and digest of manifest and tail, definitions."""
        return self._position(self.definitions.fingerprint())

    @cached_property
    def meaning(self) -> str:
        """As `fingerprint`, whatever segments are saved."""
        return self._position(self.definitions.fingerprint(beside=("segments",)))

    def _position(self, definitions: str) -> str:
        live = f"live{self.tail.position}" if self.tail.position else ""
        return "-".join(filter(None, (str(self.manifest.position), self.manifest.digest, live, definitions, *self.damaged)))

    @property
    def codes(self) -> tuple[str, int]:
        """Another where equal content has other codes: merged segments keep theirs, a rebuild gives new ones."""
        return self.sealed.chain, self.tail.generation

    @property
    def folder(self) -> Path:
        """The store's own folder."""
        return self._log.parent

    @property
    def imports(self) -> tuple[ImportEntry, ...]:
        """Every import and replay, oldest first."""
        return tuple(entry for entry in self.manifest.entries if entry.kind in ("import", "replay"))

    @property
    def live(self) -> tuple[ImportEntry, ...]:
        """Every sealing of live traffic, oldest first; what lies in no segment yet is in `tail`."""
        return tuple(entry for entry in self.manifest.entries if entry.kind == "live")

    @property
    def replayed(self) -> frozenset[str]:
        """Ids of rejects that were taken up again."""
        return self.manifest.replayed

    def rejects(self, imported: str = "") -> Iterator[Rejected]:
        """Every rejected row that is kept, oldest first, those of the tail last; or those of one import."""
        yield from rejects.select(self._log, self.manifest, imported=imported)
        if not imported:
            yield from self.tail.rejected

    @cached_property
    def _kinds(self) -> dict[str, set[str]]:
        kinds: dict[str, set[str]] = {}
        for piece in self.pieces:
            for name, kind in piece.kinds.items():
                kinds.setdefault(name, set()).add(kind)
        return kinds

    @property
    def property_names(self) -> tuple[str, ...]:
        """Names of properties that have a column, sorted, without the `p.` of the column."""
        names = (name for name in self._kinds if name.startswith(PROPERTY_PREFIX))
        return tuple(sorted(name.removeprefix(PROPERTY_PREFIX) for name in names))

    def column_kind(self, name: str) -> str:
        """The kind of a column (see pieces.KINDS), "" if no piece has it; what is text in one piece is coded in all."""
        kinds = self._kinds.get(name, set())
        return "coded" if len(kinds) > 1 else next(iter(kinds), "")

    def book(self, name: str) -> Book:
        """The texts behind the codes of a column; an empty book for a name that has none."""
        promoted = self._promotion(name)
        return promoted.book if promoted is not None else self._books.get(name) or Book(name)

    def chunks(self, columns: Sequence[str], period: Period | None = None) -> list[Chunk]:
        """The rows of the UTC days that hold an instant of the period, in order of their numbers; all without one.

        Rows of these days outside the period are among them. A column that a piece has not is given as its "none".
        """
        found = []
        for number, piece in enumerate(self.pieces):
            first, last = (0, piece.rows) if period is None else piece.span(period.start, period.end)
            if last > first:
                values = {name: self._slice(number, name, first, last) for name in columns}
                found.append(Chunk(int(self.starts[number]) + first, number, last - first, values))
        return found

    def let_go(self, columns: Sequence[str], start: int = 0, rows: int | None = None, least: int = -1) -> None:
        """Free the memory behind rows `start` and on of mapped columns, in a store so large that it would fill the machine.

        They can be read as before; a store of fewer than `least` rows (-1: LARGE) keeps what it has read.
        """
        if self.rows < (LARGE if least < 0 else least):
            return
        end = self.rows if rows is None else start + rows
        for number, piece in enumerate(self.pieces):
            first, last = start - int(self.starts[number]), end - int(self.starts[number])
            if piece.mapped and last > 0 and first < piece.rows:
                for stored in (piece.columns[name] for name in columns if name in piece.columns):
                    arrow_files.let_go(stored[max(first, 0) : last])

    def let_go_texts(self) -> None:
        """The same of the texts behind codes."""
        for piece in self.pieces if self.rows >= LARGE else ():
            for texts in piece.new.values() if piece.mapped else ():
                arrow_files.let_go_texts(texts)

    def take(self, column: str, rows: np.ndarray) -> np.ndarray:
        """The values of a column at rows (global numbers, any order). Raises KeyError for a column no piece has."""
        none, dtype = self._none(column)
        values = np.full(len(rows), none, dtype)
        which = self._pieces_of(rows)
        few = len(self.pieces) <= _FEW
        for number in range(len(self.pieces)) if few else np.flatnonzero(np.bincount(which, minlength=1)):
            stored = self._stored(int(number), column)
            if stored is not None:
                # Places are quicker than a mask of many turns.
                here = np.flatnonzero(which == number)
                values[here] = stored[rows[here] - self.starts[number]]
                if len(here) >= _MANY:
                    self.let_go((column,), int(self.starts[number]), len(stored))
        return values

    def event_ids(self, rows: np.ndarray) -> list[str]:
        """The event ids of rows (global numbers, any order), read from the log."""
        ids: list[str] = self.log_rows(rows, ("event_id",))["event_id"].to_pylist()
        return ids

    def log_rows(self, rows: np.ndarray, columns: Sequence[str] = tuple(LOG_COLUMNS.names)) -> pa.Table:
        """These columns of the log for rows (global numbers), in the order asked; a property of two types is text.

        Raises StoreError where the log is damaged.
        """
        rows = np.asarray(rows, np.int64)
        which = self._pieces_of(rows)
        order = np.argsort(which, kind="stable")
        types = {name: LOG_COLUMNS.field(name).type if name in LOG_COLUMNS.names else pa.null() for name in columns}
        parts = [pa.schema(types.items()).empty_table()]
        for number in np.unique(which):
            here = rows[order[which[order] == number]] - self.starts[number]
            source = self._source(int(number))
            names = source.names()
            parts.append(pa.table({n: source.take(n, here) if n in names else pa.nulls(len(here)) for n in columns}))
        whole = log.unite(parts)
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return whole.select(list(columns)).take(pa.array(back))

    def _source(self, number: int) -> RowSource:
        """The log's rows of a piece: of its segment, or of the tail."""
        name = self.pieces[number].segment
        table = self._tables.get(name)
        return TableRows(table) if table is not None else SegmentRows(self._log / (name + log.SUFFIX), self._reader)

    def edges(self) -> Edges:
        """All identity evidence, in the order of the log."""
        return self._edges

    @cached_property
    def _edges(self) -> Edges:
        found = join_edges([piece.edges for piece in self.pieces])
        for piece in self.pieces if self.rows >= LARGE else ():
            for column in piece.edges if piece.mapped else ():
                arrow_files.let_go(column)
        return found

    def _pieces_of(self, rows: np.ndarray) -> np.ndarray:
        if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < self.rows:
            raise IndexError(f"rows are numbered 0 to {self.rows - 1}")
        if len(self.pieces) > _FEW:
            return np.searchsorted(self.starts, rows, side="right") - 1
        which = np.zeros(len(rows), np.uint8)
        for start in self.starts[1 : len(self.pieces)]:
            which += rows >= start
        return which

    def _slice(self, number: int, name: str, first: int, last: int) -> np.ndarray:
        stored = self._stored(number, name)
        if stored is not None:
            return stored[first:last]
        none, dtype = self._none(name)
        # A constant of its own for each run of rows: kernels want contiguous memory, not a broadcast.
        return frozen(np.full(last - first, none, dtype))

    def _stored(self, number: int, name: str) -> np.ndarray | None:
        promoted = self._promotion(name)
        if promoted is not None and number in promoted.codes:
            return promoted.codes[number]
        return self.pieces[number].columns.get(name)

    def _none(self, name: str) -> tuple[np.generic, np.dtype[np.generic]]:
        kind = self.column_kind(name)
        if not kind:
            raise KeyError(f"no piece has a column {name!r}")
        dtype = next(p.columns[name].dtype for p in self.pieces if p.kinds.get(name) == kind)
        return none_of(kind, dtype), dtype

    def _promotion(self, name: str) -> Promoted | None:
        if len(self._kinds.get(name, ())) < 2:
            return None
        with self._mutex:
            if name not in self._promoted:
                self._promoted[name] = promote(name, self.pieces, self._books.get(name) or Book(name))
            return self._promoted[name]
