"""How far each visitor gets: first entries into stages, returns, moves between them, the loyalty loop."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels import journey_vector
from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

NEVER: Final = 2**63 - 1
STAGE_MASK: Final = 127
NO_STAGE: Final = 255
LOOP, LOOP_ORDER = 1, 2
ENTERED, ONWARD, OPEN, LOST, SKIPPED = 1, 2, 4, 8, 16
SYSTEM: Final = int(Flag.SYSTEM)
PAGE: Final = int(Flag.PAGE)


def _top(mask: int) -> int:
    """The highest stage in a mask, -1 for none."""
    top = -1
    while mask:
        mask >>= 1
        top += 1
    return top


def _example_marks() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.uint8)), np.zeros(1, np.uint8)


def _look_vector(code: Any, table: Any, out: Any) -> None:
    out[:] = table[code]


@kernel(example=_example_marks, vector=_look_vector)
def look_up(code: Any, table: Any, out: Any) -> None:
    """out[i] = table[code[i]], without a passing array of wider places."""
    for i in range(len(code)):
        out[i] = table[code[i]]


def _example() -> tuple[Any, ...]:
    long = frozen(np.zeros(1, np.int64))
    outs = (
        np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(1, np.uint8), np.zeros(1, np.uint8),
        np.zeros(1, np.uint8), np.zeros(1, np.uint8), np.zeros(3, np.int64), np.zeros(4, np.int64), np.zeros(4, np.int64),
        np.zeros(4, np.int64),
    )  # fmt: skip
    return frozen(np.array([0, 1])), long, long, frozen(np.zeros(1, np.uint8)), 2, 0, 1, 0, 1, *outs


@kernel(_top, example=_example, vector=journey_vector.follow)
def follow_stages(
    offsets: Any, at: Any, key: Any, marks: Any, stages: int, first: int, last: int, start: int, end: int,
    entered_at: Any, entered_row: Any, entered_act: Any, returned: Any, loop: Any, stage_of_row: Any, by_row: Any,
    views: Any, moves: Any, movers: Any, marker: Any,
) -> None:  # fmt: skip
    """Follow visitors first <= v < last through `stages` stages; the low bits of a global row's `marks` say which rules it
    meets, its symbol is made of its flags.

    `entered_at[v * stages + s]` is the first instant of stage s (NEVER), `entered_row` its gathered row, `entered_act`
    the visitor's last row up to it that is no system row, else the first one after it (-1 without any);
    `returned[v]` a mask of stages come back to in [start, end), `loop[v]` LOOP | LOOP_ORDER in it;
    `stage_of_row[i]` the highest stage entered up to row i (NO_STAGE), `by_row` the same by global row;
    `views[s]` page views in [start, end) that stand at stage s, `views[stages]` before any;
    `moves[from * stages + to]` counts changes of stage between a visitor's successive stage events in [start, end),
    `movers` the visitors who made them.
    """
    final = stages - 1
    for visitor in range(first, last):
        base = visitor * stages
        highest, before, basket, acted = -1, -1, False, -1
        entered, last_mask, now = 0, 0, -1
        for i in range(offsets[visitor], offsets[visitor + 1]):
            symbol, row, t = key[_u(i)] & 0xFFFF, key[_u(i)] >> 16, at[_u(i)]
            mask = int(marks[_u(row)]) & STAGE_MASK
            within = start <= t < end
            if not symbol & SYSTEM:
                if acted < 0 and entered:
                    for s in range(stages):
                        if entered >> s & 1:
                            entered_act[base + s] = i
                acted = i
            if mask:
                if mask != last_mask:
                    last_mask, now = mask, _top(mask)
                if mask & ~entered:
                    for s in range(stages):
                        if mask >> s & 1 and not entered >> s & 1:
                            entered_at[base + s] = t
                            entered_row[base + s] = i
                            entered_act[base + s] = acted
                    entered |= mask
                if within and now < highest:
                    returned[visitor] |= 1 << now
                if highest == final and final > 0 and t > entered_at[base + final]:
                    if now == final - 1:
                        basket = True
                        if within:
                            loop[visitor] |= LOOP
                    elif now == final and basket and within:
                        loop[visitor] |= LOOP_ORDER
                if within and before >= 0 and now != before:
                    move = before * stages + now
                    moves[move] += 1
                    if marker[move] != visitor + 1:
                        marker[move] = visitor + 1
                        movers[move] += 1
                before = now
                highest = max(highest, now)
            stage_of_row[_u(i)] = by_row[_u(row)] = highest if highest >= 0 else NO_STAGE
            if within and symbol & PAGE and not symbol & SYSTEM:
                views[highest if highest >= 0 else stages] += 1


def _example_weigh() -> tuple[Any, ...]:
    return frozen(np.zeros(2, np.int64)), 2, 0, 0, 1, 0, 1, 1, 1, np.zeros(1, np.uint8), np.zeros(1, np.int64)


def _weigh_vector(
    entered_at: Any, stages: int, stage: int, first: int, last: int, start: int, end: int, within: int, as_of: int,
    bits: Any, dwell: Any,
) -> None:  # fmt: skip
    table = entered_at[first * stages : last * stages].reshape(-1, stages)
    since, higher = table[:, stage], np.append(table[:, stage + 1 :], np.full((last - first, 1), NEVER), axis=1)
    following, earliest = np.where(higher > since[:, None], higher, NEVER).min(axis=1), higher.min(axis=1)
    entered = (since >= start) & (since < end)
    gap = np.where(entered & (following != NEVER), following - since, within + 1)
    onward = gap <= within
    still = entered & ~onward & (np.where(entered, since, 0) + within > as_of)
    skipped = ((higher >= start) & (higher < end)).any(axis=1)
    skipped &= (since > earliest) & (earliest >= start) & (earliest < end)
    lost = entered & ~onward & ~still
    parts = {ENTERED: entered, ONWARD: onward, OPEN: still, LOST: lost, SKIPPED: skipped}
    bits[first:last] = sum(np.where(part, bit, 0) for bit, part in parts.items())
    dwell[first:last] = np.where(onward, gap, 0)


@kernel(example=_example_weigh, vector=_weigh_vector)
def weigh_stage(
    entered_at: Any, stages: int, stage: int, first: int, last: int, start: int, end: int, within: int, as_of: int,
    bits: Any, dwell: Any,
) -> None:  # fmt: skip
    """What became of visitors first <= v < last at a stage: `bits[v]` of ENTERED in [start, end), and of them ONWARD (a
    higher stage entered afterwards, at most `within` later), OPEN (there is still time at `as_of`) or LOST; or SKIPPED
    (a higher stage entered in [start, end), and not this one before it).

    `dwell[v]` is the time from the entry to the next higher stage of those who went on.
    """
    for visitor in range(first, last):
        since = entered_at[visitor * stages + stage]
        following, earliest, arrived = NEVER, NEVER, False
        for s in range(visitor * stages + stage + 1, (visitor + 1) * stages):
            t = entered_at[s]
            earliest = min(earliest, t)
            if start <= t < end:
                arrived = True
            if since < t < following:
                following = t
        found = 0
        if start <= since < end:
            found = ENTERED
            if following != NEVER and following - since <= within:
                found |= ONWARD
                dwell[visitor] = following - since
            elif since + within > as_of:
                found |= OPEN
            else:
                found |= LOST
        if arrived and since > earliest and start <= earliest < end:
            found |= SKIPPED
        bits[visitor] = found


def _example_on() -> tuple[Any, ...]:
    long, code = frozen(np.zeros(1, np.int64)), frozen(np.zeros(1, np.int32))
    return long, long, code, 1, np.zeros(1, np.int32)


def _on_vector(places: Any, key: Any, column: Any, none: int, out: Any) -> None:
    out[:] = none
    there = np.flatnonzero(places >= 0)
    found = column[key[places[there]] >> 16]
    out[there] = np.where(found >= 0, found, none)


@kernel(example=_example_on, vector=_on_vector)
def enter_on(places: Any, key: Any, column: Any, none: int, out: Any) -> None:
    """out[k] = the value of a global column at gathered row places[k], `none` for a negative place or value."""
    for k in range(len(places)):
        found = column[key[places[k]] >> 16] if places[k] >= 0 else -1
        out[k] = found if found >= 0 else none


def _last_before(values: Any, limit: int) -> int:
    """How many of ascending values are below `limit`."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < limit:
            low = middle + 1
        else:
            high = middle
    return low


