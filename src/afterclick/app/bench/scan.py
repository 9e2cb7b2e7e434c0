"""A bare pass over columns of the store, as the yardstick of a question that reads them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from afterclick.app.bench.timing import Run
from afterclick.core.spans import Period
from afterclick.store.snapshot import Chunk, Snapshot

_BATCH = 1_000_000


def scanning(snapshot: Snapshot, columns: Sequence[str]) -> Run:
    """Brings columns through DuckDB into Arrow batches and reads every value once."""
    chunks = snapshot.chunks(columns)
    # The arrays are views into the mapped files of the pieces, so DuckDB reads the same bytes as a question does.
    table = pa.concat_tables([pa.table({name: pa.array(chunk.columns[name]) for name in columns}) for chunk in chunks])
    connection = duckdb.connect()
    chosen = connection.from_arrow(table).select(*(duckdb.ColumnExpression(name) for name in columns))

    def run() -> None:
        for batch in chosen.to_arrow_reader(_BATCH):
            for column in batch.columns:
                np.max(column.to_numpy())

    return run


def touch(snapshot: Snapshot, columns: Sequence[str]) -> None:
    """Read every value of memory-mapped columns, without an engine: what the memory alone allows."""
    for chunk in snapshot.chunks(columns):
        for values in chunk.columns.values():
            np.max(values)


def columns_read(snapshot: Snapshot, ask: Callable[[Snapshot], object]) -> tuple[str, ...]:
    """The columns that an answer depends on, sorted: read from end to end or, as amounts are, where a row is an order.

    Tie breakers, which it looks at where instants are equal, are not among them.
    """
    watched, seen = copy.copy(snapshot), set[str]()

    def chunks(columns: Sequence[str], period: Period | None = None) -> list[Chunk]:
        seen.update(columns)
        return snapshot.chunks(columns, period)

    def take(column: str, rows: np.ndarray) -> np.ndarray:
        seen.add(column)
        return snapshot.take(column, rows)

    watched.chunks, watched.take = chunks, take  # type: ignore[method-assign]
    ask(watched)
    return tuple(sorted(seen - {"tie"}))
