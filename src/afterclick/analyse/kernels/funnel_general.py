"""Greedy attempts of every kind: strict or any order, exclusions, optional steps, properties held (SEMANTICS: funnels).

For each visitor that gets past step 1 a table says where the next row of each column stands, so that no search walks over
rows; funnels without any of these options keep their own, quicker kernel in `funnel`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.funnel_attempt import (
    ANY,
    BROKEN,
    EXCLUDED,
    NOTHING,
    SEQUENTIAL,
    chase,
    close,
    fill_next,
    may_pass,
    pick_optional,
    served,
    used,
)
from afterclick.analyse.kernels.funnel_early import (
    GOES_ON,
    STARTS,
    begun_until,
    early,
    only_begun,
    telling,
)
from afterclick.analyse.kernels.search import after, first_at
from afterclick.core.arrays import frozen

BEST, FIRST, ATTEMPTS = 0, 1, 2


def _may_start(match: Any, anchored: Any, required: int, order: int, cell: int) -> bool:
    if order != ANY:
        return bool(match[cell])
    for s in range(required):
        if match[cell + s] and (s == 0 or not anchored[s]):
            return True
    return False


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
    first_at, after, fill_next, used, served, may_pass, close, chase, pick_optional, _may_start,
    early, telling, only_begun, begun_until, _write, example=_example, inlined=True,
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
    telling(match, optional, without, anchored, columns, required, order, tells, alone)
    unit = base
    for visitor in range(first, last):
        low, high = offsets[visitor], offsets[visitor + 1]
        if low == high:
            continue
        if entry != ATTEMPTS and required > 1:
            # Most visitors never meet step 2 (nor what may stand before it), and then their first start says everything.
            begin = only_begun(at, key, tells, opens, order, low, high, start, end)
            if begin != GOES_ON:
                if begin >= 0:
                    unit_out[unit], reached_out[unit] = visitor, 1
                    until_out[unit] = begun_until(at, key, match, columns, order, within, tolerance, begin, high)
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
        fill_next(key, match, columns, low, high, following)
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
                begin = first_at(at, low, low + a, t - tolerance) - low
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
            got = chase(
                at, key, held, match, columns, required, optional, without, anchored, order, within, from_previous,
                strict, tolerance, low, high, following, a, excludes, pick, taken, ending,
            )  # fmt: skip
            if drop and got < required and ending[1] == EXCLUDED:
                hit = True
                break
            if entry == ATTEMPTS:
                pick_optional(
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
            pick_optional(
                at, held, columns, required, optional, strict, tolerance, low, high, following, best, reached, until,
            )  # fmt: skip
            _write(
                unit, visitor, reached, kept, low, required, best, best_taken, until,
                unit_out, reached_out, pick_out, taken_out, until_out,
            )  # fmt: skip
            unit += 1
    return unit - base
