"""Looks at every row of the tail and says what is damaged or gone; changes nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from afterclick.core.errors import AfterclickError
from afterclick.store.live import database, loading, mark, notes, reading, salvage


def findings(store_path: Path) -> Iterator[tuple[bool, str, str]]:
    """Per finding: are acknowledged bytes changed or gone (else it is only worth knowing), the file, a sentence."""
    for path in sorted(store_path.glob(f"{salvage.ASIDE}*.db")):
        yield False, path.name, "set aside because it was damaged; what could be read of it was taken over"
    path = store_path / database.FILE
    least = mark.read(store_path)
    if not path.exists():
        least = max(least, loading.live_seq(store_path))
        if least:
            yield True, path.name, f"the file is missing; calls up to {least} were committed to it"
        return
    told: list[str] = []
    try:
        with contextlib.closing(database.reader(path)) as connection:
            _scan(connection, max(least, loading.live_seq(store_path)), told)
    except AfterclickError as error:
        told.append(error.message)
    except sqlite3.Error as error:
        told.append(f"it cannot be read: {error}")
    for said in dict.fromkeys(told):
        yield True, path.name, said


def _scan(connection: sqlite3.Connection, least: int, told: list[str]) -> None:
    # One transaction, so that a server that goes on writing changes nothing under the eye.
    connection.execute("BEGIN")
    told += notes.losses(connection)
    if connection.execute("PRAGMA application_id").fetchone()[0] != database.APPLICATION:
        told.append("its application id is damaged; the tables are afterclick's")
    elif connection.execute("PRAGMA user_version").fetchone()[0] != database.VERSION:
        told.append("its format number is damaged; the tables are afterclick's")
    told += _structure(connection)
    state = reading.newest(connection) or loading.EMPTY
    expected = state.sealed_seq
    spans = [group for group in reading.groups(connection, told.append) if group.last_seq > state.sealed_seq]
    there = {row[0]: row[3] for row in reading.calls(connection, state.sealed_seq, state.last_seq, told.append)}
    for group in spans:
        first = max(group.first_seq, expected + 1)
        missing = [seq for seq in range(first, group.last_seq + 1) if seq not in there]
        told += [f"call {seq} is not there or does not fit its checksum" for seq in missing[:100]]
        if not missing and group.first_seq == first:
            seen = sum(there[seq] for seq in range(first, group.last_seq + 1))
            if seen != group.events:
                told.append(f"commit {group.id} speaks of {group.events} events, its calls hold {seen}")
    received, stored, duplicates, rejected = state.balance
    if received != stored + duplicates + rejected:
        told.append(f"received {received} is not stored {stored} + duplicates {duplicates} + rejected {rejected}")
    if state.last_seq < least:
        told.append(f"calls {state.last_seq + 1} to {least} were committed and are not there")
    for name, text, crc in connection.execute("SELECT name, text, crc FROM notes"):
        if not notes.is_whole(name, text, crc):
            told.append(f"the note {name!r} does not fit its checksum")


def _structure(connection: sqlite3.Connection) -> list[str]:
    try:
        said = [text.decode(errors="replace") for (text,) in connection.execute("PRAGMA quick_check(20)")]
    except sqlite3.DatabaseError as error:
        return [f"its structure is broken: {error}"]
    return [f"its structure is broken: {text}" for text in said if text != "ok"]
