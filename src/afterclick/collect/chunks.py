"""What every reader gives: tables of raw cells with their row numbers, and the rows that could not be cut into cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

CHUNK_ROWS: Final = 1 << 18
CHUNK_BYTES: Final = 128 << 20
"""A chunk ends with whichever comes first, so that memory stays bounded whatever the cells hold."""

COLUMNS_LIMIT: Final = 2_000
SAMPLE_ROWS: Final = 10_000


class BadRow(NamedTuple):
    """A row that could not be cut into cells: its number, why, its text, and its bytes in base64 where they are no text."""

    row: int
    code: str
    message: str
    text: str
    base64: str = ""
    cut: bool = False


class Chunk(NamedTuple):
    """Some rows of a file: `table` of raw columns, `rows` int64 the number of each (1 = first below the header).

    `damaged`: True = bytes that are no text are marked in the cells, False = all text is sound, None = nobody looked.
    """

    table: pa.Table
    rows: np.ndarray
    bad: Sequence[BadRow] = ()
    damaged: bool | None = None


class Reader(Protocol):
    """One file or frame: `columns` as they are named there, `fixed` whether every row has them.

    Of JSON they are the keys of the first rows; `every_column` reads on. `notes` say in words what was found out about
    its form, `encoding` is that of text, `size` in bytes.
    """

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def fixed(self) -> bool: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def encoding(self) -> str: ...

    @property
    def size(self) -> int: ...

    def sha256(self) -> str: ...

    def sample(self) -> pa.Table: ...

    def every_column(self) -> tuple[str, ...]: ...

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[Chunk]: ...


def gathered(pieces: Iterable[Chunk], rows: int) -> Iterator[Chunk]:
    """Join small chunks into chunks of at most `rows` rows, or of about CHUNK_BYTES; larger ones are cut."""
    waiting: list[Chunk] = []
    count = size = 0
    for piece in pieces:
        for part in _cut(piece, rows):
            if waiting and (count + len(part.rows) > rows or size + part.table.nbytes > CHUNK_BYTES):
                yield _joined(waiting)
                waiting, count, size = [], 0, 0
            waiting.append(part)
            count += len(part.rows)
            size += part.table.nbytes
    if waiting:
        yield _joined(waiting)


def _cut(piece: Chunk, rows: int) -> Iterator[Chunk]:
    if len(piece.rows) <= rows:
        yield piece
        return
    for start in range(0, len(piece.rows), rows):
        yield Chunk(
            piece.table.slice(start, rows),
            piece.rows[start : start + rows],
            () if start else piece.bad,
            piece.damaged,
        )


def _joined(parts: list[Chunk]) -> Chunk:
    if len(parts) == 1:
        return parts[0]
    return Chunk(
        pa.concat_tables([part.table for part in parts], promote_options="default"),
        np.concatenate([part.rows for part in parts]),
        [bad for part in parts for bad in part.bad],
        None if parts[0].damaged is None else any(part.damaged for part in parts),
    )


def distinct_names(raw: Sequence[str]) -> list[str]:
    """Column names without blanks and repetitions: `column_3` for an empty one, `note_2` for the second of two."""
    names: dict[str, None] = {}
    for place, given in enumerate(raw, 1):
        printable = "".join(char for char in given if char.isprintable())
        name = base = printable.strip() or f"column_{place}"
        number = 2
        while name in names:
            name, number = f"{base}_{number}", number + 1
        names[name] = None
    return list(names)
