"""SQL over columns, for what Arrow has no kernel for: reading JSON, odd times, hashes of rows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from afterclick.collect import cells
from afterclick.store import dialect


class Engine:
    """One connection for many queries, because opening one costs more than most of them. Not shared between threads."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._connection = self._stack.enter_context(dialect.connect())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back."""
        self._stack.close()

    def query(self, sql: str, columns: Mapping[str, pa.Array], parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The answer to `sql`, in which `t` is the table of these columns; rows keep their order, values are `$name`."""
        self._connection.register("t", pa.table(dict(columns)))
        try:
            return self._connection.sql(sql, params=dict(parameters or {})).to_arrow_table()
        finally:
            self._connection.unregister("t")

    def column(
        self, sql: str, columns: Mapping[str, pa.Array], parameters: Mapping[str, Any] | None = None
    ) -> pa.Array:
        """The first column of the answer as one array."""
        return cells.whole(self.query(sql, columns, parameters).column(0))
