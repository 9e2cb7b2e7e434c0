"""A tail that SQLite refuses is set aside and what can still be read of it taken over, so that nobody mends by hand."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from afterclick.store import disk
from afterclick.store.live import database, reading, rows
from afterclick.store.live.calls import Balance
from afterclick.store.live.rows import Group

_NEW: Final = database.FILE + ".new"
ASIDE: Final = "live.damaged-"
_LAST: Final = (1 << 63) - 1
_T = TypeVar("_T")
_INSERT_CALL: Final = f"INSERT OR IGNORE INTO calls ({rows.CALL_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_INSERT_GROUP: Final = (
    f"INSERT OR IGNORE INTO groups ({rows.GROUP_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
)


def create(store: Path) -> None:
    """An empty tail for a store that has none. Needs the store's lock."""
    unfinished = _fresh(store)
    database.lay_out(unfinished)
    database.settle(unfinished, store / database.FILE)


def finish(store: Path) -> None:
    """Go on where a crash interrupted `salvage`. Needs the store's lock."""
    with disk.explained(store / _NEW):
        if (store / _NEW).exists():
            _switch(store)


def salvage(store: Path, why: str) -> tuple[Path, list[str]]:
    """Take over what can be read into a new file and set the damaged one aside, under the name that is returned.

    Also returns what is to be said about it. Needs the store's lock, and that no connection of ours is open. Raises
    sqlite3.Error where the new file cannot be written: then the damaged one stays in its place.
    """
    told = [f"{database.FILE} could not be opened: {why}"]
    unfinished = _fresh(store)
    database.lay_out(unfinished)
    with contextlib.closing(_damaged(store)) as damaged:
        _copy(damaged, unfinished, told)
    with disk.explained(store / _NEW):
        disk.settle(unfinished, store / _NEW)
        return _switch(store), told


def _damaged(store: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(store / database.FILE))}?mode=ro", uri=True, isolation_level=None)
    connection.text_factory = bytes
    return connection


def _copy(damaged: sqlite3.Connection, target: Path, told: list[str]) -> None:
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        calls = 0
        for row in _as_far_as_read(reading.calls(damaged, -1, _LAST, told.append), target):
            connection.execute(_INSERT_CALL, row)
            calls += 1
        told.append(f"{calls} calls could be taken over")
        for group in _as_far_as_read(reading.groups(damaged, told.append), target):
            connection.execute(_INSERT_GROUP, group.row())
        _complete(connection)
        connection.execute("COMMIT")


def _as_far_as_read(found: Iterable[_T], path: Path) -> Iterator[_T]:
    """What can be read. A full disk is no damage and must not end as one: it is tried again once there is space."""
    try:
        yield from found
    except sqlite3.DatabaseError as error:
        if database.is_full(error, path):
            raise


def _complete(connection: sqlite3.Connection) -> None:
    """Where the newest groups are gone, count what their calls hold, so that numbers are never used twice."""
    newest = reading.newest(connection) or Group(0, 1, 0, 0, Balance())
    events, last = connection.execute("SELECT total(events), max(seq) FROM calls WHERE seq > ?", (newest.last_seq,)).fetchone()
    if last is not None:
        balance = newest.balance.after(int(events), 0, 0)
        group = Group(newest.id + 1, newest.last_seq + 1, last, newest.sealed_seq, balance)
        connection.execute(_INSERT_GROUP, group.row())


def _fresh(store: Path) -> Path:
    unfinished = store / (_NEW + disk.TEMPORARY)
    for suffix in ("", "-wal", "-shm"):
        unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    return unfinished


def _switch(store: Path) -> Path:
    """The damaged file and its WAL get a name of their own, the new one its place. Safe to repeat at every step."""
    aside = store / f"{ASIDE}{_next(store)}.db"
    # The WAL goes first: one that outlived its database would be read into the new one.
    for suffix in ("-wal", ""):
        old = store / (database.FILE + suffix)
        if old.exists():
            old.replace(aside.with_name(aside.name + suffix))
    (store / database.SHM).unlink(missing_ok=True)
    disk.sync_folder(store)
    (store / _NEW).replace(store / database.FILE)
    disk.sync_folder(store)
    return aside


def _next(store: Path) -> int:
    numbers = (path.name.removeprefix(ASIDE).removesuffix(".db") for path in store.glob(f"{ASIDE}*.db"))
    return 1 + max((int(number) for number in numbers if number.isdigit()), default=0)
