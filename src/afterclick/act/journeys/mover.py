"""What happens to runs inside one transaction: they begin, hear of events, go on, and end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from afterclick.act.journeys import tables
from afterclick.act.journeys.changes import Changes
from afterclick.act.journeys.program import Program
from afterclick.act.journeys.shelf import Shelf, Version
from afterclick.act.journeys.tables import Entered, Run
from afterclick.act.journeys.values import bounded
from afterclick.act.journeys.walk import Holds, ZoneOf, go_on, token_of, walk
from afterclick.act.outbox.intent import Intent
from afterclick.core import spans
from afterclick.decide.decision import Decision
from afterclick.decide.told import Heard

Plan = Callable[[sqlite3.Connection, Intent], object]
"""Writes down, in the transaction it is given, that a message is meant; telling it twice is telling it once."""
_KEYED: Final = "key:"


class Mover:
    """Works on runs in a transaction of the caller; nothing is kept here between two transactions but a free number."""

    def __init__(self, shelf: Shelf, first: int, holds: Holds, zone_of: ZoneOf, plan: Plan) -> None:
        self.shelf = shelf
        self._next = first
        self._holds = holds
        self._zone_of = zone_of
        self._plan = plan
        self._changes = Changes()

    def begin(self) -> None:
        """A new transaction; what an unfinished one left is forgotten."""
        self._changes.clear()
        self._changes.intents.clear()

    def write(self, tx: sqlite3.Connection) -> None:
        """Put down what was done since the last time."""
        self._changes.write(tx)
        for intent in self._changes.intents:
            self._plan(tx, intent)
        self._changes.intents.clear()

    def heard(self, tx: sqlite3.Connection, one: Heard, now: int) -> None:
        """An event: first it ends and moves the runs there are, then it begins new ones."""
        if self.shelf.watches(one.happening.names):
            for run in self.shelf.readable(tables.runs_of(tx, one.visitor)):
                self._hear(run, one, now)
            self.write(tx)
        # Of what is learnt again from segments (0) nobody enters: that was long decided.
        if one.live and not one.late and (one.seq or one.by):
            for version in self.shelf.entering(one.happening.names):
                if not one.seq and version.name not in one.by:
                    continue
                entry, when = version.program.entry, version.program.journey.entry.when
                # Whether a condition held at the event was decided then: by now other events may have come.
                if entry is not None and not when and one.happening.serves(entry):
                    self.enter(tx, version, one.visitor, one.event_id, one.at, now, one)

    def watched(self, tx: sqlite3.Connection, decision: Decision, now: int) -> None:
        """A condition has come true that a run may be waiting for."""
        for run in self.shelf.readable(tables.runs_of(tx, decision.visitor)):
            texts = self.shelf.versions[run.version].program.asked.get(run.step, ())
            if run.since and run.since < decision.at and decision.rule in texts:
                self._awaited(run, decision.at, now)
        self.write(tx)

    def enter(
        self, tx: sqlite3.Connection, version: Version, visitor: str, entry_id: str, at: int, now: int,
        heard: Heard | None = None, values: Mapping[str, Any] | None = None, *, queued: bool = False,
        remembered: bool = False,
    ) -> str:  # fmt: skip
        """Begin a run, or say why not ("" = begun): again, active, key, off, missed.

        `queued` runs set out when the next timers fire. `remembered` entries may be told again after a restart, when
        the run that refused them is long over.
        """
        program = version.program
        key = _key(program, heard, values)
        if key is None:
            return self._refused(version, "key")
        if at < program.journey.on_since * 1000:
            return self._refused(version, "off")
        known = tables.entered(tx, visitor, version.journey, key)
        refused = "" if known is None else _refusal(known, program.journey.again, at)
        if refused:
            if remembered and known is not None and at > known.seen:
                update = "UPDATE entries SET seen = ? WHERE visitor = ? AND journey = ? AND key = ?"
                tx.execute(update, (at, visitor, version.journey, key))
            return "again" if refused == "before" else self._refused(version, refused)
        if not queued and now - at > program.grace:
            return self._refused(version, "missed")
        said = values if heard is None else heard.event.properties
        self._begin(version, visitor, key, entry_id, at, now, said or {}, queued)
        if not queued:
            self.write(tx)
        return ""

    def queue(self, tx: sqlite3.Connection, version: Version, visitors: Sequence[str], at: int, now: int) -> int:
        """Many at once, who set out when the next timers fire; how many were taken in."""
        took = sum(
            not self.enter(tx, version, visitor, f"daily:{at}", at, now, queued=True, remembered=True)
            for visitor in dict.fromkeys(visitors)
        )
        self.write(tx)
        return took

    def fire(self, tx: sqlite3.Connection, now: int, limit: int) -> int:
        """Move the runs that are due, the most overdue first; how many there were."""
        runs = tables.due_runs(tx, now, limit)
        if not runs:
            return 0
        last = runs[-1].due, runs[-1].run
        for run in runs:
            overdue = now - run.due
            go_on(run, self.shelf.versions[run.version].program)
            self._move(run, now, overdue)
        # They are the front of the table, so that two ranges take all of them away; compared as a pair, (due, run) would
        # have SQLite look at a whole crowd that is due at one instant.
        tx.execute("DELETE FROM timers WHERE paused = 0 AND due < ?", last[:1])
        tx.execute("DELETE FROM timers WHERE paused = 0 AND due = ? AND run <= ?", last)
        self.write(tx)
        return len(runs)

    def _begin(
        self, version: Version, visitor: str, key: str, entry_id: str, at: int, now: int, said: Mapping[str, Any],
        queued: bool,
    ) -> None:  # fmt: skip
        token = token_of(version.name, visitor, entry_id)
        first = version.program.first
        run = Run(self._next, version.version, visitor, key, token, at, first, 0, at, None)
        self._next += 1
        if kept := bounded(said):
            run.remember(kept)
        self._changes.enter(run, version.journey)
        if queued:
            self._changes.begin(run, False)
        else:
            self._move(run, at, now - at, stored=False)

    def _hear(self, run: Run, one: Heard, now: int) -> None:
        program = self.shelf.versions[run.version].program
        if one.at < run.entered:
            return
        for reason, steps in (("goal", program.goal), ("leave", program.leave)):
            if any(one.happening.serves(step) for step in steps):
                self._changes.stop(run)
                self._changes.end(run, self._journey(run), one.at, reason)
                return
        if not one.live or one.late:
            return
        seen = [n for n, step in program.awaited if n >= run.step and not run.has_seen(n) and one.happening.serves(step)]
        if seen:
            run.notes.seen += seen
            run.notes_changed = True
            if run.since and run.step in seen:
                self._awaited(run, one.at, now)
            else:
                self._changes.note(run)

    def _awaited(self, run: Run, at: int, now: int) -> None:
        """What a run was waiting for has come; in a paused journey it goes on when that does."""
        self._changes.stop(run)
        if self._journey(run) in self.shelf.paused:
            run.due = at
            self._changes.wait(run, True)
        else:
            go_on(run, self.shelf.versions[run.version].program)
            self._move(run, at, now - at)

    def _move(self, run: Run, at: int, overdue: int, *, stored: bool = True) -> None:
        program = self.shelf.versions[run.version].program
        walked = walk(run, program, at, overdue, self._holds, self._zone_of)
        self._changes.intents += walked.intents
        if walked.reason:
            self._changes.end(run, self._journey(run), at, walked.reason, stored=stored)
        elif stored:
            self._changes.wait(run, False)
        else:
            self._changes.begin(run, False)

    def _journey(self, run: Run) -> int:
        return self.shelf.versions[run.version].journey

    def _refused(self, version: Version, why: str) -> str:
        self._changes.counted[version.journey, f"refused:{why}"] += 1
        return why


def _key(program: Program, heard: Heard | None, values: Mapping[str, Any] | None) -> str | None:
    """What runs of one visitor are told apart by; "" where there is one at a time, None where the event lacks it."""
    again = program.journey.again
    if not again.startswith(_KEYED):
        return ""
    field = again.removeprefix(_KEYED)
    value = (values or {}).get(field.removeprefix("properties.")) if heard is None else heard.happening.value(field)
    return None if value is None or value == "" else str(value)


def _refusal(known: Entered, again: str, at: int) -> str:
    if at <= known.seen:
        return "before"
    if again == "never" or again.startswith(_KEYED):
        return "again"
    if known.run is not None:
        return "active"
    return "again" if again != "after_exit" and at - known.entered < spans.micros(again) else ""
