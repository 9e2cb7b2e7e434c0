"""How far each visitor gets: first entries into stages, returns, moves between them, the loyalty loop."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen

NEVER: Final = 2**63 - 1
STAGE_MASK: Final = 127
NO_STAGE: Final = 255
PRESENT: Final = 1 << 15
LOOP, LOOP_ORDER = 1, 2


def _top(mask: int) -> int:
    """The highest stage in a mask, -1 for none."""
    top = -1
    while mask:
        mask >>= 1
        top += 1
    return top


def _example() -> tuple[Any, ...]:
    long = frozen(np.zeros(1, np.int64))
    outs = (
        np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(1, np.uint8), np.zeros(1, np.uint8),
        np.zeros(1, np.uint8), np.zeros(4, np.int64), np.zeros(4, np.int64), np.zeros(4, np.int64),
    )  # fmt: skip
    return frozen(np.array([0, 1])), long, long, 2, 0, 1, 0, 1, *outs


@kernel(_top, example=_example)
def follow_stages(
    offsets: Any, at: Any, key: Any, stages: int, first: int, last: int, start: int, end: int,
    entered_at: Any, entered_row: Any, returned: Any, loop: Any, stage_of_row: Any, moves: Any, movers: Any, marker: Any,
) -> None:  # fmt: skip
    """Follow visitors first <= v < last through `stages` stages; the symbol's low 7 bits say which rules a row meets.

    `entered_at[v * stages + s]` is the first instant of stage s (NEVER), `entered_row` its gathered row;
    `returned[v]` a mask of stages come back to in [start, end), `loop[v]` LOOP | LOOP_ORDER in it;
    `stage_of_row[i]` the highest stage entered up to row i (NO_STAGE); `moves[from * stages + to]` counts changes of
    stage between a visitor's successive stage events in [start, end), `movers` the visitors who made them.
    """
    final = stages - 1
    for visitor in range(first, last):
        base = visitor * stages
        highest, before, basket = -1, -1, False
        entered, last_mask, now = 0, 0, -1
        for i in range(offsets[visitor], offsets[visitor + 1]):
            mask, t = key[i] & STAGE_MASK, at[i]
            within = start <= t < end
            if mask:
                if mask != last_mask:
                    last_mask, now = mask, _top(mask)
                if mask & ~entered:
                    for s in range(stages):
                        if mask >> s & 1 and not entered >> s & 1:
                            entered_at[base + s] = t
                            entered_row[base + s] = i
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
            stage_of_row[i] = highest if highest >= 0 else NO_STAGE


def _example_cells() -> tuple[Any, ...]:
    long, code = frozen(np.zeros(1, np.int64)), frozen(np.zeros(1, np.int32))
    offsets = frozen(np.array([0, 1]))
    return offsets, long, code, 0, 1, 0, 1, np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64)


@kernel(example=_example_cells)
def count_cells(
    offsets: Any,
    at: Any,
    cell: Any,
    first: int,
    last: int,
    start: int,
    end: int,
    events: Any,
    visitors: Any,
    marker: Any,
) -> None:
    """Count rows and distinct visitors per cell in [start, end); rows with a negative cell are left out."""
    for visitor in range(first, last):
        for i in range(offsets[visitor], offsets[visitor + 1]):
            c = cell[i]
            if c >= 0 and start <= at[i] < end:
                events[c] += 1
                if marker[c] != visitor + 1:
                    marker[c] = visitor + 1
                    visitors[c] += 1
