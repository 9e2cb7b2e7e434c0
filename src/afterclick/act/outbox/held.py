"""Messages that something holds until an hour: what it is, and that they are asked again when the settings change."""

from __future__ import annotations

import sqlite3
from typing import Final

_QUIET: Final = "quiet_hours"


def held(reader: sqlite3.Connection) -> list[tuple[str, int, int | None]]:
    """Reason, how many, and when the first of them is asked again (µs UTC), None where something has to change first."""
    rows = reader.execute(
        "SELECT reason, count(*), min(due_at) FROM sends WHERE state = 'held' GROUP BY reason ORDER BY reason"
    )
    return [(str(reason), int(n), None if due is None else int(due)) for reason, n, due in rows]


def ask_again(tx: sqlite3.Connection, now: int) -> int:
    """Quiet hours have changed: whatever waits for their end is due now, and the gate asks the new ones. How many."""
    return tx.execute(
        "UPDATE sends SET due_at = ? WHERE state = 'held' AND due_at IS NOT NULL AND reason = ?", (now, _QUIET)
    ).rowcount
