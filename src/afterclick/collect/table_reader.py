"""Tables that come with types, as chunks: Parquet and Arrow files, data frames."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from afterclick.collect.chunks import (
    CHUNK_BYTES,
    CHUNK_ROWS,
    COLUMNS_LIMIT,
    SAMPLE_ROWS,
    Chunk,
    distinct_names,
    gathered,
)
from afterclick.collect.sayable import sayable
from afterclick.collect.sources import SourceFile
from afterclick.core.errors import InputError
from afterclick.core.said import Said

_INDEX: Final = re.compile(r"__index_level_\d+__")


def _refuse_width(name: str, count: int) -> None:
    if count > COLUMNS_LIMIT:
        raise InputError(
            Said("refusals.n_columns", name=name, count=count),
            hint=Said("refusals.most_columns", columns_limit=COLUMNS_LIMIT),
            path=name,
        )


class TableReader:
    """Batches of typed columns under distinct names; dictionaries are unfolded, what cannot be told becomes text."""

    fixed = True

    encoding = "utf-8"

    def __init__(
        self,
        name: str,
        columns: list[str],
        batches: Callable[[int], Iterator[pa.RecordBatch]],
        sha256: Callable[[], str],
        size: int,
    ) -> None:
        _refuse_width(name, len(columns))
        self.name = name
        # The unnamed index of a pandas frame numbers its rows; it says nothing about them.
        self._kept = [place for place, column in enumerate(columns) if not _INDEX.fullmatch(column)]
        self.columns = tuple(distinct_names([columns[place] for place in self._kept]))
        left_out = [column for column in columns if _INDEX.fullmatch(column)]
        self.notes: tuple[str, ...] = (f"left out: {', '.join(left_out)}",) if left_out else ()
        self._batches = batches
        self._sha256 = sha256
        self.size = size

    def every_column(self) -> tuple[str, ...]:
        return self.columns

    def sha256(self) -> str:
        return self._sha256()

    def sample(self) -> pa.Table:
        """The first rows, SAMPLE_ROWS at most."""
        for chunk in self.chunks(SAMPLE_ROWS):
            return chunk.table
        return pa.table({name: pa.array([], pa.string()) for name in self.columns})

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """The rows in order. Raises InputError where the file turns out to be damaged."""
        yield from gathered(self._pieces(rows), rows)

    def _pieces(self, rows: int) -> Iterator[Chunk]:
        start = 1
        batches = self._batches(rows)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise InputError(
                    Said("refusals.damaged_behind", name=self.name, n=start - 1, error=str(error)),
                    hint=Said("refusals.export_again_unstored"),
                    path=self.name,
                ) from None
            if batch is None:
                return
            arrays = [_unfolded(batch.column(place)) for place in self._kept]
            table = pa.Table.from_arrays(arrays, names=list(self.columns))
            yield Chunk(table, np.arange(start, start + len(batch), dtype=np.int64))
            start += len(batch)


def _unfolded(array: pa.Array) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
        return array.cast(pa.string())
    return sayable(array)


def parquet(file: SourceFile) -> TableReader:
    """A Parquet file. Raises InputError when it cannot be opened as one."""
    try:
        with pq.ParquetFile(file.path) as source:
            names, most = list(source.schema_arrow.names), _batch_rows(source.metadata)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            Said("refusals.no_parquet", path=file.path, error=str(error)),
            hint=Said("refusals.export_again"),
            path=file.name,
        ) from None

    def batches(rows: int) -> Iterator[pa.RecordBatch]:
        # Opened anew for each pass: a folder may hold more files than a process may keep open.
        with pq.ParquetFile(file.path) as source:
            yield from source.iter_batches(batch_size=min(rows, most))

    return TableReader(file.name, names, batches, file.sha256, file.size)


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """Rows that stay within CHUNK_BYTES, judged by the first row groups."""
    groups = [metadata.row_group(place) for place in range(min(metadata.num_row_groups, 64))]
    held = sum(group.num_rows for group in groups) or 1
    width = max(1, sum(group.total_byte_size for group in groups) // held)
    return int(max(1024, CHUNK_BYTES // (width * 2)))


def arrow(file: SourceFile) -> TableReader:
    """An Arrow IPC (Feather) file. Raises InputError when it cannot be opened as one."""
    try:
        with pa.memory_map(str(file.path)) as mapped:
            names = list(ipc.open_file(mapped).schema.names)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            Said("refusals.no_arrow", path=file.path, error=str(error)),
            hint=Said("refusals.export_again"),
            path=file.name,
        ) from None

    def batches(_rows: int) -> Iterator[pa.RecordBatch]:
        with pa.memory_map(str(file.path)) as mapped:
            source = ipc.open_file(mapped)
            for place in range(source.num_record_batches):
                yield source.get_batch(place)

    return TableReader(file.name, names, batches, file.sha256, file.size)


def frame(given: Any) -> TableReader:
    """A data frame: pyarrow, pandas, polars, or anything that hands out an Arrow stream. Raises InputError."""
    table = _table(given)
    if not table.num_rows:
        raise InputError(Said("refusals.frame_no_rows"), hint=Said("refusals.check_selected"))

    def batches(rows: int) -> Iterator[pa.RecordBatch]:
        return iter(table.to_batches(max_chunksize=rows))

    return TableReader(
        "data frame", [str(name) for name in table.column_names], batches, lambda: _content(table), table.nbytes
    )


def _table(given: Any) -> pa.Table:
    try:
        if isinstance(given, pa.Table):
            return given
        if isinstance(given, pa.RecordBatch):
            return pa.Table.from_batches([given])
        if type(given).__module__.split(".")[0] == "pandas":
            return pa.Table.from_pandas(given, preserve_index=True).replace_schema_metadata(None)
        if hasattr(given, "__arrow_c_stream__"):
            return pa.table(given)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(
            Said("refusals.frame_unreadable", error=str(error)), hint=Said("refusals.mixed_types")
        ) from None
    raise InputError(
        Said("refusals.cannot_import", kind=type(given).__name__),
        hint=Said("refusals.name_files_or_table"),
    )


def _content(table: pa.Table) -> str:
    digest = hashlib.sha256(str(table.schema).encode())
    for batch in table.to_batches():
        digest.update(batch.serialize())
    return digest.hexdigest()
