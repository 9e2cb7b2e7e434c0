"""What one transaction does to runs and timers, gathered and then written with few statements."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

from afterclick.act.journeys import tables
from afterclick.act.journeys.tables import Run
from afterclick.act.outbox.intent import Intent


class Changes:
    """Filled run by run; `write` puts them into the transaction and empties it."""

    def __init__(self) -> None:
        self.intents: list[Intent] = []
        self.counted: Counter[tuple[int, str]] = Counter()
        self._entries: list[tuple[Any, ...]] = []
        self._new: list[tuple[Any, ...]] = []
        self._moved: list[tuple[Any, ...]] = []
        self._noted: list[tuple[Any, ...]] = []
        self._gone: list[tuple[int]] = []
        self._left: list[tuple[Any, ...]] = []
        self._stopped: list[tuple[int, int]] = []
        self._timed: list[tuple[int, int, int]] = []

    def enter(self, run: Run, journey: int) -> None:
        """A run begins; what becomes of it is told by `begin` or `end`."""
        self._entries.append((run.visitor, journey, run.key, run.run, run.entered, run.entered))
        self.counted[journey, "entered"] += 1

    def begin(self, run: Run, paused: bool) -> None:
        """A run that has entered waits."""
        self._new.append(run.row())
        self._timed.append((paused, run.due, run.run))

    def wait(self, run: Run, paused: bool) -> None:
        """A run that was there before waits; its old timer is taken away by `stop` or with the batch that fired."""
        if run.notes_changed:
            self._noted.append((run.step, run.since, run.due, run.stored_notes(), run.run))
        else:
            self._moved.append((run.step, run.since, run.due, run.run))
        self._timed.append((paused, run.due, run.run))

    def note(self, run: Run) -> None:
        """A run has seen or noted something and waits as before."""
        self._noted.append((run.step, run.since, run.due, run.stored_notes(), run.run))

    def stop(self, run: Run) -> None:
        """The timer of a run is taken away, wherever it is kept."""
        self._stopped.append((run.due, run.run))

    def end(self, run: Run, journey: int, at: int, reason: str, *, stored: bool = True) -> None:
        """A run is over; `stored` where it has a row."""
        if stored:
            self._gone.append((run.run,))
        self._left.append((at, reason, run.visitor, journey, run.key, run.run))
        self.counted[journey, f"ended:{reason}"] += 1

    def write(self, tx: sqlite3.Connection) -> None:
        """Put everything but the intents into the transaction."""
        if self._stopped:
            tx.executemany("DELETE FROM timers WHERE paused IN (0, 1) AND due = ? AND run = ?", self._stopped)
        if self._entries:
            tx.executemany(
                "INSERT INTO entries (visitor, journey, key, run, entered, seen) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET run = excluded.run, entered = excluded.entered, seen = excluded.seen,"
                " ended = 0, reason = ''",
                self._entries,
            )
        if self._new:
            tx.executemany("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._new)
        if self._moved:
            tx.executemany("UPDATE runs SET step = ?, since = ?, due = ? WHERE run = ?", self._moved)
        if self._noted:
            tx.executemany("UPDATE runs SET step = ?, since = ?, due = ?, notes = ? WHERE run = ?", self._noted)
        if self._gone:
            tx.executemany("DELETE FROM runs WHERE run = ?", self._gone)
        if self._left:
            tx.executemany(
                "UPDATE entries SET run = NULL, ended = ?, reason = ?"
                " WHERE visitor = ? AND journey = ? AND key = ? AND run = ?",
                self._left,
            )
        if self._timed:
            tx.executemany("INSERT INTO timers VALUES (?, ?, ?)", self._timed)
        if self.counted:
            tables.tally(tx, [(journey, what, n) for (journey, what), n in self.counted.items()])
        self.clear()

    def clear(self) -> None:
        """Forget everything but the intents."""
        for each in (
            self._entries, self._new, self._moved, self._noted, self._gone, self._left, self._stopped, self._timed
        ):  # fmt: skip
            each.clear()
        self.counted.clear()
