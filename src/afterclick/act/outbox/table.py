"""Every message that was ever to leave, in one row each: planned, claimed by one sender at a time, and how it ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from afterclick.act.outbox import parking
from afterclick.act.outbox.intent import PACK, UNPACK, Intent
from afterclick.store.automations import Words

_SENDS: Final = (
    "CREATE TABLE IF NOT EXISTS sends (action_id TEXT NOT NULL, channel TEXT NOT NULL, visitor TEXT NOT NULL,"
    " lane TEXT NOT NULL, state TEXT NOT NULL, due_at INTEGER, planned_at INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " token INTEGER NOT NULL, until_at INTEGER, begun_at INTEGER, counted_at INTEGER, done_at INTEGER,"
    " exposed INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, advertising INTEGER NOT NULL,"
    " tags TEXT NOT NULL, intent BLOB NOT NULL, words BLOB, UNIQUE (action_id, channel))"
)
_DUE: Final = "CREATE INDEX IF NOT EXISTS sends_due ON sends (lane, due_at) WHERE due_at IS NOT NULL"
_CLAIMED: Final = "CREATE INDEX IF NOT EXISTS sends_claimed ON sends (until_at) WHERE until_at IS NOT NULL"
_COUNTED: Final = "CREATE INDEX IF NOT EXISTS sends_visitor ON sends (visitor, counted_at)"
_ENDED: Final = "CREATE INDEX IF NOT EXISTS sends_ended ON sends (state, done_at) WHERE done_at IS NOT NULL"
_COUNTS: Final = "CREATE TABLE IF NOT EXISTS send_counts (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID"
SCHEMA: Final = (_SENDS, _DUE, _CLAIMED, _COUNTED, _ENDED, _COUNTS, parking.PARKED)

_WORDS: Final = msgspec.msgpack.Decoder(Words)
ENDS: Final = ("sent", "suppressed", "failed", "uncertain")
INTENDED: Final = "intended"
_TOKEN: Final = "token"  # noqa: S105 - a counter
_WAITING: Final = "SELECT rowid, visitor, intent, attempt, exposed, words, due_at FROM sends"
_LANES: Final = (
    "WITH RECURSIVE lanes(lane) AS (SELECT min(lane) FROM sends WHERE due_at IS NOT NULL UNION ALL"
    " SELECT (SELECT min(lane) FROM sends WHERE due_at IS NOT NULL AND lane > lanes.lane) FROM lanes"
    " WHERE lanes.lane IS NOT NULL) SELECT lane FROM lanes WHERE lane IS NOT NULL AND"
    " EXISTS (SELECT 1 FROM sends WHERE sends.lane = lanes.lane AND due_at <= ?)"
)


class Due(NamedTuple):
    """A message that waits and whose time has come; `attempt` counts those made, `exposed` says whether its hold-out arm
    was told; `words` are those of its first call, where it must say the same every time; `due_at` when its time came."""

    row: int
    intent: Intent
    attempt: int
    exposed: bool
    words: Words | None
    due_at: int


class Claim(NamedTuple):
    """The right of one sender to one message until `until_at` (µs UTC). A greater `token` is a later claim; `begun`
    once the call may have been made."""

    row: int
    intent: Intent
    attempt: int
    token: int
    until_at: int
    begun: bool = False
    words: Words | None = None


class Balance(NamedTuple):
    """What became of everything that was intended, counted when it happened; `pending` are the rows that still wait."""

    intended: int
    sent: int
    suppressed: int
    failed: int
    uncertain: int
    pending: int

    @property
    def holds(self) -> bool:
        """Is every intended message in exactly one place?"""
        return self.intended == self.sent + self.suppressed + self.failed + self.uncertain + self.pending


class Ended(NamedTuple):
    """A message that failed or whose outcome nobody knows, for whoever looks after them."""

    action_id: str
    channel: str
    journey: str
    rule: str
    visitor: str
    state: str
    reason: str
    detail: str
    attempt: int
    done_at: int


def lane_of(intent: Intent) -> str:
    """What a message stands in line for: its channel, and of webhooks the host that is called."""
    if intent.channel != "webhook":
        return intent.channel
    try:
        return f"webhook:{urlsplit(intent.send.to).netloc.lower()[:300]}"
    except ValueError:
        return "webhook:"


def plan(tx: sqlite3.Connection, intent: Intent, due_at: int | None = None) -> bool:
    """Intend a message, once: another of the same action and channel is none. Due at once, unless said otherwise."""
    made = tx.execute(
        "INSERT INTO sends (action_id, channel, visitor, lane, state, due_at, planned_at, attempt, token, exposed, reason,"
        " detail, advertising, tags, intent) VALUES (?, ?, ?, ?, 'planned', ?, ?, 0, 0, 0, '', '', ?, ?, ?)"
        " ON CONFLICT (action_id, channel) DO NOTHING",
        (
            intent.action_id, intent.channel, intent.visitor, lane_of(intent),
            intent.at if due_at is None else due_at, intent.at, int(intent.advertising),
            "\n".join(intent.tags), PACK.encode(intent),
        ),
    )  # fmt: skip
    if made.rowcount:
        count(tx, INTENDED, 1)
    return bool(made.rowcount)


def lanes(reader: sqlite3.Connection, now: int) -> list[str]:
    """Lanes in which somebody's time has come."""
    return [str(lane) for (lane,) in reader.execute(_LANES, (now,))]


