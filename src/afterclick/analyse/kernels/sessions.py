"""Gaps, campaigns and midnights cut a visitor's events into sessions (SEMANTICS: sessions, bounce, exit)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels import sessions_vector
from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.gather import HAS_CAMPAIGN, HAS_SOURCE
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

_PAGE: Final = int(Flag.PAGE)
_QUALIFYING: Final = int(Flag.QUALIFYING)
_ORDER: Final = int(Flag.ORDER)
_SALE: Final = int(Flag.ORDER | Flag.REFUND)
_CONTEXT: Final = int(Flag.CONTEXT)


def _example_mark() -> tuple[Any, ...]:
    long, code = frozen(np.zeros(1, np.int64)), frozen(np.zeros(1, np.int32))
    offsets = frozen(np.array([0, 1]))
    return offsets, long, long, code, long, code, code, long, 0, 1, 1, 0, True, False, False, np.zeros(1, np.uint8)


@kernel(example=_example_mark, vector=sessions_vector.mark)
def mark_sessions(
    offsets: Any, at: Any, key: Any, touch: Any, campaign: Any, sdk: Any, source: Any, midnights: Any,
    first: int, last: int, timeout: int, max_length: int, on_campaign: bool, on_referrer: bool, use_sdk: bool,
    starts: Any,
) -> int:  # fmt: skip
    """Set `starts[i]` where row i begins a session, for visitors first <= v < last; returns how many there are.

    The symbol is made of flags (`gather.select_flagged`). `source[touch]` is the source of a touch; `midnights` are the
    instants of the site's midnights, empty unless they cut; `sdk` the SDK's own session codes. A sale without page
    context (a server's) belongs to the session that covers it and does not extend it.
    """
    found = 0
    for visitor in range(first, last):
        low, high = offsets[visitor], offsets[visitor + 1]
        began, seen, current, origin, own, day = 0, 0, 0, -1, -1, 0
        for i in range(low, high):
            t, symbol, row = at[_u(i)], key[_u(i)] & 0xFFFF, key[_u(i)] >> 16
            new = i == low
            gap = t - seen > timeout
            if not new and symbol & _SALE and not symbol & _CONTEXT:
                if not gap:
                    continue
                new = True
            if use_sdk and not new and sdk[row] >= 0 and own >= 0:
                new = sdk[row] != own
            elif not new:
                new = gap
                if max_length > 0 and t - began >= max_length:
                    new = True
                if on_campaign and symbol & HAS_CAMPAIGN and campaign[row] != current:
                    new = True
                if on_referrer and symbol & _CONTEXT and symbol & HAS_SOURCE and source[touch[row]] != origin:
                    new = True
            while day < len(midnights) and midnights[day] <= t:
                # A midnight between the last event and this one; the first row of a visitor only sets the pointer.
                if i > low and midnights[day] > seen:
                    new = True
                day += 1
            if new:
                starts[_u(i)] = 1
                found += 1
                began, current, origin, own = t, 0, -1, -1
            if symbol & HAS_CAMPAIGN:
                current = campaign[row]
            if symbol & _CONTEXT and symbol & HAS_SOURCE:
                origin = source[touch[row]]
            if use_sdk and sdk[row] >= 0:
                own = sdk[row]
            seen = t
    return found


def _example_describe() -> tuple[Any, ...]:
    long, code = frozen(np.zeros(1, np.int64)), frozen(np.zeros(1, np.int32))
    outs = [np.zeros(1, kind) for kind in (np.int32, *[np.int64] * 3, *[np.int32] * 5, np.int64, np.int64)]
    return frozen(np.array([0, 1])), long, long, code, frozen(np.ones(1, np.uint8)), 0, 1, 0, *outs


@kernel(example=_example_describe, vector=sessions_vector.describe)
def describe_sessions(
    offsets: Any, at: Any, key: Any, touch: Any, starts: Any, first: int, last: int, base: int,
    visitor_out: Any, first_out: Any, start_at: Any, end_at: Any, events: Any, pages: Any, qualifying: Any,
    orders: Any, touch_out: Any, landing: Any, exit_page: Any,
) -> None:  # fmt: skip
    """Fill one row per session from `base` on: its visitor, first gathered row, span, counts, touch, landing and exit row.

    `touch_out` is -1 without page context; `landing` and `exit_page` are gathered rows, -1 without a page.
    """
    s = base - 1
    for visitor in range(first, last):
        # Counts live in variables and are written when the session ends, not with every row.
        rows, views, acts, sales, end, seen, landed, left = 0, 0, 0, 0, 0, -1, -1, -1
        for i in range(offsets[visitor], offsets[visitor + 1]):
            t, symbol = at[_u(i)], key[_u(i)] & 0xFFFF
            if starts[_u(i)]:
                if rows:
                    end_at[_u(s)], events[_u(s)], pages[_u(s)], qualifying[_u(s)], orders[_u(s)] = end, rows, views, acts, sales
                    touch_out[_u(s)], landing[_u(s)], exit_page[_u(s)] = seen, landed, left
                s += 1
                visitor_out[_u(s)], first_out[_u(s)], start_at[_u(s)] = visitor, i, t
                rows, views, acts, sales, end, seen, landed, left = 0, 0, 0, 0, t, -1, -1, -1
            rows += 1
            if not (symbol & _SALE and not symbol & _CONTEXT):
                end = t
            if symbol & _PAGE:
                views += 1
                left = i
                if landed < 0:
                    landed = i
            acts += 1 if symbol & _QUALIFYING else 0
            sales += 1 if symbol & _ORDER else 0
            if seen < 0 and symbol & _CONTEXT:
                seen = touch[key[_u(i)] >> 16]
        if rows:
            end_at[_u(s)], events[_u(s)], pages[_u(s)], qualifying[_u(s)], orders[_u(s)] = end, rows, views, acts, sales
            touch_out[_u(s)], landing[_u(s)], exit_page[_u(s)] = seen, landed, left
