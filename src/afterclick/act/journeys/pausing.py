"""What becomes of waiting runs while their journey is paused, when it goes on, and when it is removed.

While paused nothing of it moves, but goals and leaving events still end runs. What fell due meanwhile is due at the instant
it goes on (a local time of day: the next time it comes), and the grace counts from there: a pause is a decision, unlike
an outage, and must not throw the waiting away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from afterclick.act.journeys import tables
from afterclick.act.journeys.local_time import next_local
from afterclick.act.journeys.program import Program
from afterclick.act.journeys.tables import Run
from afterclick.act.journeys.walk import ZoneOf

_CHUNK = 1000
_ITS_RUNS = "SELECT run FROM runs WHERE version IN (SELECT version FROM versions WHERE journey = ?)"


def pause(tx: sqlite3.Connection, journey: int) -> None:
    """Its timers wait."""
    tx.execute("UPDATE journeys SET paused = 1 WHERE journey = ?", (journey,))
    tx.execute(f"UPDATE timers SET paused = 1 WHERE paused = 0 AND run IN ({_ITS_RUNS})", (journey,))  # noqa: S608


def resume(tx: sqlite3.Connection, journey: int, programs: Mapping[int, Program], now: int, zone_of: ZoneOf) -> None:
    """Its timers run again; `programs` are its versions by number."""
    tx.execute("UPDATE journeys SET paused = 0 WHERE journey = ?", (journey,))
    for version, program in programs.items():
        go_on(tx, version, program, now, zone_of)


def hold(tx: sqlite3.Connection, version: int) -> None:
    """The timers of one version wait, whether its journey is paused or not: nobody can read what they should do."""
    its = "SELECT run FROM runs WHERE version = ?"
    tx.execute(f"UPDATE timers SET paused = 1 WHERE paused = 0 AND run IN ({its})", (version,))  # noqa: S608


def go_on(tx: sqlite3.Connection, version: int, program: Program, now: int, zone_of: ZoneOf) -> None:
    """The timers of one version run again."""
    after = 0
    while runs := tables.runs_of_version(tx, version, after, _CHUNK):
        after = runs[-1].run
        tx.executemany(
            "DELETE FROM timers WHERE paused IN (0, 1) AND due = ? AND run = ?", [(run.due, run.run) for run in runs]
        )
        due = [(_due_again(run, program, now, zone_of), run.run) for run in runs]
        tx.executemany("UPDATE runs SET due = ? WHERE run = ?", due)
        tx.executemany("INSERT INTO timers VALUES (0, ?, ?)", due)


def remove(tx: sqlite3.Connection, journey: int, now: int) -> int:
    """End every run of a journey that was taken away; returns how many."""
    tx.execute(f"DELETE FROM timers WHERE run IN ({_ITS_RUNS})", (journey,))  # noqa: S608
    tx.execute(
        "UPDATE entries SET run = NULL, ended = ?, reason = 'removed' WHERE run IS NOT NULL AND journey = ?", (now, journey)
    )
    ended = tx.execute(f"DELETE FROM runs WHERE run IN ({_ITS_RUNS})", (journey,)).rowcount  # noqa: S608
    if ended:
        tables.tally(tx, [(journey, "ended:removed", ended)])
    return ended


def _due_again(run: Run, program: Program, now: int, zone_of: ZoneOf) -> int:
    wait = program.places[run.step].wait
    if run.due < now and run.since and wait is not None and wait.until:
        return next_local(now, wait.until, wait.weekdays, zone_of(run.visitor))
    return max(run.due, now)
