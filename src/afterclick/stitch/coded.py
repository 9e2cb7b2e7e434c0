"""Columns kept as codes into a book of distinct values: made from Arrow, combined in pairs, handed back to Arrow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from afterclick.core.errors import InputError

Codes = npt.NDArray[np.int32]
_T = TypeVar("_T")


class Coded(NamedTuple, Generic[_T]):
    """A coded column: `book[codes[row]]` is the value of a row. int32, never negative."""

    codes: Codes
    book: list[_T]

    def to_arrow(self) -> Any:
        """The column as dictionary<int32, string>."""
        return pa.DictionaryArray.from_arrays(pa.array(self.codes), pa.array(self.book, pa.string()))


def coded(values: Iterable[_T]) -> tuple[Codes, list[_T]]:
    """(code of each value, the distinct values in order of first sight)."""
    book: dict[_T, int] = {}
    codes = [book.setdefault(value, len(book)) for value in values]
    return np.array(codes, np.int32), list(book)


def spread(row_codes: Codes, values: Iterable[_T]) -> Coded[_T]:
    """A column of the values that `row_codes` point at, equal values under one code."""
    codes, book = coded(values)
    return Coded(codes[row_codes], book)


def pairs(left: Codes, right: Codes) -> tuple[Codes, list[tuple[int, int]]]:
    """(code of each pair, the distinct pairs)."""
    width = int(right.max(initial=0)) + 1
    found = pa.array(left.astype(np.int64) * width + right).dictionary_encode()
    return found.indices.to_numpy(), [divmod(pair, width) for pair in found.dictionary.to_pylist()]


def common_length(*columns: Any) -> int:
    """The rows of url, referrer and user agent, of which some may be None; InputError where they disagree."""
    lengths = {len(column) for column in columns if column is not None}
    if not lengths:
        raise InputError("there is neither a url, a referrer nor a user agent to read", hint="map at least one of them")
    if len(lengths) > 1:
        raise InputError(f"url, referrer and user agent differ in length: {sorted(lengths)}")
    return lengths.pop()


def distinct(name: str, column: Any, size: int) -> tuple[Codes, list[str | None]]:
    """(code of each row, the distinct values); a missing column is one null for all rows."""
    if column is None or pa.types.is_null(column.type):
        return np.zeros(size, np.int32), [None]
    text = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(text) or pa.types.is_large_string(text) or pa.types.is_string_view(text)):
        raise InputError(f"the column of {name} holds {column.type}, not text", path=name)
    if text == column.type:
        # Arrow has no dictionary encoding of string views yet.
        column = (column.cast(pa.large_string()) if pa.types.is_string_view(text) else column).dictionary_encode()
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    values: list[str | None] = column.dictionary.to_pylist()
    indices = column.indices.cast(pa.int32())
    if indices.null_count:
        indices = indices.fill_null(len(values))
        values.append(None)
    return indices.to_numpy(), values
