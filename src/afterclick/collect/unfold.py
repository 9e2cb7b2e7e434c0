"""Rows that tell of several events, as a row for each: the moments of a message, an order and what was paid back of it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import amounts, binding, cells, readings
from afterclick.collect.chunks import CHUNK_ROWS, Chunk, Reader
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.kinds import EVENT_COLUMN, KINDS, TIME_COLUMN
from afterclick.core import names


def unfolds(given: ColumnMap) -> bool:
    """Whether rows of such a file become several."""
    if given.kind == "orders":
        return "refund_amount" in given.columns or (given.last_status and "event" in given.columns)
    return bool(given.moments)


def effective(given: ColumnMap) -> ColumnMap:
    """The map of the unfolded rows."""
    if not given.moments:
        return given
    columns = {**given.columns, "event": (EVENT_COLUMN,), "occurred_at": (TIME_COLUMN,)}
    return msgspec.structs.replace(given, columns=columns)


class Unfolded:
    """A reader whose rows are unfolded; each keeps the number of the row it came from."""

    def __init__(self, reader: Reader, given: ColumnMap) -> None:
        self._reader = reader
        self._given = given
        self.name = reader.name
        self.fixed = reader.fixed
        self.size = reader.size

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, of those that say when something was only the one they become."""
        return self._columns(self._reader.columns)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the file's reader found out."""
        return self._reader.notes

    @property
    def encoding(self) -> str:
        """The file's encoding."""
        return self._reader.encoding

    def sha256(self) -> str:
        """Of the file."""
        return self._reader.sha256()

    def sample(self) -> pa.Table:
        """The first rows, unfolded."""
        return self._unfolded(self._reader.sample())[0]

    def every_column(self) -> tuple[str, ...]:
        """All columns of the file."""
        return self._columns(self._reader.every_column())

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """The file's chunks, each unfolded."""
        for chunk in self._reader.chunks(rows):
            table, places = self._unfolded(chunk.table)
            yield chunk._replace(table=table, rows=chunk.rows[places])

    def _columns(self, given: tuple[str, ...]) -> tuple[str, ...]:
        gone = set(self._given.moments.values())
        added = (EVENT_COLUMN, TIME_COLUMN) if self._given.moments else (EVENT_COLUMN,)
        return (*(name for name in given if name not in gone), *added)

    def _unfolded(self, table: pa.Table) -> tuple[pa.Table, np.ndarray]:
        return _moments(table, self._given) if self._given.moments else _refunds(table, self._given)


def _moments(table: pa.Table, given: ColumnMap) -> tuple[pa.Table, np.ndarray]:
    """A row per moment; a message that nothing is said of stays one row, which is then refused."""
    there = {event: name for event, name in given.moments.items() if name in table.column_names}
    when = {event: readings.moment(cells.whole(table.column(name))) for event, name in there.items()}
    rest = table.drop_columns(list(there.values()))
    size = table.num_rows
    filled = np.array([cells.present(array) for array in when.values()]).reshape(len(when), size)
    row, which = np.nonzero(filled.T)
    bare = np.flatnonzero(~filled.any(axis=0))
    rows = np.concatenate([row, bare])
    flat = pa.concat_arrays([*when.values(), pa.nulls(1, pa.string())])
    at = np.concatenate([which * size + row, np.full(len(bare), len(flat) - 1)])
    events = pa.array([*when, None], pa.string())
    called = events.take(pa.array(np.concatenate([which, np.full(len(bare), len(when))]).astype(np.int64)))
    order = np.argsort(rows, kind="stable")
    rows, at = rows[order], at[order]
    made = rest.take(pa.array(rows))
    made = made.append_column(EVENT_COLUMN, called.take(pa.array(order)))
    return made.append_column(TIME_COLUMN, flat.take(pa.array(at.astype(np.int64)))), rows


def _refunds(table: pa.Table, given: ColumnMap) -> tuple[pa.Table, np.ndarray]:
    """Behind an order that was paid back, wholly or in part, a row of its own for that."""
    size = table.num_rows
    bound = binding.bind(given, table.column_names)
    back = np.zeros(size, bool)
    paid, total = bound.whole("refund_amount"), bound.whole("revenue")
    part: pa.Array | None = None
    if paid is not None:
        read = amounts.read(cells.whole(table.column(paid)))
        part = pa.array(read.minor, mask=~(read.present & (read.minor != 0)))
        back |= cells.present(part)
    status = bound.whole("event")
    if given.last_status and status is not None:
        said = readings.statuses(cells.as_text(cells.whole(table.column(status))), KINDS["orders"].words, given.events)
        back |= cells.flags(pc.equal(said, names.ORDER_REFUNDED))
    if total is not None:
        # A negative total is an entry of its own already.
        back &= ~(amounts.read(cells.whole(table.column(total))).minor < 0)
    again = np.flatnonzero(back)
    copy = table.take(pa.array(again))
    if part is not None and paid is not None and total is not None:
        copy = _put(copy, total, cells.whole(table.column(paid)).take(pa.array(again)), cells.present(part)[again])
    when, later = bound.whole("occurred_at"), bound.whole("refunded_at")
    if when is not None and later is not None:
        moment = readings.moment(cells.whole(table.column(later)).take(pa.array(again)))
        copy = _put(copy, when, moment, cells.present(moment))
    plain = table.append_column(EVENT_COLUMN, pa.nulls(size, pa.string()))
    copy = copy.append_column(EVENT_COLUMN, pa.repeat(pa.scalar(names.ORDER_REFUNDED), len(again)))
    if not len(again):
        return plain, np.arange(size)
    rows = np.concatenate([np.arange(size), again])
    order = np.argsort(rows, kind="stable")
    both = pa.concat_tables([_texts(plain, copy), copy], promote_options="permissive")
    return both.take(pa.array(order)), rows[order]


def _put(table: pa.Table, column: str, values: pa.Array, where: np.ndarray) -> pa.Table:
    place = table.column_names.index(column)
    old = cells.as_text(cells.whole(table.column(column)))
    return table.set_column(place, column, pc.if_else(pa.array(where), cells.as_text(values), old))


def _texts(table: pa.Table, like: pa.Table) -> pa.Table:
    """The table with those columns as text that are text in the other one."""
    for place, name in enumerate(table.column_names):
        if table.schema.field(name).type != like.schema.field(name).type:
            table = table.set_column(place, name, cells.as_text(cells.whole(table.column(name))))
    return table
