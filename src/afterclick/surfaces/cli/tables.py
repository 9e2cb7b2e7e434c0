"""Arrow tables as CSV and Markdown, safe to open in a spreadsheet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from afterclick.core.spreadsheet import safe

if TYPE_CHECKING:
    import pyarrow as pa


def csv_text(table: pa.Table) -> str:
    """All columns and rows as CSV; words that a spreadsheet would run as a formula get an apostrophe."""
    lines = [",".join(_word(name) for name in table.column_names)]
    for batch in table.to_batches():
        columns = [map(_csv, column.to_pylist()) for column in batch.columns]
        lines += [",".join(row) for row in zip(*columns, strict=True)]
    return "\n".join(lines) + "\n"


def _csv(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, int | float) else _word(_plain(value))


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _word(text: str) -> str:
    # The csv module leaves a lone carriage return unquoted when lines end in \n, so the quoting is done here.
    plain = safe(text)
    return f'"{plain.replace(chr(34), chr(34) * 2)}"' if not plain or any(sign in plain for sign in ',"\r\n') else plain


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[bool]) -> str:
    """A Markdown table; bars and line ends inside a cell cannot break it."""
    lines = [_line(headings), _line(["---" if stands_left else "---:" for stands_left in left])]
    return "\n".join(lines + [_line(row) for row in rows])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
