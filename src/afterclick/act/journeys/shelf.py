"""The versions of journeys that runs are on or may enter, read once and kept in acts.db as long as a run needs them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from afterclick.act.journeys import pausing, tables
from afterclick.act.journeys.program import Program, body, digest, from_body
from afterclick.act.journeys.tables import Run
from afterclick.act.journeys.walk import MISTAKES, ZoneOf
from afterclick.core.errors import AfterclickError, SpecError
from afterclick.core.step import ANY_EVENT
from afterclick.store.automations import Journey


class Version(NamedTuple):
    """A version that is kept, with its number and that of its journey, which all versions of one name share."""

    version: int
    journey: int
    program: Program

    @property
    def name(self) -> str:
        """The name of its journey."""
        return self.program.journey.name


class SetAside(NamedTuple):
    """A version that cannot be read, as after a step back to an older afterclick: the name of its journey, and why."""

    name: str
    why: str


class Shelf:
    """All versions by number, and of each journey that is on the one that visitors enter now.

    `aside` are versions that cannot be read; their runs are held, and go on when they can be read again.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.versions: dict[int, Version] = {}
        self.current: dict[str, Version] = {}
        self.paused: set[int] = set()
        self.refused: dict[str, SpecError] = {}
        self.aside: dict[int, SetAside] = {}
        self._entering: dict[str, list[Version]] = {}
        self.names: frozenset[str] = frozenset()
        self._load(connection)
        self._walked = set(self.versions)

    def use(self, tx: sqlite3.Connection, journeys: Sequence[Journey], now: int, zone_of: ZoneOf) -> None:
        """Take these documents: new content is a new version, for new runs; journeys that are gone end their runs.

        A document that cannot be read is left out and stands in `refused`; its runs go on in the version they have.
        """
        refused = {}
        for journey in journeys:
            try:
                program = Program(journey)
            except SpecError as error:
                refused[journey.name] = error
                continue
            self._keep(tx, program)
            self._pause(tx, journey.name, journey.state != "on", now, zone_of)
            if journey.state == "draft":
                tables.call_off(tx, journey.name, now)
        named = {journey.name for journey in journeys}
        kept = "SELECT DISTINCT journey, name FROM versions JOIN journeys USING (journey)"
        for number, name in tx.execute(kept).fetchall():
            if name not in named:
                pausing.remove(tx, number, now)
                tables.call_off(tx, name, now)
        self._drop_unused(tx, [journey for journey in journeys if journey.name not in refused])
        self._load(tx)
        self._hold(tx, now, zone_of)
        self._point(journeys, refused)

    def asking(self) -> list[Journey]:
        """What may still be asked: versions that visitors enter, and those that runs are on. As paused ones: by whom they
        are entered is said by the documents of today alone."""
        numbers = self._walked | {one.version for one in self.current.values()}
        return [replace(one.program.journey, state="paused") for one in self.versions.values() if one.version in numbers]

    def readable(self, runs: Iterable[Run]) -> list[Run]:
        """The runs whose version can be read; the others are held."""
        return [run for run in runs if run.version in self.versions]

    def entering(self, names: Collection[str]) -> Iterator[Version]:
        """The versions that an event of these names may be the entry to."""
        for name in (*names, ANY_EVENT):
            yield from self._entering.get(name, ())

    def watches(self, names: frozenset[str]) -> bool:
        """Whether an event of these names may move or end any run."""
        return ANY_EVENT in self.names or not names.isdisjoint(self.names)

    def _keep(self, tx: sqlite3.Connection, program: Program) -> None:
        name = program.journey.name
        tx.execute("INSERT OR IGNORE INTO journeys (name) VALUES (?)", (name,))
        tx.execute(
            "INSERT INTO versions (journey, digest, body) SELECT journey, ?, ? FROM journeys WHERE name = ?"
            # What cannot be read any more and is said anew can be.
            " ON CONFLICT (journey, digest) DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
            (digest(program.journey), body(program.journey), name),
        )

    def _pause(self, tx: sqlite3.Connection, name: str, paused: bool, now: int, zone_of: ZoneOf) -> None:
        number, was = tx.execute("SELECT journey, paused FROM journeys WHERE name = ?", (name,)).fetchone()
        if paused and not was:
            pausing.pause(tx, number)
        elif was and not paused:
            read, _ = read_versions(tx, "WHERE journey = ?", (number,))
            pausing.resume(tx, number, {one.version: one.program for one in read}, now, zone_of)

    def _hold(self, tx: sqlite3.Connection, now: int, zone_of: ZoneOf) -> None:
        """Hold the runs of versions that cannot be read, let those go on whose version can be again."""
        known = {version for (version,) in tx.execute("SELECT version FROM set_aside")}
        for version in known - self.aside.keys():
            one = self.versions.get(version)
            if one is not None and one.journey not in self.paused:
                pausing.go_on(tx, version, one.program, now, zone_of)
            tx.execute("DELETE FROM set_aside WHERE version = ?", (version,))
        for version in self.aside:
            pausing.hold(tx, version)
            tx.execute("INSERT OR IGNORE INTO set_aside VALUES (?)", (version,))

    def _drop_unused(self, tx: sqlite3.Connection, journeys: Iterable[Journey]) -> None:
        kept = {(journey.name, digest(journey)) for journey in journeys}
        used = {version for (version,) in tx.execute("SELECT DISTINCT version FROM runs")}
        rows = tx.execute("SELECT version, name, digest FROM versions JOIN journeys USING (journey)").fetchall()
        unused = [(version,) for version, name, said in rows if version not in used and (name, said) not in kept]
        self._walked = used
        tx.executemany("DELETE FROM versions WHERE version = ?", unused)

    def _load(self, connection: sqlite3.Connection) -> None:
        read, self.aside = read_versions(connection)
        self.versions = {one.version: one for one in read}
        self.paused = {number for (number,) in connection.execute("SELECT journey FROM journeys WHERE paused = 1")}
        self.names = frozenset(name for one in self.versions.values() for name in one.program.names)

    def _point(self, journeys: Sequence[Journey], refused: dict[str, SpecError]) -> None:
        by_content = {(one.name, digest(one.program.journey)): one for one in self.versions.values()}
        self.refused = refused
        self.current = {}
        entering = defaultdict(list)
        for journey in journeys:
            kept = by_content.get((journey.name, digest(journey)))
            if kept is None or journey.state != "on":
                continue
            # State and the instant it was switched on are no part of the content.
            one = self.current[journey.name] = kept._replace(program=Program(journey))
            if one.program.entry is not None:
                entering[one.program.entry.event].append(one)
        self._entering = dict(entering)


def read_versions(
    connection: sqlite3.Connection, which: str = "", values: tuple[int, ...] = ()
) -> tuple[list[Version], dict[int, SetAside]]:
    """The versions that can be read, and those that cannot: whatever is wrong with one must stop no other."""
    query = "SELECT version, journey, name, body FROM versions JOIN journeys USING (journey)"
    read, aside = [], {}
    for version, journey, name, stored in connection.execute(f"{query} {which}", values).fetchall():
        try:
            read.append(Version(version, journey, Program(from_body(stored))))
        except MISTAKES as mistake:
            said = mistake.message if isinstance(mistake, AfterclickError) else str(mistake)
            aside[version] = SetAside(name, said[:500] or type(mistake).__name__)
    return read, aside
