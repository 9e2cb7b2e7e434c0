"""How journeys stand: who is on the way and where, who came, and how runs ended; read beside the one that writes."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from afterclick.act import acts_file
from afterclick.act.journeys import tables
from afterclick.act.journeys.shelf import read_versions


class Standing(NamedTuple):
    """`waiting` counts runs by the place of their step (`1.then.0`), those of all versions together; `next_at` is the next
    timer (µs UTC), None without one. `entered`, `ended` by reason (done, exit, goal, leave, missed, merged, failed,
    removed) and `refused` by reason (active, again, key, missed, off) count since the store has journeys. `held` counts
    runs whose version cannot be read, by what is wrong with it."""

    waiting: Mapping[str, int]
    next_at: int | None
    entered: int
    ended: Mapping[str, int]
    refused: Mapping[str, int]
    held: Mapping[str, int] = {}


class Passed(NamedTuple):
    """One visitor and one journey: `place` and `due_at` while on the way, else `ended_at` and why; instants µs UTC."""

    journey: str
    key: str
    entered_at: int
    place: str
    due_at: int | None
    ended_at: int | None
    reason: str


def standing(store: Path) -> dict[str, Standing]:
    """By the name of each journey that ever ran. Raises StoreError."""
    if not acts_file.exists(store):
        return {}
    with closing(acts_file.reader(store)) as connection:
        if not tables.are_there(connection):
            return {}
        places, aside = _places(connection)
        waiting: dict[str, Counter[str]] = defaultdict(Counter)
        held: dict[str, Counter[str]] = defaultdict(Counter)
        next_at: dict[str, int] = {}
        for name, version, step, n, due in connection.execute(
            "SELECT name, version, step, count(*), min(due) FROM runs JOIN versions USING (version)"
            " JOIN journeys USING (journey) GROUP BY version, step"
        ):
            if version in aside:
                held[name][aside[version]] += n
                continue
            waiting[name][places[version][step]] += n
            next_at[name] = min(due, next_at.get(name, due))
        counted: dict[str, dict[str, int]] = defaultdict(dict)
        for name, what, n in tables.tallies(connection):
            counted[name][what] = n
        return {
            name: Standing(
                dict(waiting[name]), next_at.get(name), counted[name].get("entered", 0),
                _under(counted[name], "ended:"), _under(counted[name], "refused:"), dict(held[name]),
            )
            for (name,) in connection.execute("SELECT name FROM journeys ORDER BY name").fetchall()
        }  # fmt: skip


def of_visitor(store: Path, visitor: str) -> list[Passed]:
    """The journeys of a visitor by its key, the last entered first. Raises StoreError."""
    if not acts_file.exists(store):
        return []
    with closing(acts_file.reader(store)) as connection:
        if not tables.are_there(connection):
            return []
        rows = connection.execute(
            "SELECT j.name, e.key, e.entered, r.version, r.step, r.due, e.ended, e.reason FROM entries e"
            " JOIN journeys j USING (journey) LEFT JOIN runs r ON r.run = e.run WHERE e.visitor = ? ORDER BY e.entered DESC",
            (visitor,),
        ).fetchall()
        places, _ = _places(connection)
    return [
        Passed(name, key, entered, places[version][step] if version in places else "", due, ended or None, reason)
        for name, key, entered, version, step, due, ended, reason in rows
    ]


def _places(connection: sqlite3.Connection) -> tuple[dict[int, list[str]], dict[int, str]]:
    """The places of the steps of each version that can be read, and what is wrong with each that cannot."""
    read, aside = read_versions(connection)
    places = {one.version: [place.place for place in one.program.places] for one in read}
    return places, {version: one.why for version, one in aside.items()}


def _under(counted: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {what.removeprefix(prefix): n for what, n in counted.items() if what.startswith(prefix)}
