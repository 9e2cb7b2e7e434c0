"""Small files that several threads and processes change take turns, each waiting a moment for the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from afterclick.act.outbound.patience import Deadline
from afterclick.store.lock import Lock

SECRETS: Final = "secrets.lock"
EXPORTS: Final = "exports.lock"

_PATIENCE_S: Final = 5.0
_PAUSE_S: Final = 0.01


@contextmanager
def turn(store: Path, name: str) -> Iterator[None]:
    """The right to change what a lock of the store stands for. Raises StoreLocked after some seconds."""
    lock, deadline = Lock(store, name), Deadline(_PATIENCE_S)
    while not lock.try_acquire():
        if deadline.over:
            # Says who holds it.
            lock.acquire()
            break
        threading.Event().wait(_PAUSE_S)
    try:
        yield
    finally:
        lock.release()
