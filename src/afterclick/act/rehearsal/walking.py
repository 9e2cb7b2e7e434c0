"""Journeys over history: the very runner, contacts and gate of the live server, on a clock that follows the log."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from afterclick.act import contacts as contact_tables
from afterclick.act.acts import Acts
from afterclick.act.contacts import Contacts
from afterclick.act.gate.gate import Gate
from afterclick.act.gate.verdict import Hold, Stop
from afterclick.act.journeys import tables
from afterclick.act.journeys.runner import JourneyRunner
from afterclick.act.outbox import table
from afterclick.act.outbox.intent import UNPACK
from afterclick.act.outbox.overtaken import Overtaken
from afterclick.analyse.context import Context
from afterclick.analyse.segments.machines import NEVER
from afterclick.decide.backtest import exact
from afterclick.decide.backtest.arriving import Arriving
from afterclick.decide.backtest.joined import roots
from afterclick.decide.backtest.tested import switched_on
from afterclick.decide.draws import draw
from afterclick.decide.fold import Fold
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.told import Decided, Told
from afterclick.store.automations import Journey, LiveRule

MOST: Final = 2_000
"""Visitors that walk through a journey; of more those with the smallest draws do."""
_MANY: Final = 1 << 30
_LANE: Final = 10_000


class Walked(NamedTuple):
    """What became of the visitors `walked` of those who `came`: messages by (step, channel, state, reason), and runs by what
    happened to them."""

    came: int
    walked: int
    messages: dict[tuple[str, str, str, str], int]
    runs: dict[str, int]


def walk(context: Context, journey: Journey, entering: np.ndarray, since: int, as_of: int) -> Walked:
    """Let the visitors with these ids (codes of book `id`), whom the journey would have taken in, walk through it.

    It begins at `since` (µs), as it stands; what was on its way at `as_of` is left where it is.
    """
    ids, chosen = context.snapshot.book("id"), np.unique(entering)
    keys = ids.all.take(chosen.astype(np.int64)).to_pylist() if len(chosen) else []
    some = sorted(range(len(keys)), key=lambda place: draw("rehearsal", keys[place]))[:MOST]
    root = roots(context)
    apart = np.isin(root, root[chosen[some]]) if some else np.zeros(ids.size, bool)
    with tempfile.TemporaryDirectory(prefix="afterclick-") as folder:
        walking = _Walking(context, Path(folder), journey, since)
        try:
            walking.through(apart, as_of)
            return Walked(len(chosen), len(some), *walking.found())
        finally:
            walking.close()


class _Walking:
    """One journey, its runs in a file of its own that is thrown away."""

    def __init__(self, context: Context, folder: Path, journey: Journey, since: int) -> None:
        definitions = context.snapshot.definitions
        self.context = context
        self.now = 0
        self.zone = ZoneInfo(definitions.timezone)
        on: Any = {"state": "on", "on_since": -(-since // 1000)}
        self.journey = msgspec.structs.replace(journey, **on)
        self.rules: list[LiveRule] = [switched_on(one, since) for one in definitions.rules if one.enter == journey.name]
        self.acts = Acts.open(folder, tables.SCHEMA, contact_tables.SCHEMA, table.SCHEMA)
        with self.acts.reading() as connection:
            # Nothing of it is to outlive this question.
            connection.execute("PRAGMA synchronous = OFF")
        self.contacts = Contacts(b"rehearsal")
        self.gate = Gate(self.contacts, definitions.delivery, self.zone)
        self.runner = JourneyRunner(
            self.acts, now=lambda: self.now, zone_of=self._zone_of, holds=self._holds, plan=table.plan,
            heed=(self.contacts.hear, Overtaken([journey], lambda: self.now, rehearsed=True).hear),
        )  # fmt: skip
        self.fold: Fold = exact.fold_of(context, RuleBook.compile(self.rules, [self.journey], definitions))

    def through(self, ids: np.ndarray, as_of: int) -> None:
        """Every event of these ids as it arrived, and the time between them."""
        self.runner.use([self.journey], self.rules)
        for seq, (_, one) in enumerate(Arriving(self.context, exact.rows_of(self.context, ids, as_of)).told(), 1):
            self._until(min(one.arrival, as_of) - 1)
            self.now = one.arrival
            told: list[Told] = []
            self.fold.event(one.event, one.source, one.arrival, told, seq=seq, live=True, stored=one.stored)
            self._hear(told)
        self._until(as_of)

    def _hear(self, told: Sequence[Told]) -> None:
        if told:
            self.runner.hear(told)

    def _until(self, last: int) -> None:
        """All that time alone brings up to an instant, in its order: conditions, timers, messages."""
        while (due := self._next()) <= last:
            self.now = max(self.now, due)
            self._hear([Decided(0, one) for one in self.fold.tick(self.now, _MANY)])
            self.runner.fire(self.now)
            self._send()

    def _next(self) -> int:
        with self.acts.reading() as connection:
            (timer,) = connection.execute("SELECT min(due) FROM timers WHERE paused = 0").fetchone()
            message = table.next_due(connection)
        return min(self.fold.next_due(), *(NEVER if due is None else int(due) for due in (timer, message)))

    def _send(self) -> None:
        """What is due passes the gate; what may leave counts as sent, so that caps see it."""
        with self.acts.writing() as tx:
            for lane in table.lanes(tx, self.now):
                for one in table.due(tx, lane, self.now, _LANE):
                    verdict = self.gate.decide(tx, one.intent, self.now, drawn=one.exposed)
                    if verdict.exposures and not one.exposed:
                        table.exposed(tx, one.row)
                    if isinstance(verdict, Stop):
                        table.stop(tx, one, "suppressed", self.now, verdict.reason, verdict.detail)
                    elif isinstance(verdict, Hold):
                        table.hold(tx, one, verdict.until_at, verdict.reason)
                    else:
                        table.finish(tx, table.claim(tx, one, table.token(tx), self.now, NEVER), "sent", self.now)

    def _zone_of(self, visitor: str) -> ZoneInfo:
        with self.acts.reading() as connection:
            known = self.contacts.zone(connection, visitor)
        return ZoneInfo(known) if known else self.zone

    def _holds(self, visitor: str, text: str, at: int) -> bool:
        memory = self.fold.memories.get(self.fold.people.current(visitor))
        return memory is not None and self.fold.engine.holds(memory, text, max(at, memory.at))

    def found(self) -> tuple[dict[tuple[str, str, str, str], int], dict[str, int]]:
        """Messages by (step, channel, state, reason), runs by what happened to them."""
        messages: dict[tuple[str, str, str, str], int] = {}
        with self.acts.reading() as connection:
            for state, reason, body in connection.execute("SELECT state, reason, intent FROM sends"):
                intent = UNPACK.decode(body)
                key = intent.step, intent.channel, "waiting" if state in ("planned", "held") else state, reason
                messages[key] = messages.get(key, 0) + 1
            runs = _runs(connection)
        return messages, runs

    def close(self) -> None:
        """Let go of the file."""
        self.acts.close()


def _runs(connection: sqlite3.Connection) -> dict[str, int]:
    counted: dict[str, int] = {}
    for _, what, n in tables.tallies(connection):
        counted[what] = counted.get(what, 0) + n
    (under_way,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    return {**counted, "under_way": int(under_way)}
