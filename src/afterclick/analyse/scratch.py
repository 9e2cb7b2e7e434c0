"""Memory needed only while rows are brought together is used again: fresh memory costs as much as the work in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

KEPT_BYTES: Final = 256 << 20
"""What is kept at most between questions; larger needs are met afresh each time."""

_LOCK = threading.Lock()
_FREE: list[np.ndarray] = []


@contextmanager
def borrowed(rows: int, dtype: Any) -> Iterator[np.ndarray]:
    """An array of `rows` undefined values; nothing may hold it, or a view of it, after the block."""
    size = rows * np.dtype(dtype).itemsize
    memory = _taken(size)
    try:
        yield memory[:size].view(dtype)
    finally:
        _give_back(memory)


def _taken(size: int) -> np.ndarray:
    with _LOCK:
        fits = [place for place, memory in enumerate(_FREE) if len(memory) >= size]
        if fits:
            return _FREE.pop(min(fits, key=lambda place: len(_FREE[place])))
    return np.empty(size, np.uint8)


def _give_back(memory: np.ndarray) -> None:
    with _LOCK:
        _FREE.append(memory)
        _FREE.sort(key=len)
        while sum(map(len, _FREE)) > KEPT_BYTES:
            # The largest serve every need; what does not fit beside them goes first.
            _FREE.pop(0 if len(_FREE[-1]) <= KEPT_BYTES else -1)
