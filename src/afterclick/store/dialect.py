"""The one place that knows DuckDB: a connection that reaches nothing outside, and how names are written in its SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from afterclick.core import settings


@contextmanager
def connect(tables: Mapping[str, pa.Table] | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection that sees `tables` by name; no files, no network, no extensions, no changed options."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "threads": settings.threads(),
        },
    )
    try:
        for name, table in (tables or {}).items():
            connection.register(name, table)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def fetch(sql: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any] | None = None) -> pa.Table:
    """The rows of one query over Arrow tables. Values are `parameters` (`$name`), never part of the text."""
    with connect(tables) as connection:
        return connection.sql(sql, params=dict(parameters or {})).to_arrow_table()


def quote_identifier(name: str) -> str:
    """A column or table name as it stands in SQL, whatever characters it holds. Raises ValueError for NUL."""
    if "\0" in name:
        raise ValueError("a name with a NUL cannot stand in SQL")
    return '"' + name.replace('"', '""') + '"'
