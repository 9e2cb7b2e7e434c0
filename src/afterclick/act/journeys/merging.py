"""Runs of two visitors who turned out to be one."""

from __future__ import annotations

import sqlite3
from typing import Any

from afterclick.act.journeys import tables

_COLUMNS = "journey, key, run, entered, seen, ended, reason"


def merge(tx: sqlite3.Connection, into: str, gone: str) -> None:
    """Everything of `gone` goes on under `into`. Of two runs of one journey (and key) the older stays, the other ends as
    "merged"; entries count together."""
    rows = tx.execute(f"SELECT {_COLUMNS} FROM entries WHERE visitor = ?", (gone,)).fetchall()  # noqa: S608
    if not rows:
        return
    for row in rows:
        query = f"SELECT {_COLUMNS} FROM entries WHERE visitor = ? AND journey = ? AND key = ?"  # noqa: S608
        other = tx.execute(query, (into, row[0], row[1])).fetchone()
        joined = row if other is None else _joined(tx, row, other)
        tx.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (into, *joined))
        if row[2] is not None:
            tx.execute("UPDATE runs SET visitor = ? WHERE run = ?", (into, row[2]))
    tx.execute("DELETE FROM entries WHERE visitor = ?", (gone,))


def _joined(tx: sqlite3.Connection, one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    journey, key, run, entered, seen, ended, reason = max(one, other, key=lambda row: row[5])
    runs = sorted((row[3], row[2]) for row in (one, other) if row[2] is not None)
    if len(runs) == 2:
        _end(tx, runs[1][1])
        tables.tally(tx, [(journey, "ended:merged", 1)])
    run = runs[0][1] if runs else None
    entered, seen = max(one[3], other[3]), max(one[4], other[4])
    return journey, key, run, entered, seen, 0 if runs else ended, "" if runs else reason


def _end(tx: sqlite3.Connection, run: int) -> None:
    (due,) = tx.execute("SELECT due FROM runs WHERE run = ?", (run,)).fetchone()
    tx.execute("DELETE FROM timers WHERE paused IN (0, 1) AND due = ? AND run = ?", (due, run))
    tx.execute("DELETE FROM runs WHERE run = ?", (run,))
