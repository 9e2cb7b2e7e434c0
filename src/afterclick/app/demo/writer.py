"""The example shop as Parquet files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from afterclick.app.demo.shop import Shop
from afterclick.app.demo.stream import ordered_rows
from afterclick.app.demo.tables import to_table
from afterclick.core.errors import InputError

MOST_ROWS_OF_A_FILE = 10_000_000


class _Part:
    """A Parquet file under a name that no import picks up until it is whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unfinished = path.with_name(path.name + ".unfinished")
        self.rows = 0
        self._writer: pq.ParquetWriter | None = None

    def add(self, table: pa.Table) -> None:
        if self._writer is None:
            # Without the Arrow schema the coding stays a matter of the file: readers get plain text.
            self._writer = pq.ParquetWriter(
                self.unfinished, table.schema, compression="zstd", store_schema=False
            )
        self._writer.write_table(table)
        self.rows += table.num_rows

    def finish(self) -> None:
        if self._writer is not None:
            self._writer.close()
            os.replace(self.unfinished, self.path)

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self.unfinished.unlink(missing_ok=True)


def write(shop: Shop, path: Path, progress: Callable[[int], None] | None = None) -> Path:
    """Writes the export into the folder `path` and returns what was written.

    Up to 10 million events that is the file `events.parquet`, beyond it the folder `events` with files of at
    most 10 million rows each. `progress` is told the rows written so far. A file appears under its name when
    it is whole.
    """
    many = shop.events > MOST_ROWS_OF_A_FILE
    target = path / ("events" if many else "events.parquet")
    if many and target.is_dir() and any(target.iterdir()):
        raise InputError(
            f"{target} already holds files", hint="name another folder, or empty this one", path=str(target)
        )
    (target if many else path).mkdir(parents=True, exist_ok=True)
    limit = MOST_ROWS_OF_A_FILE if many else 2 * shop.events
    done, number = 0, 0
    part = _Part(target / "part-000.parquet" if many else target)
    try:
        for table in (to_table(shop, rows, encoded=True) for rows in ordered_rows(shop)):
            first = 0
            while first < table.num_rows:
                if part.rows == limit:
                    part.finish()
                    number += 1
                    part = _Part(target / f"part-{number:03d}.parquet")
                piece = table.slice(first, limit - part.rows)
                part.add(piece)
                first += piece.num_rows
            done += table.num_rows
            if progress is not None:
                progress(done)
        part.finish()
    except BaseException:
        part.abandon()
        raise
    return target