def _example_by() -> tuple[Any, ...]:
    long, code = frozen(np.zeros(1, np.int64)), frozen(np.zeros(1, np.int32))
    return long, 1, long, long, code, code, 1, 0, 1, np.zeros(1, np.int32)


@kernel(_last_before, example=_example_by)
def enter_by(
    acts: Any, stages: int, system: Any, first_row: Any, touch: Any, lookup: Any, none: int, first: int, last: int, out: Any
) -> None:
    """out[v * stages + s] = lookup[touch of the visit in which row acts[v * stages + s] lies], `none` for none.

    `acts` ascend from visitor to visitor; `system` are the rows among them that sessions do not have, ascending, and
    `first_row` the first row of each session as sessions count them.
    """
    passed, visit = -1, -1
    for k in range(first * stages, last * stages, stages):
        least = -1
        for place in range(k, k + stages):
            if acts[place] >= 0 and (least < 0 or acts[place] < least):
                least = acts[place]
        if least >= 0 and passed < 0:
            passed = _last_before(system, least)
            visit = _last_before(first_row, least - passed + 1) - 1
        for place in range(k, k + stages):
            out[place] = none
            if acts[place] < 0:
                continue
            while passed < len(system) and system[passed] < least:
                passed += 1
            before = passed
            while before < len(system) and system[before] < acts[place]:
                before += 1
            while visit + 1 < len(first_row) and first_row[visit + 1] <= least - passed:
                visit += 1
            here = visit
            while here + 1 < len(first_row) and first_row[here + 1] <= acts[place] - before:
                here += 1
            if here >= 0 and touch[here] >= 0 and lookup[touch[here]] >= 0:
                out[place] = lookup[touch[here]]


