"""Columns of cells as Arrow text, and the few vector operations on them that everything else is built from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Spans(NamedTuple):
    """The bytes of a text column: row i is `data[start[i]:end[i]]`; a null row is empty."""

    data: np.ndarray
    start: np.ndarray
    end: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """Bytes per row."""
        return np.asarray(self.end - self.start)

    def at(self, place: int) -> np.ndarray:
        """The byte at `place` of every row, counted from the end when negative; 0 where the row is too short."""
        where = self.start + place if place >= 0 else self.end + place
        inside = (where >= self.start) & (where < self.end)
        if not len(self.data):
            return np.zeros(len(where), np.uint8)
        return np.where(inside, self.data[np.where(inside, where, 0)], 0)


def spans(array: pa.Array) -> Spans:
    """The bytes of a string or binary array, without copying them."""
    if not len(array):
        none = np.zeros(0, np.int64)
        return Spans(np.zeros(0, np.uint8), none, none)
    _, offsets, data = array.buffers()
    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    edges = np.frombuffer(offsets, np.int64 if wide else np.int32)[array.offset : array.offset + len(array) + 1]
    raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return Spans(raw, edges[:-1].astype(np.int64), edges[1:].astype(np.int64))


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column as one contiguous array."""
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    if isinstance(combined, pa.Array):
        return combined
    return combined.chunk(0) if combined.num_chunks else pa.array([], column.type)


def flags(array: pa.Array) -> np.ndarray:
    """A boolean array as numpy, null as False."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=bool)


def present(array: pa.Array) -> np.ndarray:
    """Where the array is not null."""
    if array.null_count == 0:
        return np.ones(len(array), bool)
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=bool)


def nested(kind: pa.DataType) -> bool:
    """Whether a column of this type holds objects or lists."""
    return bool(pa.types.is_nested(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def as_text(array: pa.Array) -> pa.Array:
    """Any flat array as text: whole floats without `.0`, instants as ISO 8601, empty text as null."""
    kind = array.type
    if is_text(kind):
        return blank_to_null(array if pa.types.is_string(kind) else array.cast(pa.string()))
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.string())
    if pa.types.is_floating(kind):
        # Arrow prints the shortest text that reads back as the same number, and 17850.0 as 17850.
        wide = array.cast(pa.float64())
        return pc.if_else(pc.is_nan(wide), pa.scalar(None, pa.string()), wide.cast(pa.string()))
    if pa.types.is_timestamp(kind):
        text = array.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.string())
        text = pc.replace_substring(text, " ", "T", max_replacements=1)
        return pc.replace_substring_regex(text, r"\.?0+(Z?)$", r"\1")
    try:
        return array.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Durations, fixed bytes and whatever else has no text of its own.
        return pa.array([None if value is None else _spelt(value) for value in array.to_pylist()], pa.string())


def _spelt(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def blank_to_null(array: pa.Array) -> pa.Array:
    """Empty text as null."""
    empty = (spans(array).length == 0) & present(array)
    return pc.if_else(pa.array(empty), pa.scalar(None, array.type), array) if empty.any() else array


_SPACE = np.zeros(256, bool)
_SPACE[[9, 10, 11, 12, 13, 32, 0xC2, 0xE2, 0xE3]] = True
# The last three begin or end the UTF-8 forms of unusual spaces; what is no space after all is left alone by the trim.
_SPACE_END = _SPACE.copy()
_SPACE_END[0x80:0xC0] = True


def trimmed(array: pa.Array) -> pa.Array:
    """Text without surrounding white space, empty text as null; an array that has none is returned as it is."""
    view = spans(array)
    if not (_SPACE[view.at(0)] | (_SPACE_END[view.at(-1)] & (view.at(-1) != 0))).any():
        return blank_to_null(array)
    return blank_to_null(pc.utf8_trim_whitespace(array))


def replaced(array: pa.Array, where: np.ndarray, by: pa.Array | pa.Scalar) -> pa.Array:
    """The array with the rows of the mask taken from `by` (an array of the same length, or one value)."""
    return pc.if_else(pa.array(where), by, array) if where.any() else array
