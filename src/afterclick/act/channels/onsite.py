"""Messages of journeys on one's own site: they wait until the visitor's next page, and until somebody saw them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from afterclick.act.acts import Acts
from afterclick.act.message import Message, Outcome
from afterclick.core import names, spans
from afterclick.decide.told import Heard, Merged, Told
from afterclick.store.automations import Show, Words

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS onsite (action_id TEXT PRIMARY KEY, visitor TEXT NOT NULL, at INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL, ended INTEGER NOT NULL, show BLOB NOT NULL) WITHOUT ROWID"
)
SCHEMA: Final = (
    _TABLE,
    "CREATE INDEX IF NOT EXISTS onsite_visitor ON onsite (visitor, at)",
    "CREATE INDEX IF NOT EXISTS onsite_expires ON onsite (expires_at)",
)
MOST: Final = 20
"""Messages that wait for one visitor; the oldest make room."""
ENDED_BY: Final = frozenset(
    (names.MESSAGE_DELIVERED, names.MESSAGE_CLICKED, names.MESSAGE_DISMISSED, names.MESSAGE_FAILED)
)
"""Events of a page after which a message is shown no more: it was seen, or cannot be."""

_KEPT: Final = 30 * spans.DAY
"""As long as an ended message is remembered, so that a second try of its delivery does not bring it back."""
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Show)


class Waiting(NamedTuple):
    """A message that a page may show until `expires_at` (µs UTC); the one set of words in `show` is rendered."""

    action_id: str
    visitor: str
    at: int
    expires_at: int
    show: Show


class Onsite:
    """The channel: what is offered twice under one action id is offered once."""

    at_least_once = True

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def deliver(self, message: Message) -> Outcome:
        """Let it wait for the visitor's next page. Raises StoreError."""
        show = message.intent.send.show or Show()
        shown = msgspec.structs.replace(show, words=(message.words,))
        expires_at = message.at + spans.micros(show.ttl)
        with self._acts.writing() as tx:
            sweep(tx, message.at)
            tx.execute(
                "INSERT OR IGNORE INTO onsite VALUES (?, ?, ?, ?, 0, ?)",
                (message.action_id, message.intent.visitor, message.at, expires_at, _ENCODER.encode(shown)),
            )
            _make_room(tx, message.intent.visitor)
        return Outcome("sent", "waits for the next page")


def pending(reader: sqlite3.Connection, visitor: str, at: int) -> list[Waiting]:
    """What may be shown to a visitor at an instant (µs UTC), the oldest first."""
    rows = reader.execute(
        "SELECT action_id, visitor, at, expires_at, show FROM onsite WHERE visitor = ? AND at <= ? AND expires_at > ?"
        " AND NOT ended ORDER BY at, action_id",
        (visitor, at, at),
    )
    return [Waiting(action_id, key, since, until, _DECODER.decode(show)) for action_id, key, since, until, show in rows]


def words_of(waiting: Waiting) -> Words:
    """The words of a waiting message, as they are to be shown."""
    return waiting.show.words[0] if waiting.show.words else Words()


def hear(tx: sqlite3.Connection, told: Iterable[Told]) -> None:
    """End what was seen, closed or could not be shown; what waited for somebody waits for whom they turned out to be."""
    for one in told:
        if isinstance(one, Heard) and one.event.event in ENDED_BY:
            action_id = one.event.properties.get("action_id")
            if isinstance(action_id, str):
                tx.execute("UPDATE onsite SET ended = 1 WHERE action_id = ? AND visitor = ?", (action_id, one.visitor))
        elif isinstance(one, Merged):
            tx.execute("UPDATE onsite SET visitor = ? WHERE visitor = ?", (one.into, one.gone))


def end(tx: sqlite3.Connection, action_id: str) -> None:
    """A message that is to be shown no more."""
    tx.execute("UPDATE onsite SET ended = 1 WHERE action_id = ?", (action_id,))


def forget(tx: sqlite3.Connection, visitors: Iterable[str]) -> None:
    """Drop what waits for visitors who are erased."""
    tx.executemany("DELETE FROM onsite WHERE visitor = ?", [(visitor,) for visitor in visitors])


def sweep(tx: sqlite3.Connection, at: int) -> int:
    """Drop what nobody can show or try again at an instant (µs UTC); how many."""
    return tx.execute("DELETE FROM onsite WHERE expires_at <= ?", (at - _KEPT,)).rowcount


def _make_room(tx: sqlite3.Connection, visitor: str) -> None:
    tx.execute(
        "UPDATE onsite SET ended = 1 WHERE action_id IN (SELECT action_id FROM onsite WHERE visitor = ? AND NOT ended"
        " ORDER BY at DESC, action_id LIMIT -1 OFFSET ?)",
        (visitor, MOST),
    )
