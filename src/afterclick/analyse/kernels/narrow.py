"""Rows that only stand between steps: of all of them few can end an attempt, and the others need not be gathered.

In strict order an attempt is ended by the first such row after a step. Which row that is can be told where the rows
stand: those of one device on one day are in order, and where no other device is the visitor's and no other piece holds
rows of that day, nothing comes between them. And it matters only for visitors who may get past step 1.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen

NOTHING: Final = 0
BETWEEN: Final = 1
LATER: Final = 2
STARTS: Final = 3
MOVES: Final = 4
"""What a row is: of no use, between steps at most, of use behind step 2 only, fit to open an attempt only, or for more."""

MOVER: Final = 1
ALONE: Final = 2
"""Of a device: its visitor may get past step 1; no other device is that visitor's."""

_LONG_AGO: Final = -(2**62)


def _example() -> tuple[Any, ...]:
    code, at = frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int64))
    kinds, flags = frozen(np.zeros(1, np.uint8)), frozen(np.zeros(1, np.uint16))
    return code, at, code, kinds, flags, 1, 0, code, np.zeros(1, np.uint8)


@kernel(example=_example)
def mark_movers(
    device: Any, at: Any, code: Any, kinds: Any, flags: Any, out: int, since: int, label: Any, movers: Any
) -> None:
    """Set `movers[visitor]` where a row may do more than open an attempt, or opens one after `since`.

    `kinds[code]` says what a row is, unless its flags have a bit of `out`. Rows of shared devices (negative label) are
    left to the caller.
    """
    for i in range(len(device)):
        kind = kinds[_u(code[_u(i)])]
        if kind < STARTS or (kind == STARTS and at[_u(i)] <= since):
            continue
        if device[_u(i)] >= 0 and (flags[_u(i)] & out) == 0 and label[_u(device[_u(i)])] >= 0:
            movers[_u(label[_u(device[_u(i)])])] = 1


def _example_keep() -> tuple[Any, ...]:
    code, at = frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int64))
    kinds, short = frozen(np.zeros(1, np.uint8)), frozen(np.zeros(1, np.uint16))
    longs = frozen(np.ones(1, np.int64))
    return code, at, code, kinds, short, short, short, 1, kinds, longs, kinds, np.zeros(1, np.uint16)


@kernel(example=_example_keep)
def keep_rows(
    device: Any, at: Any, code: Any, kinds: Any, lut: Any, first_lut: Any, flags: Any, out: int, about: Any, ends: Any,
    own: Any, symbol_out: Any,
) -> None:  # fmt: skip
    """Write the symbol `lut[code]` of each row, 0 where it need not be gathered.

    `about[device]` holds MOVER and ALONE; of others than a MOVER only the symbols of `first_lut` are kept, those that may
    open an attempt. Days end before the rows `ends`; where `own` is set, no other piece has rows of that day, so that of
    a device that is ALONE only the first row between steps after each step, or after none, is kept.
    """
    i = 0
    for day in range(len(ends)):
        upper = min(ends[day], len(device))
        while i < upper:
            known = device[_u(i)]
            if known < 0 or (about[_u(known)] & MOVER) == 0:
                while i < upper and device[_u(i)] == known:
                    symbol_out[_u(i)] = first_lut[_u(code[_u(i)])] if (flags[_u(i)] & out) == 0 else 0
                    i += 1
                continue
            tells = own[day] != 0 and (about[_u(known)] & ALONE) != 0
            waiting, step_at = True, _LONG_AGO
            while i < upper and device[_u(i)] == known:
                kind = kinds[_u(code[_u(i)])] if (flags[_u(i)] & out) == 0 else NOTHING
                kept = kind >= LATER or (kind == BETWEEN and waiting)
                symbol_out[_u(i)] = lut[_u(code[_u(i)])] if kept else 0
                if kind >= LATER:
                    waiting, step_at = True, at[_u(i)]
                elif kept:
                    # An event at the very instant of a step does not stand behind it.
                    waiting = not (tells and at[_u(i)] > step_at)
                i += 1