def due(reader: sqlite3.Connection, lane: str, now: int, limit: int) -> list[Due]:
    """The first that wait in a lane, those that wait longest first."""
    return _read(reader.execute(f"{_WAITING} WHERE lane = ? AND due_at <= ? ORDER BY due_at LIMIT ?", (lane, now, limit)))


def waiting(reader: sqlite3.Connection, visitor: str) -> list[Due]:
    """What waits for a visitor and no sender holds; `due_at` is 0 of what waits for its journey."""
    return _read(reader.execute(f"{_WAITING} WHERE visitor = ? AND state IN ('planned', 'held')", (visitor,)))


def _read(rows: Iterable[tuple[Any, ...]]) -> list[Due]:
    return [
        Due(row, _intent(body, visitor), n, bool(told), None if said is None else _WORDS.decode(said), due_at or 0)
        for row, visitor, body, n, told, said, due_at in rows
    ]


def next_due(reader: sqlite3.Connection) -> int | None:
    """When the next message's time comes, None where none waits."""
    found = reader.execute("SELECT min(due_at) FROM sends WHERE due_at IS NOT NULL").fetchone()[0]
    return None if found is None else int(found)


def token(tx: sqlite3.Connection) -> int:
    """A number greater than every one before."""
    count(tx, _TOKEN, 1)
    return int(tx.execute("SELECT n FROM send_counts WHERE name = ?", (_TOKEN,)).fetchone()[0])


def claim(tx: sqlite3.Connection, one: Due, number: int, now: int, until_at: int) -> Claim:
    """Take a message; until then nobody else does. It counts for caps from now on."""
    tx.execute(
        "UPDATE sends SET state = 'claimed', due_at = NULL, token = ?, until_at = ?, begun_at = NULL, counted_at = ?,"
        " reason = '' WHERE rowid = ?",
        (number, until_at, now, one.row),
    )
    return Claim(one.row, one.intent, one.attempt, number, until_at, words=one.words)


def begin(tx: sqlite3.Connection, one: Claim, now: int, spare: int, words: Words | None = None) -> Claim | None:
    """Note that the call is made now, and count the attempt; None if the claim is lost or ends within `spare` µs.

    `words` are kept for the calls that may follow.
    """
    made = tx.execute(
        "UPDATE sends SET begun_at = ?, attempt = attempt + 1, words = coalesce(?, words) WHERE rowid = ? AND token = ?"
        " AND state = 'claimed' AND begun_at IS NULL AND until_at > ?",
        (now, None if words is None else PACK.encode(words), one.row, one.token, now + spare),
    )
    return one._replace(attempt=one.attempt + 1, begun=True) if made.rowcount else None


def finish(tx: sqlite3.Connection, one: Claim, state: str, now: int, reason: str = "", detail: str = "") -> bool:
    """End a claimed message. False where the claim was lost: then somebody else says how it ended.

    What was given up as uncertain meanwhile is known after all once its own sender says so.
    """
    kept = now if state in ("sent", "uncertain") else None
    row = tx.execute("SELECT state FROM sends WHERE rowid = ? AND token = ?", (one.row, one.token)).fetchone()
    if row is None or row[0] not in ("claimed", "uncertain") or row[0] == state:
        return False
    if row[0] == "uncertain":
        count(tx, "uncertain", -1)
    tx.execute(
        "UPDATE sends SET state = ?, until_at = NULL, due_at = NULL, done_at = ?, reason = ?, detail = ?,"
        " counted_at = iif(? IS NULL, NULL, coalesce(counted_at, ?)) WHERE rowid = ?",
        (state, now, reason, detail[:500], kept, kept, one.row),
    )
    count(tx, state, 1)
    return True


