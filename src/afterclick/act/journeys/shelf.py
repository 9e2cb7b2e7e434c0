"""The versions of journeys that runs are on or may enter, read once and kept in acts.db as long as a run needs them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from afterclick.act.journeys import pausing
from afterclick.act.journeys.program import Program, body, digest, from_body
from afterclick.act.journeys.walk import ZoneOf
from afterclick.core.errors import SpecError
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


class Shelf:
    """All versions by number, and of each journey that is on the one that visitors enter now."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.versions: dict[int, Version] = {}
        self.current: dict[str, Version] = {}
        self.paused: set[int] = set()
        self.refused: dict[str, SpecError] = {}
        self._entering: dict[str, list[Version]] = {}
        self.names: frozenset[str] = frozenset()
        self._load(connection)

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
            paused = journey.state != "on"
            self._pause(tx, journey.name, paused, now, zone_of)
        named = {journey.name for journey in journeys}
        kept = "SELECT DISTINCT journey, name FROM versions JOIN journeys USING (journey)"
        for number, name in tx.execute(kept).fetchall():
            if name not in named:
                pausing.remove(tx, number, now)
        self._drop_unused(tx, [journey for journey in journeys if journey.name not in refused])
        self._load(tx)
        self._point(journeys, refused)

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
            "INSERT OR IGNORE INTO versions (journey, digest, body) SELECT journey, ?, ? FROM journeys WHERE name = ?",
            (digest(program.journey), body(program.journey), name),
        )

    def _pause(self, tx: sqlite3.Connection, name: str, paused: bool, now: int, zone_of: ZoneOf) -> None:
        number, was = tx.execute("SELECT journey, paused FROM journeys WHERE name = ?", (name,)).fetchone()
        if paused and not was:
            pausing.pause(tx, number)
        elif was and not paused:
            programs = {version: Program(from_body(stored)) for version, stored in _versions_of(tx, number)}
            pausing.resume(tx, number, programs, now, zone_of)

    def _drop_unused(self, tx: sqlite3.Connection, journeys: Iterable[Journey]) -> None:
        kept = {(journey.name, digest(journey)) for journey in journeys}
        used = {version for (version,) in tx.execute("SELECT DISTINCT version FROM runs")}
        rows = tx.execute("SELECT version, name, digest FROM versions JOIN journeys USING (journey)").fetchall()
        unused = [(version,) for version, name, said in rows if version not in used and (name, said) not in kept]
        tx.executemany("DELETE FROM versions WHERE version = ?", unused)

    def _load(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT version, journey, body FROM versions").fetchall()
        self.versions = {
            version: Version(version, journey, Program(from_body(stored))) for version, journey, stored in rows
        }
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


def _versions_of(connection: sqlite3.Connection, journey: int) -> list[tuple[int, bytes]]:
    return connection.execute("SELECT version, body FROM versions WHERE journey = ?", (journey,)).fetchall()
