"""Moves from one step to the next, counted in one pass over each visitor's rows, and the times they take."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.gather import PRESENT
from afterclick.core.arrays import frozen

OUT: Final = 4
BIN_BITS: Final = 8
BINS: Final = 1 << BIN_BITS
"""Classes of time, the longer the wider: a median is looked for in its own class alone."""
FINE, COARSE = 16, 32
"""Times below 2^COARSE µs are classed by their bits from FINE on, longer ones by those from COARSE on."""
TABLE: Final = 1 << (COARSE - FINE)
TRIPLES, LOOPS, REPEATS, UNITS = 0, 1, 2, 3
BEGUN: Final = 2**32 - 2
SKIPPED: Final = 2**32 - 1
"""What stands in the place of a row's move where a unit begins with it, and where it is no step."""


def classes() -> np.ndarray:
    """The class of a time by its bits: the first TABLE values for short times, the others for long ones; uint8."""
    short = np.log2(np.arange(TABLE) + 1.0) * 7.5
    return frozen(np.concatenate([short, 122.0 + short]).astype(np.uint8))


def _example_rows() -> tuple[Any, ...]:
    long, code, small = (frozen(np.zeros(1, kind)) for kind in (np.int64, np.int32, np.uint8))
    edges = frozen(np.array([0, 1]))
    return edges, code, small, code, long, long, code, small, 0, False, 0, 1, 1


def _example_steps() -> tuple[Any, ...]:
    return *_example_rows(), 0, 1, np.zeros(1, np.int64)


@kernel(example=_example_steps)
def count_steps(
    edges: Any, _: Any, chosen: Any, along: Any, at: Any, key: Any, lookup: Any, marks: Any, each: int,
    by_visitor: bool, start: int, end: int, wanted: int, first: int, last: int, counts: Any,
) -> None:  # fmt: skip
    """counts[node] of the steps of sessions first <= s < last; see `count_moves`."""
    for session in range(first, last):
        if not by_visitor and not chosen[session]:
            continue
        for i in range(edges[session], edges[session + 1]):
            if by_visitor and not start <= at[_u(i)] < end:
                continue
            node = lookup[_u(along[_u(i)])]
            if node >= 0 and key[_u(i)] & wanted and not marks[_u(i * each)] & OUT:
                counts[_u(node)] += 1


def _example_moves() -> tuple[Any, ...]:
    outs = [np.zeros(16, np.int64) for _ in range(8)]
    return (
        *_example_rows(), frozen(np.zeros(1, np.int32)), frozen(np.zeros(2 * TABLE, np.uint8)), 4, 0, 1,
        *outs, np.zeros(16 * BINS, np.int32), np.zeros(4, np.int64), np.zeros(1, np.uint32),
    )  # fmt: skip


