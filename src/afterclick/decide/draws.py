"""Chance that stays the same: one draw per visitor and purpose, so that arms and hold-outs never move."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

_SCALE: Final = 2.0**-53


def draw(salt: str, visitor: str) -> float:
    """A number in [0, 1) that depends on nothing but the two texts; draws of two salts are independent.

    The first 53 bits of SHA-256 over both texts, the salt closed by a zero byte.
    """
    digest = hashlib.sha256(f"{salt}\0{visitor}".encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * _SCALE


def pick(shares: Sequence[float], drawn: float) -> int:
    """The place of the share in which the draw falls; shares sum to 1, the last one takes what rounding leaves."""
    total = 0.0
    for place, share in enumerate(shares):
        total += share
        if drawn < total:
            return place
    return max((place for place, share in enumerate(shares) if share > 0), default=len(shares) - 1)