def again(tx: sqlite3.Connection, one: Claim, due_at: int | None, reason: str, detail: str = "") -> bool:
    """Give a claim back, to be tried at `due_at` (None: when its journey goes on). False where it was lost."""
    made = tx.execute(
        "UPDATE sends SET state = 'held', due_at = ?, until_at = NULL, begun_at = NULL, counted_at = NULL, reason = ?,"
        " detail = ? WHERE rowid = ? AND token = ? AND state = 'claimed'",
        (due_at, reason, detail[:500], one.row, one.token),
    )
    if due_at is None and made.rowcount:
        parking.park(tx, one.row, one.intent)
    return bool(made.rowcount)


def hold(tx: sqlite3.Connection, one: Due, due_at: int | None, reason: str) -> None:
    """Not yet: what waits waits on, until `due_at` or (None) until its journey goes on."""
    tx.execute("UPDATE sends SET state = 'held', due_at = ?, reason = ? WHERE rowid = ?", (due_at, reason, one.row))
    if due_at is None:
        parking.park(tx, one.row, one.intent)


def stop(tx: sqlite3.Connection, one: Due, state: str, now: int, reason: str, detail: str = "") -> None:
    """End what waits without a try."""
    tx.execute(
        "UPDATE sends SET state = ?, due_at = NULL, counted_at = NULL, done_at = ?, reason = ?, detail = ? WHERE rowid = ?",
        (state, now, reason, detail[:500], one.row),
    )
    count(tx, state, 1)


def exposed(tx: sqlite3.Connection, row: int) -> None:
    """Its hold-out arm was told."""
    tx.execute("UPDATE sends SET exposed = 1 WHERE rowid = ?", (row,))


def expired(reader: sqlite3.Connection, now: int, limit: int = 500) -> list[Claim]:
    """Claims that nobody ended in time: their sender is gone, or so slow that it has lost them."""
    rows = reader.execute(
        "SELECT rowid, visitor, intent, attempt, token, until_at, begun_at FROM sends WHERE until_at <= ?"
        " ORDER BY until_at LIMIT ?",
        (now, limit),
    )
    return [
        Claim(row, _intent(body, visitor), attempt, number, until_at, begun_at is not None)
        for row, visitor, body, attempt, number, until_at, begun_at in rows
    ]


def balance(reader: sqlite3.Connection) -> Balance:
    """Where everything is that was ever intended."""
    counts = dict(reader.execute("SELECT name, n FROM send_counts").fetchall())
    pending = reader.execute("SELECT count(*) FROM sends WHERE state IN ('planned', 'held', 'claimed')").fetchone()[0]
    sent, suppressed, failed, uncertain = (counts.get(name, 0) for name in ENDS)
    return Balance(counts.get(INTENDED, 0), sent, suppressed, failed, uncertain, pending)


def ended(reader: sqlite3.Connection, states: Sequence[str] = ("failed", "uncertain"), limit: int = 100) -> list[Ended]:
    """The latest that failed or are uncertain, newest first."""
    rows = reader.execute(
        "SELECT action_id, channel, intent, visitor, state, reason, detail, attempt, done_at FROM sends"
        " WHERE done_at IS NOT NULL AND state IN (SELECT value FROM json_each(?)) ORDER BY done_at DESC LIMIT ?",
        (msgspec.json.encode(list(states)).decode(), limit),
    )
    found = []
    for action_id, channel, body, visitor, state, reason, detail, attempt, done_at in rows:
        intent = _intent(body, visitor) if body else None
        names = ("", "") if intent is None else (intent.journey, intent.rule)
        found.append(Ended(action_id, channel, *names, visitor, state, reason, detail, attempt, done_at))
    return found


def resend(tx: sqlite3.Connection, action_id: str, channel: str, now: int) -> bool:
    """A person wants a failed or uncertain message to go again, from its first attempt on; False where there is none."""
    row = tx.execute(
        "SELECT rowid, state FROM sends WHERE action_id = ? AND channel = ? AND state IN ('failed', 'uncertain')"
        " AND intent <> x''",
        (action_id, channel),
    ).fetchone()
    if row is None:
        return False
    count(tx, row[1], -1)
    tx.execute(
        "UPDATE sends SET state = 'planned', due_at = ?, done_at = NULL, begun_at = NULL, counted_at = NULL, attempt = 0,"
        " token = 0, reason = '', detail = '' WHERE rowid = ?",
        (now, row[0]),
    )
    return True


def count(tx: sqlite3.Connection, name: str, more: int) -> None:
    """So many more of an end, or of what was intended."""
    tx.execute("INSERT INTO send_counts VALUES (?1, ?2) ON CONFLICT DO UPDATE SET n = n + ?2", (name, more))


def _intent(body: bytes, visitor: str) -> Intent:
    """The intent of a row, for whom the visitor has become since."""
    found = UNPACK.decode(body)
    return found if found.visitor == visitor else msgspec.structs.replace(found, visitor=visitor)
