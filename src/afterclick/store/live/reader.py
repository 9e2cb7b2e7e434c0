"""Reads the tail beside its writer, in this process or another; changes nothing."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from afterclick.core.event import Rejected
from afterclick.store.live import database, loading, mark, notes, reading, rows
from afterclick.store.live.calls import Balance, StoredCall
from afterclick.store.live.rows import Group

_LAST = (1 << 63) - 1


class TailReader:
    """The tail of a store as anybody may read it. Safe from several threads; a store without one reads as empty."""

    def __init__(self, store_path: Path) -> None:
        self.path = store_path
        self._file = store_path / database.FILE
        self._mutex = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._damaged: dict[str, None] = {}

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        with self._mutex:
            self._close()

    def position(self) -> int:
        """Number of the last call that is stored, 0 for none."""
        return self._state().last_seq

    def state(self) -> Group:
        """Position, what is sealed, and the balance, all of one moment."""
        return self._state()

    def balance(self) -> Balance:
        """Of all live traffic, sealed as well."""
        return self._state().balance

    def sealed(self) -> int:
        """Number of the last call that was taken out because it lies in a segment."""
        return self._state().sealed_seq

    def read(self, after_seq: int, limit_events: int) -> list[StoredCall]:
        """Calls behind number `after_seq`, in order, until they hold `limit_events` events; at least one if there is any.

        A damaged one is left out and named by `damaged`. Calls without events have no bodies.
        """
        found: list[StoredCall] = []
        events = 0
        with self._opened() as connection:
            if connection is None:
                return found
            for row in reading.calls(connection, after_seq, _LAST, self._tell):
                call = rows.stored_call(row)
                found.append(call)
                events += len(call.bodies)
                if events >= limit_events:
                    break
        return found

    def rejects(self, after_seq: int = 0, upto_seq: int = _LAST) -> list[Rejected]:
        """Dead letters of the calls behind number `after_seq` up to `upto_seq`, in order."""
        with self._opened() as connection:
            if connection is None:
                return []
            found = reading.rejecting_calls(connection, after_seq)
            return [one for row in found if row[0] <= upto_seq for one in rows.rejected_of(row)]

    @property
    def met(self) -> tuple[str, ...]:
        """Damage that this reader met while it read."""
        return tuple(self._damaged)

    def damaged(self) -> tuple[str, ...]:
        """What is known to be damaged or lost: met while reading, noted by the writer, or missing below the mark."""
        told = dict.fromkeys(self._damaged)
        with self._opened() as connection:
            state = loading.EMPTY if connection is None else reading.newest(connection) or loading.EMPTY
            if connection is not None:
                told |= dict.fromkeys(notes.losses(connection))
        # Read after the state: what is marked was committed before.
        least = max(loading.live_seq(self.path), mark.read(self.path) if connection is None else 0)
        if state.last_seq < least:
            told[f"calls {state.last_seq + 1} to {least} were committed and are not there"] = None
        return tuple(told)

    def _state(self) -> Group:
        with self._opened() as connection:
            return loading.EMPTY if connection is None else reading.newest(connection) or loading.EMPTY

    def _tell(self, said: str) -> None:
        self._damaged[said] = None

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection | None]:
        with self._mutex:
            try:
                yield self._look()
            except sqlite3.Error as error:
                self._close()
                raise database.explain(error, self._file) from error

    def _look(self) -> sqlite3.Connection | None:
        try:
            stat = os.stat(self._file)
        except FileNotFoundError:
            self._close()
            return None
        # The writer may have put another file in its place.
        if self._connection is not None and (stat.st_dev, stat.st_ino) != self._identity:
            self._close()
        if self._connection is None:
            self._connection = database.reader(self._file)
            self._identity = (stat.st_dev, stat.st_ino)
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
