"""Tables as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from afterclick.core.result import People
from afterclick.core.spreadsheet import safe

BOM: Final = "\ufeff"
_CHUNK: Final = 5000


def csv_lines(tables: Iterable[pa.Table]) -> Iterator[str]:
    """Tables of one schema as CSV text, in pieces: BOM for spreadsheets, CRLF (RFC 4180), no cell that is a formula."""
    head = True
    for table in tables:
        out = io.StringIO()
        writer = csv.writer(out)
        if head:
            out.write(BOM)
            writer.writerow([cell(name) for name in table.column_names])
            head = False
        for batch in table.to_batches(max_chunksize=_CHUNK):
            columns = [[cell(value) for value in column] for column in batch.to_pydict().values()]
            writer.writerows(zip(*columns, strict=True))
        yield out.getvalue()


def cell(value: Any) -> str | int | float:
    """One cell: instants in ISO 8601, lists with spaces, and a leading quote before text a spreadsheet would run."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int | float):
        return value
    if isinstance(value, dt.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list):
        return " ".join(str(cell(item)) for item in value)
    return safe(str(value).replace("\x00", ""))


def people_tables(people: People) -> Iterator[pa.Table]:
    """The whole list in pieces; one empty piece where nobody is in it, so that the heads are there."""
    yield people.table(0, _CHUNK)
    for offset in range(_CHUNK, len(people), _CHUNK):
        yield people.table(offset, _CHUNK)
