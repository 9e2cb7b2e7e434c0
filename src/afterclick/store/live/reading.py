"""Reads rows of the tail, also out of a file that is damaged: what cannot be read is left out and named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from afterclick.store.live import database, rows
from afterclick.store.live.rows import Group

_FORWARD: Final = f"SELECT {rows.CALL_COLUMNS} FROM calls WHERE seq > ? ORDER BY seq"  # noqa: S608 - names of ours
_BACKWARD: Final = f"SELECT {rows.CALL_COLUMNS} FROM calls WHERE seq > ? ORDER BY seq DESC"  # noqa: S608
_REJECTING: Final = f"SELECT {rows.CALL_COLUMNS} FROM calls WHERE seq > ? AND rejected > 0 ORDER BY seq"  # noqa: S608
_GROUPS: Final = f"SELECT {rows.GROUP_COLUMNS} FROM groups WHERE id > ? ORDER BY id"  # noqa: S608
_GROUPS_BACK: Final = f"SELECT {rows.GROUP_COLUMNS} FROM groups WHERE id > ? ORDER BY id DESC"  # noqa: S608
_NEWEST: Final = f"SELECT {rows.GROUP_COLUMNS} FROM groups ORDER BY id DESC"  # noqa: S608

Tell = Callable[[str], object]


def calls(connection: sqlite3.Connection, after: int, last: int, tell: Tell) -> Iterator[tuple[Any, ...]]:
    """Whole rows of calls behind number `after` up to `last`, in order; `tell` hears of every one that is damaged."""
    for row in _through(connection, _FORWARD, _BACKWARD, after, tell):
        if row[0] > last:
            return
        if rows.is_whole(row):
            yield row
        else:
            tell(f"call {row[0]} does not fit its checksum")


def rejecting_calls(connection: sqlite3.Connection, after: int) -> Iterator[tuple[Any, ...]]:
    """Whole rows of the calls behind number `after` that brought dead letters, in order, as far as they can be read."""
    return filter(rows.is_whole, _until_broken(connection, _REJECTING, (after,)))


def groups(connection: sqlite3.Connection, tell: Tell) -> Iterator[Group]:
    """Whole groups in order; `tell` hears of every one that is damaged."""
    for row in _through(connection, _GROUPS, _GROUPS_BACK, -1, tell):
        group = rows.group_of(row)
        if group is None:
            tell(f"the ids of commit {row[0]} do not fit their checksum")
        else:
            yield group


def newest(connection: sqlite3.Connection) -> Group | None:
    """The state of the tail: its newest whole group, None if there is none."""
    return next(filter(None, map(rows.group_of, _until_broken(connection, _NEWEST, ()))), None)


def _through(
    connection: sqlite3.Connection, forward: str, backward: str, after: int, tell: Tell
) -> Iterator[tuple[Any, ...]]:
    """Rows in order of their first column. Where a page is broken, the rest is read from the other end."""
    last = after
    broken: list[str] = []
    for row in _until_broken(connection, forward, (after,), broken.append):
        yield row
        last = row[0]
    if broken:
        tell(f"the file is broken behind row {last}: {broken[0]}")
        yield from reversed(list(_until_broken(connection, backward, (last,))))


def _until_broken(
    connection: sqlite3.Connection, query: str, values: Sequence[int], tell: Tell = lambda _: None
) -> Iterator[tuple[Any, ...]]:
    """Rows of a query up to a page that does not hold together."""
    cursor = connection.cursor()
    try:
        yield from cursor.execute(query, values)
    except sqlite3.DatabaseError as error:
        if not database.is_damage(error):
            raise
        tell(str(error))
    finally:
        cursor.close()
