"""Rows of a scan brought together per visitor: what every fold runs over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from afterclick.analyse.gather_ties import TieBreak, order_ties
from afterclick.analyse.kernels import gather as kernels
from afterclick.analyse.kernels import select
from afterclick.analyse.kernels.compiled import WAIT_ROWS, pool, workers
from afterclick.analyse.kernels.memory import give_back
from afterclick.analyse.scratch import borrowed
from afterclick.analyse.strips import Coded, Flagged, Strip
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.stitch.visitors import Labels
from afterclick.store.snapshot import LARGE


@dataclass(frozen=True)
class Gathered:
    """Rows by visitor: visitor v owns `at[offsets[v]:offsets[v+1]]`, in (time, event id) order.

    offsets int64[visitors + 1], at int64[rows] (µs UTC), key int64[rows] = global row << 16 | symbol.
    """

    offsets: np.ndarray
    at: np.ndarray
    key: np.ndarray

    @property
    def visitors(self) -> int:
        """Size of the label space; most labels may own no row."""
        return len(self.offsets) - 1

    @property
    def rows(self) -> np.ndarray:
        """Global row numbers, int64."""
        return self.key >> kernels.SYMBOL_BITS

    def rows_at(self, places: np.ndarray) -> np.ndarray:
        """Global row numbers of these gathered rows, int64."""
        rows: np.ndarray = self.key[places] >> kernels.SYMBOL_BITS
        return rows

    @property
    def symbols(self) -> np.ndarray:
        """Symbols, uint16."""
        return (self.key & kernels.SYMBOL_MASK).astype(np.uint16)

    def owners(self) -> np.ndarray:
        """The visitor of each row, int32."""
        return np.repeat(np.arange(self.visitors, dtype=np.int32), np.diff(self.offsets))

    def spans(self, parts: int) -> list[tuple[int, int]]:
        """Visitor ranges [first, last) of about equal numbers of rows."""
        return even(self.offsets, len(self.at), parts)


_Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""offsets, at, key, and per visitor whether equal instants stand side by side (uint8)."""


def _keep(_start: int, _rows: int) -> None:
    """Nothing is let go."""


def gather(
    strips: Sequence[Strip], labels: Labels, period: Period, ties: TieBreak, let_go: Callable[[int, int], None] = _keep
) -> Gathered:
    """Group the rows with a symbol inside the period by visitor and settle their order.

    `ties(rows)` gives the tie values of global rows and a function to their event ids; both are asked only where
    rows of different devices or pieces share an instant. `let_go(start, rows)` hears which rows are not read again soon.
    """
    rows = sum(len(strip.device) for strip in strips)
    if rows >= LARGE:
        give_back()
    # Plain Python would be slower than numpy here, so the small case sorts with numpy instead.
    plain = rows < WAIT_ROWS and not kernels.settle.ready
    offsets, at, key, tied = _sorted(strips, labels, period) if plain else _blocked(strips, labels, period, let_go)
    if rows >= LARGE:
        give_back()
    if tied.any():
        order_ties(strips, offsets, at, key, tied, ties)
        let_go(0, strips[-1].start + len(strips[-1].device))
    return Gathered(frozen(offsets), frozen(at), frozen(key))


def _blocked(
    strips: Sequence[Strip], labels: Labels, period: Period, let_go: Callable[[int, int], None] = _keep
) -> _Arrays:
    """Rows by visitor: compacted and named per worker, laid out by blocks of visitors, each block sorted by itself."""
    shares = cut_in_shares(strips, workers())
    blocks = (labels.size >> kernels.BLOCK_BITS) + 1
    with ExitStack() as held:

        def room(rows: int, dtype: type) -> np.ndarray:
            return held.enter_context(borrowed(rows, dtype))

        sizes = [sum(len(strip.device) for strip in share) for share in shares]
        picks = [
            _Picked(share, room(size, np.int32), room(size, np.int64), blocks)
            for share, size in zip(shares, sizes, strict=True)
        ]
        list(pool().map(lambda pick: pick.select(labels, period, let_go), picks))
        edges, cursors = _laid_out([pick.sizes for pick in picks], blocks)
        rows = int(edges[-1])
        visitor = room(rows, np.int32)
        at, key = np.empty(rows, np.int64), np.empty(rows, np.int64)
        list(pool().map(lambda pick, cursor: pick.scatter(cursor, visitor, at, key, let_go), picks, cursors))
        offsets, tied = np.empty(labels.size + 1, np.int64), np.zeros(labels.size, np.uint8)
        read, settle = (frozen(edges), frozen(visitor)), kernels.settle.fast()
        spans = even(edges, rows, workers() * 4)
        list(pool().map(lambda span: settle(*read, *span, labels.size, at, key, offsets, tied), spans))
    return offsets, at, key, tied


