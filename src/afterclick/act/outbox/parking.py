"""Messages that wait for a paused journey: out of the line, so that nobody asks about them until it goes on."""

from __future__ import annotations

import sqlite3
from typing import Final

from afterclick.act.outbox.intent import Intent

PARKED: Final = (
    "CREATE TABLE IF NOT EXISTS parked (journey TEXT NOT NULL, at INTEGER NOT NULL, send INTEGER NOT NULL,"
    " PRIMARY KEY (journey, at, send)) WITHOUT ROWID"
)
_EVER: Final = 2**62
_FREED: Final = (
    "SELECT name, ?1 FROM journeys j WHERE paused = 0 AND EXISTS (SELECT 1 FROM parked WHERE journey = j.name)"
    " UNION ALL SELECT name, at FROM stops s WHERE EXISTS"
    " (SELECT 1 FROM parked WHERE journey = s.name AND parked.at <= s.at)"
)


def park(tx: sqlite3.Connection, row: int, intent: Intent) -> None:
    """The message of a row waits for its journey."""
    tx.execute("INSERT OR IGNORE INTO parked VALUES (?, ?, ?)", (intent.journey, intent.at, row))


def freed(reader: sqlite3.Connection) -> list[tuple[str, int]]:
    """Journeys for which messages need not wait any longer, and up to which instant of being meant: those that go on, and
    those that were taken away, whose messages have to end."""
    if reader.execute("SELECT 1 FROM parked LIMIT 1").fetchone() is None:
        return []
    return [(str(name), int(upto)) for name, upto in reader.execute(_FREED, (_EVER,))]


def release(tx: sqlite3.Connection, now: int) -> int:
    """Put them back in line, due now: a pause is a decision, and does not count as having missed the time. How many."""
    moved = 0
    for journey, upto in freed(tx):
        theirs = "SELECT send FROM parked WHERE journey = ? AND at <= ?"
        moved += tx.execute(
            "UPDATE sends SET due_at = ?, reason = '' WHERE state = 'held' AND due_at IS NULL"  # noqa: S608
            f" AND rowid IN ({theirs})",
            (now, journey, upto),
        ).rowcount
        tx.execute("DELETE FROM parked WHERE journey = ? AND at <= ?", (journey, upto))
    return moved
