"""Rows that were picked before, brought together per visitor: what `gathered` makes of a scan, for few rows of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from afterclick.analyse.gather_ties import TieBreak, order_ties
from afterclick.analyse.gathered import Gathered
from afterclick.analyse.kernels import gather as kernels
from afterclick.analyse.kernels.compiled import WAIT_ROWS, pool, workers
from afterclick.analyse.strips import Strip
from afterclick.core.arrays import frozen


def gather_few(
    visitor: np.ndarray, at: np.ndarray, key: np.ndarray, size: int, strips: Sequence[Strip], ties: TieBreak
) -> Gathered:
    """Rows with their visitors (int32, below `size`) and instants, ascending in `key` (see `Gathered`), by visitor and time.

    `strips` are those that the rows are of; their symbols are not read. `ties` as for `gathered.gather`.
    """
    plain = len(key) < WAIT_ROWS and not kernels.settle.ready
    offsets, at, key, tied = _sorted(visitor, at, key, size) if plain else _blocked(visitor, at, key, size)
    if tied.any():
        order_ties(strips, offsets, at, key, tied, ties)
    return Gathered(frozen(offsets), frozen(at), frozen(key))


_Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""offsets, at, key, and per visitor whether equal instants stand side by side (uint8)."""


def _sorted(visitor: np.ndarray, at: np.ndarray, key: np.ndarray, size: int) -> _Arrays:
    order = np.lexsort((at, visitor))
    visitor, at, key = visitor[order], at[order], key[order]
    offsets = np.append(0, np.cumsum(np.bincount(visitor, minlength=size))).astype(np.int64)
    tied = np.zeros(size, np.uint8)
    tied[visitor[1:][(at[1:] == at[:-1]) & (visitor[1:] == visitor[:-1])]] = 1
    return offsets, at, key, tied


def _blocked(visitor: np.ndarray, at: np.ndarray, key: np.ndarray, size: int) -> _Arrays:
    """By blocks of visitors, each then sorted by itself."""
    blocks = (size >> kernels.BLOCK_BITS) + 1
    block = (visitor >> kernels.BLOCK_BITS).astype(np.uint16)
    order = np.argsort(block, kind="stable")
    visitor, at, key = visitor[order], at[order], key[order]
    edges = np.append(0, np.cumsum(np.bincount(block, minlength=blocks))).astype(np.int64)
    offsets, tied = np.empty(size + 1, np.int64), np.zeros(size, np.uint8)
    read, settle = (frozen(edges), frozen(visitor)), kernels.settle.fast()
    # Blocks without rows have offsets too, so that every block is of some part.
    cuts = np.linspace(0, blocks, min(blocks, workers()) + 1).astype(int).tolist()
    list(pool().map(lambda low, high: settle(*read, low, high, size, at, key, offsets, tied), cuts[:-1], cuts[1:]))
    return offsets, at, key, tied
