"""What each visitor met first in a visit, what came right before it, and the order that came after (SEMANTICS: barriers)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels import meetings_vector
from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen

NOTHING: Final = -1
"""The code of a row that is no touchpoint, and of what came before the first one."""


def _example() -> tuple[Any, ...]:
    long, small = frozen(np.zeros(1, np.int64)), frozen(np.zeros(1, np.uint8))
    ints = [np.zeros(1, np.int64) for _ in range(4)]
    codes = [np.zeros(1, np.int32) for _ in range(4)]
    return (
        frozen(np.array([0, 1])), long, frozen(np.zeros(1, np.int32)), small, small, long, 1, 0, 1, 0, 1, 0, 0, True,
        *ints, *codes, np.zeros(1, np.int64),
    )  # fmt: skip


@kernel(example=_example, vector=meetings_vector.meet)
def first_meetings(
    offsets: Any, at: Any, code: Any, starts: Any, ordered: Any, basket: Any, codes: int, first: int, last: int,
    since: int, until: int, base: int, leg_base: int, fill: bool,
    row_out: Any, before_out: Any, basket_out: Any, order_out: Any,
    code_out: Any, leg_out: Any, earlier_out: Any, visitor_out: Any, counts: Any,
) -> int:  # fmt: skip
    """Meetings of visitors first <= v < last: per leg the first row of each code inside [since, until).

    A leg is a session, or the part of one before or after an order. `code[i]` is row i's touchpoint (0 <= code < codes,
    or NOTHING), code `codes` stands for the begin of a session, `starts` marks those, `basket[i]` is what row i adds to
    the basket's value. With `fill` writes from `base` on per meeting its row, the row before it in the session (-1:
    none), the basket's value before it, code, leg (from `leg_base` on) and sessions begun earlier; per leg its visitor
    and the row of the next order (-1). Returns the number of meetings; counts[0] is that of legs.
    """
    seen = np.full(codes + 1, -1, np.int64)
    out, leg = base, leg_base
    for visitor in range(first, last):
        low, high = offsets[visitor], offsets[visitor + 1]
        if low == high:
            continue
        value, sessions, before, used, since_order = 0, 0, -1, False, leg
        for i in range(low, high):
            inside = since <= at[i] < until
            if starts[i]:
                sessions += 1
                before = -1
                if used:
                    leg += 1
                    used = False
                if inside:
                    if fill:
                        row_out[out], before_out[out], basket_out[out] = i, -1, value
                        code_out[out], leg_out[out], earlier_out[out] = codes, leg, sessions - 1
                        visitor_out[leg], order_out[leg] = visitor, -1
                    out += 1
                    used = True
            c = code[i]
            if c >= 0:
                if inside and seen[c] != leg:
                    seen[c] = leg
                    if fill:
                        row_out[out], before_out[out], basket_out[out] = i, before, value
                        code_out[out], leg_out[out], earlier_out[out] = c, leg, sessions - 1
                        visitor_out[leg], order_out[leg] = visitor, -1
                    out += 1
                    used = True
                before = i
            value += basket[i]
            if ordered[i]:
                value = 0
                if fill:
                    for passed in range(since_order, leg + (1 if used else 0)):
                        order_out[passed] = i
                if used:
                    leg += 1
                    used = False
                since_order = leg
        if used:
            leg += 1
    counts[0] = leg - leg_base
    return out - base


def _example_apart() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int64)), 1, np.zeros(1, np.uint8)


@kernel(example=_example_apart, vector=meetings_vector.keep)
def keep_apart(visitor: Any, at: Any, within: int, kept: Any) -> None:
    """Set `kept[i]` for visits that do not begin within `within` µs of the last kept one of the same visitor.

    Visits stand by visitor, then by time; where time goes back another such list begins.
    """
    last, since = -1, 0
    for i in range(len(at)):
        if visitor[i] != last or at[i] < since or at[i] - since >= within:
            kept[i] = 1
            last, since = visitor[i], at[i]
