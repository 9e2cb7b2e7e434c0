"""What a server does beside answering: seals the tail, merges small segments, keeps its own state, says how it goes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from afterclick.collect.live.journal import Journal
from afterclick.core.errors import AfterclickError

_PULSE: Final = 1.0
_MINUTE: Final = 60
_LONGEST_PAUSE: Final = 300
_END_WITHIN: Final = 5.0

Task = Callable[[], object]


class Follower:
    """One thread that does its tasks in turn, each every so many seconds; a task that fails is tried again later.

    What a task raises on purpose goes to the journal. Anything else ends the thread, and `failed` says so.
    """

    def __init__(
        self, journal: Journal, tasks: dict[str, tuple[int, Task]], is_over: Callable[[], bool] = lambda: False
    ) -> None:
        """`tasks` by name: every so many seconds, what is done. `is_over` says whether the event loop they speak to has
        ended: it may end first, where a disk hangs at the stop, and then nobody waits for them any more."""
        self._journal = journal
        self._tasks = tasks
        self._is_over = is_over
        self._due = dict.fromkeys(tasks, 0)
        self._pause = dict.fromkeys(tasks, 0)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="afterclick-follower", daemon=True)

    @property
    def failed(self) -> bool:
        """Has the thread ended though nobody asked it to?"""
        return self._thread.ident is not None and not self._thread.is_alive() and not self._end.is_set()

    @property
    def failing(self) -> tuple[str, ...]:
        """Tasks whose last attempt failed."""
        return tuple(name for name, pause in self._pause.items() if pause)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> bool:
        """End after the task that runs; False if that takes long."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(_END_WITHIN)
        return not self._thread.is_alive()

    def _run(self) -> None:
        second = 0
        while not self._end.wait(_PULSE):
            second += 1
            for name, (every, task) in self._tasks.items():
                if second >= self._due[name] and not self._end.is_set():
                    self._due[name] = second + (self._attempt(name, task) or every)

    def _attempt(self, name: str, task: Task) -> int:
        """Do a task; seconds to wait before the next attempt if it failed, else 0."""
        try:
            task()
        except AfterclickError as error:
            self._pause[name] = min(max(2 * self._pause[name], 5), _LONGEST_PAUSE)
            self._journal.write("task_failed", task=name, code=error.code, again_s=self._pause[name])
            return self._pause[name]
        except RuntimeError:
            if not self._is_over():
                raise
            self._end.set()
            return 0
        if self._pause[name]:
            self._journal.write("task_mended", task=name)
            self._pause[name] = 0
        return 0
