"""A piece of the projection: what was derived from one segment, as columns mapped into memory and read in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from afterclick.core.arrays import frozen
from afterclick.core.spans import DAY
from afterclick.store.columns import NO_AMOUNT, NONE, Flag
from afterclick.store.ids import HashIndex

KINDS: Final = {
    "coded": ("i4", NONE),
    "code": ("i4", NONE),
    "number": ("f8", np.nan),
    "money": ("i8", NO_AMOUNT),
    "instant": ("i8", NO_AMOUNT),
    "flag": ("u2", 0),
    "hash": ("u8", 0),
}
"""Kinds of columns, each with its usual type and the value of a row that has none. `coded` = codes of the book of the
column's name, `code` = int32 codes of the book `id`; a column may have another type, its none then fits it."""

ID_BOOK: Final = "id"
_DTYPES: Final = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


class Edges(NamedTuple):
    """Dated identity evidence: a, b int32 codes of the book `id`, at int64 (µs UTC), what int8 (0 = seen together)."""

    a: np.ndarray
    b: np.ndarray
    at: np.ndarray
    what: np.ndarray


@dataclass(frozen=True)
class DerivedPiece:
    """What a derivation makes of a segment, in the row order of the segment.

    `columns` (one-dimensional, equally long, `at` among them) with their `kinds` (keys of KINDS), `new` = the texts it
    gave codes to (`books.added()`), `edges` = (a, b, at) or (a, b, at, what).
    """

    columns: dict[str, np.ndarray]
    kinds: dict[str, str]
    new: dict[str, pa.Array]
    edges: Sequence[np.ndarray] = field(default=())


@dataclass(frozen=True)
class Piece:
    """A derived segment, ready to be read. Rows of UTC day `days[i]` are [offsets[i], offsets[i + 1]).

    `chain` is a digest of everything codes depend on up to here; `index` finds rows by event id (absent in memory);
    `mapped` says that the columns lie in a file.
    """

    segment: str
    rows: int
    first_at: int
    last_at: int
    days: np.ndarray
    offsets: np.ndarray
    columns: Mapping[str, np.ndarray]
    kinds: Mapping[str, str]
    edges: Edges
    new: Mapping[str, pa.Array]
    chain: str
    index: HashIndex | None = None
    mapped: bool = False

    @cached_property
    def behaved(self) -> tuple[int, int] | None:
        """The first and the last instant of rows that are no system events, None where all are."""
        flags = self.columns.get("flags")
        if flags is None:
            return (self.first_at, self.last_at) if self.rows else None
        first = self._instants(flags, range(len(self.days)))
        last = self._instants(flags, range(len(self.days) - 1, -1, -1))
        return None if first is None or last is None else (int(first.min()), int(last.max()))

    def _instants(self, flags: np.ndarray, days: range) -> np.ndarray | None:
        """The instants of the first of these days on which somebody did something."""
        for day in days:
            rows = slice(int(self.offsets[day]), int(self.offsets[day + 1]))
            found: np.ndarray = self.columns["at"][rows][(flags[rows] & int(Flag.SYSTEM)) == 0]
            if len(found):
                return found
        return None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Rows [first, last) of the UTC days that hold an instant of [start, end)."""
        low, high = np.searchsorted(self.days, (start // DAY, -(-end // DAY)))
        return int(self.offsets[low]), max(int(self.offsets[low]), int(self.offsets[high]))


def none_of(kind: str, dtype: np.dtype[np.generic]) -> np.generic:
    """What a row without a value holds in a column of this kind and type."""
    usual, value = KINDS[kind]
    if dtype == np.dtype(usual):
        return dtype.type(value)
    return dtype.type(np.nan if dtype.kind == "f" else 0 if dtype.kind == "u" or kind in ("hash", "flag") else -1)


def check(derived: DerivedPiece, rows: int, sizes: Mapping[str, int]) -> None:
    """Raise ValueError where a derivation broke its contract, because kernels check no code; `sizes` of the books."""
    for name, column in derived.columns.items():
        if column.shape != (rows,) or column.dtype.str[1:] not in _DTYPES:
            raise ValueError(f"the column {name!r} is {column.dtype}{column.shape}, not numbers of ({rows},) rows")
        kind = derived.kinds.get(name)
        if kind not in KINDS:
            raise ValueError(f"the column {name!r} is of no known kind: {kind!r}")
        if kind == "coded" or (kind == "code" and column.dtype == np.int32):
            book = name if kind == "coded" else ID_BOOK
            if rows and not NONE <= column.min() <= column.max() < sizes.get(book, 0):
                raise ValueError(f"the column {name!r} holds codes that the book {book!r} never gave")
    if "at" not in derived.columns or derived.columns["at"].dtype != np.int64:
        raise ValueError("a piece needs its instants: an int64 column named at")
    day = derived.columns["at"] // DAY
    if (day[1:] < day[:-1]).any():
        raise ValueError("rows left the order of their segment: a day comes after a later one")
    edges = edges_of(derived.edges)
    if len({len(part) for part in edges}) > 1:
        raise ValueError("the columns of the edges are not equally long")
    ends = np.concatenate([edges.a, edges.b])
    if len(ends) and not 0 <= ends.min() <= ends.max() < sizes.get(ID_BOOK, 0):
        raise ValueError("an edge holds a code that the book 'id' never gave")


def edges_of(parts: Sequence[np.ndarray]) -> Edges:
    """Edges from (), (a, b, at) or (a, b, at, what), in their types, read-only."""
    a, b, at, *what = parts or (np.zeros(0),) * 3
    kinds = what[0] if what else np.zeros(len(at))
    types = (np.int32, np.int32, np.int64, np.int8)
    return Edges(*(frozen(np.asarray(part, kind)) for part, kind in zip((a, b, at, kinds), types, strict=True)))


def join_edges(parts: Sequence[Edges]) -> Edges:
    """The edges of several pieces, in their order."""
    empty = edges_of(())
    return Edges(*(frozen(np.concatenate(columns)) for columns in zip(empty, *parts, strict=True)))


def day_offsets(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The UTC days (int64, since 1970) of instants in order of days, and where each begins; the end as last."""
    day = at // DAY
    begins = np.flatnonzero(np.append(True, day[1:] != day[:-1])[: len(day)])
    return day[begins].astype(np.int64), np.append(begins, len(day)).astype(np.int64)


def in_memory(segment: str, derived: DerivedPiece, chain: str) -> Piece:
    """A piece that is nowhere on disk."""
    at = derived.columns["at"]
    days, offsets = day_offsets(at)
    return Piece(
        segment=segment,
        rows=len(at),
        first_at=int(at.min()) if len(at) else 0,
        last_at=int(at.max()) if len(at) else 0,
        days=days,
        offsets=offsets,
        columns={name: frozen(column) for name, column in derived.columns.items()},
        kinds=dict(derived.kinds),
        edges=edges_of(derived.edges),
        new=dict(derived.new),
        chain=chain,
    )
