"""Journeys run in a test: a folder with acts.db, a clock that is set, a log that is told, and power cuts."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from afterclick.act.acts import Acts
from afterclick.act.journeys import tables
from afterclick.act.journeys.runner import JourneyRunner
from afterclick.act.outbox.intent import Intent
from afterclick.analyse.segments.happening import Happening
from afterclick.collect.wire.canonical import Canonical
from afterclick.decide.decision import Decision
from afterclick.decide.told import Decided, Heard, Merged, Told
from afterclick.store.automations import Entry, Journey, LiveRule, Node, Send, Wait

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_773_014_400 * SECOND
"""2026-03-09 00:00 UTC, a Monday."""
PLANNED = (
    """CREATE TABLE IF NOT EXISTS planned (action_id TEXT PRIMARY KEY, visitor TEXT, step TEXT, at INTEGER, told INTEGER)""",
)


class PowerCut(BaseException):
    """The machine stops here."""


class CutActs(Acts):
    """Loses its power at the end of a transaction, before it is confirmed, when `cut` is set."""

    cut = False

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with super().writing() as tx:
            yield tx
            if self.cut:
                raise PowerCut


class Course:
    """A runner over a folder; `intents` are what it planned, from the file."""

    def __init__(
        self, folder: Path, journeys: Sequence[Journey] = (), *, at: int = START, zone: str = "UTC",
        holds: Callable[[str, str, int], bool] = lambda _visitor, _text, _at: False, rules: Sequence[LiveRule] = (),
    ) -> None:  # fmt: skip
        self.folder = folder
        self.now = at
        self.zone = ZoneInfo(zone)
        self.holds = holds
        self.journeys = tuple(journeys)
        self.rules = tuple(rules)
        self.seq = 0
        self.lives = 0
        self.messages: list[Intent] = []
        self.open()

    def open(self) -> None:
        self.acts = CutActs.open(self.folder, tables.SCHEMA, PLANNED)
        self.runner = JourneyRunner(
            self.acts, now=lambda: self.now, zone_of=lambda _visitor: self.zone, plan=self.plan,
            holds=self.holds,
        )  # fmt: skip
        self.runner.use(self.journeys, self.rules)

    def use(self, *journeys: Journey) -> None:
        self.journeys = journeys
        self.runner.use(journeys, self.rules)

    def plan(self, tx: sqlite3.Connection, intent: Intent) -> bool:
        self.messages.append(intent)
        row = (intent.action_id, intent.visitor, intent.step, intent.at)
        tx.execute(
            "INSERT INTO planned VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET told = told + 1", row
        )
        return True

    def cut_power(self) -> None:
        """What was written to the files is all that is left; nothing is closed in order."""
        self.lives += 1
        copied = self.folder.parent / f"{self.folder.name.split('-')[0]}-{self.lives}"
        shutil.copytree(self.folder, copied)
        self.acts.close()
        self.folder = copied
        self.open()

    def tell(self, *told: Told) -> None:
        self.runner.hear(told)

    def happens(self, visitor: str, name: str, at: int | None = None, **fields: Any) -> None:
        """An event that is heard at once."""
        self.now = self.now if at is None else at
        self.seq += 1
        self.tell(heard(self.seq, visitor, name, self.now, **fields))

    def fire(self, at: int | None = None) -> int:
        self.now = self.now if at is None else at
        return self.runner.fire(self.now)

    @property
    def sent(self) -> list[tuple[str, str, int]]:
        """(visitor, step, instant) of every message meant, by instant."""
        with self.acts.reading() as connection:
            rows = connection.execute("SELECT visitor, step, at FROM planned ORDER BY at, visitor, step, action_id")
            return rows.fetchall()

    @property
    def tallies(self) -> dict[str, int]:
        with self.acts.reading() as connection:
            counted: dict[str, int] = {}
            for _, what, n in tables.tallies(connection):
                counted[what] = counted.get(what, 0) + n
            return counted

    def count(self, table: str) -> int:
        with self.acts.reading() as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def heard(
    seq: int, visitor: str, name: str, at: int, *, live: bool = True, late: bool = False, event_id: str = "", **fields: Any
) -> Heard:  # fmt: skip
    """An event as the decider tells it."""
    event_id = event_id or f"e{seq}"
    event = Canonical(
        event_id=event_id, type="track", event=name, anonymous_id=visitor[2:], properties=dict(fields),
        occurred_at=at, received_at=at,
    )  # fmt: skip
    known = {"event": name, **{f"properties.{key}": value for key, value in fields.items()}, **fields}
    return Heard(seq, event_id, visitor, at, live, late, event, Happening(at, frozenset((name,)), known))


def decided(visitor: str, rule: str, at: int, kind: Any = "enter", seq: int = 0, event_id: str = "") -> Decided:
    """A firing of a rule."""
    return Decided(seq, Decision(f"{rule}|{visitor}|{at}", rule, visitor, at, event_id, kind))


def merged(seq: int, into: str, gone: str) -> Merged:
    return Merged(seq, into, gone)


def wait(span: str = "", **other: Any) -> Node:
    return Node(wait=Wait(span=span, **other))


def send(channel: Any = "email") -> Node:
    return Node(send=Send(channel=channel))


def journey(*steps: Node, event: str = "Product Added", name: str = "basket", **other: Any) -> Journey:
    """A journey that is on, entered by an event."""
    entry = other.pop("entry", Entry(event=event))
    return Journey(name=name, state=other.pop("state", "on"), entry=entry, steps=steps, **other)
