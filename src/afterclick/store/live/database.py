"""The SQLite file behind the tail: how it is laid out, opened, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from afterclick.core.errors import StoreError, StoreFormat
from afterclick.core.said import Said
from afterclick.store import disk

FILE: Final = "live.db"
WAL: Final = FILE + "-wal"
SHM: Final = FILE + "-shm"
APPLICATION: Final = 0x61634C56
VERSION: Final = 1
PAGE: Final = 8192
"""Bytes of a page: an event of 1.3 kB wastes less of it than of a smaller one, and a lonely commit still writes little."""
PATIENCE_MS: Final = 5000
_LEAST_ROOM: Final = 64 << 10

_CALLS: Final = (
    "CREATE TABLE calls (seq INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, source BLOB NOT NULL,"
    " events INTEGER NOT NULL, duplicates INTEGER NOT NULL, rejected INTEGER NOT NULL, bodies BLOB NOT NULL,"
    " rejects BLOB NOT NULL, crc INTEGER NOT NULL)"
)
_GROUPS: Final = (
    "CREATE TABLE groups (id INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,"
    " sealed_seq INTEGER NOT NULL, received INTEGER NOT NULL, stored INTEGER NOT NULL, duplicates INTEGER NOT NULL,"
    " rejected INTEGER NOT NULL, ids BLOB NOT NULL, contents BLOB NOT NULL, crc INTEGER NOT NULL)"
)
_NOTES: Final = "CREATE TABLE notes (name BLOB PRIMARY KEY, text BLOB NOT NULL, crc INTEGER NOT NULL)"
_SCHEMA: Final = {b"calls": _CALLS.encode(), b"groups": _GROUPS.encode(), b"notes": _NOTES.encode()}


def lay_out(path: Path) -> None:
    """Make an empty tail at `path`, which must not be there; it is whole when this returns, but not yet synced by name."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in (_CALLS, _GROUPS, _NOTES):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        connection.close()


def writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes and makes checkpoints. Raises StoreFormat for a file that is not ours, sqlite3.Error
    for one that cannot be read.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        connection.text_factory = bytes
        connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        # When a checkpoint is made is the tail's choice, between two commits.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def reader(path: Path) -> sqlite3.Connection:
    """A connection that never writes. Raises StoreFormat, sqlite3.Error."""
    try:
        return _reader(path, "mode=ro")
    except sqlite3.OperationalError:
        # A file system that takes no writes holds no index of the WAL either; then nobody else can be writing.
        writable = os.access(path.parent, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
        if writable or path.with_name(WAL).exists():
            raise
        return _reader(path, "immutable=1")


def _reader(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{how}", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        connection.text_factory = bytes
        connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        connection.execute("PRAGMA query_only = ON")
        check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreFormat for a database of somebody else or of a newer afterclick; it is left untouched."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = _tables(connection)
    if not tables and not application and not version:
        raise damage("it is empty")
    # One flipped bit in the header must not shut the owner out: two of the three signs make it ours.
    if (application == APPLICATION) + (version == VERSION) + (tables.keys() == _SCHEMA.keys()) >= 2:
        if tables != _SCHEMA:
            raise damage("its schema is damaged")
        return
    if application == APPLICATION and version > VERSION:
        raise StoreFormat(
            f"{FILE} has format {version}, this afterclick knows formats up to {VERSION}",
            hint="a newer afterclick wrote it: use that one; nothing was changed",
            path=str(path),
        )
    raise StoreFormat(
        f"{FILE} is a database, but none of afterclick's", hint="move it out of the store", path=str(path)
    )


def mend_schema(path: Path) -> bool:
    """Set the words right that say how rows are laid out, if they alone are damaged. Needs the store's lock."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.text_factory = bytes
            connection.execute("PRAGMA writable_schema = ON")
            tables = _tables(connection)
            if tables.keys() != _SCHEMA.keys() or tables == _SCHEMA:
                return False
            for name, statement in _SCHEMA.items():
                query = "UPDATE sqlite_master SET sql = CAST(? AS TEXT) WHERE CAST(name AS BLOB) = ?"
                connection.execute(query, (statement, name))
        with closing(reader(path)):
            return True
    except (sqlite3.Error, StoreFormat):
        return False


def _tables(connection: sqlite3.Connection) -> dict[bytes, bytes]:
    return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))


def roll_back(connection: sqlite3.Connection) -> bool:
    """Undo what is under way; False where even that fails, and the connection is to be dropped."""
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        return False
    return True


def drop(connection: sqlite3.Connection | None) -> None:
    """Close a connection that is not trusted any more."""
    if connection is not None:
        try:
            connection.close()
        except sqlite3.Error:
            # The file is opened anew or given up, whatever this one says at its end.
            return


def damage(said: str) -> sqlite3.DatabaseError:
    """The error of a file that does not hold together."""
    error = sqlite3.DatabaseError(said)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def is_full(error: sqlite3.Error, path: Path) -> bool:
    """Did SQLite fail because no space is left?"""
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_FULL:
        return True
    if code is None or code & 0xFF not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return False
    # The index of the WAL is made with another error for the same reason.
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _LEAST_ROOM


def is_damage(error: sqlite3.Error) -> bool:
    """Did SQLite fail because the file does not hold together?"""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """The store's error for what SQLite said when it opened the file."""
    if is_full(error, path):
        return StoreError(
            Said("refusals.disk_full", name=path.name), hint=Said("refusals.free_space_only"),
            path=str(path), code="disk_full",
        )  # fmt: skip
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        refused = StoreError(
            Said("refusals.cannot_write_here", name=path.name, error=str(error)), hint=Said("refusals.write_access"),
            path=str(path), code="no_access",
        )  # fmt: skip
        refused.exit_code = 2
        return refused
    return StoreError(
        Said("refusals.disk_refused_here", name=path.name, error=str(error)),
        hint=Said("refusals.run_doctor"),
        path=str(path),
        code="disk",
    )


def settle(unfinished: Path, path: Path) -> None:
    """Give a whole new file its name, and make the name last. The file's own bytes were synced when it was closed."""
    with disk.explained(path):
        disk.settle(unfinished, path)
