"""Texts as 64-bit numbers: to find one among a hundred million, and to order them without comparing texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Self

import numpy as np
import pyarrow as pa

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = np.uint64(0xFF51AFD7ED558CCD)
_ALL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_HALF: Final = np.uint64(32)

Equal = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""`equal(wanted, rows)`: is the wanted text with this index the text of this row? A bool per pair."""


class _Bytes(NamedTuple):
    """Texts as bytes: starts and lengths (int64), the 8 bytes from every byte of the data on, the shortest length."""

    starts: np.ndarray
    lengths: np.ndarray
    words: np.ndarray
    shortest: int

    def places(self) -> range:
        """Where the words of the longest text begin."""
        return range(0, int(self.lengths.max()) if len(self.lengths) else 0, 8)

    def word(self, place: int, rows: np.ndarray | slice) -> np.ndarray:
        """The 8 bytes at `place` of each of these texts as uint64, zero behind the text's end."""
        if place + 8 <= self.shortest:
            full: np.ndarray = self.words[self.starts[rows] + place]
            return full
        word: np.ndarray = self.words[np.minimum(self.starts[rows] + place, len(self.words) - 1)]
        gone = (8 - np.clip(self.lengths[rows] - place, 0, 8)).astype(np.uint64) * np.uint64(8)
        # A shift by 64 is undefined, so it is done in two steps.
        word &= (_ALL >> (gone // np.uint64(2))) >> (gone - gone // np.uint64(2))
        return word


def texts(values: pa.Array | pa.ChunkedArray) -> pa.LargeStringArray:
    """Any string column (plain, large, dictionary-coded, in chunks) as one array. Raises ValueError for nulls."""
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays([texts(chunk) for chunk in values.chunks]) if values.num_chunks else pa.array([])
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if values.null_count:
        raise ValueError(f"{values.null_count} texts are missing")
    return values.cast(pa.large_string())


def hash64(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A uint64 per text, the same on every machine and in every version of this format; not for secrets."""
    view = _bytes(texts(values))
    result = view.lengths.astype(np.uint64) * _SPREAD
    for place in view.places():
        live = slice(None) if place < view.shortest else np.flatnonzero(view.lengths > place)
        state = result[live] ^ view.word(place, live)
        state *= _MIX
        state ^= state >> _HALF
        result[live] = state
    return result


def tie(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The first 8 bytes of each text as big-endian uint64: ordering by it orders by the start of the text."""
    return _bytes(texts(values)).word(0, slice(None)).byteswap()


def order_within(groups: np.ndarray, values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The order (int64) by group (int64, not decreasing), then by the bytes of the text.

    Words of 8 bytes are compared at once, and only rows that are still equal look at their next word.
    """
    view = _bytes(texts(values))
    order = np.arange(len(groups))
    same, still_equal = groups.astype(np.int64), order.copy()
    for place in view.places():
        key = view.word(place, order[still_equal]).byteswap()
        still_equal, same = _refine(order, still_equal, same, key)
        if not len(still_equal):
            return order
    # Equal in every word: a text that ends earlier comes first.
    _refine(order, still_equal, same, view.lengths[order[still_equal]].astype(np.uint64))
    return order


def _refine(order: np.ndarray, places: np.ndarray, group: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort the given places of `order` by key inside their group; return the places that are still equal, regrouped."""
    by_key = np.argsort(key)
    inner = by_key[np.argsort(group[by_key], kind="stable")]
    order[places] = order[places][inner]
    key = key[inner]
    fresh = np.ones(len(places), bool)
    fresh[1:] = (group[1:] != group[:-1]) | (key[1:] != key[:-1])
    alone = fresh & np.append(fresh[1:], True)
    return places[~alone], np.cumsum(fresh)[~alone]


class HashIndex(NamedTuple):
    """Hashes in order with the row each stands in: `hashes` uint64, `rows` int32; equal hashes by row."""

    hashes: np.ndarray
    rows: np.ndarray

    @classmethod
    def build(cls, hashes: np.ndarray) -> Self:
        """The index of rows 0, 1, … with these hashes."""
        order = np.argsort(hashes)
        ordered = hashes[order]
        if (ordered[1:] == ordered[:-1]).any():
            order = np.argsort(hashes, kind="stable")
        return cls(ordered, order.astype(np.int32))

    def merge(self, other: HashIndex) -> HashIndex:
        """One index over both."""
        hashes, rows = np.concatenate([self.hashes, other.hashes]), np.concatenate([self.rows, other.rows])
        order = np.lexsort((rows, hashes)) if len(hashes) < 1000 else np.argsort(hashes, kind="stable")
        return HashIndex(hashes[order], rows[order])

    def find(self, wanted: np.ndarray, equal: Equal) -> np.ndarray:
        """The first row (int64) whose text is the wanted one, -1 where there is none.

        `wanted` are hashes; equal hashes only make a candidate, `equal` decides.
        """
        # Looking up in order keeps the search in the cache: 20 times faster at millions.
        order = np.argsort(wanted)
        found = np.full(len(wanted), -1, np.int64)
        found[order] = self.find_sorted(wanted[order], lambda i, rows: equal(order[i], rows))
        return found

    def find_sorted(self, wanted: np.ndarray, equal: Equal) -> np.ndarray:
        """`find` for hashes that are in order."""
        found = np.full(len(wanted), -1, np.int64)
        if not len(self.hashes) or not len(wanted):
            return found
        open_ = self._candidates(wanted)
        place = np.searchsorted(self.hashes, wanted[open_])
        while len(open_):
            inside = place < len(self.hashes)
            open_, place = open_[inside], place[inside]
            hit = self.hashes[place] == wanted[open_]
            open_, place = open_[hit], place[hit]
            if not len(open_):
                break
            rows = self.rows[place].astype(np.int64)
            right = equal(open_, rows)
            found[open_[right]] = rows[right]
            open_, place = open_[~right], place[~right] + 1
        return found

    def _candidates(self, wanted: np.ndarray) -> np.ndarray:
        """Places in `wanted` worth looking up: all, unless this index is so small that the reverse is cheaper."""
        if len(self.hashes) * 8 > len(wanted):
            return np.arange(len(wanted))
        own = self.hashes if len(self.hashes) < 2 else self.hashes[np.append(True, self.hashes[1:] != self.hashes[:-1])]
        low, high = np.searchsorted(wanted, own, "left"), np.searchsorted(wanted, own, "right")
        width = high - low
        return np.repeat(low - np.append(0, np.cumsum(width)[:-1]), width) + np.arange(width.sum())


def _bytes(values: pa.LargeStringArray) -> _Bytes:
    count = len(values)
    _, offsets, data = values.buffers()
    if not count or offsets is None:
        return _Bytes(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(1, np.uint64), 0)
    bounds = np.frombuffer(offsets, np.int64)[values.offset : values.offset + count + 1]
    low, high = int(bounds[0]), int(bounds[-1])
    padded = np.zeros(high - low + 8, np.uint8)
    if data is not None and high > low:
        padded[: high - low] = np.frombuffer(data, np.uint8)[low:high]
    words = np.ndarray((len(padded) - 7,), "<u8", buffer=padded, strides=(1,))
    lengths = np.diff(bounds)
    return _Bytes(bounds[:-1] - low, lengths, words, int(lengths.min()))
