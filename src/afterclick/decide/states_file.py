"""The states of visitors on disk: a cache of what the log says, thrown away wherever it is in doubt."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from afterclick.core.errors import StoreError
from afterclick.decide.people import Saved
from afterclick.store import layout

FILE: Final = layout.STATES
VERSION: Final = 1
_APPLICATION: Final = 0x61635354
_SCHEMA: Final = (
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE states (visitor TEXT PRIMARY KEY, due INTEGER NOT NULL, packed BLOB NOT NULL)",
    "CREATE TABLE ids (number INTEGER PRIMARY KEY, id TEXT NOT NULL, root INTEGER NOT NULL)",
    "CREATE TABLE logins (device INTEGER PRIMARY KEY, users BLOB NOT NULL)",
)
_DAMAGED: Final = (sqlite3.DatabaseError, msgspec.DecodeError, ValueError, TypeError, KeyError, IndexError)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What states rest on: the number of the last call folded, the change of the log up to which imports are in it, the
    rules by their fingerprint, what properties are, and how many events each rule has made in the hour."""

    position: int
    imports: int
    book: str
    meaning: str
    terms: list[str] = []
    learnt: dict[str, list[str]] = {}
    tallies: dict[str, tuple[int, int]] = {}


class Kept(NamedTuple):
    """What was saved."""

    note: Note
    states: dict[str, tuple[int, bytes]]
    people: Saved


class Changes(NamedTuple):
    """What changed since the last saving: per visitor when time may do something and the packed state (empty: gone),
    ids by number with their roots, log-ins by number of the device."""

    note: Note
    states: Mapping[str, tuple[int, bytes]]
    ids: Sequence[tuple[int, str, int]]
    logins: Sequence[tuple[int, list[tuple[int, int]]]]


class StatesFile:
    """The file `states.db` of a store; only the serving process opens it."""

    def __init__(self, store: Path) -> None:
        self.path = store / FILE

    def load(self) -> Kept | None:
        """What was saved; None where there is nothing, or nothing that can be trusted: then the log is read again."""
        if not self.path.exists():
            return None
        try:
            with closing(self._open()) as connection:
                return _read(connection)
        except _DAMAGED:
            return None

    def save(self, changes: Changes, *, anew: bool = False) -> None:
        """Write what changed, in one transaction; `anew`: in the place of everything. Raises StoreError."""
        try:
            if anew or not self._is_ours():
                self.remove()
            with closing(self._open()) as connection:
                _write(connection, changes)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{FILE} cannot be written: {error}", hint="is the disk full? It is a cache: it may be deleted",
                path=str(self.path), code="states_failed",
            ) from error  # fmt: skip

    def remove(self) -> None:
        """Delete it; everything is learnt anew from the log."""
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(FILE + suffix).unlink(missing_ok=True)

    def forget(self, visitors: Iterable[str], ids: Iterable[str]) -> None:
        """Erase visitors and ids for good: no byte of them stays in the file. Raises StoreError."""
        if not self.path.exists():
            return
        try:
            with closing(self._open()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("DELETE FROM states WHERE visitor = ?", [(key,) for key in visitors])
                connection.executemany("UPDATE ids SET id = '' WHERE id = ?", [(text,) for text in ids])
                connection.execute("COMMIT")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            self.remove()

    def _is_ours(self) -> bool:
        try:
            with closing(self._open()):
                return True
        except _DAMAGED:
            return False

    def _open(self) -> sqlite3.Connection:
        fresh = not self.path.exists()
        connection = sqlite3.connect(f"file:{quote(str(self.path))}", uri=True, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # A crash may lose the last saving; the log has it all.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            if fresh:
                connection.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
                connection.execute("COMMIT")
            said = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
            if said != [_APPLICATION, VERSION]:
                raise sqlite3.DatabaseError("another format")
        except BaseException:
            connection.close()
            raise
        return connection


def _write(connection: sqlite3.Connection, changes: Changes) -> None:
    connection.execute("BEGIN IMMEDIATE")
    gone = [(key,) for key, (_, packed) in changes.states.items() if not packed]
    there = [(key, due, packed) for key, (due, packed) in changes.states.items() if packed]
    connection.executemany("DELETE FROM states WHERE visitor = ?", gone)
    connection.executemany("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", there)
    connection.executemany("INSERT OR REPLACE INTO ids VALUES (?, ?, ?)", changes.ids)
    rows = [(device, msgspec.msgpack.encode(users)) for device, users in changes.logins]
    connection.executemany("INSERT OR REPLACE INTO logins VALUES (?, ?)", rows)
    connection.execute("INSERT OR REPLACE INTO notes VALUES ('note', ?)", (msgspec.json.encode(changes.note),))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _read(connection: sqlite3.Connection) -> Kept | None:
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        return None
    found: Any = connection.execute("SELECT value FROM notes WHERE name = 'note'").fetchone()
    if found is None:
        return None
    note = msgspec.json.decode(found[0], type=Note)
    states = {key: (due, packed) for key, due, packed in connection.execute("SELECT visitor, due, packed FROM states")}
    ids: list[str] = []
    roots: dict[int, int] = {}
    for number, text, root in connection.execute("SELECT number, id, root FROM ids ORDER BY number"):
        if number != len(ids):
            return None
        ids.append(text)
        if root != number:
            roots[number] = root
    decoder = msgspec.msgpack.Decoder(list[tuple[int, int]])
    logins = {device: decoder.decode(users) for device, users in connection.execute("SELECT device, users FROM logins")}
    return Kept(note, states, Saved(ids, roots, logins))
