"""What a run keeps of the event it entered by, so that a message days later can speak of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

ROOM: Final = 4096
"""Bytes of values that a run keeps."""
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
_DEPTH: Final = 8
_PACK: Final = msgspec.msgpack.Encoder()


def bounded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values in their order as far as there is room; one that is too large is left out, those behind it are not."""
    kept: dict[str, Any] = {}
    room = ROOM
    for name, value in values.items():
        plain = _plain(value, _DEPTH)
        size = len(_PACK.encode((name, plain)))
        if size <= room:
            kept[name] = plain
            room -= size
    return kept


def _plain(value: Any, depth: int) -> Any:
    """A value as JSON would know it; whole numbers beyond 64 bits, and what is nested too deep, as text."""
    if isinstance(value, bool | float | str) or value is None:
        return value
    if isinstance(value, int):
        return value if _LEAST <= value <= _MOST else str(value)
    if isinstance(value, Mapping) and depth:
        return {str(key): _plain(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple) and depth:
        return [_plain(inner, depth - 1) for inner in value]
    return format(value, "f") if isinstance(value, Decimal) else str(value)
