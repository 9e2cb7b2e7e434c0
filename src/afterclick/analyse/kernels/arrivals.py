"""Touches of many visitors counted in one pass, and those rows picked whose order matters; no row is sorted for it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen
from afterclick.store.columns import TOUCH_INTERNAL, Flag

MOST: Final = 62
"""Values that fit the word of a device."""
CHOSEN: Final = 1 << MOST
"""The bit of a device's word that says that its rows are wanted one by one."""

_CONTEXT: Final = int(Flag.CONTEXT)
_BLOCK: Final = 4096
"""Rows looked at in one go: what was found among them is still in the cache."""


def _reach_vector(
    device: Any, at: Any, flags: Any, touch: Any, value: Any, left_out: int, dated: bool, start: int, since: int,
    end: int, first_row: int, seen: Any, counts: Any, picked: Any,
) -> int:  # fmt: skip
    came = ((flags & (left_out | _CONTEXT)) == _CONTEXT) & (touch > TOUCH_INTERNAL) & (device >= 0)
    if dated:
        came &= (at >= start) & (at < end)
    place = np.flatnonzero(came)
    chosen = (seen[device[place]] & CHOSEN) != 0
    mine, others = place[chosen], place[~chosen]
    if dated:
        others = others[at[others] >= since]
    code = value[touch[others]]
    counts += np.bincount(code, minlength=len(counts))
    np.bitwise_or.at(seen, device[others], np.left_shift(1, code.astype(np.int64)))
    picked[: len(mine)] = mine + first_row
    return len(mine)


def _example_reach() -> tuple[Any, ...]:
    device, at, flags = (frozen(np.zeros(1, kind)) for kind in (np.int32, np.int64, np.uint16))
    outs = np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64)
    return device, at, flags, device, device, 1, True, 0, 0, 1, 0, *outs


@kernel(example=_example_reach, vector=_reach_vector)
def reach_arrivals(
    device: Any, at: Any, flags: Any, touch: Any, value: Any, left_out: int, dated: bool, start: int, since: int,
    end: int, first_row: int, seen: Any, counts: Any, picked: Any,
) -> int:  # fmt: skip
    """Rows that came from outside: those of CHOSEN devices are written to `picked`, which is as long as the rows; how many.

    Of the others since <= at < end the bit `value[touch]` is set in `seen[device]`, int64, and `counts` of it goes up.
    The chosen ones lie in start <= at < end; where `dated` is false all rows lie in all of it, and instants are not
    read. A row with a flag of `left_out` does not count.
    """
    place, n = np.empty(_BLOCK, np.int64), 0
    for base in range(0, len(device), _BLOCK):
        found = 0
        # Every place is written, and the next only begins behind a row that counts: which do cannot be guessed.
        for i in range(base, min(base + _BLOCK, len(device))):
            place[_u(found)] = i
            came = 1 if (int(flags[_u(i)]) & (left_out | _CONTEXT)) == _CONTEXT else 0
            came &= 1 if touch[_u(i)] > TOUCH_INTERNAL else 0
            came &= 1 if device[_u(i)] >= 0 else 0
            found += came
        for k in range(found):
            i = place[_u(k)]
            who = device[_u(i)]
            if dated and not start <= at[_u(i)] < end:
                continue
            if seen[_u(who)] & CHOSEN:
                picked[_u(n)] = first_row + i
                n += 1
            elif not dated or at[_u(i)] >= since:
                code = value[_u(touch[_u(i)])]
                counts[_u(code)] += 1
                seen[_u(who)] |= 1 << code
    return n


def _count_vector(seen: Any, first: int, last: int, bytes_: int, table: Any) -> None:
    words = seen[first:last] & (CHOSEN - 1)
    words = words[words != 0]
    for k in range(bytes_):
        table[256 * k : 256 * (k + 1)] += np.bincount(words >> 8 * k & 255, minlength=256)


def _example_unite() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.int32)), np.zeros(1, np.int64)


def _unite_vector(label: Any, seen: Any) -> None:
    further = np.flatnonzero((label != np.arange(len(label))) & (label >= 0))
    words = seen[further] & (CHOSEN - 1)
    seen[further] = 0
    np.bitwise_or.at(seen, label[further], words)


@kernel(example=_example_unite, vector=_unite_vector)
def unite_seen(label: Any, seen: Any) -> None:
    """Move what was `seen` of each device to the one that its visitor is labelled by; shared devices have nothing."""
    for i in range(len(label)):
        word = seen[_u(i)] & (CHOSEN - 1)
        if word != 0 and label[_u(i)] != i and label[_u(i)] >= 0:
            seen[_u(label[_u(i)])] |= word
            seen[_u(i)] ^= word


def _example_count() -> tuple[Any, ...]:
    return frozen(np.zeros(1, np.int64)), 0, 1, 1, np.zeros(256, np.int64)


@kernel(example=_example_count, vector=_count_vector)
def count_seen(seen: Any, first: int, last: int, bytes_: int, table: Any) -> None:
    """Add up how many of the words first <= i < last that are not 0 have each value of each of their lowest bytes.

    `table` is int64[256 × bytes]: which bits a word has is too irregular to be asked one by one.
    """
    for i in range(first, last):
        word = seen[_u(i)] & (CHOSEN - 1)
        if word != 0:
            for k in range(bytes_):
                table[_u(256 * k + (word & 255))] += 1
                word >>= 8


def bits_counted(table: np.ndarray, values: int) -> tuple[np.ndarray, int]:
    """What `count_seen` found: how many words have each of the lowest bits, int64[values], and how many have any."""
    by_byte = table.reshape(-1, 256)
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    counts: np.ndarray = (by_byte @ bits).reshape(-1)[:values]
    return counts, int(by_byte[0].sum())
