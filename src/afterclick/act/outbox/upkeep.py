"""What becomes of the outbox beside sending: visitors turn out to be one, are erased, and the old is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from afterclick.act.outbox.table import INTENDED, count


def merge(tx: sqlite3.Connection, into: str, gone: str) -> None:
    """Two visitors are one: what was meant for either counts for and goes to the one."""
    tx.execute("UPDATE sends SET visitor = ? WHERE visitor = ?", (into, gone))


def forget(tx: sqlite3.Connection, visitors: Iterable[str], now: int) -> None:
    """Erase visitors: nothing more goes to them, and rows say no longer whom they were for."""
    for visitor in visitors:
        open_ones = tx.execute(
            "UPDATE sends SET state = 'suppressed', reason = 'erased', due_at = NULL, until_at = NULL, done_at = ?"
            " WHERE visitor = ? AND state IN ('planned', 'held', 'claimed')",
            (now, visitor),
        ).rowcount
        count(tx, "suppressed", open_ones)
        tx.execute(
            "UPDATE sends SET visitor = '', intent = x'', words = NULL, detail = '', counted_at = NULL WHERE visitor = ?",
            (visitor,),
        )


def prune(tx: sqlite3.Connection, before: int, limit: int = 1000) -> int:
    """Forget messages that ended before an instant, rows and counts alike; how many."""
    rows = tx.execute(
        "SELECT rowid, state FROM sends WHERE done_at < ? AND state IN ('sent', 'suppressed', 'failed', 'uncertain') LIMIT ?",
        (before, limit),
    ).fetchall()
    tx.executemany("DELETE FROM sends WHERE rowid = ?", [(row,) for row, _ in rows])
    for _, state in rows:
        count(tx, state, -1)
        count(tx, INTENDED, -1)
    return len(rows)
