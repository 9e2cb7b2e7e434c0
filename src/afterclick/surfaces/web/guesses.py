"""Wrong tokens are counted by where they come from: five a minute, then nothing is looked at for the rest of it."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from typing import Final

MOST: Final = 5
WINDOW: Final = 60.0
"""Seconds."""
_PLACES: Final = 4096


class Guesses:
    """Wrong tokens of the last minute by address, IPv6 by its /64, which one machine has to itself.

    The table is bounded: whoever comes from more places than it holds pushes the oldest out, and has spent a request
    on each.
    """

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, address: str, at: float) -> int:
        """Whole seconds until this address may try again; 0 = now. `at` in seconds of the monotonic clock."""
        tried = self._wrong.get(_place(address), ())
        recent = [each for each in tried if at - each < WINDOW]
        return max(1, math.ceil(recent[-MOST] + WINDOW - at)) if len(recent) >= MOST else 0

    def wrong(self, address: str, at: float) -> None:
        """Note a token that opens nothing."""
        place = _place(address)
        tried = self._wrong.setdefault(place, [])
        tried.append(at)
        del tried[:-MOST]
        self._wrong.move_to_end(place)
        while len(self._wrong) > _PLACES:
            self._wrong.popitem(last=False)


def _place(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
