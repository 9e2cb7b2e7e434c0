"""Code books: every repeated text of the projection is an int32, given at first sight and never given again."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.store import ids

_FEW = 1000
"""So few texts are found faster by going through the book than by indexing it."""


class Book:
    """The texts behind the codes 0, 1, … of one name. Threads may read together; `extend` is for one writer."""

    def __init__(self, name: str, parts: Iterable[pa.Array] = ()) -> None:
        self.name = name
        self._parts: list[pa.LargeStringArray] = [ids.texts(part) for part in parts if len(part)]
        self._size = sum(len(part) for part in self._parts)
        self._index: ids.HashIndex | None = None
        self._indexed = 0
        self._mutex = threading.RLock()

    @property
    def size(self) -> int:
        """How many codes are given."""
        return self._size

    @property
    def all(self) -> pa.ChunkedArray:
        """Every text in the order of its code, large_string without nulls."""
        return pa.chunked_array(self._parts, pa.large_string())

    def values(self, codes: np.ndarray) -> pa.StringArray:
        """The texts of codes (any integers); a negative code gives null. Raises IndexError for a code never given."""
        codes = np.asarray(codes)
        if len(codes) and int(codes.max()) >= self._size:
            raise IndexError(f"the book {self.name!r} has no code {int(codes.max())}")
        wanted = pa.array(codes.astype(np.int64), mask=codes < 0)
        taken = self.all.take(wanted)
        return pa.concat_arrays([*taken.chunks, pa.array([], pa.large_string())]).cast(pa.string())

    def code(self, text: str) -> int:
        """The code of one text, -1 if it was never seen."""
        return int(self.codes(pa.array([text]))[0])

    def codes(self, texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """The codes of texts, int32; -1 for a text never seen and for null."""
        wanted, known = _known(texts)
        found = np.full(len(known), -1, np.int32)
        found[known] = self._find(wanted)
        return found

    def extend(self, texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """The codes of texts, int32, giving new ones in the order of first sight; null has none (-1)."""
        wanted, known = _known(texts)
        with self._mutex:
            found = self._find(wanted)
            missing = np.flatnonzero(found < 0)
            if len(missing):
                fresh = wanted.take(pa.array(missing)).dictionary_encode()
                found[missing] = np.asarray(fresh.indices) + self._size
                self._parts.append(fresh.dictionary)
                self._size += len(fresh.dictionary)
        codes = np.full(len(known), -1, np.int32)
        codes[known] = found
        return codes

    def since(self, size: int) -> pa.LargeStringArray:
        """The texts whose codes are `size` and above."""
        return pa.concat_arrays([*self.all.slice(size).chunks, pa.array([], pa.large_string())])

    def _find(self, wanted: pa.LargeStringArray) -> np.ndarray:
        if not self._size or not len(wanted):
            return np.full(len(wanted), -1, np.int32)
        with self._mutex:
            if self._indexed < self._size and len(wanted) <= _FEW < self._size:
                return self._scan(wanted)
            index = self._whole_index()
            whole = self.all
        found = index.find(ids.hash64(wanted), lambda i, rows: _equal(wanted, i, whole, rows))
        return found.astype(np.int32)

    def _scan(self, wanted: pa.LargeStringArray) -> np.ndarray:
        distinct = pc.unique(wanted)
        position = pc.index_in(self.all, value_set=distinct).combine_chunks()
        codes = np.flatnonzero(np.asarray(position.is_valid()))
        code_of = np.full(len(distinct), -1, np.int32)
        code_of[np.asarray(position.drop_null())] = codes
        found: np.ndarray = code_of[np.asarray(pc.index_in(wanted, value_set=distinct))]
        return found

    def _whole_index(self) -> ids.HashIndex:
        if self._index is None or self._indexed < self._size:
            fresh = ids.HashIndex.build(ids.hash64(self.since(self._indexed)))
            fresh = ids.HashIndex(fresh.hashes, fresh.rows + np.int32(self._indexed))
            self._index = fresh if self._index is None else self._index.merge(fresh)
            self._indexed = self._size
        return self._index


class Books:
    """All books of a store while pieces are derived: a name that was never used is an empty book.

    `kinds` says of which kind each column was in the pieces before, so that a property can stay what it is.
    """

    def __init__(self, books: Mapping[str, Book] | None = None, kinds: Mapping[str, str] | None = None) -> None:
        self._books = dict(books or {})
        self.kinds: dict[str, str] = dict(kinds or {})
        self._marks = {name: book.size for name, book in self._books.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of books that hold anything, sorted."""
        return tuple(sorted(name for name, book in self._books.items() if book.size))

    def book(self, name: str) -> Book:
        """The book of this name."""
        return self._books.setdefault(name, Book(name))

    def mark(self) -> None:
        """From here on `added` counts anew."""
        self._marks = {name: book.size for name, book in self._books.items()}

    def added(self) -> dict[str, pa.Array]:
        """The texts that were given codes since the last mark, by book, in the order of their codes."""
        sizes = {name: (self._marks.get(name, 0), book.size) for name, book in sorted(self._books.items())}
        return {name: self._books[name].since(low) for name, (low, high) in sizes.items() if high > low}


def _known(texts: pa.Array | pa.ChunkedArray) -> tuple[pa.LargeStringArray, np.ndarray]:
    """The texts that are not null, and a bool per text whether it is not."""
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays([pa.array([], pa.large_string()), *(c.cast(pa.large_string()) for c in texts.chunks)])
    known = np.asarray(texts.is_valid())
    return ids.texts(texts.drop_null() if texts.null_count else texts), known


def _equal(wanted: pa.Array, index: np.ndarray, whole: pa.ChunkedArray, codes: np.ndarray) -> np.ndarray:
    ours, theirs = wanted.take(pa.array(index)), whole.take(pa.array(codes))
    return np.asarray(pc.equal(theirs, ours))
