"""The parts of what goes wrong at a touchpoint, as both forms of the kernel number them."""

from __future__ import annotations

from typing import Final

VISITS, TROUBLED, LOOPED, TIMED, SLOWED, PARTS = 0, 1, 2, 3, 4, 5
NOWHERE: Final = 255
AGAIN: Final = 10_000_000
"""The same action on the same page within these microseconds is a retry; after an error it is one however late."""
ERROR: Final = 4
PACE: Final = 3
