"""Spells become sessions: brought into order by visitor, told with the places of their rows, and the rows laid there."""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.gather import SYMBOL_BITS
from afterclick.analyse.kernels.spells import ACTS, END, FIELDS, LAST, LOW, PAGES, PLACE, ROWS, START, TOUCH, _symbols
from afterclick.core.arrays import frozen
from afterclick.store.columns import TOUCH_DIRECT, TOUCH_INTERNAL


def _example_order() -> tuple[Any, ...]:
    visitor, spell = frozen(np.zeros(1, np.int32)), frozen(np.ones((1, FIELDS), np.int64))
    return visitor, spell, 0, 1, 0, 1, np.zeros(2, np.int64), np.zeros(1, np.int32), np.zeros(1, np.uint8)


@kernel(example=_example_order)
def order_spells(
    visitor: Any, spell: Any, first: int, last: int, base: int, timeout: int, begins: Any, order: Any, torn: Any
) -> None:
    """Bring the spells of visitors first <= v < last into order: those of v are order[begins[v]] to order[begins[v + 1]].

    `base` is how many spells other visitors before them have. Sets `torn[v]` where spells are not further apart than
    `timeout` though no cut of one run stands between them.
    """
    cursor = np.zeros(last - first, np.int32)
    for r in range(len(visitor)):
        mine = visitor[_u(r)] - first
        if 0 <= mine < last - first:
            cursor[_u(mine)] += 1
    place = base
    for v in range(last - first):
        size = cursor[_u(v)]
        begins[first + v] = place
        cursor[_u(v)] = place - base
        place += size
    begins[last] = place
    for r in range(len(visitor)):
        mine = visitor[_u(r)] - first
        if 0 <= mine < last - first:
            order[_u(base + cursor[_u(mine)])] = r
            cursor[_u(mine)] += 1
    for v in range(first, last):
        low, high = begins[v], begins[v + 1]
        for j in range(low + 1, high):
            mine, k = order[_u(j)], j - 1
            while k >= low and spell[_u(order[_u(k)]), START] > spell[_u(mine), START]:
                order[_u(k + 1)] = order[_u(k)]
                k -= 1
            order[_u(k + 1)] = mine
        for j in range(low + 1, high):
            one, before = order[_u(j)], order[_u(j - 1)]
            follows = before == one - 1 and spell[_u(one), PLACE] & 1 == 0
            if not follows and spell[_u(one), START] - spell[_u(before), LAST] <= timeout:
                torn[v] = 1


def _tell(
    spell: Any, r: int, s: int, row: int, visitor: int, before: int, visitor_out: Any, first_out: Any, start_at: Any,
    end_at: Any, events: Any, pages: Any, qualifying: Any, orders: Any, touch: Any, landing: Any, exit_page: Any,
) -> int:  # fmt: skip
    """Write session s from a spell whose first gathered row is `row`; its touch as it was, before it went on inside."""
    visitor_out[_u(s)], first_out[_u(s)] = visitor, row
    start_at[_u(s)], end_at[_u(s)] = spell[_u(r), START], spell[_u(r), END]
    events[_u(s)], pages[_u(s)] = spell[_u(r), ROWS] & LOW, spell[_u(r), ROWS] >> 32
    qualifying[_u(s)], orders[_u(s)] = spell[_u(r), ACTS] & LOW, spell[_u(r), ACTS] >> 32
    landed, left = spell[_u(r), PAGES] & LOW, spell[_u(r), PAGES] >> 32
    landing[_u(s)] = row + landed - 1 if landed else -1
    exit_page[_u(s)] = row + left - 1 if left else -1
    came = (spell[_u(r), TOUCH] & LOW) - 1
    inside = came == TOUCH_INTERNAL
    # A visit that began inside (own domain, payment page) goes on with the visitor's last channel, else direct.
    touch[_u(s)] = (before if before >= 0 else TOUCH_DIRECT) if inside else came
    return before if inside else came


