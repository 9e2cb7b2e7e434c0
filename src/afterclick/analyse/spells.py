"""Sessions told from rows as they lie; only those of visitors whose devices or days touch are brought together first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

import numpy as np

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
from afterclick.analyse.strips import Flagged, Strip
from afterclick.core.arrays import frozen
from afterclick.stitch.visitors import Labels

COLUMNS: Final = ("device", "at", "flags", "campaign", "touch")
_COLUMNS: Final = {
    "visitor": np.int32, "first": np.int64, "start_at": np.int64, "end_at": np.int64, "events": np.int32,
    "pages": np.int32, "qualifying": np.int32, "orders": np.int32, "touch": np.int32, "landing": np.int64,
    "exit_page": np.int64,
}  # fmt: skip
_NO_MARKS: Final = frozen(np.zeros(1, np.uint8))
_NOTHING: Final = tuple(frozen(np.zeros(0, np.int64)) for _ in range(3))
_FOREVER: Final = 2**62
_MANY: Final = 32_000_000
"""Rows from which on memory counts more than time: what is done with is given back at once."""
_PART: Final = 1 << 18
"""Rows that one thread cuts in one go: what it writes about them stays near the processor."""


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
    rows: Gathered


class _Spells(NamedTuple):
    """Spells in the order of rows: visitor int32, fields as in the kernels; each part's end at `ends`; how many spells and
    rows each block of visitors has, int64[blocks, 2]."""

    visitor: np.ndarray
    fields: np.ndarray
    ends: list[int]
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
    """The sessions of all rows of the store up to `until`; the symbols of the strips are made of flags."""
    parts = [strip.cut(low, low + _PART) for strip in strips for low in range(0, len(strip.device), _PART)]
    with ExitStack() as held:

        def room(rows: int, dtype: type) -> np.ndarray:
            return held.enter_context(borrowed(rows, dtype))

        symbol = room(sum(len(part.device) for part in parts), np.uint16)
        spells = _spells(context, parts, symbol, labels, until, options, room)
        found = _ordered(spells, labels.size, options.timeout)
        again = _again(context, strips, symbol, spells, found, options)
        columns, offsets, place = _told(spells, found, again)
        at, key = np.empty(int(offsets[-1]), np.int64), np.empty(int(offsets[-1]), np.int64)

        def lay(part: Strip, first: int, last: int) -> None:
            told = frozen(spells.fields[first:last]), frozen(place[first:last]), part.at
            here = frozen(symbol[part.start : part.start + len(part.at)])
            spell_order.lay_spells.fast()(*told, here, part.start, at, key)
            context.snapshot.let_go(("at",), part.start, len(part.at))

        list(pool().map(lay, parts, spells.ends[:-1], spells.ends[1:]))
    there = expanded(offsets[found.torn], np.diff(again.rows.offsets))
    at[there], key[there] = again.rows.at, again.rows.key
    return Cut({name: frozen(values) for name, values in columns.items()}, Gathered(frozen(offsets), frozen(at), frozen(key)))


def _cut(
    strip: Strip, label: tuple[np.ndarray, ...], until: int, options: Options, symbol: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Visitors and fields of the spells of a strip."""
    assert isinstance(strip.symbol, Flagged)
    flags, campaign, touch, _, system, _, out = strip.symbol
    rows = len(strip.device)
    with (
        borrowed(rows + 1, np.int32) as begins,
        borrowed(rows, np.int32) as visitor,
        borrowed(rows * kernels.FIELDS, np.int64) as lines,
    ):
        fields = lines.reshape(rows, kernels.FIELDS)
        count = kernels.cut_spells.fast()(
            strip.device, strip.at, flags, campaign, touch, options.source, options.midnights, *label, strip.start, until,
            system | out, options.timeout, options.max_length, options.on_campaign, options.on_referrer,
            symbol, begins, visitor, fields, sizes,
        )  # fmt: skip
        return visitor[:count].copy(), fields[:count].copy()


def _spells(
    context: Context, parts: list[Strip], symbol: np.ndarray, labels: Labels, until: int, options: Options,
    room: Callable[[int, type], np.ndarray],
) -> _Spells:  # fmt: skip
    blocks = (labels.size >> BLOCK_BITS) + 1

    def find(part: Strip) -> tuple[np.ndarray, ...]:
        sizes = np.zeros(2 * blocks, np.int64)
        here = symbol[part.start : part.start + len(part.device)]
        visitor, fields = _cut(part, labels.arrays(), until, options, here, sizes)
        context.snapshot.let_go(COLUMNS, part.start, len(part.device))
        return visitor, fields, sizes

    found = list(pool().map(find, parts))
    ends = np.cumsum([0, *(len(visitor) for visitor, _, _ in found)]).tolist()
    visitor = room(ends[-1], np.int32)
    fields = room(ends[-1] * kernels.FIELDS, np.int64).reshape(ends[-1], kernels.FIELDS)

    sizes = sum((one[2] for one in found), np.zeros(2 * blocks, np.int64)).reshape(blocks, 2)

    def join(number: int) -> None:
        here = slice(ends[number], ends[number + 1])
        visitor[here], fields[here], _ = found[number]
        found[number] = _NOTHING

    list(pool().map(join, range(len(found))))
    if context.snapshot.rows >= _MANY:
        give_back()
    return _Spells(frozen(visitor), frozen(fields), ends, sizes)


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
    campaign = context.snapshot.take("campaign", rows.rows) if options.on_campaign else np.zeros(len(row), np.int64)
    touch = context.snapshot.take("touch", rows.rows)
    flags = Flagged(frozen(rows.symbols & FLAGS), frozen(campaign), frozen(touch), _NO_MARKS, 0, 0, 0)
    shared = frozen(np.zeros(1, np.int64)), frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int32))
    visitor, fields = _cut(
        Strip(0, 0, frozen(rows.owners()), rows.at, flags), (torn, *shared), _FOREVER, options,
        np.empty(len(row), np.uint16), np.zeros(spells.sizes.size, np.int64),
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