def _laid_out(sizes: list[np.ndarray], blocks: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Where each block begins and the last one ends, and per worker where its rows of each block go."""
    edges = np.zeros(blocks + 1, np.int64)
    np.cumsum(sum(sizes, np.zeros(blocks, np.int64)), out=edges[1:])
    cursors, before = [], edges[:-1]
    for one in sizes:
        cursors.append(before.copy())
        before = before + one
    return edges, cursors


class _Picked:
    """The rows of a worker's strips that count, strip after strip: their visitors, and their keys."""

    def __init__(self, strips: list[Strip], visitor: np.ndarray, key: np.ndarray, blocks: int) -> None:
        self.strips = strips
        self.visitor, self.key = visitor, key
        self.sizes = np.zeros(blocks, np.int64)
        self.ends = [0]

    def select(self, labels: Labels, period: Period, let_go: Callable[[int, int], None]) -> None:
        """Find the rows and who is behind them; `sizes` counts them per block of visitors."""
        label = labels.arrays()
        for strip in self.strips:
            first = self.ends[-1]
            last = self._select(strip, period, first)
            kernels.name_visitors.fast()(self.visitor, self.key, first, last, strip.at, strip.start, *label, self.sizes)
            self.ends.append(last)
            let_go(strip.start, len(strip.device))

    def _select(self, strip: Strip, period: Period, first: int) -> int:
        dated = strip.first_at < period.start or strip.last_at >= period.end
        rest = dated, period.start, period.end, strip.start, self.visitor, self.key, first
        if isinstance(strip.symbol, Flagged):
            flags, campaign, touch, bits, *marks = strip.symbol
            columns = strip.device, strip.at, flags, campaign, touch, bits, 1 if len(bits) > 1 else 0
            return int(select.select_flagged.fast()(*columns, *marks, *rest))
        if isinstance(strip.symbol, Coded):
            return int(select.select_coded.fast()(strip.device, strip.at, *strip.symbol, *rest))
        return int(select.select_rows.fast()(strip.device, strip.at, strip.symbol, *rest))

    def scatter(
        self, cursor: np.ndarray, visitor: np.ndarray, at: np.ndarray, key: np.ndarray, let_go: Callable[[int, int], None]
    ) -> None:
        """Write the rows where `cursor` says their block goes on."""
        for strip, span in zip(self.strips, pairwise(self.ends), strict=True):
            kernels.scatter_rows.fast()(self.visitor, self.key, *span, strip.at, strip.start, cursor, visitor, at, key)
            let_go(strip.start, len(strip.device))


def even(edges: np.ndarray, total: int, parts: int) -> list[tuple[int, int]]:
    """Ranges [first, last) of about equal numbers of rows, where the rows of i stand at edges[i] to edges[i + 1]."""
    last = len(edges) - 1
    marks = np.searchsorted(edges, np.linspace(0, total, parts + 1)[1:-1], side="left")
    cuts = [0, *(int(min(mark, last)) for mark in marks), last]
    return [(low, high) for low, high in pairwise(cuts) if high > low]


def cut_in_shares(strips: Sequence[Strip], parts: int) -> list[list[Strip]]:
    """The strips cut into `parts` runs of about equal length, order kept."""
    total = sum(len(strip.device) for strip in strips)
    size = max(1, -(-total // parts))
    shares: list[list[Strip]] = [[]]
    room = size
    for strip in strips:
        low = 0
        while low < len(strip.device):
            high = min(len(strip.device), low + room)
            shares[-1].append(strip.cut(low, high))
            room -= high - low
            low = high
            if room == 0:
                shares.append([])
                room = size
    return [share for share in shares if share]


def _sorted(strips: Sequence[Strip], labels: Labels, period: Period) -> _Arrays:
    visitors, instants, keys = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for strip in strips:
        symbol = strip.symbols()
        kept = np.flatnonzero(
            (symbol != 0) & (strip.device >= 0) & (strip.at >= period.start) & (strip.at < period.end)
        )
        at = strip.at[kept]
        visitors.append(labels.of(strip.device[kept], at).astype(np.int64))
        instants.append(at)
        keys.append(((strip.start + kept) << kernels.SYMBOL_BITS) | symbol[kept].astype(np.int64))
    visitor, at, key = np.concatenate(visitors), np.concatenate(instants), np.concatenate(keys)
    order = np.lexsort((key, at, visitor))
    offsets = np.zeros(labels.size + 1, np.int64)
    np.cumsum(np.bincount(visitor, minlength=labels.size), out=offsets[1:])
    at = at[order]
    again = np.flatnonzero(at[1:] == at[:-1]) + 1
    owner = visitor[order][again]
    tied = np.zeros(labels.size, np.uint8)
    tied[owner[offsets[owner] < again]] = 1
    return offsets, at, key[order], tied
