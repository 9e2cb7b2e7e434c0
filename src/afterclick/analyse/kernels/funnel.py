"""Greedy attempts at a chain of steps, exact under re-entry, ties, tolerance and windows (SEMANTICS: funnels).

Linear in the rows although every start is an attempt of its own: starts move forward, so a column's search resumes
where an earlier attempt stopped (`_next`), a start followed by an equal one is skipped, and the search for a better
attempt ends where no later row could serve one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.search import after, first_at
from afterclick.core.arrays import frozen

BEST, FIRST, ATTEMPTS = 0, 1, 2
NEVER, FURTHER = -1, -2


def _chase(
    at: Any, key: Any, match: Any, columns: int, start: int, low: int, high: int, within: int, from_previous: bool,
    strict: bool, tolerance: int, pick: Any, seen_from: Any, seen_upto: Any,
) -> int:  # fmt: skip
    """One greedy attempt from row `start`; fills pick[:reached] and returns how many steps it reached."""
    pick[0] = start
    latest = at[start]
    for r in range(1, columns):
        limit = (at[pick[r - 1]] if from_previous else at[start]) + within
        if strict:
            begin = after(at, pick[r - 1], high, latest)
        else:
            begin = first_at(at, low, pick[r - 1], latest - tolerance)
        j = begin
        # Between seen_from and seen_upto no row serves column r; the row at seen_upto may, or ended a window.
        if seen_from[r] <= begin <= seen_upto[r]:
            j = seen_upto[r]
        else:
            seen_from[r] = begin
        while j < high and at[_u(j)] <= limit and not match[_u((key[_u(j)] & 0xFFFF) * columns + r)]:
            j += 1
        seen_upto[r] = j
        used = True
        while used and j < high and at[j] <= limit:
            used = False
            for q in range(r):
                if pick[q] == j:
                    used = True
            if used:
                j += 1
                while j < high and at[_u(j)] <= limit and not match[_u((key[_u(j)] & 0xFFFF) * columns + r)]:
                    j += 1
        if j >= high or at[j] > limit:
            return r
        pick[r] = j
        latest = max(latest, at[j])
    return columns


def _only_start(match: Any, symbol: int, columns: int) -> bool:
    if not match[symbol * columns]:
        return False
    for r in range(1, columns):
        if match[symbol * columns + r]:
            return False
    return True


def _only_begun(at: Any, key: Any, match: Any, columns: int, low: int, high: int, start: int, end: int) -> int:
    """The first start in [start, end) of rows none of which serves step 2; NEVER without one, FURTHER if one does."""
    begin = NEVER
    for i in range(low, high):
        cell = (key[_u(i)] & 0xFFFF) * columns
        if match[_u(cell + 1)]:
            return FURTHER
        if begin < 0 and match[_u(cell)] and start <= at[_u(i)] < end:
            begin = i
    return begin


def _example() -> tuple[Any, ...]:
    long = frozen(np.zeros(1, np.int64))
    return (
        frozen(np.array([0, 1])), long, long, frozen(np.ones(2, np.uint8)), 2, 0, 1, 0, 1, 1, False, False, 0, BEST,
        0, np.zeros(1, np.int32), np.zeros(1, np.int16), np.zeros(2, np.int64),
    )  # fmt: skip


@kernel(_chase, first_at, after, _only_start, _only_begun, example=_example)
def chase_funnel(
    offsets: Any, at: Any, key: Any, match: Any, columns: int, first: int, last: int, start: int, end: int,
    within: int, from_previous: bool, strict: bool, tolerance: int, entry: int, base: int,
    unit_out: Any, reached_out: Any, pick_out: Any,
) -> int:  # fmt: skip
    """Attempts of visitors first <= v < last whose step 1 lies in [start, end); returns how many units were written.

    `match[symbol * columns + r]` says whether a symbol serves step r. From `base` on, one unit per visitor with a
    start (entry BEST or FIRST) or per attempt (ATTEMPTS): its visitor, steps reached, and `pick_out[unit * columns + r]`
    = the gathered row that served step r, -1 for steps not reached.
    """
    pick, best = np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    seen_from, seen_upto = np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    unit = base
    for visitor in range(first, last):
        low, high = offsets[visitor], offsets[visitor + 1]
        if entry != ATTEMPTS and columns > 1:
            # Most visitors never meet step 2, and then their first start says everything.
            begin = _only_begun(at, key, match, columns, low, high, start, end)
            if begin >= 0:
                unit_out[unit], reached_out[unit], pick_out[unit * columns] = visitor, 1, begin
                for r in range(1, columns):
                    pick_out[unit * columns + r] = -1
                unit += 1
            if begin != FURTHER:
                continue
        for r in range(columns):
            seen_from[r], seen_upto[r] = -1, -2
        reached, a, begun, final_row = 0, low, False, high
        while a < high:
            if not (match[_u((key[_u(a)] & 0xFFFF) * columns)] and start <= at[_u(a)] < end):
                a += 1
                continue
            if reached > 0 and entry == BEST:
                if final_row == high and reached < columns:
                    # The last row that could serve the step the best attempt is missing.
                    final_row = high - 1
                    while final_row >= low and not match[_u((key[_u(final_row)] & 0xFFFF) * columns + reached)]:
                        final_row -= 1
                # A tolerance lets a step stand before its start, so only instants decide that nothing better follows.
                if at[a] - tolerance > at[best[reached - 1]] and (
                    reached == columns or final_row < low or at[final_row] < at[a] - tolerance
                ):
                    break
            if (
                begun and entry == BEST and tolerance == 0 and a + 1 < high
                and at[a] > at[a - 1] and at[a + 1] > at[a] and at[a + 1] < end
                and (a + 2 >= high or at[a + 2] > at[a + 1])
                and _only_start(match, key[a + 1] & 0xFFFF, columns)
            ):  # fmt: skip
                a += 1
                continue
            got = _chase(
                at,
                key,
                match,
                columns,
                a,
                low,
                high,
                within,
                from_previous,
                strict,
                tolerance,
                pick,
                seen_from,
                seen_upto,
            )
            if entry == ATTEMPTS:
                unit_out[unit], reached_out[unit] = visitor, got
                for r in range(columns):
                    pick_out[unit * columns + r] = pick[r] if r < got else -1
                unit += 1
                if got == columns:
                    a = 0
                    for r in range(columns):
                        a = max(a, pick[r])
                    a += 1
                else:
                    limit = (at[pick[got - 1]] if from_previous else at[pick[0]]) + within
                    # Under a tolerance the window may have ended before this very start.
                    a += 1
                    while a < high and at[a] <= limit:
                        a += 1
                continue
            if not begun or got > reached or (got == reached and pick[got - 1] <= best[got - 1]):
                if got > reached:
                    final_row = high
                reached = got
                for r in range(got):
                    best[r] = pick[r]
                # At step 1 alone the first start got there first; it stays unless a later one goes further.
            begun = True
            if entry == FIRST:
                break
            a += 1
        if entry != ATTEMPTS and begun:
            unit_out[unit], reached_out[unit] = visitor, reached
            for r in range(columns):
                pick_out[unit * columns + r] = best[r] if r < reached else -1
            unit += 1
    return unit - base
