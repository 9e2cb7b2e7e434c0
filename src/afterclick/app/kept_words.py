"""Takes what documents and messages of others say of an erased person out of acts.db, where versions are kept for years."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from afterclick.act import acts_file
from afterclick.act.acts import Acts
from afterclick.act.journeys.program import digest, from_body
from afterclick.act.journeys.walk import MISTAKES
from afterclick.app import kept_acts
from afterclick.app.people.forms import Needles
from afterclick.app.people.redaction import Redaction

Codec = tuple[Callable[[Any], Any], Callable[[Any], Any]]

_JSON: Final[Codec] = msgspec.json.decode, msgspec.json.encode
_PACKED: Final[Codec] = msgspec.msgpack.decode, msgspec.msgpack.encode
_TEXT: Final[Codec] = str, str


class _Place(NamedTuple):
    """A column that holds words, how they are stored, and what tells its rows apart."""

    table: str
    column: str
    codec: Codec
    key: str = "rowid"


_PLACES: Final = (
    _Place("versions", "body", _JSON), _Place("journeys", "name", _TEXT), _Place("stops", "name", _TEXT, "name"),
    _Place("parked", "journey", _TEXT, "journey"), _Place("runs", "notes", _PACKED), _Place("sends", "intent", _PACKED),
    _Place("sends", "words", _PACKED), _Place("sends", "tags", _TEXT), _Place("sends", "detail", _TEXT),
    _Place("onsite", "show", _JSON, "action_id"), _Place("tellings", "event", _JSON),
)  # fmt: skip


class Blotting:
    """One person out of any value; `suspects` tells quickly which stored ones are to be looked into."""

    def __init__(self, redaction: Redaction, needles: Needles) -> None:
        self._redaction = redaction
        short = [re.escape(one.text) for one in needles.short]
        texts = [text for text in (needles.hints, *short) if text]
        self._pattern = re.compile("|".join(texts).encode(), re.IGNORECASE) if texts else None

    def suspects(self, stored: bytes | str | None) -> bool:
        """Whether it may speak of the person."""
        if self._pattern is None or not stored:
            return False
        return self._pattern.search(stored if isinstance(stored, bytes) else stored.encode()) is not None

    def value(self, value: Any) -> Any:
        """A plain value with every text about the person replaced."""
        return self._redaction.value("", value)


def blot(acts: Acts, blotting: Blotting) -> bool:
    """Replace all of it; whether there was any. Raises StoreError."""
    found = False
    for place in _PLACES:
        with acts.reading() as reader:
            changes = list(_changes(reader, place, blotting))
        if changes:
            found = True
            with acts.writing() as tx:
                _write(tx, place, changes)
    if found:
        kept_acts.empty_wal(acts)
    return found


def blot_offline(path: Path, blotting: Blotting) -> bool:
    """The same while nobody serves the store at `path`, whose lock is held. Raises StoreError."""
    if not acts_file.exists(path):
        return False
    acts = Acts.open(path, *kept_acts.SCHEMAS)
    try:
        return blot(acts, blotting)
    finally:
        acts.close()


def _changes(reader: sqlite3.Connection, place: _Place, blotting: Blotting) -> Iterator[tuple[Any, Any]]:
    """(new value, key) of every row that speaks of the person."""
    decode, encode = place.codec
    each = "SELECT DISTINCT" if place.key == place.column else "SELECT"
    query = f"{each} {place.key}, {place.column} FROM {place.table}"
    for key, stored in reader.execute(query):
        if not blotting.suspects(stored):
            continue
        try:
            value = decode(stored)
            blotted = blotting.value(value)
            new = stored if blotted == value else encode(blotted)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # Nothing can be read from it, so nothing is kept of it.
            new = b""
        if new != stored:
            yield new, key


def _write(tx: sqlite3.Connection, place: _Place, changes: list[tuple[Any, Any]]) -> None:
    statement = f"UPDATE OR IGNORE {place.table} SET {place.column} = ? WHERE {place.key} = ?"  # noqa: S608 - as above
    for new, key in changes:
        done = tx.execute(statement, (new, key)).rowcount
        if place.key == place.column:
            # What is there under the new name already.
            tx.execute(f"DELETE FROM {place.table} WHERE {place.key} = ?", (key,))  # noqa: S608 - as above
        elif not done:
            # Names must differ, also those that said who somebody was.
            tx.execute(statement, (f"{new} {key}", key))
    if place.table == "versions":
        for version, body in tx.execute("SELECT version, body FROM versions").fetchall():
            _number(tx, version, body)


def _number(tx: sqlite3.Connection, version: int, body: bytes) -> None:
    """The digest of what a version says now; where another says the same, this one keeps the one it had."""
    try:
        said = digest(from_body(body))
    except MISTAKES:
        return
    tx.execute("UPDATE OR IGNORE versions SET digest = ? WHERE version = ?", (said, version))
