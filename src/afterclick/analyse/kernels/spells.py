"""Sessions from rows as they lie: those of one device on one day stand together, and need not be brought together first.

A spell is a run of rows of one device in order of time, cut as if nothing came before it. Where the spells of a visitor
lie further apart than the timeout they are the visitor's sessions, since a longer gap makes every option begin anew.
The few visitors of whom that is not so are cut from rows brought together.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.gather import BLOCK_BITS, FLAGS, HAS_CAMPAIGN, HAS_SOURCE, PRESENT, _visitor
from afterclick.core.arrays import frozen
from afterclick.store.columns import TOUCH_INTERNAL, Flag

_PAGE: Final = int(Flag.PAGE)
_QUALIFYING: Final = int(Flag.QUALIFYING)
_ORDER: Final = int(Flag.ORDER)
_SALE: Final = int(Flag.ORDER | Flag.REFUND)
_CONTEXT: Final = int(Flag.CONTEXT)
_LONG_AGO: Final = -(2**62)

START, END, LAST, PLACE, ROWS, ACTS, PAGES, TOUCH, FIELDS = 0, 1, 2, 3, 4, 5, 6, 7, 8
"""What is kept of a spell, one line of memory: instants; the global row it begins with, doubled, and 1 where no spell of
the same run stands before it; rows and pages; actions and orders; 1 + its first and last page, counted from its begin;
1 + its touch, and how far its rows reach. Of two in one the second stands 32 bits higher."""
LOW: Final = (1 << 32) - 1
"""The bits of the first of two."""


def _slot(edges: Any, t: int) -> int:
    """How many of `edges` lie at or before an instant."""
    first, beyond = 0, len(edges)
    while first < beyond:
        middle = (first + beyond) // 2
        if edges[middle] <= t:
            first = middle + 1
        else:
            beyond = middle
    return first


def _symbols(device: Any, at: Any, flags: Any, campaign: Any, touch: Any, until: int, out: int, symbol_out: Any) -> None:
    """The symbol of each row, in numbers of its own width so that many are told at once."""
    for i in range(len(device)):
        symbol = np.uint16(flags[i] & np.uint16(FLAGS)) | np.uint16(PRESENT)
        symbol |= np.uint16(np.uint16(HAS_SOURCE) if touch[i] > TOUCH_INTERNAL else np.uint16(0))
        counts = (flags[i] & np.uint16(out) == 0) & (device[i] >= 0) & (at[i] <= until)
        symbol_out[i] = symbol if counts else np.uint16(0)
    for i in range(len(campaign)):
        bit = np.uint16(np.uint16(HAS_CAMPAIGN) if campaign[i] != 0 else np.uint16(0))
        symbol_out[i] |= bit if symbol_out[i] != 0 else np.uint16(0)


def _gaps(device: Any, at: Any, symbol: Any, timeout: int, begins: Any) -> int:
    """`_begins` where gaps alone cut. All is asked of each row at once: what comes next is too irregular to be guessed by a
    processor."""
    n, known, seen, latest = 0, -1, 0, 0
    for i in range(len(device)):
        here, own, t = symbol[_u(i)], device[_u(i)], at[_u(i)]
        if here == 0:
            continue
        lone = here & _SALE != 0 and here & _CONTEXT == 0
        if lone and own == known and t >= latest and t - seen <= timeout:
            latest = t
            continue
        fresh = (own != known) | (t < latest)
        begins[_u(n)] = i << 1 | (1 if fresh else 0)
        n += 1 if fresh | (t - seen > timeout) else 0
        known, seen, latest = own, t, t
    return n


def _begins(
    device: Any, at: Any, symbol: Any, campaign: Any, touch: Any, source: Any, midnights: Any,
    label: Any, shared_from: Any, shared_at: Any, shared_label: Any,
    timeout: int, max_length: int, on_campaign: bool, on_referrer: bool, begins: Any,
) -> int:  # fmt: skip
    """Write the rows with which spells begin, doubled, and 1 where a run does; return how many there are."""
    shared, by_state = len(shared_at) > 0, max_length > 0 or on_campaign or on_referrer or len(midnights) > 0
    if not shared and not by_state:
        return int(_gaps(device, at, symbol, timeout, begins))
    n, known, who, whose, seen, latest = 0, -1, -1, -1, 0, 0
    began, current, origin, day, slot, low, high = 0, 0, -1, 0, 0, 0, 0
    for i in range(len(device)):
        here, own, t = int(symbol[_u(i)]), device[_u(i)], at[_u(i)]
        counts, lone = here != 0, (here & _SALE != 0) & (here & _CONTEXT == 0)
        fresh = (own != known) | (t < latest)
        if shared and counts:
            who = label[_u(own)]
            if who < 0:
                who = _visitor(own, t, label, shared_from, shared_at, shared_label)
            fresh |= who != whose
            whose = who
        new = fresh | (t - seen > timeout)
        if by_state and counts:
            if not new and not lone:
                if max_length > 0 and t - began >= max_length:
                    new = True
                if on_campaign and here & HAS_CAMPAIGN and campaign[_u(i)] != current:
                    new = True
                if on_referrer and here & _CONTEXT and here & HAS_SOURCE and source[_u(touch[_u(i)])] != origin:
                    new = True
            if len(midnights) and (new or not lone):
                if t < low or t >= high:
                    slot = _slot(midnights, t)
                    low = midnights[slot - 1] if slot > 0 else _LONG_AGO
                    high = midnights[slot] if slot < len(midnights) else -_LONG_AGO
                new, day = new or slot != day, slot
            if new:
                began, current, origin = t, 0, -1
            if new or not lone:
                current = campaign[_u(i)] if here & HAS_CAMPAIGN else current
                if on_referrer and here & _CONTEXT and here & HAS_SOURCE:
                    origin = source[_u(touch[_u(i)])]
        begins[_u(n)] = i << 1 | (1 if fresh else 0)
        n += 1 if new & counts else 0
        seen = t if counts & (new | (not lone)) else seen
        known, latest = own if counts else known, t if counts else latest
    return n


def _fields(at: Any, symbol: Any, touch: Any, begins: Any, count: int, first_row: int, spell: Any) -> None:
    """Fill in the spells: the n-th has its rows among begins[n] >> 1 <= i < begins[n + 1] >> 1."""
    for n in range(count):
        low, high = int(begins[_u(n)]) >> 1, int(begins[_u(n + 1)]) >> 1
        rows, acts, landed, left, came, last, lone = 0, 0, -1, -1, -1, low, 0
        for i in range(low, high):
            here = int(symbol[_u(i)])
            if here == 0:
                continue
            page = here & _PAGE != 0
            left = rows & LOW if page else left
            landed = rows if page & (landed < 0) else landed
            rows += 1 + (1 << 32 if page else 0)
            acts += (1 if here & _QUALIFYING else 0) + (1 << 32 if here & _ORDER else 0)
            came = int(touch[_u(i)]) if (here & _CONTEXT != 0) & (came < 0) else came
            lone += 1 if (here & _SALE != 0) & (here & _CONTEXT == 0) else 0
            last = i
        end = last
        while lone and end > low and (symbol[_u(end)] == 0 or (symbol[_u(end)] & _SALE and not symbol[_u(end)] & _CONTEXT)):
            end -= 1
        spell[_u(n), START], spell[_u(n), END], spell[_u(n), LAST] = at[_u(low)], at[_u(end)], at[_u(last)]
        spell[_u(n), PLACE], spell[_u(n), ROWS], spell[_u(n), ACTS] = (first_row + low) << 1 | begins[_u(n)] & 1, rows, acts
        spell[_u(n), PAGES] = (landed + 1) | (left + 1) << 32
        spell[_u(n), TOUCH] = (came + 1) | (last - low) << 32


def _example_cut() -> tuple[Any, ...]:
    code, long, flags = (frozen(np.zeros(1, kind)) for kind in (np.int32, np.int64, np.uint16))
    columns = code, long, flags, long, code, code, frozen(np.zeros(0, np.int64))
    labels = code, long, frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int32))
    return *columns, *labels, 1, 1, 1, 0, True, False, np.zeros(1, np.uint16), np.zeros(2, np.int32)


@kernel(_visitor, _slot, _symbols, _gaps, _begins, example=_example_cut)
def cut_spells(
    device: Any, at: Any, flags: Any, campaign: Any, touch: Any, source: Any, midnights: Any,
    label: Any, shared_from: Any, shared_at: Any, shared_label: Any, until: int, out: int,
    timeout: int, max_length: int, on_campaign: bool, on_referrer: bool, symbol_out: Any, begins: Any,
) -> int:  # fmt: skip
    """Cut the rows of a strip into spells, and return how many there are.

    Rows with a flag of `out`, of nobody or after `until` do not count: their `symbol_out` is 0, that of others is as in
    `select.select_flagged`, with no bit of a campaign where `campaign` is empty. The options are those of
    `sessions.mark_sessions`. `begins` is room for one number per row and one more: the n-th spell has its rows among
    begins[n] >> 1 <= i < begins[n + 1] >> 1, and begins[n] is odd where a run begins with it.
    """
    _symbols(device, at, flags, campaign, touch, until, out, symbol_out)
    count = _begins(
        device, at, symbol_out, campaign, touch, source, midnights, label, shared_from, shared_at, shared_label,
        timeout, max_length, on_campaign, on_referrer, begins,
    )  # fmt: skip
    begins[count] = len(device) << 1
    return count


def _example_describe() -> tuple[Any, ...]:
    code, long, none = frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int64)), frozen(np.zeros(0, np.int64))
    labels = code, long, none, frozen(np.zeros(0, np.int32))
    read = code, long, frozen(np.ones(1, np.uint16)), code, frozen(np.array([0, 2], np.int32))
    return *read, *labels, 0, np.zeros(1, np.int32), np.zeros((1, FIELDS), np.int64), np.zeros(2, np.int64)


@kernel(_visitor, _fields, example=_example_describe)
def describe_spells(
    device: Any, at: Any, symbol: Any, touch: Any, begins: Any, label: Any, shared_from: Any, shared_at: Any,
    shared_label: Any, first_row: int, visitor_out: Any, spell: Any, sizes: Any,
) -> None:  # fmt: skip
    """Write the visitor and the fields of each spell of a strip whose first global row is `first_row`.

    How many there are of each block of visitors, with their rows, is added to `sizes` (two of each block).
    """
    count = len(visitor_out)
    _fields(at, symbol, touch, begins, count, first_row, spell)
    for n in range(count):
        low = begins[_u(n)] >> 1
        who = label[_u(device[_u(low)])]
        if who < 0:
            who = _visitor(device[_u(low)], at[_u(low)], label, shared_from, shared_at, shared_label)
        visitor_out[_u(n)] = who
        sizes[_u(2 * (who >> BLOCK_BITS))] += 1
        sizes[_u(2 * (who >> BLOCK_BITS) + 1)] += spell[_u(n), ROWS] & LOW
