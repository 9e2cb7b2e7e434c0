"""Which rows may be touches, and of what kind, in one pass over all of them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.compiled import kernel
from afterclick.core.arrays import frozen
from afterclick.store.columns import TOUCH_INTERNAL, Flag

MESSAGE: Final = 64
"""The bit of a symbol that says that a row is of a message."""

_CONTEXT: Final = int(Flag.CONTEXT)
_SYSTEM: Final = int(Flag.SYSTEM)
_BOT: Final = int(Flag.BOT)


def _mark_vector(
    name: Any, flags: Any, touch: Any, table: Any, out: int, machines: bool, arrival: int, symbol: Any
) -> None:
    bits, machine = table[name], (flags & _BOT) != 0
    message = (bits & MESSAGE) != 0
    bits[machine & message & (not machines)] = 0
    bits[machine & ~message & bool(out & _BOT)] = 0
    came = ((flags & (out | _SYSTEM | _CONTEXT)) == _CONTEXT) & (touch > TOUCH_INTERNAL)
    symbol[:] = bits | np.where(came, arrival, 0).astype(np.uint16)


def _example_mark() -> tuple[Any, ...]:
    name, flags, table = (frozen(np.zeros(1, kind)) for kind in (np.int32, np.uint16, np.uint16))
    return name, flags, name, table, 1, True, 1, np.zeros(1, np.uint16)


@kernel(example=_example_mark, vector=_mark_vector)
def mark_touches(
    name: Any, flags: Any, touch: Any, table: Any, out: int, machines: bool, arrival: int, symbol: Any
) -> None:  # fmt: skip
    """The symbol of each row: `table[name]`, and `arrival` where it came from outside.

    A message with the flag of a crawler was opened by a program and counts with `machines`; other rows with a flag of
    `out` do not, and no system event arrives.
    """
    for i in range(len(name)):
        bits, flag = int(table[name[i]]), int(flags[i])
        if bits and flag & _BOT:
            if bits & MESSAGE:
                bits = bits if machines else 0
            elif out & _BOT:
                bits = 0
        came = 1 if (flag & (out | _SYSTEM | _CONTEXT)) == _CONTEXT else 0
        came &= 1 if touch[i] > TOUCH_INTERNAL else 0
        symbol[i] = bits | (arrival * came)
