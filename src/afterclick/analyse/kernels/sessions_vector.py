"""Sessions with numpy: what a server answers its first page with, before anything is compiled."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.gather import HAS_CAMPAIGN, SYMBOL_BITS, SYMBOL_MASK
from afterclick.store.columns import Flag

_SALE: Final = int(Flag.ORDER | Flag.REFUND)
_CONTEXT: Final = int(Flag.CONTEXT)
_MANY: Final = 20_000
"""Sales without page context from which on asking each of them for its session takes longer than the plain kernel."""
_NONE: Final = 2**62


def mark(
    offsets: Any, at: Any, key: Any, touch: Any, campaign: Any, sdk: Any, source: Any, midnights: Any,  # noqa: ARG001
    first: int, last: int, timeout: int, max_length: int, on_campaign: bool, on_referrer: bool, use_sdk: bool,
    starts: Any,
) -> Any:  # fmt: skip
    """`sessions.mark_sessions` for gaps and campaigns; NotImplemented where another option cuts."""
    if max_length > 0 or on_referrer or use_sdk or len(midnights):
        return NotImplemented
    low, high = int(offsets[first]), int(offsets[last])
    t, symbol = at[low:high], key[low:high] & SYMBOL_MASK
    fresh = np.zeros(high - low, bool)
    begins = offsets[first:last] - low
    fresh[begins[np.diff(offsets[first : last + 1]) > 0]] = True
    alone = np.flatnonzero(((symbol & _SALE) != 0) & ((symbol & _CONTEXT) == 0))
    if len(alone) > _MANY:
        return NotImplemented
    counts = np.ones(high - low, bool)
    counts[alone] = False
    counts[_apart(alone, t, fresh, counts, timeout)] = True
    here = np.flatnonzero(counts)
    new = fresh[here]
    new[1:] |= t[here[1:]] - t[here[:-1]] > timeout
    if on_campaign:
        carries = np.flatnonzero((symbol[here] & HAS_CAMPAIGN) != 0)
        of, visit = campaign[key[low + here[carries]] >> SYMBOL_BITS], np.cumsum(new)[carries]
        other = np.ones(len(carries), bool)
        other[1:] = (of[1:] != of[:-1]) | (visit[1:] != visit[:-1])
        new[carries[other]] = True
    found = here[new]
    starts[low + found] = 1
    return len(found)


def _apart(alone: np.ndarray, t: np.ndarray, fresh: np.ndarray, counts: np.ndarray, timeout: int) -> list[int]:
    """The sales without page context that no session covers: each begins one."""
    place = np.arange(len(t))
    began = np.maximum.accumulate(np.where(fresh, place, 0))[alone]
    seen = np.maximum.accumulate(np.where(counts, place, -1))[alone]
    found: list[int] = []
    for row, begin, before in zip(alone.tolist(), began.tolist(), seen.tolist(), strict=True):
        last = max(before, found[-1] if found else -1)
        if last < begin or t[row] - t[last] > timeout:
            found.append(row)
    return found


def describe(
    offsets: Any, at: Any, key: Any, touch: Any, starts: Any, first: int, last: int, base: int,
    visitor_out: Any, first_out: Any, start_at: Any, end_at: Any, events: Any, pages: Any, qualifying: Any,
    orders: Any, touch_out: Any, landing: Any, exit_page: Any,
) -> None:  # fmt: skip
    """`sessions.describe_sessions`."""
    low, high = int(offsets[first]), int(offsets[last])
    begins = np.flatnonzero(starts[low:high])
    if not len(begins):
        return
    t, symbol, place = at[low:high], key[low:high] & SYMBOL_MASK, np.arange(low, high)
    page, context = (symbol & int(Flag.PAGE)) != 0, (symbol & _CONTEXT) != 0
    alone = ((symbol & _SALE) != 0) & ~context
    out = slice(base, base + len(begins))
    visitor_out[out] = np.searchsorted(offsets, begins + low, side="right") - 1
    first_out[out], start_at[out] = begins + low, t[begins]
    end_at[out] = np.maximum(t[begins], np.maximum.reduceat(np.where(alone, -_NONE, t), begins))
    events[out] = np.diff(np.append(begins, high - low))
    for flag, counted in ((Flag.PAGE, pages), (Flag.QUALIFYING, qualifying), (Flag.ORDER, orders)):
        counted[out] = np.add.reduceat(((symbol & int(flag)) != 0).astype(np.int32), begins)
    exit_page[out] = np.maximum.reduceat(np.where(page, place, -1), begins)
    came = context & (touch[key[low:high] >> SYMBOL_BITS] >= 0)
    for marked, first_of in ((page, landing), (came, touch_out)):
        found = np.minimum.reduceat(np.where(marked, place, _NONE), begins)
        there = np.flatnonzero(found < _NONE)
        values = np.full(len(begins), -1, np.int64)
        values[there] = found[there] if first_of is landing else touch[key[found[there]] >> SYMBOL_BITS]
        first_of[out] = values
