"""A store of its own for every test, and its rows as they lie in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from afterclick.stitch.derive import Derivation
from afterclick.store.store import Store


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "shop", derive=Derivation(), write=True, create=True) as store:
        yield store


@pytest.fixture
def log(shop: Store) -> Callable[[], pa.Table]:
    def read() -> pa.Table:
        files = [shop.path / "log" / f"{entry.name}.parquet" for entry in shop.manifest.segments]
        tables = [pq.read_table(file) for file in files]
        return pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({"event_id": []})

    return read


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return make
