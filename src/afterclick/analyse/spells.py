"""Sessions told from rows as they lie; only those of visitors whose devices or days touch are brought together first.

All rows are brought together where somebody asks for them: that costs as much as all the rest, and needs more memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.brought import Brought
from afterclick.analyse.context import Context
from afterclick.analyse.distinct import expanded
from afterclick.analyse.gather_few import gather_few
from afterclick.analyse.gathered import Gathered, even
from afterclick.analyse.kernels import spell_order
from afterclick.analyse.kernels import spells as kernels
from afterclick.analyse.kernels.compiled import pool, workers
from afterclick.analyse.kernels.gather import BLOCK_BITS, FLAGS, SYMBOL_BITS
from afterclick.analyse.kernels.memory import give_back
from afterclick.analyse.scratch import borrowed
from afterclick.analyse.spell_rows import CAMPAIGN, COLUMNS, Unlaid, laid, parts_of
from afterclick.analyse.strips import Flagged, Strip
from afterclick.core.arrays import frozen
from afterclick.stitch.visitors import Labels

_COLUMNS: Final = {
    "visitor": np.int32, "first": np.int64, "start_at": np.int64, "end_at": np.int64, "events": np.int32,
    "pages": np.int32, "qualifying": np.int32, "orders": np.int32, "touch": np.int32, "landing": np.int64,
    "exit_page": np.int64,
}  # fmt: skip
_NO_MARKS: Final = frozen(np.zeros(1, np.uint8))
_FOREVER: Final = 2**62
_MANY: Final = 32_000_000
"""Rows from which on memory counts more than time: what is done with is given back at once."""


class Options(NamedTuple):
    """What cuts sessions: durations in µs, 0 = no longest one; instants of midnights, none where they do not cut; the
    source of each touch, int32."""

    timeout: int
    max_length: int
    on_campaign: bool
    on_referrer: bool
    midnights: np.ndarray
    source: np.ndarray


class Cut(NamedTuple):
    """Sessions by visitor and start, by column as in `sessions.Sessions`, and the rows they are of."""

    columns: dict[str, np.ndarray]
    rows: Brought


class _Spells(NamedTuple):
    """Spells in the order of rows: visitor int32, fields as in the kernels; each part's end at `ends`, and where its spells
    begin; how many spells and rows each block of visitors has, int64[blocks, 2]."""

    visitor: np.ndarray
    fields: np.ndarray
    ends: list[int]
    begins: list[np.ndarray]
    sizes: np.ndarray


class _Ordered(NamedTuple):
    """Spells by visitor: those of v are order[begins[v]] to order[begins[v + 1]]; `torn` are the visitors (int32) whose
    spells are no sessions."""

    order: np.ndarray
    begins: np.ndarray
    torn: np.ndarray
    spans: list[tuple[int, int]]


class _Again(NamedTuple):
    """The sessions of torn visitors, from rows brought together: fields, where those of each begin, and the rows."""

    fields: np.ndarray
    begins: np.ndarray
    rows: Gathered


def cut(context: Context, strips: Sequence[Strip], labels: Labels, until: int, options: Options) -> Cut:
    """The sessions of all rows of the store up to `until`.

    The symbols of the strips are made of flags, and their campaigns empty where these cut no session.
    """
    parts = parts_of(strips)
    with ExitStack() as held:

        def room(rows: int, dtype: type) -> np.ndarray:
            return held.enter_context(borrowed(rows, dtype))

        symbol = room(sum(len(part.device) for part in parts), np.uint16)
        spells = _spells(context, parts, symbol, labels, until, options, room)
        found = _ordered(spells, labels.size, options.timeout)
        again = _again(context, strips, symbol, spells, found, options)
        columns, offsets, place = _told(spells, found, again)
    there = expanded(offsets[found.torn], np.diff(again.rows.offsets))
    places = [frozen(place[first:last]) for first, last in pairwise(spells.ends)]
    unlaid = Unlaid(parts, spells.begins, places, until, offsets, there, again.rows)
    told = {name: frozen(values) for name, values in columns.items()}
    return Cut(told, Brought(partial(laid, context.snapshot, unlaid)))


def _cut(
    strip: Strip, label: tuple[np.ndarray, ...], until: int, options: Options, symbol: np.ndarray
) -> np.ndarray:
    """Where the spells of a strip begin, see the kernel, and the symbol of each row."""
    assert isinstance(strip.symbol, Flagged)
    flags, campaign, touch, _, system, _, out = strip.symbol
    with borrowed(len(strip.device) + 1, np.int32) as begins:
        count = kernels.cut_spells.fast()(
            strip.device, strip.at, flags, campaign, touch, options.source, options.midnights, *label, until,
            system | out, options.timeout, options.max_length, options.on_campaign, options.on_referrer, symbol, begins,
        )  # fmt: skip
        return frozen(begins[: count + 1].copy())


def _spells(
    context: Context, parts: list[Strip], symbol: np.ndarray, labels: Labels, until: int, options: Options,
    room: Callable[[int, type], np.ndarray],
) -> _Spells:  # fmt: skip
    blocks, label = (labels.size >> BLOCK_BITS) + 1, labels.arrays()

    def find(part: Strip) -> np.ndarray:
        begins = _cut(part, label, until, options, symbol[part.start : part.start + len(part.device)])
        context.snapshot.let_go((*COLUMNS, CAMPAIGN), part.start, len(part.device))
        return begins

    begins = list(pool().map(find, parts))
    ends = np.cumsum([0, *(len(one) - 1 for one in begins)]).tolist()
    visitor = room(ends[-1], np.int32)
    fields = room(ends[-1] * kernels.FIELDS, np.int64).reshape(ends[-1], kernels.FIELDS)

    def describe(part: Strip, begun: np.ndarray, first: int, last: int) -> np.ndarray:
        assert isinstance(part.symbol, Flagged)
        sizes = np.zeros(2 * blocks, np.int64)
        here = frozen(symbol[part.start : part.start + len(part.device)])
        kernels.describe_spells.fast()(
            part.device, part.at, here, part.symbol.touch, begun, *label, part.start, visitor[first:last], fields[first:last],
            sizes,
        )  # fmt: skip
        context.snapshot.let_go(COLUMNS, part.start, len(part.device))
        return sizes

    sizes = sum(pool().map(describe, parts, begins, ends[:-1], ends[1:]), np.zeros(2 * blocks, np.int64))
    if context.snapshot.rows >= _MANY:
        give_back()
    return _Spells(frozen(visitor), frozen(fields), ends, begins, sizes.reshape(blocks, 2))


def _ordered(spells: _Spells, size: int, timeout: int) -> _Ordered:
    edges = np.append(0, np.cumsum(spells.sizes[:, 0]))
    # Each part reads all visitors of spells, so that there are few of them.
    spans = even(edges, int(edges[-1]), 2 * workers())
    begins, order = np.zeros(size + 1, np.int64), np.empty(len(spells.visitor), np.int32)
    torn = np.zeros(size, np.uint8)

    def bring(span: tuple[int, int]) -> None:
        first, last = _visitors(span, size)
        base = int(edges[span[0]])
        spell_order.order_spells.fast()(spells.visitor, spells.fields, first, last, base, timeout, begins, order, torn)

    list(pool().map(bring, spans))
    return _Ordered(frozen(order), frozen(begins), frozen(np.flatnonzero(torn).astype(np.int32)), spans)


def _visitors(blocks: tuple[int, int], size: int) -> tuple[int, int]:
    return blocks[0] << BLOCK_BITS, min(blocks[1] << BLOCK_BITS, size)


def _again(
    context: Context, strips: Sequence[Strip], symbol: np.ndarray, spells: _Spells, found: _Ordered, options: Options
) -> _Again:
    """Cut the visitors anew whose spells touch or overlap."""
    torn = found.torn
    spells_of = found.begins[torn + 1] - found.begins[torn]
    one = found.order[expanded(found.begins[torn], spells_of)]
    first = spells.fields[one, kernels.PLACE] >> 1
    by_row = np.argsort(first)
    reach = (spells.fields[one, kernels.TOUCH] >> 32)[by_row] + 1
    row = expanded(first[by_row], reach)
    whose = np.repeat(np.repeat(np.arange(len(torn), dtype=np.int32), spells_of)[by_row], reach)
    told = symbol[row]
    counts = np.flatnonzero(told)
    row, whose, told = row[counts], whose[counts], told[counts]
    key = row << SYMBOL_BITS | told
    rows = gather_few(whose, context.snapshot.take("at", row), key, len(torn), strips, context.ties)
    campaign = context.snapshot.take(CAMPAIGN, rows.rows) if options.on_campaign else np.zeros(0, np.int64)
    touch = context.snapshot.take("touch", rows.rows)
    flags = Flagged(frozen(rows.symbols & FLAGS), frozen(campaign), frozen(touch), _NO_MARKS, 0, 0, 0)
    shared = frozen(np.zeros(1, np.int64)), frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int32))
    strip, here = Strip(0, 0, frozen(rows.owners()), rows.at, flags), np.empty(len(row), np.uint16)
    begun = _cut(strip, (torn, *shared), _FOREVER, options, here)
    visitor, fields = np.empty(len(begun) - 1, np.int32), np.empty((len(begun) - 1, kernels.FIELDS), np.int64)
    kernels.describe_spells.fast()(
        strip.device, strip.at, frozen(here), flags.touch, begun, torn, *shared, 0, visitor, fields,
        np.zeros(spells.sizes.size, np.int64),
    )  # fmt: skip
    return _Again(frozen(fields), frozen(np.append(np.searchsorted(visitor, torn), len(visitor))), rows)


def _told(spells: _Spells, found: _Ordered, again: _Again) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """The columns of all sessions, where the gathered rows of each visitor begin, and those of each spell (-1 none)."""
    size, torn = len(found.begins) - 1, found.torn
    ranges = [_visitors(span, size) for span in found.spans]
    rows = np.append(0, np.cumsum(spells.sizes[:, 1]))[[low for low, _ in found.spans]].tolist()
    bases = [0]
    for first, last in ranges:
        low, high = np.searchsorted(torn, (first, last)).tolist()
        mine = torn[low:high]
        instead = int(again.begins[high] - again.begins[low]) - int((found.begins[mine + 1] - found.begins[mine]).sum())
        bases.append(bases[-1] + int(found.begins[last] - found.begins[first]) + instead)
    columns = {name: np.empty(bases[-1], dtype) for name, dtype in _COLUMNS.items()}
    offsets, place = np.zeros(size + 1, np.int64), np.empty(len(spells.visitor), np.int64)
    read = spells.fields, found.order, found.begins, torn, again.fields, again.begins
    tell = spell_order.tell_sessions.fast()

    def fill(span: tuple[int, int], base: int, row: int) -> None:
        tell(*read, *span, base, row, offsets, place, *columns.values())

    list(pool().map(fill, ranges, bases[:-1], rows))
    return columns, offsets, place
