"""A property that was a number in one import and text in another is text everywhere: its numbers get codes too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from afterclick.core import clock
from afterclick.core.arrays import frozen
from afterclick.core.money import to_decimal
from afterclick.store import log
from afterclick.store.books import Book
from afterclick.store.pieces import Piece, none_of


class Promoted(NamedTuple):
    """The book of a column with the texts of its numbers behind the stored ones, and int32 codes by piece number."""

    book: Book
    codes: dict[int, np.ndarray]


def promote(name: str, parts: Sequence[Piece], stored: Book) -> Promoted:
    """Codes for the pieces in which the column is not coded. The stored book stays as it is."""
    book = Book(name, stored.all.chunks)
    codes = {
        number: _coded(piece.columns[name], piece.kinds[name], book)
        for number, piece in enumerate(parts)
        if piece.kinds.get(name, "coded") != "coded"
    }
    return Promoted(book, codes)


def _coded(column: np.ndarray, kind: str, book: Book) -> np.ndarray:
    none = none_of(kind, column.dtype)
    given = ~np.isnan(column) if column.dtype.kind == "f" else column != none
    distinct, inverse = np.unique(column[given], return_inverse=True)
    codes = np.full(len(column), -1, np.int32)
    codes[given] = book.extend(_texts(distinct, kind))[inverse]
    return frozen(codes)


def _texts(values: np.ndarray, kind: str) -> pa.Array:
    if kind == "money":
        return pa.array([format(to_decimal(value), "f") for value in values.tolist()], pa.string())
    if kind == "instant":
        return pa.array([clock.iso(value) for value in values.tolist()], pa.string())
    return log.as_text(pa.array(values))
