"""Delimited text as chunks of cells, where a malformed line costs that line and no other."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv

from afterclick.collect.chunks import (
    CHUNK_ROWS,
    COLUMNS_LIMIT,
    SAMPLE_ROWS,
    BadRow,
    Chunk,
    distinct_names,
    gathered,
)
from afterclick.collect.decoding import BAD_PATTERN, Utf8Stream, open_text, original_bytes
from afterclick.collect.sources import SourceFile
from afterclick.core.errors import InputError
from afterclick.core.said import Said

ROW_LIMIT: Final = 32 << 20
"""Longest row in bytes that is still read (and rejected, if a cell of it is too large)."""

TEXT_KEPT: Final = 32 << 10
_HEAD: Final = 256 << 10
_DELIMITERS: Final = ",;\t|"


class Dialect(NamedTuple):
    """How the text is cut: delimiter, whether a backslash escapes a quote, and the columns by name."""

    delimiter: str
    escape: str | bool
    columns: tuple[str, ...]


class CsvReader:
    """A file of delimited text with a header line; every cell is text, an empty one null."""

    fixed = True

    def __init__(self, file: SourceFile, encoding: str = "") -> None:
        self._file = file
        self._encoding = encoding
        self.name = file.name
        self._found = ""
        self._dialect = self._sniff()
        self.columns = self._dialect.columns

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out about the form of the file, in words."""
        named = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
        return (f"delimiter {named[self._dialect.delimiter]}", f"encoding {self.encoding}")

    def every_column(self) -> tuple[str, ...]:
        return self.columns

    def sha256(self) -> str:
        return self._file.sha256()

    @property
    def size(self) -> int:
        return self._file.size

    @property
    def encoding(self) -> str:
        """The encoding as far as the file has been read."""
        return self._found or "utf-8"

    def sample(self) -> pa.Table:
        """The first rows, SAMPLE_ROWS at most."""
        for chunk in self.chunks(SAMPLE_ROWS):
            return chunk.table
        return pa.table({name: pa.array([], pa.string()) for name in self.columns})

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """The rows of the file in order. Raises InputError for a row beyond ROW_LIMIT or bytes that cannot be read."""
        stream = open_text(self._file, self._encoding)
        with io.BufferedReader(stream, 1 << 20) as source:
            for chunk in gathered(_Rows(self.name, self._dialect, stream).read(source), rows):
                self._found = stream.encoding or self._found
                yield chunk

    def _sniff(self) -> Dialect:
        with open_text(self._file, self._encoding) as stream:
            head = io.BufferedReader(stream, 1 << 20).read(_HEAD + 1)
            self._found = stream.encoding
        if len(head) > _HEAD:
            # A line longer than the head is cut inside; what is looked at then is its beginning.
            head = head[: head.rfind(b"\n") + 1] or head
        if not head.endswith((b"\n", b"\r")):
            # Without an end the only line would be no line.
            head += b"\n"
        if not head.strip():
            raise InputError(
                Said("refusals.file_empty", name=self.name),
                hint=Said("refusals.export_or_leave"),
                path=self.name,
            )
        given = "\t" if self._file.path.name.lower().removesuffix(".gz").endswith(".tsv") else _DELIMITERS
        tried = [_try(head, delimiter, escape) for escape in (False, "\\") for delimiter in given]
        best = max(tried, key=lambda found: (found.fit, len(found.columns)))
        if len(best.columns) > COLUMNS_LIMIT:
            raise InputError(
                Said("refusals.too_many_columns", name=self.name, columns_limit=COLUMNS_LIMIT),
                hint=Said("refusals.needed_columns"),
                path=self.name,
            )
        return Dialect(best.delimiter, best.escape, tuple(distinct_names(best.columns)))


class _Tried(NamedTuple):
    delimiter: str
    escape: str | bool
    columns: list[str]
    fit: int


def _try(head: bytes, delimiter: str, escape: str | bool) -> _Tried:
    """Cut the head one way; `fit` is the number of rows (up to 200) that have as many cells as most, if that is several."""
    widths: list[int] = []

    def note(row: csv.InvalidRow) -> str:
        widths.append(row.actual_columns)
        return "skip"

    try:
        table = csv.read_csv(
            pa.BufferReader(head),
            read_options=csv.ReadOptions(autogenerate_column_names=True, use_threads=False, block_size=len(head) + 1),
            parse_options=csv.ParseOptions(
                delimiter=delimiter, escape_char=escape, newlines_in_values=True, invalid_row_handler=note
            ),
            convert_options=csv.ConvertOptions(check_utf8=False, default_column_type=pa.string()),
        )
    except pa.ArrowInvalid:
        return _Tried(delimiter, escape, [], -1)
    header = ["" if cell is None else str(cell) for row in table.slice(0, 1).to_pylist() for cell in row.values()]
    usual = max(set(widths), key=widths.count) if len(widths) > table.num_rows else len(header)
    if usual > len(header):
        header += [""] * (usual - len(header))
    fitting = widths.count(usual) if usual != table.num_columns else table.num_rows
    return _Tried(delimiter, escape, header, min(fitting, 200) if len(header) > 1 else 0)


