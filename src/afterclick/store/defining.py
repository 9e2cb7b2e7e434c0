"""Changes of what is written down, one at a time, also beside a server that holds the store for days to write events."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from afterclick.core import clock
from afterclick.store.lock import DEFINITIONS, Lock

_PATIENCE_S: Final = 5.0
_PAUSE_S: Final = 0.02


class Defining:
    """The right to change afterclick.toml and what belongs to it. Safe for several threads, re-entrant within one."""

    def __init__(self, store: Path) -> None:
        self._lock = Lock(store, DEFINITIONS)
        self._mutex = threading.RLock()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within the block nobody else changes anything. Raises StoreLocked after five seconds, naming who does."""
        with self._mutex:
            ours = not self._lock.held
            if ours:
                self._wait()
            try:
                yield
            finally:
                if ours:
                    self._lock.release()

    def _wait(self) -> None:
        ends_at = clock.ticks() + _PATIENCE_S
        while clock.ticks() < ends_at:
            if self._lock.try_acquire():
                return
            time.sleep(_PAUSE_S)
        self._lock.acquire()
