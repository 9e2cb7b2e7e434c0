"""Event ids for rows that bring none: a hash of what the row says, and its place among the equal rows of its file.

The text that is hashed holds the fields by name in sorted order and leaves out empty ones, so the order of the columns,
their raw names and an added blank column do not matter, and importing the same rows again gives the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells
from afterclick.collect.engine import Engine
from afterclick.store.dialect import quote_identifier


def hashes(engine: Engine, columns: Mapping[str, pa.Array]) -> pa.Array:
    """MD5 (hex, n) of each row's content; `columns` are text by the name of their field."""
    names = sorted(columns)
    # Field and record separators cannot be told from data that holds them, which is as good as impossible in practice
    # and would at worst report two rows as one id with different content.
    parts = ", ".join(f"coalesce($f{place} || {quote_identifier(f'c{place}')}, '')" for place in range(len(names)))
    return engine.column(
        f"SELECT md5(concat({parts})) FROM t",  # noqa: S608
        {f"c{place}": columns[name] for place, name in enumerate(names)},
        {f"f{place}": f"\x1e{name}\x1f" for place, name in enumerate(names)},
    )


_FACTORS: Final = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)


class Ordinals:
    """Counts equal rows of one file over all of its chunks: 0 for the first, 1 for the second, and so on."""

    def __init__(self) -> None:
        # Sorted keys with their counts, in levels of growing size that are merged like the carries of a counter.
        self._levels: list[tuple[np.ndarray, np.ndarray]] = []

    def of(self, hashes: pa.Array) -> np.ndarray:
        """The ordinal (int64, n) of each row given its MD5 (hex, no nulls), rows in file order.

        Only 64 bits are compared. Should two different rows ever share them, one gets a higher ordinal than it needs,
        the same one at every import, and its id is still its own.
        """
        keys = _keys(hashes)
        order = np.argsort(keys, kind="stable")
        ranked = keys[order]
        fresh = np.ones(len(keys), bool)
        fresh[1:] = ranked[1:] != ranked[:-1]
        starts = np.flatnonzero(fresh)
        group = np.cumsum(fresh) - 1
        ordinal = np.empty(len(keys), np.int64)
        ordinal[order] = np.arange(len(keys)) - starts[group] + self._before(ranked[starts])[group]
        self._remember(ranked[starts], np.diff(np.append(starts, len(keys))))
        return ordinal

    def _before(self, keys: np.ndarray) -> np.ndarray:
        before = np.zeros(len(keys), np.int64)
        for known, counts in self._levels:
            place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
            before += np.where(known[place] == keys, counts[place], 0)
        return before

    def _remember(self, keys: np.ndarray, counts: np.ndarray) -> None:
        while self._levels and len(self._levels[-1][0]) <= 2 * len(keys):
            more, many = self._levels.pop()
            joined = np.concatenate([more, keys])
            order = np.argsort(joined, kind="stable")
            ranked, counts = joined[order], np.concatenate([many, counts])[order]
            starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
            keys, counts = ranked[starts], np.add.reduceat(counts, starts)
        if len(keys):
            self._levels.append((keys, counts))


def _keys(hashes: pa.Array) -> np.ndarray:
    """64 bits of each hash: its 32 digits as four words in a sum with odd factors, which keeps distinct ones apart."""
    view = cells.spans(hashes)
    if not len(view.start):
        return np.zeros(0, np.uint64)
    first = int(view.start[0])
    words = view.data[first : first + 32 * len(hashes)].copy().view("<u8").reshape(-1, 4)
    return np.asarray((words * _FACTORS).sum(axis=1, dtype=np.uint64))


def ids(hashes: pa.Array, ordinals: np.ndarray) -> pa.Array:
    """Event ids: the hash, and for repetitions the ordinal behind it."""
    repeated = ordinals > 0
    if not repeated.any():
        return hashes
    suffix = pa.array(ordinals).cast(pa.string())
    numbered = pc.binary_join_element_wise(hashes, suffix, "-")
    return pc.if_else(pa.array(repeated), numbered, hashes)
