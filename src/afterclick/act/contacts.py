"""How a visitor can be reached and what they allow, kept from what they said, in the order of when they said it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from afterclick.act import contact_facts
from afterclick.act.contact_facts import BOUNCED, REACHED, Facts
from afterclick.collect.privacy import consent
from afterclick.collect.privacy.consent import Choice, Standing
from afterclick.collect.wire.canonical import Canonical
from afterclick.core.errors import StoreError
from afterclick.core.said import Said
from afterclick.decide.told import Heard, Merged, Told
from afterclick.store import disk

_CONTACTS: Final = (
    "CREATE TABLE IF NOT EXISTS contacts (visitor TEXT NOT NULL, channel TEXT NOT NULL, address TEXT NOT NULL,"
    " at INTEGER NOT NULL, PRIMARY KEY (visitor, channel, address)) WITHOUT ROWID"
)
_CONSENTS: Final = (
    "CREATE TABLE IF NOT EXISTS consents (visitor TEXT NOT NULL, purpose TEXT NOT NULL, channel TEXT NOT NULL,"
    " granted INTEGER NOT NULL, at INTEGER NOT NULL, why TEXT NOT NULL, PRIMARY KEY (visitor, purpose, channel))"
    " WITHOUT ROWID"
)
_SUPPRESSIONS: Final = (
    "CREATE TABLE IF NOT EXISTS suppressions (digest TEXT NOT NULL, channel TEXT NOT NULL, reason TEXT NOT NULL,"
    " at INTEGER NOT NULL, PRIMARY KEY (digest, channel, reason)) WITHOUT ROWID"
)
_PLACES: Final = (
    "CREATE TABLE IF NOT EXISTS places (visitor TEXT PRIMARY KEY, zone TEXT NOT NULL, zone_at INTEGER NOT NULL,"
    " lang TEXT NOT NULL, lang_at INTEGER NOT NULL) WITHOUT ROWID"
)
SCHEMA: Final = (_CONTACTS, _CONSENTS, _SUPPRESSIONS, _PLACES)
FILE: Final = "suppressed.key"
_KEY_BYTES: Final = 32
_BY_NAME: Final = "BY NAME "
"""Before a purpose: what was said of it by name. No purpose has great letters."""
_MOST_ADDRESSES: Final = 5
"""Addresses of one channel that are kept of a visitor; the latest is written to."""


class Contacts:
    """Reads and writes the tables of contacts within the caller's transactions.

    Addresses that want nothing more are kept as keyed digests, which outlive the erasure of their owner: erased people
    are not written to again when a list brings them back.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of_store(cls, store: Path) -> Self:
        """With the key of the store, made at first use. Raises StoreError if others can read it."""
        path = store / FILE
        with disk.explained(path):
            if not path.exists():
                disk.write_synced(path, secrets.token_hex(_KEY_BYTES).encode() + b"\n", mode=0o600)
            if path.stat().st_mode & 0o077:
                raise StoreError(
                    Said("refusals.others_read", path=str(path)),
                    hint=Said("refusals.chmod", path=str(path)),
                    path=str(path),
                    code="open_secret",
                )
            return cls(bytes.fromhex(path.read_text("ascii").strip()))

    def take(self, tx: sqlite3.Connection, visitor: str, event: Canonical) -> None:
        """Keep what an event says. Older news never replaces newer, so events may come in any order, and again."""
        found = contact_facts.facts(event)
        if found != contact_facts.NOTHING:
            self._keep(tx, visitor, found, event.occurred_at, event.event_id)

    def hear(self, tx: sqlite3.Connection, told: Iterable[Told]) -> None:
        """Take in what the decider tells, in its order."""
        for one in told:
            if isinstance(one, Heard):
                self.take(tx, one.visitor, one.event)
            elif isinstance(one, Merged):
                self.merge(tx, one.into, one.gone)

    def merge(self, tx: sqlite3.Connection, into: str, gone: str) -> None:
        """Two visitors are one: everything known of either, the latest of each."""
        rows = tx.execute("SELECT purpose, channel, granted, at, why FROM consents WHERE visitor = ?", (gone,)).fetchall()
        for purpose, channel, granted, at, why in rows:
            self._consent(tx, into, Choice(purpose, channel, bool(granted)), at, why)
        for channel, address, at in tx.execute(
            "SELECT channel, address, at FROM contacts WHERE visitor = ?", (gone,)
        ).fetchall():
            self._address(tx, into, channel, address, at)
        for zone, zone_at, lang, lang_at in tx.execute(
            "SELECT zone, zone_at, lang, lang_at FROM places WHERE visitor = ?", (gone,)
        ).fetchall():
            self._place(tx, into, zone, zone_at, lang, lang_at)
        self.forget(tx, (gone,))

    def forget(self, tx: sqlite3.Connection, visitors: Iterable[str]) -> None:
        """Erase visitors; digests of addresses that want nothing more stay."""
        gone = [(visitor,) for visitor in visitors]
        for statement in (
            "DELETE FROM contacts WHERE visitor = ?",
            "DELETE FROM consents WHERE visitor = ?",
            "DELETE FROM places WHERE visitor = ?",
        ):
            tx.executemany(statement, gone)

    def suppress(self, tx: sqlite3.Connection, channel: str, address: str, reason: str, at: int) -> None:
        """Nothing goes to this address any more on this channel."""
        tx.execute(
            "INSERT INTO suppressions VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
            (self._digest(channel, address), channel, reason, at),
        )

    def drop(self, tx: sqlite3.Connection, visitor: str, channel: str, address: str, at: int) -> None:
        """An address leads nowhere: a mailbox that is gone is not tried again, a push subscription is forgotten."""
        if channel == "email":
            self.suppress(tx, channel, address, BOUNCED, at)
        else:
            tx.execute(
                "DELETE FROM contacts WHERE visitor = ? AND channel = ? AND address = ?", (visitor, channel, address)
            )

    def address(self, reader: sqlite3.Connection, visitor: str, channel: str) -> str:
        """Where the visitor is reached on a channel, "" for nowhere: the latest address they gave."""
        row = reader.execute(
            "SELECT address FROM contacts WHERE visitor = ? AND channel = ? ORDER BY at DESC, address LIMIT 1",
            (visitor, channel),
        ).fetchone()
        return "" if row is None else str(row[0])

    def consents(self, reader: sqlite3.Connection, visitor: str) -> dict[tuple[str, str], Standing]:
        """What holds by purpose and channel; read it with `consent.allows`."""
        return {key: one for key, one in self._standing(reader, visitor) if not key[0].startswith(_BY_NAME)}

    def refusing(self, reader: sqlite3.Connection, purpose: str) -> set[str]:
        """The visitors who refuse a purpose now, on all channels or by name."""
        rows = reader.execute("SELECT DISTINCT visitor FROM consents WHERE NOT granted").fetchall()
        found = set()
        for (visitor,) in rows:
            said = (consent.allows(state(reader, visitor), purpose) for state in (self.consents, self.by_name))
            if any(one is not None and not one.granted for one in said):
                found.add(str(visitor))
        return found

    def by_name(self, reader: sqlite3.Connection, visitor: str) -> dict[tuple[str, str], Standing]:
        """The same of opt-outs and consents that were said by an event of their own: such an opt-out holds until such a
        consent, whatever other events repeat."""
        return {
            (key[0].removeprefix(_BY_NAME), key[1]): one
            for key, one in self._standing(reader, visitor)
            if key[0].startswith(_BY_NAME)
        }

    @staticmethod
    def _standing(reader: sqlite3.Connection, visitor: str) -> Iterator[tuple[tuple[str, str], Standing]]:
        rows = reader.execute("SELECT purpose, channel, granted, at, why FROM consents WHERE visitor = ?", (visitor,))
        for purpose, channel, granted, at, why in rows:
            yield (purpose, channel), Standing(bool(granted), at, why)

    def suppressed(self, reader: sqlite3.Connection, channel: str, address: str) -> dict[str, int]:
        """Why nothing goes to an address, each reason with its instant; empty if it may."""
        rows = reader.execute(
            "SELECT reason, at FROM suppressions WHERE digest = ? AND channel = ?", (self._digest(channel, address), channel)
        )
        return {str(reason): int(at) for reason, at in rows}

    def zone(self, reader: sqlite3.Connection, visitor: str) -> str:
        """The visitor's time zone (`Asia/Seoul`), "" where it is not known."""
        return self._told(reader, "SELECT zone FROM places WHERE visitor = ?", visitor)

    def lang(self, reader: sqlite3.Connection, visitor: str) -> str:
        """The visitor's language (`ko`), "" where it is not known."""
        return self._told(reader, "SELECT lang FROM places WHERE visitor = ?", visitor)

    @staticmethod
    def _told(reader: sqlite3.Connection, query: str, visitor: str) -> str:
        row = reader.execute(query, (visitor,)).fetchone()
        return "" if row is None else str(row[0])

    def _keep(self, tx: sqlite3.Connection, visitor: str, found: Facts, at: int, why: str) -> None:
        for channel, address in (("email", found.email), ("phone", found.phone), ("push", found.push)):
            if address:
                self._address(tx, visitor, channel, address, at)
        if found.zone or found.lang:
            self._place(tx, visitor, found.zone, at if found.zone else 0, found.lang, at if found.lang else 0)
        for choice in found.choices:
            self._consent(tx, visitor, choice, at, why)
        for choice in found.by_name:
            self._consent(tx, visitor, choice._replace(purpose=_BY_NAME + choice.purpose), at, why)
        for channel, reason in found.stops:
            for address in self._addresses(tx, visitor, channel):
                self.suppress(tx, channel, address, reason, at)
        if found.gone:
            self._end(tx, visitor, found.gone, at)

    def _addresses(self, tx: sqlite3.Connection, visitor: str, channel: str) -> Sequence[str]:
        if channel not in REACHED:
            return ()
        rows = tx.execute("SELECT address FROM contacts WHERE visitor = ? AND channel = ?", (visitor, channel))
        return [address for (address,) in rows]

    def _end(self, tx: sqlite3.Connection, visitor: str, endpoint: str, at: int) -> bool:
        """Forget a push subscription as it was up to an instant; is there a later one of the same endpoint?"""
        rows = tx.execute("SELECT address, at FROM contacts WHERE visitor = ? AND channel = 'push'", (visitor,)).fetchall()
        same = [(address, given_at) for address, given_at in rows if contact_facts.endpoint_of(address) == endpoint]
        tx.executemany(
            "DELETE FROM contacts WHERE visitor = ? AND channel = 'push' AND address = ?",
            [(visitor, address) for address, given_at in same if given_at <= at],
        )
        return any(given_at > at for _, given_at in same)

    def _address(self, tx: sqlite3.Connection, visitor: str, channel: str, address: str, at: int) -> None:
        if channel == "push" and self._end(tx, visitor, contact_facts.endpoint_of(address), at):
            return
        tx.execute(
            "INSERT INTO contacts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at WHERE excluded.at > at",
            (visitor, channel, address, at),
        )
        tx.execute(
            "DELETE FROM contacts WHERE visitor = ?1 AND channel = ?2 AND address IN (SELECT address FROM contacts"
            " WHERE visitor = ?1 AND channel = ?2 ORDER BY at DESC, address LIMIT -1 OFFSET ?3)",
            (visitor, channel, _MOST_ADDRESSES),
        )

    @staticmethod
    def _consent(tx: sqlite3.Connection, visitor: str, choice: Choice, at: int, why: str) -> None:
        # Of equal instants the refusal counts, then the greater event: as consent.fold has it.
        tx.execute(
            "INSERT INTO consents VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET granted = excluded.granted,"
            " at = excluded.at, why = excluded.why"
            " WHERE (excluded.at, 1 - excluded.granted, excluded.why) > (at, 1 - granted, why)",
            (visitor, choice.purpose, choice.channel, int(choice.granted), at, why),
        )

    @staticmethod
    def _place(tx: sqlite3.Connection, visitor: str, zone: str, zone_at: int, lang: str, lang_at: int) -> None:
        tx.execute(
            "INSERT INTO places VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " zone = iif(excluded.zone_at > zone_at, excluded.zone, zone), zone_at = max(zone_at, excluded.zone_at),"
            " lang = iif(excluded.lang_at > lang_at, excluded.lang, lang), lang_at = max(lang_at, excluded.lang_at)",
            (visitor, zone, zone_at, lang, lang_at),
        )

    def _digest(self, channel: str, address: str) -> str:
        known = contact_facts.endpoint_of(address) if channel == "push" else address
        return hmac.new(self._key, f"{channel}:{known}".encode(), hashlib.sha256).hexdigest()
