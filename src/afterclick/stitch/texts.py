"""A text column as numbers into its distinct values, so that each value is worked on once."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.store.books import Book


class Texts(NamedTuple):
    """`values[numbers[row]]`, -1 where the row has none; numbers int32."""

    numbers: np.ndarray
    values: pa.Array

    def prefixed(self, prefix: str) -> Texts:
        """The same with a namespace in front of every value."""
        return Texts(self.numbers, pc.binary_join_element_wise(prefix, self.values.cast(pa.string()), ""))

    def codes(self, book: Book) -> np.ndarray:
        """The rows' codes in a book, which learns the values that rows use and it does not know; int32."""
        if not len(self.values) or not len(self.numbers):
            return np.full(len(self.numbers), -1, np.int32)
        first = np.full(len(self.values) + 1, len(self.numbers), np.int64)
        # A dictionary may hold values that no row uses; codes are given in the order of their first rows.
        np.minimum.at(first, self.numbers, np.arange(len(self.numbers)))
        used = np.flatnonzero(first[:-1] < len(self.numbers))
        used = used[np.argsort(first[used], kind="stable")]
        codes = np.full(len(self.values) + 1, -1, np.int32)
        codes[used] = book.extend(self.values.take(pa.array(used)))
        result: np.ndarray = codes[self.numbers]
        return result

    def among(self, wanted: Collection[str]) -> np.ndarray:
        """Which rows have one of these values."""
        hit = np.append(np.array([value in wanted for value in self.values.to_pylist()], bool), False)
        result: np.ndarray = hit[self.numbers]
        return result


def texts_of(column: pa.ChunkedArray) -> Texts:
    """A string column, dictionary-coded or not."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], pa.string())
    coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    numbers = np.asarray(pc.fill_null(coded.indices.cast(pa.int32()), -1))
    return Texts(numbers, coded.dictionary)
