"""Import of one Parquet file beside DuckDB's own sort and copy of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from afterclick.app.bench import side
from afterclick.app.bench.row import Row
from afterclick.app.bench.side import Done

BOUND = 4.0
_COPY = "DuckDB: ORDER BY anonymous_id, timestamp, COPY TO Parquet"


def import_row(export: Path, store: Path, folder: Path, repeats: int) -> Row:
    """Import `export` `repeats` times, each into a new store; the last one stays at `store`."""
    ours: list[Done] = []
    theirs: list[Done] = []
    copied = folder / "sorted.parquet"
    for _ in range(repeats):
        shutil.rmtree(store, ignore_errors=True)
        ours.append(side.run("import", export, store))
        theirs.append(side.run("copy", export, copied))
        copied.unlink()
    row = Row(
        what=f"import of {theirs[0].rows:,} rows",
        taken=tuple(done.seconds for done in ours),
        against=_COPY,
        against_taken=tuple(done.seconds for done in theirs),
        bound=BOUND,
    )
    rows_per_second = ours[0].rows / row.seconds
    peaks = [max(done.peak_bytes for done in side_) / 1e9 for side_ in (ours, theirs)]
    note = f"{rows_per_second:,.0f} rows/s; peak memory {peaks[0]:.1f} GB, DuckDB {peaks[1]:.1f} GB"
    return msgspec.structs.replace(row, note=note)
