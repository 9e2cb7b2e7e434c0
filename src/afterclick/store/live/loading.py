"""What a tail that was just opened holds: its state, its event ids, and whether anything of it is gone."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from afterclick.store import manifest
from afterclick.store.live import database, notes, reading, rows
from afterclick.store.live.calls import Balance
from afterclick.store.live.claims import UNKNOWN
from afterclick.store.live.rows import Group

EMPTY: Final = Group(0, 1, 0, 0, Balance())
SET_GROUP: Final = (
    f"INSERT OR REPLACE INTO groups ({rows.GROUP_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - ours
)
_RANGE: Final = f"SELECT {rows.CALL_COLUMNS} FROM calls WHERE seq BETWEEN ? AND ? ORDER BY seq"  # noqa: S608

_SEALED: Final = f"SELECT {rows.CALL_COLUMNS} FROM calls WHERE seq <= ? ORDER BY seq"  # noqa: S608
_GROUPS: Final = 64


class Loaded(NamedTuple):
    """State, events that lie in no segment, and their groups."""

    state: Group
    events: int
    groups: list[Group]

    def known(self) -> Iterator[Iterable[tuple[str, int]]]:
        """Event ids with the hashes of their contents, group by group."""
        return map(Group.known, self.groups)


class _Id(msgspec.Struct):
    event_id: str


def load(connection: sqlite3.Connection, store: Path, least: int) -> Loaded:
    """Read what is needed to go on; what comes to light is mended and noted. `least`: a number known to be committed."""
    told: list[str] = []
    found = list(reading.groups(connection, told.append))
    made = _missing(connection, found)
    last = max([made[-1].last_seq if made else 0, found[-1].last_seq if found else 0])
    state = max([EMPTY, *found[-1:], *made[-1:]], key=lambda group: group.id)
    least = max(least, live_seq(store))
    if last < least:
        told.append(f"calls {last + 1} to {least} were committed and are not there: the tail lost its end")
        state = state._replace(id=state.id + 1, first_seq=least + 1, last_seq=least, ids=b"[]", contents=b"")
        made.append(state)
    if told or made:
        connection.execute("BEGIN IMMEDIATE")
        for group in made:
            connection.execute(SET_GROUP, group.row())
        notes.add_losses(connection, told)
        connection.execute("COMMIT")
    unsealed = [group for group in (*found, *made) if group.last_seq > state.sealed_seq]
    return Loaded(state, _events(connection, unsealed, state.sealed_seq), unsealed)


def live_seq(store: Path) -> int:
    """Number of the last call that lies in a segment, by the manifest."""
    return manifest.read(store / "log").live_seq


def oldest_at(connection: sqlite3.Connection, sealed: int) -> int | None:
    """When the first call behind number `sealed` was received (us, UTC)."""
    found = connection.execute("SELECT received_at FROM calls WHERE seq > ? ORDER BY seq LIMIT 1", (sealed,)).fetchone()
    return None if found is None else int(found[0])


def events_after(connection: sqlite3.Connection, seq: int, until: int) -> int:
    """Events of the calls behind number `seq` up to `until`."""
    query = "SELECT total(events) FROM calls WHERE seq > ? AND seq <= ?"
    return int(connection.execute(query, (seq, until)).fetchone()[0])


class Slice(NamedTuple):
    """A part of what is sealed: the statements that delete it, its event ids, and how many pages they touch."""

    statements: list[tuple[str, tuple[Any, ...]]]
    ids: list[str]
    pages: int


def sealed_slice(connection: sqlite3.Connection, state: Group, size: int) -> Slice:
    """About `size` bytes of calls, and some groups, that lie in segments and were not deleted yet; damage is noted."""
    statements: list[tuple[str, tuple[Any, ...]]] = []
    last, bytes_, damaged = 0, 0, []
    for row in connection.execute(_SEALED, (state.sealed_seq,)):
        last = row[0]
        if rows.is_whole(row):
            bytes_ += rows.size_of(row)
        else:
            damaged.append(f"call {last} was damaged when it was to be sealed")
        if bytes_ >= size:
            break
    if damaged:
        statements.append(notes.setting(notes.LOSSES, notes.with_losses(connection, damaged)))
    if last:
        statements.append(("DELETE FROM calls WHERE seq <= ?", (last,)))
    groups, ids = _sealed_groups(connection, state)
    if groups:
        statements.append(("DELETE FROM groups WHERE id <= ?", (groups,)))
    return Slice(statements, ids, bytes_ // database.PAGE + len(statements))


def _sealed_groups(connection: sqlite3.Connection, state: Group) -> tuple[int, list[str]]:
    """The id of the last of some groups that can go, 0 for none, and their event ids."""
    query = f"SELECT {rows.GROUP_COLUMNS} FROM groups WHERE id < ? ORDER BY id LIMIT ?"  # noqa: S608 - names of ours
    last, ids = 0, []
    for row in connection.execute(query, (state.id, _GROUPS)).fetchall():
        group = rows.group_of(row)
        if group is not None and group.last_seq > state.sealed_seq:
            break
        last = row[0]
        ids += [] if group is None else [event_id for event_id, _ in group.known()]
    return last, ids


def _events(connection: sqlite3.Connection, unsealed: list[Group], sealed: int) -> int:
    events = sum(group.events for group in unsealed)
    for group in unsealed:
        if group.first_seq <= sealed:
            events += events_after(connection, sealed, group.last_seq) - group.events
    return events


def _missing(connection: sqlite3.Connection, found: list[Group]) -> list[Group]:
    """Groups for the calls that no whole group speaks of, made from the calls."""
    made: list[Group] = []
    before = EMPTY
    newest = connection.execute("SELECT max(seq) FROM calls").fetchone()[0]
    for group in found:
        if before is not EMPTY and group.first_seq > before.last_seq + 1 and group.id > before.id + 1:
            made += _made(connection, before, group.first_seq - 1)
        before = group
    if newest is not None and newest > before.last_seq:
        made += _made(connection, before, newest)
    return made


def _made(connection: sqlite3.Connection, before: Group, last: int) -> list[Group]:
    ids: list[str] = []
    events = 0
    for row in connection.execute(_RANGE, (before.last_seq + 1, last)):
        if rows.is_whole(row):
            bodies = rows.stored_call(row).bodies
            ids += [msgspec.json.decode(body, type=_Id).event_id for body in bodies]
            events += len(bodies)
    if not events:
        return []
    balance = before.balance.after(events, 0, 0)
    contents = array("Q", [UNKNOWN]) * len(ids)
    group = Group(
        before.id + 1, before.last_seq + 1, last, before.sealed_seq, balance, msgspec.json.encode(ids), contents.tobytes()
    )
    return [group]
