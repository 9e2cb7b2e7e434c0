"""Rows of a scan brought together per visitor: what every fold runs over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from afterclick.analyse.kernels import gather as kernels
from afterclick.analyse.kernels.compiled import WAIT_ROWS, pool, workers
from afterclick.analyse.scratch import borrowed
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.stitch.visitors import Labels
from afterclick.store.columns import TOUCH_INTERNAL


class Coded(NamedTuple):
    """Symbols not yet looked up: a row's is `lut[code]`, and none where its flags have a bit of `out`."""

    code: np.ndarray
    lut: np.ndarray
    flags: np.ndarray
    out: int


class Flagged(NamedTuple):
    """Symbols made of flags, see `kernels.select_flagged`; a row with a flag of `out` has none, nor one whose bits have `skip`.

    A row with the flag `unless` has one only where its bits are not 0. `bits` is of one row where all have the same.
    """

    flags: np.ndarray
    campaign: np.ndarray
    touch: np.ndarray
    bits: np.ndarray
    unless: int
    skip: int
    out: int

    def symbols(self) -> np.ndarray:
        """The symbol of each row, 0 where it has none; uint16."""
        symbol = (self.flags & kernels.FLAGS) | kernels.PRESENT
        symbol |= np.where(self.campaign != 0, kernels.HAS_CAMPAIGN, 0).astype(np.uint16)
        symbol |= np.where(self.touch > TOUCH_INTERNAL, kernels.HAS_SOURCE, 0).astype(np.uint16)
        left_out = ((self.flags & self.out) != 0) | ((self.bits & self.skip) != 0)
        left_out |= ((self.flags & self.unless) != 0) & (self.bits == 0)
        return np.where(left_out, 0, symbol).astype(np.uint16)

    def cut(self, low: int, high: int) -> Flagged:
        """Rows low <= i < high of it."""
        bits = self.bits[low:high] if len(self.bits) > 1 else self.bits
        flags, campaign, touch = (values[low:high] for values in (self.flags, self.campaign, self.touch))
        return self._replace(flags=flags, campaign=campaign, touch=touch, bits=bits)


class Strip(NamedTuple):
    """A contiguous run of rows of one piece: the columns a gather needs, and the symbol the question gave each row.

    No row lies before `first_at` or after `last_at`.
    """

    start: int
    piece: int
    device: np.ndarray
    at: np.ndarray
    symbol: np.ndarray | Coded | Flagged
    first_at: int = -(2**63)
    last_at: int = 2**63 - 1

    def symbols(self) -> np.ndarray:
        """The symbol of each row, 0 where it does not count; uint16."""
        if isinstance(self.symbol, np.ndarray):
            return self.symbol
        if isinstance(self.symbol, Flagged):
            return self.symbol.symbols()
        code, lut, flags, out = self.symbol
        return np.where(flags & out, 0, lut[code]).astype(np.uint16)

    def cut(self, low: int, high: int) -> Strip:
        """Rows low <= i < high of it."""
        symbol = self.symbol
        if isinstance(symbol, Flagged):
            part: np.ndarray | Coded | Flagged = symbol.cut(low, high)
        elif isinstance(symbol, Coded):
            part = symbol._replace(code=symbol.code[low:high], flags=symbol.flags[low:high])
        else:
            part = symbol[low:high]
        device, at = self.device[low:high], self.at[low:high]
        return self._replace(start=self.start + low, device=device, at=at, symbol=part)


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
        return _spans(self.offsets, len(self.at), parts)


def marked(rows: Gathered, bit: int) -> np.ndarray:
    """The places of the rows whose symbol carries this bit, ascending int64."""
    if kernels.count_marked.runs_plain(len(rows.at)):
        return frozen(np.flatnonzero(rows.key & bit))
    spans = rows.spans(kernels.count_marked.parts(len(rows.at)))
    counts = list(pool().map(lambda span: kernels.count_marked.fast()(rows.offsets, rows.key, *span, bit), spans))
    found = np.empty(sum(counts), np.int64)
    places = np.cumsum([0, *counts])[:-1].tolist()
    find = kernels.find_marked.fast()
    list(pool().map(lambda span, place: find(rows.offsets, rows.key, *span, bit, place, found), spans, places))
    return frozen(found)


