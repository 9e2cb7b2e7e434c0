"""Greedy attempts of every kind: strict or any order, exclusions, optional steps, properties held (SEMANTICS: funnels).

For each visitor that gets past step 1 a table says where the next row of each column stands, so that no search walks over
rows; funnels without any of these options keep their own, quicker kernel in `funnel`. The two small searches stand here a
second time because a kernel and its helpers must share a file: the compiler's cache looks at that file only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen

BEST, FIRST, ATTEMPTS = 0, 1, 2
SEQUENTIAL, STRICT, ANY = 0, 1, 2
THROUGH, TIMED_OUT, EXCLUDED, BROKEN = 0, 1, 2, 3
"""How an attempt ended: it took every step, its window was over, an exclusion, or another event in strict order."""

NOTHING, GOES_ON = -1, -2
SILENT, MOVES, STARTS = 0, 1, 2


def _first_at(at: Any, low: int, here: int, instant: int) -> int:
    """The first row in [low, here] whose time is >= instant, given at[here] >= instant; near rows first, then halving."""
    j = here
    for _ in range(8):
        if j <= low or at[j - 1] < instant:
            return j
        j -= 1
    left = low
    while left < j:
        middle = (left + j) // 2
        if at[middle] < instant:
            left = middle + 1
        else:
            j = middle
    return j


def _after(at: Any, here: int, high: int, instant: int) -> int:
    """The first row behind `here` whose time is > instant: near rows first, then halving."""
    j = here + 1
    for _ in range(8):
        if j >= high or at[j] > instant:
            return j
        j += 1
    right = high
    while j < right:
        middle = (j + right) // 2
        if at[middle] <= instant:
            j = middle + 1
        else:
            right = middle
    return j


def _fill_next(key: Any, match: Any, columns: int, low: int, high: int, following: Any) -> None:
    """`following[i * columns + c]` = the first place >= i (counted from `low`) that serves column c, high - low for none."""
    count = high - low
    for c in range(columns):
        following[count * columns + c] = count
    for i in range(count - 1, -1, -1):
        cell, here = (key[low + i] & 0xFFFF) * columns, i * columns
        for c in range(columns):
            following[here + c] = i if match[cell + c] else following[here + columns + c]


def _used(pick: Any, count: int, place: int) -> bool:
    for q in range(count):
        if pick[q] == place:
            return True
    return False


def _served(
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
        if holds and not _used(pick, count, j):
            return j
        j += 1
    return NOTHING


def _may_pass(key: Any, match: Any, columns: int, required: int, optional: Any, r: int, row: int) -> bool:
    """Does a row serve an optional step that stands just before required step r?"""
    cell = (key[row] & 0xFFFF) * columns + required
    for o in range(len(optional)):
        if optional[o] == r and match[cell + o]:
            return True
    return False


def _close(
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
            j = _after(at, here, high, at[here]) - low
            j = int(following[j * columns + required + len(optional) + e])
            if j < high - low and at[low + j] < close:
                close, how, place, end = at[low + j], EXCLUDED, j, at[low + j]
    if order == STRICT:
        here = low + pick[r - 1]
        j = _after(at, here, high, at[here] + tolerance) - low
        while j < high - low:
            j = int(following[j * columns + columns - 1])
            if j >= high - low or at[low + j] > end:
                break
            if not _used(pick, r, j) and not _may_pass(key, match, columns, required, optional, r, low + j):
                if at[low + j] < end or how == TIMED_OUT:
                    close, how, place, end = min(close, at[low + j] + tolerance), BROKEN, j, at[low + j]
                break
            j += 1
    ending[0], ending[1], ending[2], ending[3] = close, how, place, end


def _chase(
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
            _close(
                at, key, match, columns, required, optional, without, order, tolerance, low, high, following, pick, r,
                limit, ending,
            )  # fmt: skip
        if strict:
            begin = _after(at, here, high, latest) - low
        else:
            begin = _first_at(at, low, here, latest - tolerance) - low
        found, step = NOTHING, r
        if order != ANY:
            found = _served(at, held, low, high, following, columns, r, begin, ending[0], pick, r)
        else:
            missing = False
            for s in range(required):
                if _used(taken, r, s):
                    continue
                if not (anchored[s] and missing):
                    j = _served(at, held, low, high, following, columns, s, begin, ending[0], pick, r)
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


def _pick_optional(
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
            begin = _after(at, here, high, latest) - low
        else:
            begin = _first_at(at, low, here, latest - tolerance) - low
        pick[required + o] = _served(
            at, held, low, high, following, columns, required + o, begin, upto, pick, required + o
        )  # fmt: skip


def _may_start(match: Any, anchored: Any, required: int, order: int, cell: int) -> bool:
    if order != ANY:
        return bool(match[cell])
    for s in range(required):
        if match[cell + s] and (s == 0 or not anchored[s]):
            return True
    return False


def _early(optional: Any, without: Any, required: int, order: int, c: int) -> bool:
    """Can a column that is no required step matter before step 2 is taken?"""
    if order == ANY or c >= required + len(optional) + len(without) // 2:
        return order == ANY
    if c < required + len(optional):
        return bool(optional[c - required] == 1)
    return bool(without[2 * (c - required - len(optional))] == 1)


def _telling(
    match: Any,
    optional: Any,
    without: Any,
    anchored: Any,
    columns: int,
    required: int,
    order: int,
    tells: Any,
    alone: Any,
) -> None:
    """What each symbol says of a visitor who may never get past step 1, and whether it serves nothing but a first step.

    SILENT nothing; STARTS it may only open an attempt; MOVES it may do more; in any order, STARTS + 1 + 2 c (+ 1 where it
    may open an attempt): it serves step c alone.
    """
    for symbol in range(len(tells)):
        cell, found, count, first = symbol * columns, SILENT, 0, False
        # In strict order every row serves the last column.
        for c in range(columns - 1 if order == STRICT else columns):
            if not match[cell + c]:
                continue
            count += 1
            first = first or c == 0 or (order == ANY and c < required and not anchored[c])
            if order == ANY and c < required and found == SILENT:
                found = STARTS + 1 + 2 * c + (1 if c == 0 or not anchored[c] else 0)
            elif order == ANY or c == 1 or (c >= required and _early(optional, without, required, order, c)):
                found = MOVES
            elif c == 0:
                found = STARTS
        tells[symbol] = found
        alone[symbol] = 1 if first and count == 1 else 0


def _only_begun(
    at: Any, key: Any, tells: Any, opens: Any, order: int, low: int, high: int, start: int, end: int
) -> int:  # fmt: skip
    """The first start of rows that serve neither a second step nor an option; NOTHING without one, else GOES_ON."""
    begin, only = NOTHING, SILENT
    for i in range(low, high):
        said = tells[key[i] & 0xFFFF]
        if said == SILENT:
            continue
        if said == MOVES:
            return GOES_ON
        may = True
        if order == ANY:
            other = said != only
            if other and only != SILENT:
                return GOES_ON
            only = said
            may = (said - STARTS - 1) % 2 == 1
        if begin < 0 and may and start <= at[i] < end and (len(opens) == 0 or opens[i]):
            begin = i
    return begin


def _begun_until(
    at: Any, key: Any, match: Any, columns: int, order: int, within: int, tolerance: int, begin: int, high: int
) -> int:
    """Until when an attempt that took step 1 at the row `begin` waits, where no option stands in its way."""
    limit = at[begin] + within
    if order == STRICT:
        j = _after(at, begin, high, at[begin] + tolerance)
        while j < high and at[j] <= limit:
            if match[(key[j] & 0xFFFF) * columns + columns - 1]:
                return int(min(limit, at[j] + tolerance))
            j += 1
    return int(limit)


def _write(
    unit: int, visitor: int, reached: int, kept: int, low: int, required: int, pick: Any, taken: Any, until: int,
    unit_out: Any, reached_out: Any, pick_out: Any, taken_out: Any, until_out: Any,
) -> None:  # fmt: skip
    """One unit: its visitor, steps reached, rows (gathered), and until when it may go on."""
    unit_out[unit], reached_out[unit], until_out[unit] = visitor, reached, until
    for c in range(kept):
        there = (c < reached or c >= required) and pick[c] >= 0
        pick_out[unit * kept + c] = low + pick[c] if there else NOTHING
    if len(taken_out) > 0:
        for s in range(required):
            taken_out[unit * required + s] = taken[s] if s < reached else NOTHING


def _example() -> tuple[Any, ...]:
    long, none = frozen(np.zeros(1, np.int64)), frozen(np.zeros(0, np.int64))
    return (
        frozen(np.array([0, 1])), long, long, frozen(np.zeros(0, np.int32)), frozen(np.zeros(0, np.uint8)),
        frozen(np.ones(2, np.uint8)), 2, 2, none, none, frozen(np.zeros(2, np.uint8)), SEQUENTIAL, 0, 1, 0, 1, 1,
        False, False, 0, BEST, False, 0, np.zeros(1, np.int32), np.zeros(1, np.int16), np.zeros(2, np.int64),
        np.zeros(0, np.int16), np.zeros(1, np.int64),
    )  # fmt: skip


@kernel(
    _first_at, _after, _fill_next, _used, _served, _may_pass, _close, _chase, _pick_optional, _may_start,
    _early, _telling, _only_begun, _begun_until, _write, example=_example, inlined=True,
)  # fmt: skip
def chase_any_funnel(
    offsets: Any, at: Any, key: Any, held: Any, opens: Any, match: Any, columns: int, required: int, optional: Any,
    without: Any, anchored: Any, order: int, first: int, last: int, start: int, end: int, within: int,
    from_previous: bool, strict: bool, tolerance: int, entry: int, drop: bool, base: int,
    unit_out: Any, reached_out: Any, pick_out: Any, taken_out: Any, until_out: Any,
) -> int:  # fmt: skip
    """Attempts of slices first <= v < last whose first step lies in [start, end); returns how many units were written.

    Columns of `match[symbol * columns + c]`: `required` steps, then the optional ones (`optional[o]` = how many required
    steps stand before it), then the exclusions (`without[2 e]`, `without[2 e + 1]` = after and before which required step,
    from 1), and last, in strict order, any behaviour. `anchored` (uint8 per required step) matters in any order. `held`
    (int32 per row, -1 missing) and `opens` (uint8 per row: may it open an attempt) are empty where nothing is held and
    every row may. Of a unit: the slice, required steps reached, rows that served (`pick_out[unit * kept + c]`, kept =
    required + optional, -1 none; in any order in the order taken, with `taken_out[unit * required + c]` the step), and
    until which instant it may go on. With `drop`, a slice with an attempt that met an exclusion has one unit that reached 0,
    with the row at which that attempt began, and nothing else.
    """
    kept = required + len(optional)
    pick, best = np.zeros(kept, np.int64), np.zeros(kept, np.int64)
    taken, best_taken = np.zeros(required, np.int64), np.zeros(required, np.int64)
    ending = np.zeros(4, np.int64)
    following = np.zeros(columns, np.int32)
    tells = np.zeros(len(match) // columns, np.int32)
    alone = np.zeros(len(tells), np.uint8)
    _telling(match, optional, without, anchored, columns, required, order, tells, alone)
    unit = base
    for visitor in range(first, last):
        low, high = offsets[visitor], offsets[visitor + 1]
        if low == high:
            continue
        if entry != ATTEMPTS and required > 1:
            # Most visitors never meet step 2 (nor what may stand before it), and then their first start says everything.
            begin = _only_begun(at, key, tells, opens, order, low, high, start, end)
            if begin != GOES_ON:
                if begin >= 0:
                    unit_out[unit], reached_out[unit] = visitor, 1
                    until_out[unit] = _begun_until(at, key, match, columns, order, within, tolerance, begin, high)
                    pick_out[unit * kept] = begin
                    for c in range(1, kept):
                        pick_out[unit * kept + c] = NOTHING
                    if order == ANY:
                        for s in range(required):
                            taken_out[unit * required + s] = NOTHING
                        taken_out[unit * required] = (tells[key[begin] & 0xFFFF] - STARTS - 1) // 2
                    unit += 1
                continue
        if (high - low + 1) * columns > len(following):
            following = np.zeros((high - low + 1) * columns * 2, np.int32)
        _fill_next(key, match, columns, low, high, following)
        own, excludes = unit, False
        for e in range(len(without) // 2):
            excludes = excludes or following[required + len(optional) + e] < high - low
        # What an exclusion takes out, an attempt that does no better may have met.
        thorough = drop and excludes
        reached, until, hit, blocked = 0, 0, False, False
        a, free, after = 0, 0, 0
        while a < high - low:
            cell = (key[low + a] & 0xFFFF) * columns
            if not _may_start(match, anchored, required, order, cell):
                if order != ANY:
                    a = int(following[a * columns])
                else:
                    a += 1
                continue
            t = at[low + a]
            if t >= end:
                break
            if t < start or (len(opens) > 0 and not opens[low + a]) or a < free or (blocked and t <= after):
                a += 1
                continue
            # A tolerance lets a step stand before its start, so only instants decide that nothing better follows.
            if entry == BEST and not thorough and reached > 0 and t - tolerance > at[low + best[reached - 1]]:
                if reached == required:
                    break
                begin = _first_at(at, low, low + a, t - tolerance) - low
                if order != ANY and following[begin * columns + reached] >= high - low:
                    break
            if (
                entry == BEST and reached > 0 and tolerance == 0 and a + 1 < high - low
                and at[low + a] > at[low + a - 1] and at[low + a + 1] > t and at[low + a + 1] < end
                and (low + a + 2 >= high or at[low + a + 2] > at[low + a + 1])
                and (len(opens) == 0 or opens[low + a + 1])
                and (len(held) == 0 or held[low + a] == held[low + a + 1])
                and alone[key[low + a + 1] & 0xFFFF]
                and (order != ANY or key[low + a] & 0xFFFF == key[low + a + 1] & 0xFFFF)
            ):  # fmt: skip
                # The next start does at least as well, as nothing lies between the two, and meets the same exclusions.
                a += 1
                continue
            got = _chase(
                at, key, held, match, columns, required, optional, without, anchored, order, within, from_previous,
                strict, tolerance, low, high, following, a, excludes, pick, taken, ending,
            )  # fmt: skip
            if drop and got < required and ending[1] == EXCLUDED:
                hit = True
                break
            if entry == ATTEMPTS:
                _pick_optional(
                    at, held, columns, required, optional, strict, tolerance, low, high, following, pick, got, ending[0],
                )  # fmt: skip
                _write(
                    unit, visitor, got, kept, low, required, pick, taken, ending[0],
                    unit_out, reached_out, pick_out, taken_out, until_out,
                )  # fmt: skip
                unit += 1
                blocked = got < required and ending[1] != BROKEN
                after = ending[3]
                free = a + 1
                if got == required:
                    for c in range(required):
                        free = max(free, pick[c] + 1)
                elif ending[1] == BROKEN:
                    free = max(free, ending[2])
                a += 1
                continue
            if got > reached or (got == reached and pick[got - 1] <= best[got - 1]):
                reached, until = got, ending[0]
                for c in range(got):
                    best[c], best_taken[c] = pick[c], taken[c]
            if entry == FIRST:
                break
            a += 1
        if hit:
            unit = own
            for c in range(1, kept):
                pick[c] = NOTHING
            _write(
                unit, visitor, 0, kept, low, required, pick, taken, 0,
                unit_out, reached_out, pick_out, taken_out, until_out,
            )  # fmt: skip
            pick_out[unit * kept] = low + pick[0]
            unit += 1
        elif entry != ATTEMPTS and reached > 0:
            _pick_optional(
                at, held, columns, required, optional, strict, tolerance, low, high, following, best, reached, until,
            )  # fmt: skip
            _write(
                unit, visitor, reached, kept, low, required, best, best_taken, until,
                unit_out, reached_out, pick_out, taken_out, until_out,
            )  # fmt: skip
            unit += 1
    return unit - base
