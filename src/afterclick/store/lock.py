"""One writer at a time: flock on LOCK, which the system drops when the process ends, however it ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from afterclick.core.errors import StoreError, StoreLocked
from afterclick.core.said import Said
from afterclick.store import disk

if sys.platform != "win32":
    import fcntl

NAME = "LOCK"
DEFINITIONS = "definitions.lock"
"""Held for moments while afterclick.toml and what belongs to it are changed; a server that writes events does not hold it."""
_PATIENCE = 10
_PAUSE = 0.03


class Lock:
    """The right to write to a store. Not re-entrant: a second `Lock` in the same process is refused as well.

    The file is never removed, its text (pid and command) only names the holder for the one who is refused: whether the
    lock is held is known to the system alone, so neither a left-over file nor a pid in use again keeps anybody out.
    """

    def __init__(self, folder: Path, name: str = NAME) -> None:
        self.path = folder / name
        self._descriptor = -1
        self.after_crash = False
        """Did the one who held it before end without giving it back?"""

    @property
    def held(self) -> bool:
        """Is it ours now?"""
        return self._descriptor >= 0

    def acquire(self) -> None:
        """Take it or raise StoreLocked, naming the holder, within half a second."""
        for attempt in range(_PATIENCE):
            if self.try_acquire():
                return
            # The holder writes its name after it got the lock: wait until the text can be its own.
            if attempt >= 1 and _alive(_pid(self._text())):
                break
            time.sleep(_PAUSE)
        holder = self._text() or "unknown"
        raise StoreLocked(
            Said("refusals.store_locked", holder=holder),
            hint=Said("refusals.wait_for_it"),
            path=str(self.path.parent),
        )

    def try_acquire(self) -> bool:
        """Take it if it is free. Raises StoreError where the system has no such locks or refuses the file."""
        if sys.platform == "win32":
            raise StoreError(Said("refusals.not_on_windows"), hint=Said("refusals.run_in_wsl"))
        if self.held:
            return False
        with disk.explained(self.path):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.after_crash = os.fstat(descriptor).st_size > 0
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _ourselves().encode(), 0)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            raise disk.explain(error, self.path) from error
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give it back."""
        if self.held:
            descriptor, self._descriptor = self._descriptor, -1
            try:
                os.ftruncate(descriptor, 0)
            finally:
                os.close(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _text(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8", errors="replace").strip()[:300]
        except OSError:
            return ""


def _ourselves() -> str:
    # Only the first words: what follows may hold paths and values that are nobody else's business.
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:3]]) if sys.argv and sys.argv[0] else "python"
    return f"pid {os.getpid()} ({' '.join(command.split())[:120]})\n"


def _pid(text: str) -> int:
    words = text.split()
    return int(words[1]) if len(words) > 1 and words[0] == "pid" and words[1].isdigit() else 0


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