def without(rows: Gathered, bit: int) -> Gathered:
    """The rows whose symbol does not carry this bit; the very same relation where none does."""
    if kernels.count_marked.runs_plain(len(rows.at)):
        kept = np.flatnonzero((rows.key & bit) == 0)
        if len(kept) == len(rows.at):
            return rows
        offsets = np.searchsorted(kept, rows.offsets)
        return Gathered(frozen(offsets), frozen(rows.at[kept]), frozen(rows.key[kept]))
    spans = rows.spans(kernels.count_marked.parts(len(rows.at)))
    dropped = list(pool().map(lambda span: kernels.count_marked.fast()(rows.offsets, rows.key, *span, bit), spans))
    if not sum(dropped):
        return rows
    kept_rows = len(rows.at) - sum(dropped)
    offsets, at, key = np.zeros(len(rows.offsets), np.int64), np.empty(kept_rows, np.int64), np.empty(kept_rows, np.int64)
    places = [int(rows.offsets[first]) for first, _ in spans] - np.cumsum([0, *dropped])[:-1]

    def drop(span: tuple[int, int], place: int) -> None:
        kernels.drop_marked.fast()(rows.offsets, rows.at, rows.key, *span, bit, int(place), offsets, at, key)

    list(pool().map(drop, spans, places))
    return Gathered(frozen(offsets), frozen(at), frozen(key))


_Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""offsets, at, key, and per visitor whether equal instants stand side by side (uint8)."""

TieBreak = Callable[[np.ndarray], tuple[np.ndarray, Callable[[np.ndarray], Sequence[str]]]]


def gather(strips: Sequence[Strip], labels: Labels, period: Period, ties: TieBreak) -> Gathered:
    """Group the rows with a symbol inside the period by visitor and settle their order.

    `ties(rows)` gives the tie values of global rows and a function to their event ids; both are asked only where
    rows of different devices or pieces share an instant.
    """
    rows = sum(len(strip.device) for strip in strips)
    # Plain Python would be slower than numpy here, so the small case sorts with numpy instead.
    plain = rows < WAIT_ROWS and not kernels.settle.ready
    offsets, at, key, tied = (_sorted if plain else _blocked)(strips, labels, period)
    if tied.any():
        _order_ties(strips, offsets, at, key, tied, ties)
    return Gathered(frozen(offsets), frozen(at), frozen(key))


def _blocked(strips: Sequence[Strip], labels: Labels, period: Period) -> _Arrays:
    """Rows by visitor: compacted and named per worker, laid out by blocks of visitors, each block sorted by itself."""
    shares = _shares(strips, workers())
    blocks = (labels.size >> kernels.BLOCK_BITS) + 1
    with ExitStack() as held:

        def room(rows: int, dtype: type) -> np.ndarray:
            return held.enter_context(borrowed(rows, dtype))

        sizes = [sum(len(strip.device) for strip in share) for share in shares]
        picks = [
            _Picked(share, room(size, np.int32), room(size, np.int64), blocks)
            for share, size in zip(shares, sizes, strict=True)
        ]
        list(pool().map(lambda pick: pick.select(labels, period), picks))
        edges, cursors = _laid_out([pick.sizes for pick in picks], blocks)
        rows = int(edges[-1])
        visitor = room(rows, np.int32)
        at, key = np.empty(rows, np.int64), np.empty(rows, np.int64)
        list(pool().map(lambda pick, cursor: pick.scatter(cursor, visitor, at, key), picks, cursors))
        offsets, tied = np.empty(labels.size + 1, np.int64), np.zeros(labels.size, np.uint8)
        read, settle = (frozen(edges), frozen(visitor)), kernels.settle.fast()
        spans = _spans(edges, rows, workers() * 4)
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

    def select(self, labels: Labels, period: Period) -> None:
        """Find the rows and who is behind them; `sizes` counts them per block of visitors."""
        label = labels.arrays()
        for strip in self.strips:
            first = self.ends[-1]
            last = self._select(strip, period, first)
            kernels.name_visitors.fast()(self.visitor, self.key, first, last, strip.at, strip.start, *label, self.sizes)
            self.ends.append(last)

    def _select(self, strip: Strip, period: Period, first: int) -> int:
        dated = strip.first_at < period.start or strip.last_at >= period.end
        rest = dated, period.start, period.end, strip.start, self.visitor, self.key, first
        if isinstance(strip.symbol, Flagged):
            flags, campaign, touch, bits, *marks = strip.symbol
            columns = strip.device, strip.at, flags, campaign, touch, bits, 1 if len(bits) > 1 else 0
            return int(kernels.select_flagged.fast()(*columns, *marks, *rest))
        if isinstance(strip.symbol, Coded):
            return int(kernels.select_coded.fast()(strip.device, strip.at, *strip.symbol, *rest))
        return int(kernels.select_rows.fast()(strip.device, strip.at, strip.symbol, *rest))

    def scatter(self, cursor: np.ndarray, visitor: np.ndarray, at: np.ndarray, key: np.ndarray) -> None:
        """Write the rows where `cursor` says their block goes on."""
        for strip, span in zip(self.strips, pairwise(self.ends), strict=True):
            kernels.scatter_rows.fast()(self.visitor, self.key, *span, strip.at, strip.start, cursor, visitor, at, key)


def _spans(edges: np.ndarray, total: int, parts: int) -> list[tuple[int, int]]:
    """Ranges [first, last) of about equal numbers of rows, where the rows of i stand at edges[i] to edges[i + 1]."""
    last = len(edges) - 1
    marks = np.searchsorted(edges, np.linspace(0, total, parts + 1)[1:-1], side="left")
    cuts = [0, *(int(min(mark, last)) for mark in marks), last]
    return [(low, high) for low, high in pairwise(cuts) if high > low]


def _shares(strips: Sequence[Strip], parts: int) -> list[list[Strip]]:
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


def _order_ties(
    strips: Sequence[Strip], offsets: np.ndarray, at: np.ndarray, key: np.ndarray, tied: np.ndarray, ties: TieBreak
) -> None:
    """Equal instants of different devices or pieces stand in event-id order; rows of one of each do so already."""
    places, begins = _slices(offsets, np.flatnonzero(tied))
    follows = np.zeros(len(places), bool)
    follows[1:] = at[places[1:]] == at[places[:-1]]
    follows[begins] = False
    rows = key[places] >> kernels.SYMBOL_BITS
    second = np.flatnonzero(follows)
    mixed = _home(strips, rows[second]) != _home(strips, rows[second - 1])
    if not mixed.any():
        return
    group = np.cumsum(~follows)
    member = np.flatnonzero(np.isin(group, group[second[mixed]]))
    rows, group = rows[member], group[member]
    tie, event_ids = ties(rows)
    order = np.lexsort((rows, tie, group))
    same = (tie[order][1:] == tie[order][:-1]) & (group[order][1:] == group[order][:-1])
    if same.any():
        names = np.array(event_ids(rows), dtype=object)
        order = np.array(sorted(range(len(member)), key=lambda i: (group[i], tie[i], names[i])))
    key[places[member]] = key[places[member[order]]]


def _slices(offsets: np.ndarray, visitors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places of these visitors' rows one after another, and where in them each visitor begins."""
    lengths = offsets[visitors + 1] - offsets[visitors]
    begins = np.cumsum(lengths) - lengths
    return np.repeat(offsets[visitors] - begins, lengths) + np.arange(lengths.sum()), begins


def _home(strips: Sequence[Strip], rows: np.ndarray) -> np.ndarray:
    """One number per row for (piece, device)."""
    starts = np.array([strip.start for strip in strips])
    which = np.searchsorted(starts, rows, side="right") - 1
    device = np.empty(len(rows), np.int64)
    for number, strip in enumerate(strips):
        here = which == number
        device[here] = strip.device[rows[here] - strip.start] + (np.int64(strip.piece) << 32)
    return device
