"""One greedy attempt of a funnel of any kind, and the optional steps of the chosen one: helpers of its kernel."""

from __future__ import annotations

from typing import Any

from afterclick.analyse.kernels.search import after, first_at

SEQUENTIAL, STRICT, ANY = 0, 1, 2
THROUGH, TIMED_OUT, EXCLUDED, BROKEN = 0, 1, 2, 3
"""How an attempt ended: it took every step, its window was over, an exclusion, or another event in strict order."""

NOTHING = -1


def fill_next(key: Any, match: Any, columns: int, low: int, high: int, following: Any) -> None:
    """`following[i * columns + c]` = the first place >= i (counted from `low`) that serves column c, high - low for none."""
    count = high - low
    for c in range(columns):
        following[count * columns + c] = count
    for i in range(count - 1, -1, -1):
        cell, here = (key[low + i] & 0xFFFF) * columns, i * columns
        for c in range(columns):
            following[here + c] = i if match[cell + c] else following[here + columns + c]


def used(pick: Any, count: int, place: int) -> bool:
    for q in range(count):
        if pick[q] == place:
            return True
    return False


def served(
    at: Any, held: Any, low: int, high: int, following: Any, columns: int, column: int, begin: int, close: int,
    pick: Any, count: int,
) -> int:  # fmt: skip
    """The first unused place >= begin, up to the instant `close`, that serves a column and holds what step 1 held; or -1."""
    last = high - low
    j = begin
    while j < last:
        j = int(following[j * columns + column])
        if j >= last or at[low + j] > close:
            return NOTHING
        holds = len(held) == 0 or (held[low + j] >= 0 and held[low + j] == held[low + pick[0]])
        if holds and not used(pick, count, j):
            return j
        j += 1
    return NOTHING


def may_pass(key: Any, match: Any, columns: int, required: int, optional: Any, r: int, row: int) -> bool:
    """Does a row serve an optional step that stands just before required step r?"""
    cell = (key[row] & 0xFFFF) * columns + required
    for o in range(len(optional)):
        if optional[o] == r and match[cell + o]:
            return True
    return False


def close(
    at: Any, key: Any, match: Any, columns: int, required: int, optional: Any, without: Any, order: int, tolerance: int,
    low: int, high: int, following: Any, pick: Any, r: int, limit: int, ending: Any,
) -> None:  # fmt: skip
    """What an exclusion or, in strict order, another event makes of the window of required step r, which ends at `limit`.

    Fills `ending` with until which instant the step may be taken, and should it not be: how the attempt ends, the place
    of the event that ends it or -1, and the instant of the end.
    """
    close, how, place, end = limit, TIMED_OUT, NOTHING, limit
    for e in range(len(without) // 2):
        since, until = without[2 * e], without[2 * e + 1]
        if order == ANY:
            since, until = 1, required
        if since <= r < until:
            here = low + pick[since - 1]
            j = after(at, here, high, at[here]) - low
            j = int(following[j * columns + required + len(optional) + e])
            if j < high - low and at[low + j] < close:
                close, how, place, end = at[low + j], EXCLUDED, j, at[low + j]
    if order == STRICT:
        here = low + pick[r - 1]
        j = after(at, here, high, at[here] + tolerance) - low
        while j < high - low:
            j = int(following[j * columns + columns - 1])
            if j >= high - low or at[low + j] > end:
                break
            if not used(pick, r, j) and not may_pass(key, match, columns, required, optional, r, low + j):
                if at[low + j] < end or how == TIMED_OUT:
                    close, how, place, end = min(close, at[low + j] + tolerance), BROKEN, j, at[low + j]
                break
            j += 1
    ending[0], ending[1], ending[2], ending[3] = close, how, place, end


def chase(
    at: Any, key: Any, held: Any, match: Any, columns: int, required: int, optional: Any, without: Any, anchored: Any,
    order: int, within: int, from_previous: bool, strict: bool, tolerance: int, low: int, high: int, following: Any,
    start: int, excludes: bool, pick: Any, taken: Any, ending: Any,
) -> int:  # fmt: skip
    """One greedy attempt from the place `start`: fills pick and taken (which step each pick took) up to those it reached."""
    for s in range(required):
        taken[s] = s
    pick[0] = start
    if order == ANY:
        for s in range(required):
            if match[(key[low + start] & 0xFFFF) * columns + s] and (s == 0 or not anchored[s]):
                taken[0] = s
                break
    latest = at[low + start]
    for r in range(1, required):
        here = low + pick[r - 1]
        limit = (at[here] if from_previous else at[low + start]) + within
        ending[0], ending[1], ending[2], ending[3] = limit, TIMED_OUT, NOTHING, limit
        if order == STRICT or excludes:
            close(
                at, key, match, columns, required, optional, without, order, tolerance, low, high, following, pick, r,
                limit, ending,
            )  # fmt: skip
        if strict:
            begin = after(at, here, high, latest) - low
        else:
            begin = first_at(at, low, here, latest - tolerance) - low
        found, step = NOTHING, r
        if order != ANY:
            found = served(at, held, low, high, following, columns, r, begin, ending[0], pick, r)
        else:
            missing = False
            for s in range(required):
                if used(taken, r, s):
                    continue
                if not (anchored[s] and missing):
                    j = served(at, held, low, high, following, columns, s, begin, ending[0], pick, r)
                    if j >= 0 and (found < 0 or j < found):
                        found, step = j, s
                missing = True
        if found < 0:
            return r
        pick[r], taken[r] = found, step
        latest = max(latest, at[low + found])
    ending[1], ending[3] = THROUGH, latest
    ending[0] = latest
    return required


def pick_optional(
    at: Any, held: Any, columns: int, required: int, optional: Any, strict: bool, tolerance: int, low: int, high: int,
    following: Any, pick: Any, reached: int, close: int,
) -> None:  # fmt: skip
    """Fill pick[required:] with the first event of each optional step between its neighbours, -1 where there is none."""
    # Steps not reached hold places of other attempts.
    for c in range(reached, required + len(optional)):
        pick[c] = NOTHING
    for o in range(len(optional)):
        before = optional[o]
        if reached < before:
            continue
        latest = at[low + pick[0]]
        for q in range(1, before):
            latest = max(latest, at[low + pick[q]])
        upto = close
        if reached > before:
            upto = at[low + pick[before]] + (-1 if strict else tolerance)
        here = low + pick[before - 1]
        if strict:
            begin = after(at, here, high, latest) - low
        else:
            begin = first_at(at, low, here, latest - tolerance) - low
        pick[required + o] = served(
            at, held, low, high, following, columns, required + o, begin, upto, pick, required + o
        )  # fmt: skip
