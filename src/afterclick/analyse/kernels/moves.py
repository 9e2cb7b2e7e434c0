"""Moves from one step to the next, counted in one pass over each visitor's rows, and the times they take."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen

OUT: Final = 4
BINS: Final = 256
"""Classes of time, the longer the wider: a median is looked for in its own class alone."""
FINE, COARSE = 16, 32
"""Times below 2^COARSE µs are classed by their bits from FINE on, longer ones by those from COARSE on."""
TABLE: Final = 1 << (COARSE - FINE)
TRIPLES, LOOPS, REPEATS, UNITS = 0, 1, 2, 3


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
            if by_visitor and not start <= at[i] < end:
                continue
            node = lookup[along[i]]
            if node >= 0 and key[i] & wanted and not marks[i * each] & OUT:
                counts[node] += 1


def _example_moves() -> tuple[Any, ...]:
    outs = [np.zeros(16, np.int64) for _ in range(8)]
    return (
        *_example_rows(), frozen(np.zeros(1, np.int32)), frozen(np.zeros(2 * TABLE, np.uint8)), 4, 0, 1,
        *outs, np.zeros(16 * BINS, np.int32), np.zeros(4, np.int64),
    )  # fmt: skip


@kernel(example=_example_moves)
def count_moves(
    edges: Any, visitor: Any, chosen: Any, along: Any, at: Any, key: Any, lookup: Any, marks: Any, each: int,
    by_visitor: bool, start: int, end: int, wanted: int, slots: Any, bins: Any, many: int, first: int, last: int,
    moves: Any, movers: Any, met: Any, loops: Any, loopers: Any, seen: Any, seen_at: Any, seen_loop: Any, times: Any,
    tally: Any,
) -> None:  # fmt: skip
    """Count the moves of sessions first <= s < last, each a unit where `chosen[s]`; with `by_visitor` the rows of a
    visitor's sessions in [start, end) are one.

    A row's step is lookup[along[i]] (-1 none) where its symbol has a bit of `wanted` and marks[i * each] no OUT; it is
    counted in slots[step]. The last two of `many` slots are the entry and the end of a unit. moves[from * many + to],
    `movers` the distinct visitors of each, met[slot] those of each slot; loops[a * many + b] counts A, B, A (repeats left
    out, A another step than B), `loopers` their visitors; times[move * BINS + class] the times by `classes`.
    `tally`: three steps in a row, loops among them, repeats, units with a step.
    """
    entry, left = many - 2, many - 1
    owner, slot_before, node_before, node_second, since = -1, -1, -1, -1, 0
    for session in range(first, last):
        if not by_visitor and not chosen[session]:
            continue
        if not by_visitor or visitor[session] != owner:
            if slot_before >= 0:
                cell = slot_before * many + left
                moves[cell] += 1
                if seen[cell] != owner + 1:
                    seen[cell] = owner + 1
                    movers[cell] += 1
            owner = visitor[session]
            slot_before, node_before, node_second = -1, -1, -1
        for i in range(edges[session], edges[session + 1]):
            t = at[i]
            if by_visitor and not start <= t < end:
                continue
            node = lookup[along[i]]
            if node < 0 or not key[i] & wanted or marks[i * each] & OUT:
                continue
            slot = slots[node]
            if slot_before >= 0:
                cell = slot_before * many + slot
                passed = t - since
                if passed < 1 << COARSE:
                    times[cell * BINS + bins[passed >> FINE]] += 1
                else:
                    times[cell * BINS + bins[TABLE + min(passed >> COARSE, TABLE - 1)]] += 1
            else:
                cell = entry * many + slot
                tally[UNITS] += 1
            moves[cell] += 1
            if seen[cell] != owner + 1:
                seen[cell] = owner + 1
                movers[cell] += 1
            if seen_at[slot] != owner + 1:
                seen_at[slot] = owner + 1
                met[slot] += 1
            if node == node_before:
                tally[REPEATS] += 1
            else:
                if node_second >= 0:
                    tally[TRIPLES] += 1
                    if node_second == node:
                        tally[LOOPS] += 1
                        cell = slot * many + slot_before
                        loops[cell] += 1
                        if seen_loop[cell] != owner + 1:
                            seen_loop[cell] = owner + 1
                            loopers[cell] += 1
                node_second, node_before = node_before, node
            slot_before, since = slot, t
    if slot_before >= 0:
        cell = slot_before * many + left
        moves[cell] += 1
        if seen[cell] != owner + 1:
            movers[cell] += 1


def _example_times() -> tuple[Any, ...]:
    rows = (*_example_rows(), frozen(np.zeros(1, np.int32)), frozen(np.zeros(2 * TABLE, np.uint8)), 4)
    bounds, outs = frozen(np.zeros(16, np.int64)), np.zeros(16, np.int64)
    return *rows, bounds, bounds, 0, 1, outs, outs.copy()


@kernel(example=_example_times)
def lay_moves(
    edges: Any, visitor: Any, chosen: Any, along: Any, at: Any, key: Any, lookup: Any, marks: Any, each: int,
    by_visitor: bool, start: int, end: int, wanted: int, slots: Any, bins: Any, many: int, low: Any, high: Any,
    first: int, last: int, cursor: Any, out: Any,
) -> None:  # fmt: skip
    """Lay the times of the moves that `count_moves` counted in class low[move] or high[move] at out[cursor[move]] and on."""
    owner, slot_before, since = -1, -1, 0
    for session in range(first, last):
        if not by_visitor and not chosen[session]:
            continue
        if not by_visitor or visitor[session] != owner:
            owner, slot_before = visitor[session], -1
        for i in range(edges[session], edges[session + 1]):
            t = at[i]
            if by_visitor and not start <= t < end:
                continue
            node = lookup[along[i]]
            if node < 0 or not key[i] & wanted or marks[i * each] & OUT:
                continue
            slot = slots[node]
            if slot_before >= 0:
                cell = slot_before * many + slot
                passed = t - since
                if passed < 1 << COARSE:
                    here = bins[passed >> FINE]
                else:
                    here = bins[TABLE + min(passed >> COARSE, TABLE - 1)]
                if here == low[cell] or here == high[cell]:
                    out[cursor[cell]] = passed
                    cursor[cell] += 1
            slot_before, since = slot, t
