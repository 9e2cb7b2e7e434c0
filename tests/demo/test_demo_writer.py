"""The example shop as files: whole, of bounded size, equal to what was generated."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from afterclick.app.demo import SCHEMA, Shop, generate, write, writer
from afterclick.core.errors import InputError

SHOP = Shop(events=12_000)


def test_one_file_holds_what_was_generated(tmp_path: Path) -> None:
    told: list[int] = []
    written = write(SHOP, tmp_path / "shop", told.append)
    assert written == tmp_path / "shop" / "events.parquet"
    table = pq.read_table(written)
    generated = pa.concat_tables(list(generate(SHOP)))
    assert table.schema.names == SCHEMA.names
    assert table.cast(SCHEMA).equals(generated)
    assert told[-1] == table.num_rows
    assert [path.name for path in written.parent.iterdir()] == ["events.parquet"]


def test_many_events_become_files_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST_ROWS_OF_A_FILE", 5_000)
    written = write(SHOP, tmp_path)
    parts = sorted(written.iterdir())
    assert written == tmp_path / "events"
    assert [part.name for part in parts] == ["part-000.parquet", "part-001.parquet", "part-002.parquet"]
    tables = [pq.read_table(part) for part in parts]
    assert [table.num_rows for table in tables[:2]] == [5_000, 5_000]
    assert pa.concat_tables(tables).cast(SCHEMA).equals(pa.concat_tables(list(generate(SHOP))))
    with pytest.raises(InputError, match="already holds files"):
        write(SHOP, tmp_path)


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(SHOP, tmp_path, stop)
    assert list(tmp_path.iterdir()) == []
