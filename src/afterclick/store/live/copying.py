"""Copies the tail while its writer goes on, through SQLite alone: a copy of the files themselves would not hold together."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from afterclick.core.errors import StoreError
from afterclick.core.said import Said
from afterclick.store import disk
from afterclick.store.live import database, loading, mark, reading
from afterclick.store.live.rows import Group


def copy(store: Path, target: Path) -> Group:
    """Copy the tail of one moment from store to store; its state at that moment, an empty one where there is no tail.

    `target` is a folder without a tail. Raises StoreError for a tail that cannot be read, or a disk that refuses the copy.
    """
    path = store / database.FILE
    # Read first: what is marked was committed before, and a loss that is known stays known in the copy.
    marked = mark.read(store)
    if not path.exists():
        if marked:
            mark.write(target, marked)
        return loading.EMPTY
    try:
        with closing(database.reader(path)) as source:
            # One transaction for both, so that the state is that of the copy.
            source.execute("BEGIN")
            state = reading.newest(source) or loading.EMPTY
            _copy(source, target / database.FILE)
    except sqlite3.Error as error:
        raise database.explain(error, path) from error
    (target / database.FILE).chmod(stat.S_IMODE(path.stat().st_mode))
    disk.sync_folder(target)
    mark.write(target, max(marked, state.last_seq))
    return state


def copy_database(path: Path, target: Path) -> int:
    """Copy another database of a store as it is at one moment; its bytes. Raises StoreError as `copy`."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)) as source:
            source.execute(f"PRAGMA busy_timeout = {database.PATIENCE_MS}")
            _copy(source, target)
    except sqlite3.Error as error:
        raise database.explain(error, path) from error
    target.chmod(stat.S_IMODE(path.stat().st_mode))
    disk.sync_folder(target.parent)
    return target.stat().st_size


def _copy(source: sqlite3.Connection, path: Path) -> None:
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            source.backup(connection)
    except sqlite3.Error as error:
        if database.is_full(error, path):
            raise StoreError(
                Said("refusals.copy_disk_full", name=path.name), hint=Said("refusals.free_space"),
                path=str(path), code="disk_full",
            ) from error  # fmt: skip
        raise
