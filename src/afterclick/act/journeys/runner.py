"""Journeys as they run: told what happens, they take people in, wait, go on and end, over days and restarts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

from afterclick.act import acts
from afterclick.act.acts import Acts
from afterclick.act.journeys import tables
from afterclick.act.journeys.local_time import last_local
from afterclick.act.journeys.merging import merge
from afterclick.act.journeys.mover import Mover, Plan
from afterclick.act.journeys.shelf import SetAside, Shelf, Version
from afterclick.act.journeys.walk import Holds, ZoneOf
from afterclick.core import clock, spans
from afterclick.core.errors import AfterclickError, SpecError
from afterclick.decide.told import Decided, Heard, Merged, Told
from afterclick.store.automations import Journey, LiveRule

BATCH: Final = 500
"""Timers that fire, or tellings that are heard, in one transaction."""
_QUEUED: Final = 2000
_KEPT: Final = 40 * spans.DAY
"""How long an entry that can refuse nobody any more is remembered: longer than anything is told again."""
_IMPLIED: Final = "journey:"
"""Before the name of a journey: the rule that its own entry condition is."""

Heed = Callable[[sqlite3.Connection, Sequence[Told]], object]
Members = Callable[[str], Iterable[str]]
"""The visitors of a segment, by its name."""


class JourneyRunner:
    """All journeys of a store. One thread tells it what happened, then lets fire what is due; any may ask.

    `now` is the clock, `holds` asks a rule about a visitor, `plan` writes a message down in the transaction of its step,
    `heed` are others who hear the same tellings in the same transaction (contacts).
    """

    def __init__(
        self, kept: Acts, *, now: Callable[[], int] = clock.now, zone_of: ZoneOf, holds: Holds, plan: Plan,
        heed: Sequence[Heed] = (),
    ) -> None:  # fmt: skip
        self._acts = kept
        self._now = now
        self._zone_of = zone_of
        self._heed = heed
        self._enters: dict[str, str] = {}
        self._crowdless: dict[str, AfterclickError] = {}
        with kept.reading() as connection:
            self._shelf = Shelf(connection)
            self._mover = Mover(self._shelf, tables.next_run(connection), holds, zone_of, plan)

    def use(self, journeys: Sequence[Journey], rules: Iterable[LiveRule] = ()) -> None:
        """Take the documents as they are now; `rules` say which of them bring visitors into which journey.

        Runs that are on their way keep their version. Paused and drafted journeys take nobody in and their timers wait;
        runs of a journey that is gone end as "removed".
        """
        # Only what is on disk counts; until it is taken up nobody else may write: a run that entered by the shelf before
        # would be on a version that is gone.
        with self._acts.reading():
            with self._acts.writing() as tx:
                shelf = Shelf(tx)
                shelf.use(tx, journeys, self._now(), self._zone_of)
            self._shelf = self._mover.shelf = shelf
        # Whoever changed the documents may have mended it: it is asked again when its time comes.
        self._crowdless = {}
        self._enters = {rule.name: rule.enter for rule in rules if rule.enter}

    def in_use(self) -> list[Journey]:
        """Every version that may still ask something: those that visitors enter, and those that runs are on."""
        return self._shelf.asking()

    @property
    def refused(self) -> Mapping[str, SpecError]:
        """Journeys that cannot be read, by name, and why."""
        return dict(self._shelf.refused)

    @property
    def aside(self) -> Mapping[int, SetAside]:
        """Versions that are kept and cannot be read, by number: their runs are held."""
        return dict(self._shelf.aside)

    @property
    def crowdless(self) -> Mapping[str, AfterclickError]:
        """Journeys that could not ask for the members of their segment when its time of day came last, and why."""
        return dict(self._crowdless)

    def hear(self, told: Sequence[Told]) -> None:
        """Take in what happened, in its order; all that is told of one call (`seq`) comes in one list.

        What was heard before is known by its number, decisions of time alone by visitor, journey and instant. Raises
        StoreError, and then the same is to be told again.
        """
        position = self._acts.position
        for part in _parts(told):
            # Decisions too: their visitor may have become another one since, of whom they would not be known again.
            fresh = [one for one in part if one.seq == 0 or one.seq > position]
            if not fresh:
                continue
            with self._acts.writing() as tx:
                self._mover.begin()
                for heed in self._heed:
                    heed(tx, fresh)
                self._hear(tx, fresh)
                self._mover.write(tx)
                position = max(position, *(one.seq for one in fresh))
                acts.put_position(tx, position)

    def fire(self, now: int, limit: int = 10_000) -> int:
        """Let the timers fire that are due, at most `limit`, a batch in a transaction; how many did."""
        fired = 0
        while fired < limit:
            with self._acts.writing() as tx:
                self._mover.begin()
                done = self._mover.fire(tx, now, min(BATCH, limit - fired))
            fired += done
            if done < BATCH:
                break
        return fired

    def enter(self, visitor: str, journey: str, entry_id: str, at: int, values: Mapping[str, Any]) -> str:
        """Take a visitor into a journey; says why not, "" where it was done: again, active, key, off, missed."""
        version = self._shelf.current.get(journey)
        if version is None:
            return "off"
        with self._acts.writing() as tx:
            self._mover.begin()
            said = self._mover.enter(tx, version, visitor, entry_id, at, self._now(), values=values, remembered=True)
            self._mover.write(tx)
        return said

    def daily(self, now: int, zone: ZoneInfo, members: Members) -> int:
        """Take in the members of segments whose time of day has come in the store's zone; how many came.

        They are queued and set out with the timers, so that a crowd is no burst. A day whose time passed longer ago
        than the grace is left out and counted. Told again after a crash, it takes in only who is not in yet.

        Where the members cannot be told (`crowdless`: their segment is gone) only this journey waits, and asks again as
        long as the grace lasts.
        """
        entered = 0
        for version in list(self._shelf.current.values()):
            entry = version.program.journey.entry
            if entry.segment and entry.daily:
                entered += self._daily(version, last_local(now, entry.daily, zone), now, members)
        return entered

    def prune(self, now: int) -> int:
        """Forget entries that can refuse nobody any more; how many. For once a day."""
        gone = 0
        for version in list(self._shelf.current.values()):
            again = version.program.journey.again
            if again == "never" or again.startswith("key:"):
                continue
            before = now - _KEPT - (0 if again == "after_exit" else spans.micros(again))
            with self._acts.writing() as tx:
                statement = "DELETE FROM entries WHERE journey = ? AND run IS NULL AND seen < ? AND ended < ?"
                gone += tx.execute(statement, (version.journey, before, before)).rowcount
        return gone

    def _hear(self, tx: sqlite3.Connection, told: Sequence[Told]) -> None:
        now = self._now()
        events: dict[str, Heard] = {}
        for one in told:
            if isinstance(one, Heard):
                events[one.event_id] = one
                self._mover.heard(tx, one, now)
            elif isinstance(one, Merged):
                merge(tx, one.into, one.gone)
            elif one.decision.kind == "watch":
                self._mover.watched(tx, one.decision, now)
            elif one.decision.kind == "enter":
                self._decided(tx, one, events.get(one.decision.event_id), now)

    def _decided(self, tx: sqlite3.Connection, one: Decided, heard: Heard | None, now: int) -> None:
        decision = one.decision
        implied = decision.rule.removeprefix(_IMPLIED) if decision.rule.startswith(_IMPLIED) else ""
        version = self._shelf.current.get(self._enters.get(decision.rule, implied))
        if version is not None and not decision.held_out:
            self._mover.enter(
                tx, version, decision.visitor, decision.action_id, decision.at, now, heard, remembered=True
            )

    def _daily(self, version: Version, at: int, now: int, members: Members) -> int:
        with self._acts.reading() as connection:
            (done,) = connection.execute("SELECT day FROM journeys WHERE journey = ?", (version.journey,)).fetchone()
        if str(at) == done or at < version.program.journey.on_since * 1000:
            return 0
        entered = 0
        if now - at <= version.program.grace:
            crowd = self._members(version, members)
            while part := list(islice(crowd, _QUEUED)):
                with self._acts.writing() as tx:
                    self._mover.begin()
                    entered += self._mover.queue(tx, version, part, at, now)
            if version.name in self._crowdless:
                return entered
        with self._acts.writing() as tx:
            tx.execute("UPDATE journeys SET day = ? WHERE journey = ?", (str(at), version.journey))
            if now - at > version.program.grace:
                tables.tally(tx, [(version.journey, "day:missed", 1)])
        return entered

    def _members(self, version: Version, members: Members) -> Iterator[str]:
        """The members of its segment, as far as they can be told; why not stays in `crowdless` until they can."""
        try:
            yield from members(version.program.journey.entry.segment)
        except AfterclickError as error:
            self._crowdless[version.name] = error
        else:
            self._crowdless.pop(version.name, None)


def _parts(told: Sequence[Told]) -> Iterator[list[Told]]:
    """About as many as a batch, never parted within a call."""
    part: list[Told] = []
    for one in told:
        if len(part) >= BATCH and one.seq != part[-1].seq:
            yield part
            part = []
        part.append(one)
    if part:
        yield part