def _example_tell() -> tuple[Any, ...]:
    spell, code, begins = frozen(np.ones((1, FIELDS), np.int64)), frozen(np.zeros(1, np.int32)), frozen(np.array([0, 1]))
    outs = [np.zeros(1, kind) for kind in (np.int32, *[np.int64] * 3, *[np.int32] * 5, np.int64, np.int64)]
    again = frozen(np.zeros(0, np.int32)), frozen(np.zeros((0, FIELDS), np.int64)), frozen(np.zeros(1, np.int64))
    return spell, code, begins, *again, 0, 1, 0, 0, np.zeros(2, np.int64), np.zeros(1, np.int64), *outs


@kernel(_tell, example=_example_tell, inlined=True)
def tell_sessions(
    spell: Any, order: Any, begins: Any, torn: Any, other: Any, other_begins: Any, first: int, last: int, base: int,
    base_row: int, offsets: Any, place: Any, visitor_out: Any, first_out: Any, start_at: Any, end_at: Any, events: Any,
    pages: Any, qualifying: Any, orders: Any, touch: Any, landing: Any, exit_page: Any,
) -> None:  # fmt: skip
    """Fill one row per session of visitors first <= v < last from `base` on; their gathered rows begin at `base_row`.

    `torn` are the visitors, ascending, whose sessions stand in `other` instead, those of the k-th at other_begins[k] and
    on. Sets `offsets[v + 1]` to the end of each visitor's rows, and `place` of each spell to its first gathered row, -1
    where it is no session. The other outputs are those of `sessions.describe_sessions`, the touch never internal.
    """
    s, row, k = base, base_row, np.searchsorted(torn, first)
    for v in range(first, last):
        before = -1
        if k < len(torn) and torn[k] == v:
            for j in range(begins[_u(v)], begins[_u(v + 1)]):
                place[_u(order[_u(j)])] = -1
            for r in range(other_begins[k], other_begins[k + 1]):
                before = _tell(
                    other, r, s, row, v, before, visitor_out, first_out, start_at, end_at, events, pages, qualifying,
                    orders, touch, landing, exit_page,
                )  # fmt: skip
                row += other[_u(r), ROWS] & LOW
                s += 1
            k += 1
        else:
            for j in range(begins[_u(v)], begins[_u(v + 1)]):
                r = order[_u(j)]
                place[_u(r)] = row
                before = _tell(
                    spell, r, s, row, v, before, visitor_out, first_out, start_at, end_at, events, pages, qualifying,
                    orders, touch, landing, exit_page,
                )  # fmt: skip
                row += spell[_u(r), ROWS] & LOW
                s += 1
        offsets[_u(v + 1)] = row


def _example_lay() -> tuple[Any, ...]:
    code, long, flags = (frozen(np.zeros(1, kind)) for kind in (np.int32, np.int64, np.uint16))
    outs = np.zeros(1, np.uint16), np.zeros(1, np.int64), np.zeros(1, np.int64)
    return frozen(np.array([0, 2], np.int32)), long, code, long, flags, long, code, 0, 1, 0, *outs


@kernel(_symbols, example=_example_lay)
def lay_spells(
    begins: Any, place: Any, device: Any, at: Any, flags: Any, campaign: Any, touch: Any, first_row: int, until: int,
    out: int, symbol: Any, at_out: Any, key_out: Any,
) -> None:  # fmt: skip
    """Write the rows of the spells of a strip at their places, as in `Gathered`; `symbol` is room for one of each row.

    The n-th spell has its rows among begins[n] >> 1 <= i < begins[n + 1] >> 1; the other arguments are as for `cut_spells`.
    """
    _symbols(device, at, flags, campaign, touch, until, out, symbol)
    for n in range(len(place)):
        free = place[_u(n)]
        if free < 0:
            continue
        for i in range(begins[_u(n)] >> 1, begins[_u(n + 1)] >> 1):
            if symbol[_u(i)] != 0:
                at_out[_u(free)] = at[_u(i)]
                key_out[_u(free)] = (first_row + i) << SYMBOL_BITS | int(symbol[_u(i)])
                free += 1
