"""Identity evidence in a segment: which ids stood in one row, and when that was first, or anew, so."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.stitch.texts import texts_of
from afterclick.stitch.visitors import EVIDENCE, LINKED, WITHDRAWN
from afterclick.store.books import Books


def evidence(
    segment: pa.Table, at: np.ndarray, anonymous: np.ndarray, user: np.ndarray, email: np.ndarray, books: Books
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Edges (a, b, at, what) of rows that carry two ids, and of links made or withdrawn by hand.

    Of repeated pairs the first is kept, and for a device with several users every change of user.
    """
    parts = [
        _pairs(anonymous, user, at, changes=True),
        _pairs(anonymous, email, at, changes=False),
        _pairs(user, email, at, changes=False),
        _by_hand(segment, at, books),
    ]
    a, b, when, what = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return a.astype(np.int32), b.astype(np.int32), when.astype(np.int64), what.astype(np.int8)


def _pairs(
    one: np.ndarray, other: np.ndarray, at: np.ndarray, *, changes: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows = np.flatnonzero((one >= 0) & (other >= 0))
    if not len(rows):
        empty = np.zeros(0, np.int64)
        return empty, empty, empty, empty
    order = rows[np.lexsort((other[rows], at[rows], one[rows]))]
    a, b, when = one[order].astype(np.int64), other[order].astype(np.int64), at[order]
    keep = np.ones(len(order), bool)
    if changes:
        keep[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    else:
        _, first = np.unique((a << 32) | b, return_index=True)
        keep[:] = False
        keep[first] = True
    return a[keep], b[keep], when[keep], np.full(int(keep.sum()), EVIDENCE)


def _by_hand(segment: pa.Table, at: np.ndarray, books: Books) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows of type link and unlink name their ids in the properties `a` and `b`, each with its namespace."""
    kinds = texts_of(segment["type"])
    rows = np.flatnonzero(kinds.among({"link", "unlink"}))
    if not len(rows):
        empty = np.zeros(0, np.int64)
        return empty, empty, empty, empty
    book = books.book("id")
    values = kinds.values.to_pylist()
    properties = segment["properties"].take(pa.array(rows)).to_pylist()
    a, b, what = [], [], []
    for row, text in zip(rows.tolist(), properties, strict=True):
        pair = msgspec.json.decode(text or "{}", type=dict[str, str])
        codes = book.extend(pa.array([pair["a"], pair["b"]]))
        a.append(int(codes[0]))
        b.append(int(codes[1]))
        what.append(LINKED if values[kinds.numbers[row]] == "link" else WITHDRAWN)
    return np.array(a), np.array(b), at[rows], np.array(what)