class _Rows:
    """One pass over delimited text: good rows as chunks, bad ones beside them."""

    def __init__(self, name: str, dialect: Dialect, stream: Utf8Stream) -> None:
        self._name = name
        self._dialect = dialect
        self._stream = stream
        self._bad: list[BadRow] = []
        self._next = 1

    def read(self, source: BinaryIO, header: bool = True) -> Iterator[Chunk]:
        """The rows of the source; `header` tells whether its first line holds the names."""
        previous: Chunk | None = None
        try:
            for batch in self._parse(source, header):
                if previous is not None:
                    yield previous
                previous = self._numbered(pa.Table.from_batches([batch]))
        except pa.ArrowInvalid as error:
            raise InputError(
                Said("refusals.no_rows_cut", name=self._name, next=self._next, error=str(error)),
                hint=Said("refusals.quote_not_closed"),
                path=self._name,
            ) from None
        rest = b""
        if previous is not None:
            previous, rest = self._closed(previous)
            yield previous
        if rest:
            yield from self.read(io.BytesIO(rest), header=False)
        elif self._bad:
            yield Chunk(self._empty(), np.zeros(0, np.int64), self._taken(None), self._stream.bad)

    def _empty(self) -> pa.Table:
        return pa.table({name: pa.array([], pa.string()) for name in self._dialect.columns})

    def _parse(self, source: BinaryIO, header: bool) -> csv.CSVStreamingReader:
        names = list(self._dialect.columns)
        first = 0 if header else self._next
        return csv.open_csv(
            pa.PythonFile(source, mode="r"),
            # Row numbers of bad rows are only told without threads.
            read_options=csv.ReadOptions(
                block_size=ROW_LIMIT, use_threads=False, column_names=names, skip_rows_after_names=int(header)
            ),
            parse_options=csv.ParseOptions(
                delimiter=self._dialect.delimiter,
                escape_char=self._dialect.escape,
                newlines_in_values=True,
                invalid_row_handler=lambda row: self._reject(row, first - 1),
            ),
            convert_options=csv.ConvertOptions(
                check_utf8=False,  # the stream is valid UTF-8 by construction
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )

    def _reject(self, row: csv.InvalidRow, shift: int) -> str:
        message = f"{row.actual_columns} cells where {row.expected_columns} are expected"
        self._bad.append(self._bad_row(row.number + shift, "ragged_line", message, row.text))
        return "skip"

    def _bad_row(self, number: int, code: str, message: str, text: str) -> BadRow:
        kept = text[:TEXT_KEPT]
        damaged = BAD_PATTERN.search(kept)
        raw = original_bytes(kept, self._stream.encoding or "utf-8") if damaged else b""
        return BadRow(number, code, message, kept, base64.b64encode(raw).decode(), len(kept) < len(text))

    def _numbered(self, table: pa.Table) -> Chunk:
        # Bad rows were skipped: the i-th good row stands behind every bad row before it.
        bad = np.array([row.row for row in self._bad], np.int64)
        good = self._next + np.arange(table.num_rows, dtype=np.int64)
        rows = good + np.searchsorted(bad - np.arange(len(bad)), good, side="right")
        if not len(rows):
            return Chunk(table, rows, damaged=self._stream.bad)
        self._next = int(rows[-1]) + 1
        return Chunk(table, rows, self._taken(self._next), self._stream.bad)

    def _taken(self, before: int | None) -> list[BadRow]:
        taken = [row for row in self._bad if before is None or row.row < before]
        self._bad = self._bad[len(taken) :]
        if before is None and taken:
            self._next = taken[-1].row + 1
        return taken

    def _closed(self, last: Chunk) -> tuple[Chunk, bytes]:
        """Take back a last row whose open quote swallowed the lines behind it; those lines are returned."""
        cells = {name: cell for name, cell in last.table.slice(len(last.rows) - 1).to_pylist()[0].items() if cell}
        name = next(reversed(cells), "")
        if "\n" not in cells.get(name, "") or self._stream.last.rstrip(b"\r\n").endswith(b'"'):
            return last, b""
        first, _, rest = cells[name].partition("\n")
        cells[name] = '"' + first
        row = int(last.rows[-1])
        text = self._dialect.delimiter.join(cells.get(column, "") for column in self._dialect.columns)
        bad = self._bad_row(row, "open_quote", f"the quote in {name} is never closed", text)
        kept = Chunk(last.table.slice(0, len(last.rows) - 1), last.rows[:-1], [*last.bad, bad], last.damaged)
        return kept, rest.encode()
