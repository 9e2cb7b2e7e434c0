"""Rows of the log under construction: their columns so far, and which of them are still good."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.collect import commerce
from afterclick.collect.coding import Coding
from afterclick.collect.raw_rows import RawRows
from afterclick.collect.rejects import Reject
from afterclick.core.event import LOG_COLUMNS


class Work:
    """Columns of the log under construction, and which rows are still good."""

    def __init__(self, rows: RawRows) -> None:
        self.rows = rows
        self.good = np.ones(len(rows), bool)
        self.columns: dict[str, Any] = {}
        self.placeholders: Counter[tuple[str, str]] = Counter()

    def refuse(self, bad: np.ndarray, code: str, message: str, column: str, values: pa.Array | None = None) -> None:
        """Set rows aside; the first reason found for a row is the one it gets."""
        for row in np.flatnonzero(bad & self.good):
            told = message if values is None else message.format(value=_shown(values[int(row)].as_py()))
            self.rows.rejects.append(Reject(int(self.rows.places[row]), code, told, column))
        self.good &= ~bad

    def worth(self, worth: commerce.Worth) -> None:
        """Set rows with amounts that are none aside, and keep the amounts of the others."""
        for field, bad in worth.blame:
            if bad.any():
                name, values = self.rows.name_of(field), self.rows.typed(field)
                self.refuse(bad, "bad_amount", f"{name} holds {{value}}, which is no amount", name, values)
        found = worth.amounts
        self.columns["amount"] = pa.array(found.minor, mask=~found.present)

    def finished(self, hashed: np.ndarray, coding: Coding) -> tuple[pa.Table, np.ndarray, np.ndarray]:
        """The good rows in the order of the log's columns, with their places and whether their id is a hash."""
        size = len(self.rows)
        arrays = {field.name: self._filled(field, size) for field in LOG_COLUMNS}
        arrays |= {name: array for name, array in self.columns.items() if name not in arrays}
        # No filter where there is nothing to leave out: most chunks are spotless.
        table = pa.table(coding.apply(arrays))
        if self.good.all():
            return table, self.rows.places, hashed
        return table.filter(pa.array(self.good)), self.rows.places[self.good], hashed[self.good]

    def _filled(self, field: pa.Field, size: int) -> pa.Array:
        array = self.columns.get(field.name)
        return pa.nulls(size, field.type) if array is None else array


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = repr(value) if isinstance(value, str) else str(value)
    return (text if len(text) <= 60 else text[:57] + "…").replace("{", "(").replace("}", ")")
