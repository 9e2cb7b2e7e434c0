"""The SQLite file behind the acts: how it is laid out, brought up to today's format, and what its errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from afterclick.core.errors import StoreError, StoreFormat
from afterclick.core.said import Said
from afterclick.store import disk, layout
from afterclick.store.live import database

FILE: Final = layout.ACTS
APPLICATION: Final = 0x61634154
VERSION: Final = 1
UPGRADES: Final[Mapping[int, Sequence[str]]] = {}
"""Statements that take a file of format n to format n + 1."""
SCHEMA: Final = ("CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",)
_UNFINISHED: Final = FILE + ".new"
_PAGE: Final = 4096
"""Bytes of a page: steps of runs change one small row here and there, and a commit writes whole pages."""
_CACHE_KB: Final = 32 << 10
_MISTAKES: Final = frozenset(
    (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_MISUSE,
     sqlite3.SQLITE_RANGE, sqlite3.SQLITE_TOOBIG)
)  # fmt: skip


def exists(store: Path) -> bool:
    """Whether anything was ever to be kept for this store."""
    return (store / FILE).exists()


def create(path: Path) -> None:
    """An empty file of ours under its name, whole or not there at all. Raises sqlite3.Error, StoreError."""
    unfinished = path.with_name(_UNFINISHED)
    if path.exists():
        return
    with disk.explained(unfinished):
        unfinished.unlink(missing_ok=True)
    connection = sqlite3.connect(unfinished, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        connection.close()
    database.settle(unfinished, path)


def writer(path: Path, schema: Sequence[str], *, thorough: bool) -> sqlite3.Connection:
    """The one connection that writes, every table of `schema` there; `thorough` looks at the whole file first.

    Raises StoreFormat, and leaves the file untouched, sqlite3.Error.
    """
    connection = sqlite3.connect(
        _address(path, "rw"), uri=True, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    try:
        connection.execute(f"PRAGMA busy_timeout = {database.PATIENCE_MS}")
        version = check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        # SQLite keeps silent about a checkpoint of its own that failed to sync; ours is heard.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        if thorough and (said := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise database.damage(said)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        _lay_out(connection, schema, version)
    except BaseException:
        connection.close()
        raise
    return connection


def reader(store: Path) -> sqlite3.Connection:
    """A connection that never writes, for another process or thread; the caller closes it.

    Raises StoreError (`no_acts` where there is no file), StoreFormat.
    """
    path = store / FILE
    if not path.exists():
        raise StoreError(
            Said("refusals.acts_missing", file=FILE),
            hint=Said("refusals.acts_made_later"),
            path=str(path),
            code="no_acts",
        )
    try:
        connection = sqlite3.connect(_address(path, "ro"), uri=True, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA busy_timeout = {database.PATIENCE_MS}")
            connection.execute("PRAGMA query_only = ON")
            check(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise explained(error, path) from error
    return connection


def is_mistake(error: sqlite3.Error) -> bool:
    """Was it the statement that was wrong, and neither the disk nor the file?"""
    return isinstance(error, sqlite3.ProgrammingError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _MISTAKES


def explained(error: sqlite3.Error, path: Path) -> StoreError:
    """The store's error for what SQLite said."""
    if database.is_damage(error):
        # It is not set aside by itself: it knows who asked never to be written to again.
        return StoreError(
            Said("refusals.acts_damaged", file=FILE, error=str(error)), hint=Said("refusals.acts_restore"),
            path=str(path), code="acts_damaged",
        )  # fmt: skip
    return database.explain(error, path)


def _address(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?mode={mode}"


def _lay_out(connection: sqlite3.Connection, schema: Sequence[str], version: int) -> None:
    """Older files become files of today, and modules get their tables, all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for older in range(version, VERSION):
            for statement in UPGRADES[older]:
                connection.execute(statement)
        for statement in schema:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def check(connection: sqlite3.Connection, path: Path) -> int:
    """The format of the file. Raises StoreFormat for a newer one and for a file of somebody else."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if application != APPLICATION:
        raise StoreFormat(
            f"{FILE} is a database, but none of afterclick's", hint="move it out of the store", path=str(path)
        )
    if version > VERSION:
        raise StoreFormat(
            f"{FILE} has format {version}, this afterclick knows formats up to {VERSION}",
            hint="a newer afterclick wrote it: use that one; nothing was changed",
            path=str(path),
        )
    return version