def _example_cross() -> tuple[Any, ...]:
    entered, codes = frozen(np.zeros(2, np.int64)), frozen(np.zeros(2, np.int32))
    return entered, codes, 2, 1, 0, 1, 0, 1, np.zeros(2, np.int64), np.zeros(4, np.int64)


@kernel(example=_example_cross)
def cross_stages(
    entered_at: Any, codes: Any, stages: int, size: int, first: int, last: int, start: int, end: int,
    entries: Any, pairs: Any,
) -> None:  # fmt: skip
    """Count the visitors first <= v < last who entered stages in [start, end) by the codes (0 <= code < size) of their entries.

    `entries[s * size + code]` counts entries of stage s; `pairs[((a * stages + b) * size + one) * size + other]` those
    who entered stage a by `one` and next, with no other stage entered in between, stage b (a < b) by `other`.
    """
    for visitor in range(first, last):
        base = visitor * stages
        for b in range(stages):
            until = entered_at[base + b]
            if not start <= until < end:
                continue
            entries[b * size + codes[base + b]] += 1
            for a in range(b):
                since = entered_at[base + a]
                between = since >= until
                for other in range(stages):
                    if since < entered_at[base + other] < until:
                        between = True
                if not between:
                    place = ((a * stages + b) * size + codes[base + a]) * size + codes[base + b]
                    pairs[place] += 1


def _example_stand() -> tuple[Any, ...]:
    long = frozen(np.zeros(1, np.int64))
    return long, long, frozen(np.zeros(1, np.uint8)), np.zeros(1, np.uint8)


def _stand_vector(places: Any, key: Any, by_row: Any, out: Any) -> None:
    out[:] = NO_STAGE
    there = places >= 0
    out[there] = by_row[key[places[there]] >> 16]


@kernel(example=_example_stand, vector=_stand_vector)
def stand_at(places: Any, key: Any, by_row: Any, out: Any) -> None:
    """out[k] = the stage at which gathered row places[k] stands, NO_STAGE for a negative place."""
    for k in range(len(places)):
        out[k] = by_row[key[places[k]] >> 16] if places[k] >= 0 else NO_STAGE
