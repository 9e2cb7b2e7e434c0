"""Arrow tables as CSV and Markdown, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(table: pa.Table) -> str:
    """All columns and rows as CSV; words that a spreadsheet would run as a formula get an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_word(name) for name in table.column_names])
    for batch in table.to_batches():
        writer.writerows(
            zip(*([_csv(value) for value in column] for column in batch.to_pydict().values()), strict=True)
        )
    return out.getvalue()


def _csv(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    return _word(value) if isinstance(value, str) else value


def _word(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[bool]) -> str:
    """A Markdown table; bars and line ends inside a cell cannot break it."""
    lines = [_line(headings), _line(["---" if stands_left else "---:" for stands_left in left])]
    return "\n".join(lines + [_line(row) for row in rows])


def _line(cells: Sequence[str]) -> str:
    return (
        "| "
        + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in cells)
        + " |"
    )
