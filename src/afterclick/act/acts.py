"""What must outlive a crash beside the log: runs, timers, messages and contacts, in one file that one connection writes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from afterclick.act import acts_file
from afterclick.act.acts_file import FILE
from afterclick.core.errors import StoreError
from afterclick.store.live import database

POSITION: Final = "position"
"""The note that says up to which number of the log it has been heard."""
_CHECKPOINT_CHANGES: Final = 50_000
_CHECKPOINT_COMMITS: Final = 1000
_BROKEN: Final = 2


class Acts:
    """The file `acts.db` of a store and the one connection that writes it; the store's lock is held by whoever opens it.

    Any thread may write: `writing` lets in one at a time. Nothing that fails is half done.
    """

    def __init__(self, store: Path, schema: Sequence[str]) -> None:
        self.path = store / FILE
        self._schema = schema
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._failures = 0
        self._changes = 0
        self._commits = 0
        self._closed = False

    @classmethod
    def open(cls, store: Path, *schemas: Sequence[str]) -> Acts:
        """Open it, or lay it out; `schemas` are the statements of the modules that keep tables in it.

        Each statement must be one that may run again (`CREATE TABLE IF NOT EXISTS`). Raises StoreFormat for a file of a
        newer afterclick or of somebody else, which is left untouched, StoreError where the disk refuses.
        """
        opened = cls(store, [statement for schema in (acts_file.SCHEMA, *schemas) for statement in schema])
        try:
            acts_file.create(opened.path)
            opened._connection = acts_file.writer(opened.path, opened._schema, thorough=False)
        except sqlite3.Error as error:
            raise acts_file.explained(error, opened.path) from error
        return opened

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when the block is left; an exception inside undoes it and goes on.

        Raises StoreError, and then nothing of it is stored: `disk_full`, `acts_failed` (try again), `acts_broken`.
        """
        with self._lock:
            connection = self._open_connection()
            if connection.in_transaction:
                raise RuntimeError("a transaction inside a transaction")
            try:
                connection.execute("BEGIN IMMEDIATE")
                before = connection.total_changes
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                if acts_file.is_mistake(error):
                    self._roll_back(connection)
                    raise
                raise self._failed(error, connection) from error
            except BaseException:
                self._roll_back(connection)
                raise
            self._failures = 0
            self._counted(connection, connection.total_changes - before)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The writing connection, for questions only; what they see is what was committed last."""
        with self._lock:
            connection = self._open_connection()
            try:
                yield connection
            except sqlite3.Error as error:
                if acts_file.is_mistake(error):
                    raise
                raise acts_file.explained(error, self.path) from error

    def note(self, name: str) -> bytes | None:
        """What was put under a name, None if nothing was."""
        with self.reading() as connection:
            return get(connection, name)

    @property
    def position(self) -> int:
        """The number of the log up to which everything has been heard, 0 in the beginning."""
        return int(self.note(POSITION) or 0)

    def empty_wal(self) -> bool:
        """Take the whole WAL into the file, so that nothing stands in it that was deleted since; False while somebody
        reads what is older. Raises StoreError."""
        with self.reading() as connection:
            busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            return not busy

    def close(self) -> None:
        """Close it; SQLite takes the WAL in. What is asked of it afterwards is refused."""
        with self._lock:
            self._closed = True
            self._drop()

    def _open_connection(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"{FILE} is closed", hint="open the store again", path=str(self.path), code="closed")
        if self._connection is None:
            if self._failures >= _BROKEN:
                raise self._broken(None)
            try:
                self._connection = acts_file.writer(self.path, self._schema, thorough=True)
            except sqlite3.Error as error:
                if not database.is_full(error, self.path):
                    self._failures = _BROKEN
                raise acts_file.explained(error, self.path) from error
        return self._connection

    def _counted(self, connection: sqlite3.Connection, changes: int) -> None:
        """Take the WAL into the file now and then, between two transactions."""
        self._changes += changes
        self._commits += 1
        if self._changes < _CHECKPOINT_CHANGES and self._commits < _CHECKPOINT_COMMITS:
            return
        self._changes = self._commits = 0
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            if not database.is_full(error, self.path):
                # What was committed is safe in the WAL; nothing more is written before the file was looked at.
                self._failures += 1
                self._drop()

    def _failed(self, error: sqlite3.Error, connection: sqlite3.Connection) -> StoreError:
        full = database.is_full(error, self.path)
        if self._roll_back(connection) and full:
            return database.explain(error, self.path)
        self._drop()
        if full:
            return database.explain(error, self.path)
        self._failures += 1
        if self._failures >= _BROKEN:
            return self._broken(error)
        return StoreError(
            f"{FILE} failed and is opened anew: {error}", hint="the same is tried again", path=str(self.path),
            code="acts_failed",
        )  # fmt: skip

    def _broken(self, error: sqlite3.Error | None) -> StoreError:
        said = "" if error is None else f": {error}"
        return StoreError(
            f"the disk failed twice running under {FILE}{said}",
            hint="look at the disk, then start again; until then nothing is sent",
            path=str(self.path), code="acts_broken",
        )  # fmt: skip

    def _roll_back(self, connection: sqlite3.Connection) -> bool:
        if database.roll_back(connection):
            return True
        self._drop()
        return False

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        database.drop(connection)


def get(connection: sqlite3.Connection, name: str) -> bytes | None:
    """The note of a name, None if there is none."""
    row = connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])


def put(tx: sqlite3.Connection, name: str, value: bytes) -> None:
    """Keep a note under a name."""
    tx.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))


def put_position(tx: sqlite3.Connection, position: int) -> None:
    """Everything up to this number of the log has been heard, with what the transaction made of it."""
    put(tx, POSITION, str(position).encode())
