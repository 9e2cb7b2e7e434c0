"""Writes segments of the log: rows brought into order, in a Parquet file that is whole, synced and never changed."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from afterclick.core.event import LOG_COLUMNS, PROPERTY_PREFIX
from afterclick.core.spans import DAY
from afterclick.store import disk, ids
from afterclick.store.manifest import SegmentEntry

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SUFFIX: Final = ".parquet"
SEGMENT_ROWS: Final = 2_000_000
ROW_GROUP: Final = 262_144
_ROW_GROUP_BYTES: Final = 512 << 20
_BUFFER: Final = 1 << 20
_UNIQUE: Final = ("event_id", "properties")
"""Text columns that a dictionary would not make smaller."""
_PROPERTY_TYPES: Final = (pa.string(), pa.float64(), pa.int64(), pa.bool_())


class Written(NamedTuple):
    """A segment on disk: its line for the manifest, and the event ids in the order of its rows."""

    entry: SegmentEntry
    event_ids: pa.ChunkedArray


def write_segment(log: Path, name: str, table: pa.Table) -> Written:
    """Sort the rows and write `<name>.parquet`: whole, synced and named, or not at all.

    `table` holds LOG_COLUMNS (nullable ones may be left out; texts may be dictionary-coded) and any `p.*` columns of
    text, float64, int64 or bool. Raises ValueError for anything else, StoreError for what the disk refuses.
    """
    rows = arrange(conform(table))
    if not 0 < rows.num_rows <= SEGMENT_ROWS:
        raise ValueError(f"a segment of {rows.num_rows:,} rows: 1 to {SEGMENT_ROWS:,} are possible")
    path = log / (name + SUFFIX)
    with disk.explained(path):
        sink = _write(path, rows)
    bounds = pc.min_max(rows["occurred_at"].cast(pa.int64()))
    entry = SegmentEntry(
        name=name,
        rows=rows.num_rows,
        sha256=sink.digest.hexdigest(),
        bytes=sink.size,
        first_at=bounds["min"].as_py(),
        last_at=bounds["max"].as_py(),
        lines=pc.sum(rows["order_line"]).as_py(),
    )
    return Written(entry, rows["event_id"])


def conform(table: pa.Table) -> pa.Table:
    """The table with all LOG_COLUMNS in order, then its `p.*` columns by name. Raises ValueError naming the column."""
    twice = {name for name in table.column_names if table.column_names.count(name) > 1}
    if twice:
        raise ValueError(f"the column {min(twice)!r} stands twice")
    columns: dict[str, Any] = {}
    for field in LOG_COLUMNS:
        if field.name in table.column_names:
            columns[field.name] = _as(table[field.name], field)
        elif field.nullable:
            columns[field.name] = pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        else:
            raise ValueError(f"the column {field.name!r} is missing")
    for name in sorted(set(table.column_names) - columns.keys()):
        if not name.startswith(PROPERTY_PREFIX) or name == PROPERTY_PREFIX:
            raise ValueError(f"{name!r} is no column of the log; properties are named {PROPERTY_PREFIX}<name>")
        columns[name] = _as(table[name], pa.field(name, _property_type(name, table.schema.field(name).type)))
    return pa.table(columns)


def arrange(table: pa.Table) -> pa.Table:
    """The rows of a conforming table by (UTC day, id, occurred_at, event id): one order, however they came."""
    order = order_of(table)
    return table if (order[1:] > order[:-1]).all() else take(table, order)


def take(table: pa.Table, order: np.ndarray) -> pa.Table:
    """The rows of a table at these places, every column in one piece."""
    names = table.column_names
    with ThreadPoolExecutor(2, thread_name_prefix="afterclick-arrange") as pool:
        return pa.table(dict(zip(names, pool.map(lambda name: _take(table[name], order), names), strict=True)))


def order_of(table: pa.Table) -> np.ndarray:
    """The places (int64) of a conforming table's rows in the order of a segment."""
    at = np.asarray(table["occurred_at"].cast(pa.int64()))
    key = _day_and_id(table, at)
    order = np.argsort(at)
    order = order[np.argsort(key[order], kind="stable")]
    key, at = key[order], at[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (key[1:] != key[:-1]) | (at[1:] != at[:-1])
    tied = np.flatnonzero(~(fresh & np.append(fresh[1:], True)))
    if len(tied):
        rows = order[tied]
        order[tied] = rows[ids.order_within(np.cumsum(fresh)[tied], _take(table["event_id"], rows))]
    return order


def unite(tables: Sequence[pa.Table]) -> pa.Table:
    """Conforming tables one after the other; what one lacks is empty there, a property of two types becomes text."""
    columns: dict[str, list[pa.ChunkedArray]] = {}
    for table in tables:
        for name in table.column_names:
            columns.setdefault(name, []).append(table[name])
    common = {name: _common_type(parts) for name, parts in columns.items()}
    plain = [pa.table({name: _united(table[name], common[name]) for name in table.column_names}) for table in tables]
    return pa.concat_tables(plain, promote_options="default")


def as_text(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Values of a property as people write them: 12 for 12.0, true for a bool."""
    if pa.types.is_floating(values.type):
        whole = pc.and_(pc.equal(values, pc.round(values)), pc.less(pc.abs(values), 1e15))
        return pc.if_else(
            pc.fill_null(whole, False),
            pc.if_else(whole, values, 0.0).cast(pa.int64()).cast(pa.string()),
            values.cast(pa.string()),
        )
    return values.cast(pa.string())


def _common_type(parts: Sequence[pa.ChunkedArray]) -> pa.DataType:
    types = {part.type for part in parts if not pa.types.is_null(part.type)} or {pa.string()}
    if len(types) > 1:
        types = {_plain_type(kind) for kind in types}
    if len(types) == 1:
        return types.pop()
    exact = types == {pa.int64(), pa.float64()} and all(_fits_float(part) for part in parts if part.type == pa.int64())
    return pa.float64() if exact else pa.string()


def _fits_float(column: pa.ChunkedArray) -> bool:
    bounds = pc.min_max(column)
    return all(abs(bound.as_py() or 0) <= 2**53 for bound in (bounds["min"], bounds["max"]))


def _united(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    return as_text(_plain(column)) if kind == pa.string() else _plain(column).cast(kind)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _day_and_id(table: pa.Table, at: np.ndarray) -> np.ndarray:
    """An int64 per row, ordered like (UTC day, text of the id), no id first."""
    known = pc.coalesce(*(_plain(table[name]) for name in ("anonymous_id", "user_id", "email")))
    coded = pa.chunked_array([known]) if isinstance(known, pa.Array) else known
    coded = coded.combine_chunks().dictionary_encode()
    rank = np.zeros(len(coded.dictionary) + 1, np.int64)
    rank[np.asarray(pc.sort_indices(coded.dictionary))] = np.arange(1, len(rank))
    codes = np.asarray(pc.fill_null(coded.indices, len(coded.dictionary)))
    day = at // DAY
    key: np.ndarray = (day - (day.min() if len(day) else 0)) * len(rank) + rank[codes]
    return key


def _take(column: pa.ChunkedArray, rows: np.ndarray) -> pa.ChunkedArray:
    if column.type == pa.string() and column.nbytes >= _ROW_GROUP_BYTES:
        # Offsets of 32 bits would overflow at 2 GiB of text.
        column = column.cast(pa.large_string())
    return pa.chunked_array([column.combine_chunks().take(pa.array(rows))])


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(_plain_type(column.type))


def _as(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    coded = field.name not in _UNIQUE and pa.types.is_dictionary(column.type)
    coded = coded and column.type.value_type in (pa.string(), pa.large_string())
    if not (coded and field.type == pa.string()):
        try:
            column = column.cast(field.type) if column.type != field.type else column
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ValueError(f"the column {field.name!r} of {column.type} is no {field.type}: {error}") from None
    if column.null_count and not field.nullable:
        raise ValueError(f"the column {field.name!r} has {column.null_count} empty rows")
    return column


def _property_type(name: str, given: pa.DataType) -> pa.DataType:
    value = _plain_type(given)
    if pa.types.is_large_string(value) or pa.types.is_null(value):
        return pa.string()
    if value not in _PROPERTY_TYPES:
        raise ValueError(f"the column {name!r} is {given}: properties are text, float64, int64 or bool")
    return value


class _Sink(io.RawIOBase):
    """A file that knows its size and SHA-256 when it is written."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = 0
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, content: ReadableBuffer, /) -> int:
        piece = bytes(content)
        disk.write_all(self.descriptor, piece)
        self.digest.update(piece)
        self.size += len(piece)
        return len(piece)


def _write(path: Path, rows: pa.Table) -> _Sink:
    unfinished = path.with_name(path.name + disk.TEMPORARY)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        sink = _Sink(descriptor)
        with io.BufferedWriter(sink, _BUFFER) as buffered:
            _write_parquet(buffered, rows)
        disk.sync(descriptor)
    except BaseException:
        os.close(descriptor)
        unfinished.unlink(missing_ok=True)
        raise
    os.close(descriptor)
    disk.settle(unfinished, path)
    return sink


def _write_parquet(sink: io.BufferedIOBase, rows: pa.Table) -> None:
    schema = pa.schema([_file_field(field) for field in rows.schema])
    texts = [field.name for field in schema if field.type == pa.string() and field.name not in _UNIQUE]
    group = ROW_GROUP
    while group > 1024 and rows.nbytes / rows.num_rows * group > _ROW_GROUP_BYTES:
        group //= 2
    writer = pq.ParquetWriter(
        pa.PythonFile(sink, mode="w"),
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=texts,
        write_statistics=["occurred_at"],
        write_page_checksum=True,
        store_schema=False,
    )
    with writer:
        for start in range(0, rows.num_rows, group):
            writer.write_table(rows.slice(start, group).cast(schema), row_group_size=group)


def _file_field(field: pa.Field) -> pa.Field:
    known = LOG_COLUMNS.get_field_index(field.name)
    if known >= 0:
        return LOG_COLUMNS.field(known)
    return pa.field(field.name, _property_type(field.name, field.type))
