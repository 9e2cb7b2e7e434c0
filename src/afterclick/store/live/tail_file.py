"""The one connection that writes the tail, and what becomes of it when the disk fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from afterclick.core.errors import StoreError
from afterclick.store.live import database, notes, salvage

Statement = tuple[str, Sequence[Any]]
_PATIENCE_MS: Final = 200
_BROKEN: Final = 2


class TailFile:
    """Opens `live.db`, runs transactions on it, and after a failure opens it anew; not safe for several threads."""

    def __init__(self, store: Path, loaded: Callable[[sqlite3.Connection], None]) -> None:
        """`loaded` is called with every connection that was opened, before it is used."""
        self.path = store / database.FILE
        self._store = store
        self._loaded = loaded
        self._connection: sqlite3.Connection | None = None
        self._failures = 0

    @property
    def is_open(self) -> bool:
        """Can it be read and written as far as is known?"""
        return self._connection is not None

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection; where the last failure left none, one more attempt to open it. Raises StoreError."""
        if self._connection is None:
            self._again()
        assert self._connection is not None
        return self._connection

    def open(self) -> None:
        """Open or create it and take up what a crash left. Raises StoreError, StoreFormat."""
        try:
            salvage.finish(self._store)
            if not self.path.exists():
                salvage.create(self._store)
            self._open(thorough=False)
        except sqlite3.Error as error:
            self._drop()
            raise database.explain(error, self.path) from error

    def close(self) -> None:
        """Close it; SQLite makes a last checkpoint."""
        self._drop()

    def transact(self, statements: Iterable[Statement]) -> None:
        """Run statements in one transaction and return when the disk has confirmed it.

        Raises StoreError, and then nothing of it is stored: `disk_full`, `tail_failed`, `tail_broken`.
        """
        if self._connection is None:
            # What waits was claimed against a tail that is only now known again: it must be sent once more.
            self._again()
            raise self._unsure(None)
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for sql, values in statements:
                connection.execute(sql, values)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self.failed(error) from error
        self._failures = 0

    def failed(self, error: sqlite3.Error) -> StoreError:
        """Take the failure in: roll back, and but for a full disk close, open anew and check. Returns what to raise."""
        full = database.is_full(error, self.path)
        rolled_back = self._roll_back()
        if full and rolled_back:
            return database.explain(error, self.path)
        self._failures += 1
        self._drop()
        if self._failures >= _BROKEN:
            return self._broken(error)
        try:
            self._open(thorough=True)
        except sqlite3.Error as second:
            self._drop()
            if database.is_full(second, self.path):
                self._failures -= 1
                return database.explain(second, self.path)
            self._failures = _BROKEN
            return self._broken(second)
        return self._unsure(error)

    def _again(self) -> None:
        if self._failures >= _BROKEN:
            raise self._broken(None)
        try:
            if not self.path.exists():
                salvage.finish(self._store)
                salvage.create(self._store)
            self._open(thorough=True)
        except sqlite3.Error as error:
            self._drop()
            if database.is_full(error, self.path):
                raise database.explain(error, self.path) from error
            self._failures = _BROKEN
            raise self._broken(error) from error

    def _open(self, *, thorough: bool) -> None:
        told: list[str] = []
        try:
            self._connect(thorough=thorough)
        except sqlite3.DatabaseError as error:
            if not database.is_damage(error):
                raise
            self._drop()
            if database.mend_schema(self.path):
                told = [f"{error}; it was set right, nothing is lost by it"]
            else:
                aside, told = salvage.salvage(self._store, str(error))
                told.append(f"the damaged file is kept as {aside.name}")
            self._connect(thorough=False)
        assert self._connection is not None
        notes.add_losses(self._connection, told)

    def _connect(self, *, thorough: bool) -> None:
        connection = self._connection = database.writer(self.path)
        if thorough:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said != b"ok":
                raise database.damage(said.decode(errors="replace"))
        self._empty_wal(connection)
        self._loaded(connection)

    def _empty_wal(self, connection: sqlite3.Connection) -> None:
        """Nothing is appended to a WAL that another process may have failed to sync: first it goes into the database."""
        connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            if not database.is_full(error, self.path):
                raise
        connection.execute(f"PRAGMA busy_timeout = {database.PATIENCE_MS}")

    def _roll_back(self) -> bool:
        return self._connection is not None and database.roll_back(self._connection)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        database.drop(connection)

    def _unsure(self, error: sqlite3.Error | None) -> StoreError:
        said = "" if error is None else f": {error}"
        return StoreError(
            f"{database.FILE} failed and was opened anew{said}", hint="send the same again",
            path=str(self.path), code="tail_failed",
        )  # fmt: skip

    def _broken(self, error: sqlite3.Error | None) -> StoreError:
        said = "" if error is None else f": {error}"
        return StoreError(
            f"the disk failed twice running under {database.FILE}{said}",
            hint="look at the disk, then start again; what was acknowledged is stored",
            path=str(self.path), code="tail_broken",
        )  # fmt: skip
