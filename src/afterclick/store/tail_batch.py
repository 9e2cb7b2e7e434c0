"""Rows of the tail that nobody has stored before, as a piece in memory; neighbouring batches can become one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import msgspec
import pyarrow as pa

from afterclick.core import clock
from afterclick.core.event import Rejected
from afterclick.store import ids, log
from afterclick.store.books import Book
from afterclick.store.gather import gather, texts_of
from afterclick.store.history import NEW, HeldRows, History, IndexedRows
from afterclick.store.ids import HashIndex
from afterclick.store.live.calls import Balance
from afterclick.store.pieces import DerivedPiece, Piece, in_memory

ID_CONFLICT: Final = "id_conflict"
_KEPT: Final = 32 << 10
"""Characters of a refused event that are kept."""


class Batch(NamedTuple):
    """The calls [first_seq, last_seq]: `events` they brought became rows, duplicates of earlier ones, or rejects.

    Row i of `table` is row i of `piece`.
    """

    first_seq: int
    last_seq: int
    events: int
    duplicates: int
    rejected: tuple[Rejected, ...]
    table: pa.Table
    piece: Piece

    @property
    def rows(self) -> int:
        """Events that count."""
        return int(self.table.num_rows)

    @property
    def source(self) -> IndexedRows:
        """The rows, as one looks up ids in them."""
        index = self.piece.index or HashIndex.build(ids.hash64(self.table["event_id"]))
        return IndexedRows(self.table, index)


class TailState(NamedTuple):
    """The tail at one moment: the last call it holds, its batches, the books behind those, its dead letters.

    `balance` is that of all live traffic, as far as sealing up to call `sealed` has corrected it; `damaged` says which
    calls could not be read. Codes of one `generation` are never given anew.
    """

    position: int = 0
    batches: tuple[Batch, ...] = ()
    books: dict[str, Book] | None = None
    letters: tuple[Rejected, ...] = ()
    balance: Balance = Balance()
    sealed: int = 0
    damaged: tuple[str, ...] = ()
    generation: int = 0

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Those that have rows."""
        return tuple(batch.piece for batch in self.batches if batch.rows)

    @property
    def tables(self) -> dict[str, pa.Table]:
        """The log's rows behind each piece, by its name."""
        return {batch.piece.segment: batch.table for batch in self.batches if batch.rows}

    @property
    def events(self) -> int:
        """Events that its calls brought, dead letters apart."""
        return sum(batch.events for batch in self.batches)

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Dead letters, events that could not be rows, and those whose id stands for another event."""
        return (*self.letters, *(one for batch in self.batches for one in batch.rejected))


EMPTY: Final = TailState()


class Fresh(NamedTuple):
    """Rows that are new, in the order of a segment, and what became of the others."""

    table: pa.Table
    duplicates: int
    conflicts: list[Rejected]


def fresh(table: pa.Table, history: History) -> Fresh:
    """The rows of a conforming table that the history does not hold; the first of one id stays."""
    hashes = ids.hash64(table["event_id"])
    nothing = HeldRows()
    matches = history.match(table["event_id"], hashes, nothing)
    seen = matches.source != NEW
    if not seen.any():
        return Fresh(log.arrange(table), 0, [])
    conflict = history.conflicts(table, matches, nothing)
    rejected = [_conflict(row) for row in table.filter(pa.array(conflict)).to_pylist()]
    return Fresh(log.arrange(table.filter(pa.array(~seen))), int(seen.sum()) - len(rejected), rejected)


def piece_of(name: str, table: pa.Table, derived: DerivedPiece) -> Piece:
    """The piece of rows in memory, with an index of their ids."""
    made = in_memory(name, derived, "")
    return replace(made, index=HashIndex.build(ids.hash64(table["event_id"])))


def join(parts: Sequence[Batch], table: pa.Table, derived: DerivedPiece) -> Batch:
    """Neighbouring batches as one, whose rows are `table` and `derived`."""
    first, last = parts[0].first_seq, parts[-1].last_seq
    return Batch(
        first_seq=first,
        last_seq=last,
        events=sum(part.events for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        rejected=tuple(one for part in parts for one in part.rejected),
        table=table,
        piece=piece_of(name_of(first, last), table, derived),
    )


def united(parts: Sequence[Batch]) -> tuple[pa.Table, DerivedPiece | None]:
    """The rows of batches in the order of a segment, and their columns where no column is of two kinds."""
    whole = log.conform(log.unite([part.table for part in parts]))
    order = log.order_of(whole)
    # Properties are read whole: one that is text in one part and a number in the next has no column of one kind.
    return log.take(whole, order), gather([part.piece for part in parts], order)


def behind(parts: Sequence[Piece], derived: DerivedPiece) -> DerivedPiece:
    """What was derived again over the rows of pieces: the codes they gave, and behind those the ones it gave anew."""
    new = texts_of([*(part.new for part in parts), derived.new])
    return DerivedPiece(derived.columns, derived.kinds, new, derived.edges)


def name_of(first_seq: int, last_seq: int) -> str:
    """What the piece of these calls is called."""
    return f"live-{first_seq}-{last_seq}"


def _conflict(row: dict[str, object]) -> Rejected:
    said = {name: value for name, value in row.items() if value is not None}
    original = msgspec.json.encode(said, order="deterministic").decode()
    event_id, source = str(row["event_id"]), str(row["source"])
    received = row["received_at"] or row["occurred_at"]
    return Rejected(
        # The same refused event is the same reject, however often it is looked at.
        id=hashlib.sha256(f"{ID_CONFLICT}|{source}|{original}".encode()).hexdigest()[:16],
        at=clock.from_datetime(received),  # type: ignore[arg-type]
        source=source,
        code=ID_CONFLICT,
        message=f"the id {event_id!r} stands for another event already",
        path="event_id",
        original=original[:_KEPT],
        cut=len(original) > _KEPT,
    )

