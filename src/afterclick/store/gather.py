"""Pieces put together without deriving them again: their codes are of the same books, only the order of rows is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from afterclick.core.event import PROPERTY_PREFIX
from afterclick.store import ids
from afterclick.store.columns import MOST_PROPERTIES
from afterclick.store.pieces import DerivedPiece, Piece, join_edges, none_of


def gather(parts: Sequence[Piece], order: np.ndarray) -> DerivedPiece | None:
    """What deriving the rows of these pieces at once would make, with the codes they have.

    Row i is row `order[i]` of the pieces one behind the other; they must be neighbours. None where a column is of
    another kind in one of them than in the next: then its codes are not known. None as well where there are so many
    properties that some may have got no column: which are the commonest of all, only deriving tells.
    """
    kinds: dict[str, str] = {}
    types: dict[str, np.dtype[np.generic]] = {}
    for part in parts:
        for name, kind in part.kinds.items():
            dtype = part.columns[name].dtype
            if (kinds.setdefault(name, kind), types.setdefault(name, dtype)) != (kind, dtype):
                return None
    if sum(name.startswith(PROPERTY_PREFIX) for name in kinds) >= MOST_PROPERTIES:
        return None
    columns = {name: _column(parts, name, none_of(kind, types[name]))[order] for name, kind in kinds.items()}
    return DerivedPiece(columns, kinds, texts_of([part.new for part in parts]), join_edges([part.edges for part in parts]))


def _column(parts: Sequence[Piece], name: str, none: np.generic) -> np.ndarray:
    return np.concatenate(
        [part.columns[name] if name in part.columns else np.full(part.rows, none, none.dtype) for part in parts]
    )


def texts_of(added: Sequence[Mapping[str, pa.Array]]) -> dict[str, pa.Array]:
    """What was added to each book, one behind the other."""
    found: dict[str, list[pa.Array]] = {}
    for new in added:
        for book, texts in new.items():
            found.setdefault(book, []).append(ids.texts(texts))
    return {book: pa.concat_arrays(found[book]) for book in sorted(found)}