@kernel(example=_example_moves)
def count_moves(
    edges: Any, visitor: Any, chosen: Any, along: Any, at: Any, key: Any, lookup: Any, marks: Any, each: int,
    by_visitor: bool, start: int, end: int, wanted: int, slots: Any, bins: Any, many: int, first: int, last: int,
    moves: Any, movers: Any, met: Any, loops: Any, loopers: Any, seen: Any, seen_at: Any, seen_loop: Any, times: Any,
    tally: Any, moved: Any,
) -> None:  # fmt: skip
    """Count the moves of sessions first <= s < last, each a unit where `chosen[s]`; with `by_visitor` the rows of a
    visitor's sessions in [start, end) are one.

    A row's step is lookup[along[i]] (-1 none) where its symbol has a bit of `wanted` and marks[i * each] no OUT; it is
    counted in slots[step]. The last two of `many` slots are the entry and the end of a unit. moves[from * many + to],
    `movers` the distinct visitors of each, met[slot] those of each slot; loops[a * many + b] counts A, B, A (repeats left
    out, A another step than B), `loopers` their visitors; times[move * BINS + class] the times by `classes`.
    `tally`: three steps in a row, loops among them, repeats, units with a step. moved[i] of the rows of these sessions is
    move * BINS + class, BEGUN where a unit begins, SKIPPED where a row is no step.
    """
    entry, left = many - 2, many - 1
    triples, turns, repeats, units, marked = 0, 0, 0, 0, each != 0
    told = wanted & PRESENT == 0
    owner, slot_before, node_before, node_second, since = -1, -1, -1, -1, 0
    for session in range(first, last):
        if not by_visitor and not chosen[session]:
            for i in range(edges[session], edges[session + 1]):
                moved[_u(i)] = SKIPPED
            continue
        if not by_visitor or visitor[_u(session)] != owner:
            if slot_before >= 0:
                cell = _u(slot_before * many + left)
                moves[cell] += 1
                movers[cell] += 1 if seen[cell] != owner + 1 else 0
                seen[cell] = owner + 1
            owner = visitor[_u(session)]
            slot_before, node_before, node_second = -1, -1, -1
        for i in range(edges[_u(session)], edges[_u(session + 1)]):
            t = at[_u(i)]
            if by_visitor and not start <= t < end:
                moved[_u(i)] = SKIPPED
                continue
            node = lookup[_u(along[_u(i)])]
            if node < 0 or (told and not key[_u(i)] & wanted) or (marked and marks[_u(i)] & OUT):
                moved[_u(i)] = SKIPPED
                continue
            slot = slots[_u(node)]
            if slot_before >= 0:
                move = slot_before * many + slot
                passed = t - since
                short = passed < 1 << COARSE
                timed = move * BINS + bins[_u(passed >> FINE if short else TABLE + min(passed >> COARSE, TABLE - 1))]
                times[_u(timed)] += 1
                moved[_u(i)] = timed
            else:
                move = entry * many + slot
                moved[_u(i)] = BEGUN
                units += 1
            # Whether a visitor is new to a move is too irregular to be guessed by a processor.
            cell, here = _u(move), _u(slot)
            moves[cell] += 1
            movers[cell] += 1 if seen[cell] != owner + 1 else 0
            seen[cell] = owner + 1
            met[here] += 1 if seen_at[here] != owner + 1 else 0
            seen_at[here] = owner + 1
            if node == node_before:
                repeats += 1
            else:
                triples += 1 if node_second >= 0 else 0
                if node_second == node:
                    turns += 1
                    cell = _u(slot * many + slot_before)
                    loops[cell] += 1
                    loopers[cell] += 1 if seen_loop[cell] != owner + 1 else 0
                    seen_loop[cell] = owner + 1
                node_second, node_before = node_before, node
            slot_before, since = slot, t
    if slot_before >= 0:
        cell = _u(slot_before * many + left)
        moves[cell] += 1
        movers[cell] += 1 if seen[cell] != owner + 1 else 0
    tally[TRIPLES] += triples
    tally[LOOPS] += turns
    tally[REPEATS] += repeats
    tally[UNITS] += units


def _example_times() -> tuple[Any, ...]:
    long, bounds = frozen(np.zeros(1, np.int64)), frozen(np.zeros(16, np.uint8))
    return long, frozen(np.full(1, BEGUN, np.uint32)), bounds, bounds, 0, 1, np.zeros(16, np.int64), np.zeros(1, np.int64)


@kernel(example=_example_times)
def lay_moves(at: Any, moved: Any, low: Any, high: Any, first: int, last: int, cursor: Any, out: Any) -> None:
    """Lay the times of the moves that `count_moves` found in class low[move] or high[move] at out[cursor[move]] and on,
    for rows first <= i < last."""
    for i in range(first, last):
        here = moved[_u(i)]
        if here >= BEGUN:
            continue
        cell, of = _u(here >> BIN_BITS), here & (BINS - 1)
        if of == low[cell] or of == high[cell]:
            before = i - 1
            while moved[_u(before)] == SKIPPED:
                before -= 1
            out[_u(cursor[cell])] = at[_u(i)] - at[_u(before)]
            cursor[cell] += 1
