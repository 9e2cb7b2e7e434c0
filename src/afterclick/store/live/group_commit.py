"""Commits what arrived while the commit before ran, so that one sync answers many requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from afterclick.core.errors import StoreError
from afterclick.store.live.calls import TailCall
from afterclick.store.live.tail import Tail

Done = Callable[[StoreError | None], None]
Post = Callable[[Callable[[], None]], object]
_GROUP_BYTES: Final = 1 << 20
_GROUP_CALLS: Final = 1024
_CROWD: Final = 8
_CROWD_BYTES: Final = 48 << 10
_ENOUGH: Final = 64
_HALF: Final = 32
_PAUSES: Final = 5
_PAUSE_S: Final = 0.0003


class GroupCommit:
    """One thread that commits. A group is what waits when the disk is free: at most 1 MB, and nothing waits for company."""

    def __init__(self, tail: Tail, post: Post | None = None) -> None:
        """`post` hands a function to the thread that claims (`loop.call_soon_threadsafe`); without it `done` is called
        by the committing thread.
        """
        self._tail = tail
        self._post = post
        self._mutex = threading.Lock()
        # Held by nobody but for the moment of a wake-up: a plain lock costs a tenth of a semaphore.
        self._signal = threading.Lock()
        self._signal.acquire()
        self._waiting: list[tuple[TailCall, Done]] = []
        self._bytes = 0
        self._idle = False
        self._unreleased = 0
        self._closing = False
        self._error: StoreError | None = None
        self._thread = threading.Thread(target=self._run, name="afterclick-commit", daemon=True)
        self._thread.start()

    @property
    def waiting_bytes(self) -> int:
        """Bytes of events that wait for the disk."""
        return self._bytes

    @property
    def broken(self) -> StoreError | None:
        """The error after which nothing can be committed any more; the process must end."""
        return self._error

    def submit(self, call: TailCall, done: Done) -> None:
        """Commit a call soon; `done` is called once, with None when it is stored, else with why it is not.

        Call it in the same breath as the claims it rests on. `done` must not raise.
        """
        self.submit_all([(call, done)])

    def submit_all(self, calls: Sequence[tuple[TailCall, Done]]) -> None:
        """The same for several calls, which wake the committing thread once."""
        size = 0
        for call, _ in calls:
            for body in call.bodies:
                size += len(body)
        with self._mutex:
            refusal = self._refusal()
            if refusal is None:
                self._waiting += calls
                self._bytes += size
                wake, self._idle = self._idle, False
        if refusal is not None:
            for call, _ in calls:
                self._tail.release(call.ids)
            for _, done in calls:
                done(refusal)
        elif wake:
            self._signal.release()

    def close(self, timeout_s: float) -> bool:
        """Take no more, commit what waits, end the thread. False if the disk did not do it in time."""
        with self._mutex:
            self._closing = True
            wake, self._idle = self._idle, False
        if wake:
            self._signal.release()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _refusal(self) -> StoreError | None:
        if self._error is not None:
            return self._error
        if self._closing:
            return StoreError("the server is stopping", hint="send the same again in a moment", code="closing")
        if self._unreleased:
            # Claims of a failed commit are still held: an event that looks known now may be stored nowhere.
            return StoreError("the disk has just failed", hint="send the same again", code="tail_failed")
        return None

    def _run(self) -> None:
        try:
            expected = 0
            while self._wait():
                if expected:
                    self._gather(expected)
                group, size = self._take()
                expected = min(len(group), _ENOUGH) if len(group) >= _CROWD or size >= _CROWD_BYTES else 0
                self._commit(group)
        finally:
            with self._mutex:
                if not self._closing or self._waiting:
                    self._error = self._error or _ended()
                rest, self._waiting = self._waiting, []
                self._unreleased += bool(rest)
            if rest:
                self._finish(rest, self._error)

    def _wait(self) -> bool:
        """Wait for calls; False when there are none and there will be none."""
        while True:
            with self._mutex:
                if self._error is not None:
                    return False
                if self._waiting:
                    return True
                if self._closing:
                    return False
                self._idle = True
            self._tidy()
            self._signal.acquire()

    def _gather(self, expected: int) -> None:
        """Where many send at once, let those under way arrive first, up to as many as came before: a commit costs as much as
        twenty requests.
        """
        for _ in range(_PAUSES):
            before = len(self._waiting)
            if before >= expected:
                return
            time.sleep(_PAUSE_S)
            if len(self._waiting) == before:
                return

    def _take(self) -> tuple[list[tuple[TailCall, Done]], int]:
        """The next group, and how many bytes of events it has.

        Of a crowd it is one half: while the disk confirms it the other is on its way, where all together would wait.
        """
        with self._mutex:
            most = min(max(_HALF, (len(self._waiting) + 1) // 2), _GROUP_CALLS)
            if self._bytes <= _GROUP_BYTES and len(self._waiting) <= most:
                # Nearly always: nobody who submits waits here for more than a change of hands.
                taken, size = self._waiting, self._bytes
                self._waiting, self._bytes = [], 0
                return taken, size
            count = size = 0
            for call, _ in self._waiting[:most]:
                more = sum(map(len, call.bodies))
                if count and size + more > _GROUP_BYTES:
                    break
                size += more
                count += 1
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
            self._bytes -= size
            return taken, size

    def _commit(self, group: list[tuple[TailCall, Done]]) -> None:
        error: StoreError | None = None
        try:
            self._tail.commit([call for call, _ in group])
        except StoreError as failed:
            error = failed
        except (ValueError, TypeError) as wrong:
            error = StoreError(f"a call cannot be written: {wrong}", hint="this is a mistake in afterclick", code="tail_failed")
        if error is not None:
            with self._mutex:
                # Whoever waits may rest on what has just failed.
                group += self._waiting
                self._waiting, self._bytes = [], 0
                self._unreleased += 1
                if error.code == "tail_broken":
                    self._error = error
        self._finish(group, error)

    def _tidy(self) -> None:
        try:
            self._tail.tidy()
        except StoreError:
            # The next commit meets the same disk and says so to those who wait.
            return

    def _finish(self, group: Sequence[tuple[TailCall, Done]], error: StoreError | None) -> None:
        settle = partial(self._settle, group, error)
        if self._post is None:
            settle()
            return
        try:
            self._post(settle)
        except RuntimeError:
            # The event loop has ended: nobody waits for the answers any more, and what is stored is stored.
            settle()

    def _settle(self, group: Sequence[tuple[TailCall, Done]], error: StoreError | None) -> None:
        if error is not None:
            for call, _ in group:
                self._tail.release(call.ids)
            with self._mutex:
                self._unreleased -= 1
        waiting = iter(group)
        try:
            for _, done in waiting:
                done(error)
        finally:
            # Where one has failed, the others of the group are still to hear of their commit.
            with ExitStack() as rest:
                for _, done in waiting:
                    rest.callback(done, error)


def _ended() -> StoreError:
    return StoreError("the committing thread has ended", hint="start the server again", code="tail_broken")
