"""SQLite alone, with the rows a collector stores: the yardstick of durable batches, in a process of its own.

`python ingest_sqlite.py FILE BATCHES EVENTS BATCHES_A_COMMIT` prints the seconds it took.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import msgspec

from afterclick.app.bench.ingest_client import event
from afterclick.core import clock


def seconds(file: Path, batches: int, events: int, a_commit: int) -> float:
    """Store batches of so many events of 1.3 kB, one row each, so many to a commit, every commit synced."""
    body = b"[%b]" % b",".join([msgspec.json.encode(event("0" * 36))] * events)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE calls (seq INTEGER PRIMARY KEY, received_at INTEGER, bodies BLOB)")
        begun = clock.ticks()
        for first in range(0, batches, a_commit):
            connection.execute("BEGIN IMMEDIATE")
            rows = [(seq, seq, body) for seq in range(first, min(first + a_commit, batches))]
            connection.executemany("INSERT INTO calls VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")
        return clock.ticks() - begun


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    sys.stdout.write(f"{seconds(Path(name), *map(int, numbers))}\n")
