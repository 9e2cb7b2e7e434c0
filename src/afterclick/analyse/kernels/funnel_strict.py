"""Greedy attempts in strict order: the very next event takes the next step, any other ends the attempt (SEMANTICS: funnels).

The kernel of `funnel` with one more end of a window, and for strict order alone; exclusions, optional steps and held
properties are left to `funnel_general`. What they share stands here again because a kernel and its helpers must share a
file: the compiler's cache looks at that file only.
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


def _broken(
    at: Any, key: Any, match: Any, columns: int, here: int, high: int, tolerance: int, limit: int, pick: Any, count: int
) -> int:
    """The first unused behavioural row later than the row `here`, beyond the tolerance and up to `limit`; NEVER for none.

    The last column of `match` says which symbols are behaviour.
    """
    j = after(at, here, high, at[here] + tolerance)
    while j < high and at[_u(j)] <= limit:
        other = bool(match[_u((key[_u(j)] & 0xFFFF) * columns + columns - 1)])
        for q in range(count):
            if pick[q] == j:
                other = False
        if other:
            return j
        j += 1
    return NEVER


def _chase(
    at: Any, key: Any, match: Any, columns: int, start: int, low: int, high: int, within: int, from_previous: bool,
    strict: bool, tolerance: int, pick: Any, seen_from: Any, seen_upto: Any, ending: Any,
) -> int:  # fmt: skip
    """One greedy attempt from row `start`; fills pick[:reached] and returns how many steps it reached.

    Fills `ending` with until which instant the next step might have come, and the row that ended the attempt or NEVER.
    """
    pick[0] = start
    latest = at[start]
    for r in range(1, columns - 1):
        limit = (at[pick[r - 1]] if from_previous else at[start]) + within
        other = _broken(at, key, match, columns, pick[r - 1], high, tolerance, limit, pick, r)
        if other >= 0:
            limit = min(limit, at[other] + tolerance)
        ending[0], ending[1] = limit, other
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
    ending[0], ending[1] = latest, NEVER
    return columns - 1


def _passes(at: Any, key: Any, match: Any, columns: int, a: int, low: int, high: int) -> bool:
    """Is the next row neither tied with its neighbours nor one that takes step 2, so that it ends an attempt from row a?"""
    if a + 1 >= high or at[a + 1] <= at[a] or (a > low and at[a - 1] >= at[a]):
        return False
    if a + 2 < high and at[a + 2] <= at[a + 1]:
        return False
    cell = (key[a + 1] & 0xFFFF) * columns
    return bool(match[cell + columns - 1] and not match[cell + 1])


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
        frozen(np.array([0, 1])), long, long, frozen(np.ones(3, np.uint8)), 3, 0, 1, 0, 1, 1, False, False, 0, BEST,
        0, np.zeros(1, np.int32), np.zeros(1, np.int16), np.zeros(2, np.int64), np.zeros(1, np.int64),
    )  # fmt: skip


@kernel(first_at, after, _broken, _chase, _passes, _only_begun, example=_example, inlined=True)
def chase_strict_funnel(
    offsets: Any, at: Any, key: Any, match: Any, columns: int, first: int, last: int, start: int, end: int,
    within: int, from_previous: bool, strict: bool, tolerance: int, entry: int, base: int,
    unit_out: Any, reached_out: Any, pick_out: Any, until_out: Any,
) -> int:  # fmt: skip
    """`funnel.chase_funnel` in strict order: the last column of `match` says which symbols are behaviour.

    `until_out` is the instant until which a unit may go on, or at which it ended.
    """
    steps = columns - 1
    pick, best, ending = np.zeros(steps, np.int64), np.zeros(steps, np.int64), np.zeros(2, np.int64)
    seen_from, seen_upto = np.zeros(steps, np.int64), np.zeros(steps, np.int64)
    unit = base
    for visitor in range(first, last):
        low, high = offsets[visitor], offsets[visitor + 1]
        if entry != ATTEMPTS:
            # Most visitors never meet step 2, and then their first start says everything.
            begin = _only_begun(at, key, match, columns, low, high, start, end)
            if begin >= 0:
                limit = at[begin] + within
                other = _broken(at, key, match, columns, begin, high, tolerance, limit, pick, 0)
                unit_out[unit], reached_out[unit], pick_out[unit * steps] = visitor, 1, begin
                until_out[unit] = limit if other < 0 else min(limit, at[other] + tolerance)
                for r in range(1, steps):
                    pick_out[unit * steps + r] = -1
                unit += 1
            if begin != FURTHER:
                continue
        for r in range(steps):
            seen_from[r], seen_upto[r] = -1, -2
        reached, until, a = 0, 0, low
        while a < high:
            if not (match[(key[a] & 0xFFFF) * columns] and start <= at[a] < end):
                a += 1
                continue
            if reached > 0 and entry == BEST:
                # A tolerance lets a step stand before its start, so only instants decide that nothing better follows.
                if reached == steps and at[a] - tolerance > at[best[reached - 1]]:
                    break
                if tolerance == 0 and _passes(at, key, match, columns, a, low, high):
                    a += 1
                    continue
            got = _chase(
                at, key, match, columns, a, low, high, within, from_previous, strict, tolerance, pick, seen_from,
                seen_upto, ending,
            )  # fmt: skip
            if entry == ATTEMPTS:
                unit_out[unit], reached_out[unit], until_out[unit] = visitor, got, ending[0]
                for r in range(steps):
                    pick_out[unit * steps + r] = pick[r] if r < got else -1
                unit += 1
                a += 1
                if got == steps:
                    for r in range(steps):
                        a = max(a, pick[r] + 1)
                elif ending[1] >= 0:
                    # The event that ended an attempt may begin the next one.
                    a = max(a, ending[1])
                else:
                    # Under a tolerance the window may have ended before this very start.
                    while a < high and at[a] <= ending[0]:
                        a += 1
                continue
            if got > reached or (got == reached and pick[got - 1] <= best[got - 1]):
                reached, until = got, ending[0]
                for r in range(got):
                    best[r] = pick[r]
            if entry == FIRST:
                break
            a += 1
        if entry != ATTEMPTS and reached > 0:
            unit_out[unit], reached_out[unit], until_out[unit] = visitor, reached, until
            for r in range(steps):
                pick_out[unit * steps + r] = best[r] if r < reached else -1
            unit += 1
    return unit - base
