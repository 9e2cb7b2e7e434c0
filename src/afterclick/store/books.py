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
_UNINDEXED = 50_000
"""So many texts at the end of an indexed book are gone through before the index is made to hold them."""


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

    def initials(self) -> np.ndarray:
        """The first byte of each text, uint8; of an empty one any byte."""
        found = [np.zeros(0, np.uint8)]
        for part in self._parts:
            _, ends, data = part.buffers()
            begins = np.frombuffer(ends, np.int64, len(part), part.offset * 8)
            bytes_ = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
            found.append(bytes_[np.minimum(begins, len(bytes_) - 1)])
        return np.concatenate(found)

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
                self._append(ids.texts(fresh.dictionary))
        codes = np.full(len(known), -1, np.int32)
        codes[known] = found
        return codes

    def since(self, size: int) -> pa.LargeStringArray:
        """The texts whose codes are `size` and above."""
        return pa.concat_arrays([*self.all.slice(size).chunks, pa.array([], pa.large_string())])

    def copy(self) -> Book:
        """A book with the same codes that goes its own way from here; the index is shared as far as there is one."""
        other = Book(self.name)
        with self._mutex:
            other._parts, other._size = list(self._parts), self._size
            other._index, other._indexed = self._index, self._indexed
        return other

    def index(self) -> None:
        """Make the index now, for a book that copies will be taken of."""
        with self._mutex:
            if self._size > _FEW and self._lagging():
                self._whole_index()

    def _append(self, fresh: pa.LargeStringArray) -> None:
        self._size += len(fresh)
        # Parts of about equal size become one, so that a book that grows bit by bit stays in few parts.
        while self._parts and len(self._parts[-1]) <= 2 * len(fresh):
            fresh = pa.concat_arrays([self._parts.pop(), fresh])
        self._parts.append(fresh)

    def _lagging(self) -> bool:
        return self._index is None or self._size - self._indexed > max(_FEW, min(self._indexed // 8, _UNINDEXED))

    def _find(self, wanted: pa.LargeStringArray) -> np.ndarray:
        if not self._size or not len(wanted):
            return np.full(len(wanted), -1, np.int32)
        with self._mutex:
            if self._index is None and len(wanted) <= _FEW < self._size:
                return self._scan(wanted, self.all)
            index = self._whole_index() if self._lagging() else self._index
            whole, indexed = self.all, self._indexed
        assert index is not None
        found = index.find(ids.hash64(wanted), lambda i, rows: _equal(wanted, i, whole, rows)).astype(np.int32)
        missing = np.flatnonzero(found < 0)
        if len(missing) and len(whole) > indexed:
            behind = self._scan(wanted.take(pa.array(missing)), whole.slice(indexed))
            found[missing] = np.where(behind < 0, -1, behind + indexed)
        return found

    @staticmethod
    def _scan(wanted: pa.LargeStringArray, texts: pa.ChunkedArray) -> np.ndarray:
        distinct = pc.unique(wanted)
        position = pc.index_in(texts, value_set=distinct).combine_chunks()
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
    """All books of a store while pieces are derived: a name that was never used is an empty book."""

    def __init__(self, books: Mapping[str, Book] | None = None) -> None:
        self._books = dict(books or {})
        self._marks = {name: book.size for name, book in self._books.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of books that hold anything, sorted."""
        return tuple(sorted(name for name, book in self._books.items() if book.size))

    def book(self, name: str) -> Book:
        """The book of this name."""
        return self._books.setdefault(name, Book(name))

    def copy(self) -> Books:
        """Books with the same codes that go their own way from here; large ones are indexed first, once for both."""
        for book in self._books.values():
            book.index()
        return Books({name: book.copy() for name, book in self._books.items()})

    def frozen(self) -> dict[str, Book]:
        """The books as they are now, whatever is added later."""
        return {name: book.copy() for name, book in self._books.items() if book.size}

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
