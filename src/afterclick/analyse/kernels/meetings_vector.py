"""What each visitor met first in a visit, with numpy: what a server answers its first page with before it is compiled."""

from __future__ import annotations

from typing import Any

import numpy as np


def meet(
    offsets: Any, at: Any, code: Any, starts: Any, ordered: Any, basket: Any, codes: int, first: int, last: int,
    since: int, until: int, base: int, leg_base: int, fill: bool,
    row_out: Any, before_out: Any, basket_out: Any, order_out: Any,
    code_out: Any, leg_out: Any, earlier_out: Any, visitor_out: Any, counts: Any,
) -> int:  # fmt: skip
    """`meetings.first_meetings`."""
    low, high = int(offsets[first]), int(offsets[last])
    counts[0] = 0
    if low == high:
        return 0
    inside = (at[low:high] >= since) & (at[low:high] < until)
    begin, c = starts[low:high] != 0, code[low:high].astype(np.int64)
    visitor = np.repeat(np.arange(first, last), np.diff(offsets[first : last + 1]))
    sold = ordered[low:high] != 0
    cut = begin.copy()
    cut[1:] |= sold[:-1] | (visitor[1:] != visitor[:-1])
    part = np.cumsum(cut)
    # Each row twice: as the begin of a session, and as itself; the first of each code of a part is a meeting.
    row = np.concatenate([np.flatnonzero(begin & inside), np.flatnonzero((c >= 0) & inside)])
    own = np.concatenate([np.full(int((begin & inside).sum()), codes), c[(c >= 0) & inside]])
    _, kept = np.unique(part[row] * (codes + 1) + own, return_index=True)
    kept = kept[np.lexsort((own[kept] != codes, row[kept]))]
    row, own = row[kept], own[kept]
    fresh = np.diff(part[row], prepend=-1) != 0
    counts[0] = int(fresh.sum())
    if fill:
        out = slice(base, base + len(row))
        leg = leg_base + np.cumsum(fresh) - 1
        row_out[out], code_out[out], leg_out[out] = row + low, own, leg
        before_out[out] = np.where(own == codes, -1, _before(c >= 0, begin, low)[row])
        basket_out[out] = _value(basket[low:high], sold, visitor)[row]
        begun = np.cumsum(begin)
        earlier_out[out] = (begun - 1)[row] - (begun - begin)[offsets[visitor[row]] - low]
        legs = row[fresh]
        visitor_out[leg_base : leg_base + len(legs)] = visitor[legs]
        sales = np.flatnonzero(sold)
        order_out[leg_base : leg_base + len(legs)] = _next(sales, legs, visitor, low)
    return len(row)


def _before(met: np.ndarray, begin: np.ndarray, low: int) -> np.ndarray:
    """Per row the last one before it in its session that is a touchpoint, -1 for none."""
    place = np.arange(len(met))
    last = np.concatenate([[-1], np.maximum.accumulate(np.where(met, place, -1))[:-1]])
    opened = np.maximum.accumulate(np.where(begin, place, 0))
    return np.where(last >= opened, last + low, -1)


def _value(basket: np.ndarray, sold: np.ndarray, visitor: np.ndarray) -> np.ndarray:
    """Per row what the basket is worth before it: what was added since the visitor's last order."""
    before = np.concatenate([[0], np.cumsum(basket)[:-1]])
    emptied = np.ones(len(basket), bool)
    emptied[1:] = sold[:-1] | (visitor[1:] != visitor[:-1])
    found: np.ndarray = before - before[np.maximum.accumulate(np.where(emptied, np.arange(len(basket)), 0))]
    return found


def _next(sales: np.ndarray, rows: np.ndarray, visitor: np.ndarray, low: int) -> np.ndarray:
    """Per row the next sale of its visitor, itself included, -1 for none."""
    if not len(sales):
        return np.full(len(rows), -1)
    place = np.searchsorted(sales, rows)
    sale = sales[np.minimum(place, len(sales) - 1)]
    return np.where((place < len(sales)) & (visitor[sale] == visitor[rows]), sale + low, -1)


def keep(visitor: Any, at: Any, within: int, kept: Any) -> None:
    """`meetings.keep_apart`: most visits stand alone, only those near the one before are asked in turn."""
    kept[:] = 1
    near = (visitor[1:] == visitor[:-1]) & (at[1:] >= at[:-1]) & (at[1:] - at[:-1] < within)
    last = -1
    for i in (1 + np.flatnonzero(near)).tolist():
        # The last one kept: the one before, unless that was left out with a nearer one kept before it.
        last = i - 1 if kept[i - 1] else last
        if at[i] - at[last] < within:
            kept[i] = 0
