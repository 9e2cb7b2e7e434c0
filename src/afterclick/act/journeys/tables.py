"""The tables of journeys in acts.db: versions, runs, their timers, and who entered when."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS journeys (
        journey INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, paused INTEGER NOT NULL DEFAULT 0,
        day TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE IF NOT EXISTS versions (
        version INTEGER PRIMARY KEY, journey INTEGER NOT NULL, digest TEXT NOT NULL, body BLOB NOT NULL,
        UNIQUE (journey, digest))""",
    """CREATE TABLE IF NOT EXISTS runs (
        run INTEGER PRIMARY KEY, version INTEGER NOT NULL, visitor TEXT NOT NULL, key TEXT NOT NULL, token BLOB NOT NULL,
        entered INTEGER NOT NULL, step INTEGER NOT NULL, since INTEGER NOT NULL, due INTEGER NOT NULL, notes BLOB)""",
    # Laid out by what is due, those that wait for a paused journey apart: what fires is the front of it, read and deleted
    # without an index beside it.
    """CREATE TABLE IF NOT EXISTS timers (
        paused INTEGER NOT NULL, due INTEGER NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (paused, due, run)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS entries (
        visitor TEXT NOT NULL, journey INTEGER NOT NULL, key TEXT NOT NULL, run INTEGER, entered INTEGER NOT NULL,
        seen INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (visitor, journey, key)) WITHOUT ROWID""",
    # Until when a journey's messages are called off: it was taken away, or made a draft again.
    """CREATE TABLE IF NOT EXISTS stops (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID""",
    # Versions that cannot be read any more: their runs are held until they can.
    """CREATE TABLE IF NOT EXISTS set_aside (version INTEGER PRIMARY KEY)""",
    """CREATE TABLE IF NOT EXISTS tallies (
        journey INTEGER NOT NULL, what TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (journey, what)) WITHOUT ROWID""",
)
RUN_COLUMNS: Final = "r.run, r.version, r.visitor, r.key, r.token, r.entered, r.step, r.since, r.due, r.notes"
_OF_VISITOR: Final = (
    f"SELECT {RUN_COLUMNS} FROM entries e JOIN runs r ON r.run = e.run WHERE e.visitor = ?"  # noqa: S608
    " AND e.run IS NOT NULL ORDER BY r.run"
)
_DUE: Final = (
    f"SELECT {RUN_COLUMNS} FROM timers t JOIN runs r ON r.run = t.run"  # noqa: S608
    " WHERE t.paused = 0 AND t.due <= ? ORDER BY t.due, t.run LIMIT ?"
)
_OF_VERSION: Final = f"SELECT {RUN_COLUMNS} FROM runs r WHERE r.version = ? AND r.run > ? ORDER BY r.run LIMIT ?"  # noqa: S608


class Notes(msgspec.Struct, array_like=True, omit_defaults=True):
    """What a run remembers: what the event it entered by said, what `set` noted, which awaited events it has seen."""

    event: dict[str, Any] = {}
    noted: dict[str, str] = {}
    seen: list[int] = []


_PACK: Final = msgspec.msgpack.Encoder()
_UNPACK: Final = msgspec.msgpack.Decoder(Notes)


class Run(msgspec.Struct):
    """One visitor on the way through one version of a journey, waiting at a step.

    `token` is what tells the run from every other for ever; `since` the instant it came to the step (0: it has not set
    out); `due` that of its timer; `packed` its notes as they are stored.
    """

    run: int
    version: int
    visitor: str
    key: str
    token: bytes
    entered: int
    step: int
    since: int
    due: int
    packed: bytes | None
    notes_changed: bool = False
    _notes: Notes | None = None

    @property
    def notes(self) -> Notes:
        """Its notes; who changes them says so by `notes_changed`."""
        if self._notes is None:
            self._notes = Notes() if self.packed is None else _UNPACK.decode(self.packed)
        return self._notes

    def remember(self, event: dict[str, Any]) -> None:
        """Keep what the event said that it entered by."""
        self._notes, self.notes_changed = Notes(event=event), True

    def has_seen(self, step: int) -> bool:
        """Whether the event awaited at a step has happened since it entered."""
        return (self.packed is not None or self._notes is not None) and step in self.notes.seen

    def stored_notes(self) -> bytes | None:
        """The notes as they are to be stored."""
        if self._notes is not None and self.notes_changed:
            self.packed = _PACK.encode(self._notes)
            self.notes_changed = False
        return self.packed

    def row(self) -> tuple[Any, ...]:
        """Values of the table `runs`."""
        return (
            self.run, self.version, self.visitor, self.key, self.token, self.entered, self.step, self.since, self.due,
            self.stored_notes(),
        )  # fmt: skip


