"""Which rows count at all: those with a symbol, an id and an instant inside the period."""

from __future__ import annotations

from typing import Any

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.gather import FLAGS, HAS_CAMPAIGN, HAS_SOURCE, PRESENT, SYMBOL_BITS
from afterclick.core.arrays import frozen
from afterclick.store.columns import TOUCH_INTERNAL


def _example_select() -> tuple[Any, ...]:
    device, at = frozen(np.zeros(2, np.int32)), frozen(np.zeros(2, np.int64))
    symbol = frozen(np.ones(2, np.uint16))
    return device, at, symbol, True, 0, 1, 0, np.zeros(2, np.int32), np.zeros(2, np.int64), 0


@kernel(example=_example_select)
def select_rows(
    device: Any, at: Any, symbol: Any, dated: bool, start: int, end: int, first_row: int,
    device_out: Any, key_out: Any, n: int,
) -> int:  # fmt: skip
    """Append the rows with a symbol, an id, and start <= at < end to the outputs from place n on; returns the new n.

    Where `dated` is false every row is known to lie in time, and instants are not read.
    `key_out` is the global row number (`first_row` + i) packed with the symbol. Every row is written and the place only
    moves on behind a row that counts: which rows do is too irregular to be guessed by a processor.
    """
    for i in range(len(device)):
        device_out[_u(n)] = device[i]
        key_out[_u(n)] = ((first_row + i) << SYMBOL_BITS) | int(symbol[i])
        counts = 1 if symbol[i] != 0 else 0
        counts &= 1 if device[i] >= 0 else 0
        if dated:
            counts &= 1 if at[i] >= start else 0
            counts &= 1 if at[i] < end else 0
        n += counts
    return n


def _example_select_coded() -> tuple[Any, ...]:
    device, at, *rest = _example_select()
    code, lut, flags = frozen(np.zeros(2, np.int32)), frozen(np.ones(1, np.uint16)), frozen(np.zeros(2, np.uint16))
    return device, at, code, lut, flags, 1, *rest[1:]


@kernel(example=_example_select_coded)
def select_coded(
    device: Any, at: Any, code: Any, lut: Any, flags: Any, out: int, dated: bool,
    start: int, end: int, first_row: int, device_out: Any, key_out: Any, n: int,
) -> int:  # fmt: skip
    """`select_rows` where the symbol of a row is `lut[code]`, and a row with a flag of `out` has none."""
    for i in range(len(device)):
        symbol = int(lut[_u(code[i])])
        device_out[_u(n)] = device[i]
        key_out[_u(n)] = ((first_row + i) << SYMBOL_BITS) | symbol
        counts = 1 if symbol != 0 else 0
        counts &= 1 if (flags[i] & out) == 0 else 0
        counts &= 1 if device[i] >= 0 else 0
        if dated:
            counts &= 1 if at[i] >= start else 0
            counts &= 1 if at[i] < end else 0
        n += counts
    return n


def _example_select_flagged() -> tuple[Any, ...]:
    device, at, *rest = _example_select()
    flags, campaign, touch = (frozen(np.zeros(2, kind)) for kind in (np.uint16, np.int64, np.int32))
    return device, at, flags, campaign, touch, frozen(np.zeros(1, np.uint8)), 0, 2, 1, 1, *rest[1:]


@kernel(example=_example_select_flagged)
def select_flagged(
    device: Any, at: Any, flags: Any, campaign: Any, touch: Any, bits: Any, each: int, unless: int, skip: int, out: int,
    dated: bool, start: int, end: int, first_row: int, device_out: Any, key_out: Any, n: int,
) -> int:  # fmt: skip
    """`select_rows` where the symbol of a row is its flags, PRESENT, HAS_CAMPAIGN where it carries a campaign, and
    HAS_SOURCE where its touch came from outside.

    A row with a flag of `out` has none, nor one whose `bits[i * each]` have `skip`; one with the flag `unless` only where
    they have any other.
    """
    for i in range(len(device)):
        symbol = (int(flags[i]) & FLAGS) | PRESENT
        symbol |= HAS_CAMPAIGN if campaign[i] != 0 else 0
        symbol |= HAS_SOURCE if touch[i] > TOUCH_INTERNAL else 0
        bit = int(bits[i * each])
        device_out[_u(n)] = device[i]
        key_out[_u(n)] = ((first_row + i) << SYMBOL_BITS) | symbol
        counts = 1 if (symbol & out) == 0 else 0
        counts &= 1 if (symbol & unless) == 0 or bit != 0 else 0
        counts &= 1 if (bit & skip) == 0 else 0
        counts &= 1 if device[i] >= 0 else 0
        if dated:
            counts &= 1 if at[i] >= start else 0
            counts &= 1 if at[i] < end else 0
        n += counts
    return n
