"""The thread that sends: takes turns as long as something is due, sleeps until the next time comes or somebody wakes it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from afterclick.act.outbox.sender import Sender
from afterclick.core.errors import AfterclickError
from afterclick.core.spans import SECOND

_LONGEST_S: Final = 1.0
_BUSY_S: Final = 0.05
_MOST_PAUSE_S: Final = 60.0


class SendLoop:
    """Runs a Sender until stopped. `trouble(code)` hears of the disk's failures, after which it tries again, ever later."""

    def __init__(self, sender: Sender, trouble: Callable[[str], None]) -> None:
        self._sender = sender
        self._trouble = trouble
        self._end = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="afterclick-sender", daemon=True)
        self._failures = 0

    @property
    def failing(self) -> bool:
        """Did the last turn fail, or has the thread ended though nobody asked it to?"""
        dead = self._thread.ident is not None and not self._thread.is_alive() and not self._end.is_set()
        return dead or self._failures > 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Something may be due: look at once."""
        self._woken.set()

    def stop(self) -> None:
        """End after the calls that are out."""
        self._end.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._sender.close()

    def _run(self) -> None:
        while not self._end.is_set():
            self._woken.clear()
            try:
                moved = self._sender.turn()
                moved += self._sender.turn_over()
                pause = 0.0 if moved else self._sender.pause_until(int(_LONGEST_S * SECOND)) / SECOND
                self._failures = 0
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not end all sending in silence
                self._failures += 1
                self._trouble(error.code if isinstance(error, AfterclickError) else type(error).__name__)
                pause = min(float(1 << min(self._failures, 6)), _MOST_PAUSE_S)
            # Due but nothing moved: its lane is busy, paced, or left alone for a while.
            self._woken.wait(max(pause, _BUSY_S))