class Entered(msgspec.Struct, frozen=True):
    """What is known of a visitor's (and key's) entries to a journey; `run` is None when none is on its way."""

    run: int | None
    entered: int
    seen: int


def are_there(connection: sqlite3.Connection) -> bool:
    """Whether the file has the tables of journeys."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'tallies'").fetchone() is not None


def runs_of(connection: sqlite3.Connection, visitor: str) -> list[Run]:
    """The runs of a visitor, the oldest first."""
    return [Run(*row) for row in connection.execute(_OF_VISITOR, (visitor,))]


def due_runs(connection: sqlite3.Connection, now: int, limit: int) -> list[Run]:
    """The runs whose timers are due, the most overdue first."""
    return [Run(*row) for row in connection.execute(_DUE, (now, limit))]


def runs_of_version(connection: sqlite3.Connection, version: int, after: int, limit: int) -> list[Run]:
    """Runs of a version behind a number."""
    return [Run(*row) for row in connection.execute(_OF_VERSION, (version, after, limit))]


def entered(connection: sqlite3.Connection, visitor: str, journey: int, key: str) -> Entered | None:
    """The entries of a visitor to a journey, None if there was none."""
    query = "SELECT run, entered, seen FROM entries WHERE visitor = ? AND journey = ? AND key = ?"
    row = connection.execute(query, (visitor, journey, key)).fetchone()
    return None if row is None else Entered(*row)


def stands(connection: sqlite3.Connection, name: str) -> tuple[bool, int]:
    """Whether a journey is paused, and up to which instant (µs UTC, 0: none) its messages are called off."""
    query = "SELECT (SELECT paused FROM journeys WHERE name = ?1), (SELECT at FROM stops WHERE name = ?1)"
    paused, stopped_at = connection.execute(query, (name,)).fetchone()
    return bool(paused), stopped_at or 0


def call_off(tx: sqlite3.Connection, name: str, now: int) -> None:
    """What a journey has meant to send up to now does not leave any more."""
    tx.execute("INSERT OR REPLACE INTO stops VALUES (?, ?)", (name, now))


def next_run(connection: sqlite3.Connection) -> int:
    """The first number that no run has."""
    return int(connection.execute("SELECT coalesce(max(run), 0) + 1 FROM runs").fetchone()[0])


def forget(tx: sqlite3.Connection, visitors: Iterable[str]) -> int:
    """Take out every row of visitors, by their keys; returns how many entries there were."""
    gone = 0
    for visitor in visitors:
        for run in runs_of(tx, visitor):
            tx.execute("DELETE FROM timers WHERE paused IN (0, 1) AND due = ? AND run = ?", (run.due, run.run))
            tx.execute("DELETE FROM runs WHERE run = ?", (run.run,))
        gone += tx.execute("DELETE FROM entries WHERE visitor = ?", (visitor,)).rowcount
    return gone


def tally(tx: sqlite3.Connection, counted: Iterable[tuple[int, str, int]]) -> None:
    """Add to the counts of journeys: (journey, what, how many)."""
    statement = "INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
    tx.executemany(statement, counted)


def tallies(connection: sqlite3.Connection) -> Iterator[tuple[str, str, int]]:
    """(journey, what, how many) since the file was made: `entered`, `refused:active`, `ended:goal` ..."""
    yield from connection.execute(
        "SELECT j.name, t.what, t.n FROM tallies t JOIN journeys j ON j.journey = t.journey ORDER BY j.name, t.what"
    )
