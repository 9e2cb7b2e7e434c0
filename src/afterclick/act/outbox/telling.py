"""What became of messages, told to the log: each event is kept with the change it tells of until the log has it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

from afterclick.act.acts import Acts
from afterclick.act.outbox.intent import Intent
from afterclick.collect.wire import canonical
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import names

SCHEMA: Final = ("CREATE TABLE IF NOT EXISTS tellings (id INTEGER PRIMARY KEY, event BLOB NOT NULL)",)
NAMES: Final = {
    "sent": names.MESSAGE_SENT,
    "suppressed": names.MESSAGE_SUPPRESSED,
    "failed": names.MESSAGE_FAILED,
    "uncertain": names.MESSAGE_UNCERTAIN,
}
"""The event of each end."""
_BATCH: Final = 500

Emit = Callable[[Sequence[Canonical]], None]
"""Collects events like live ones and returns when they are on disk. Raises AfterclickError where they are not."""


def end(tx: sqlite3.Connection, intent: Intent, state: str, now: int, reason: str, detail: str, attempts: int) -> None:
    """How a message ended."""
    more: dict[str, Any] = {"attempts": attempts, "reason": reason, "detail": detail}
    if state == "sent":
        more["cost"] = intent.send.cost
    _tell(tx, NAMES[state], intent, now, {**_about(intent), **{key: value for key, value in more.items() if value}})


def exposure(tx: sqlite3.Connection, intent: Intent, experiment: str, variant: str, now: int) -> None:
    """In which arm of a hold-out the visitor is, at the moment that makes a difference."""
    of = {key: value for key, value in (("journey", intent.journey), ("rule", intent.rule)) if value}
    said = {"experiment": experiment, "variant": variant, "action_id": intent.action_id, **of}
    _tell(tx, names.EXPERIMENT_VIEWED, intent, now, said)


def flush(acts: Acts, emit: Emit, after: Callable[[], None] = lambda: None) -> int:
    """Hand over what waits, oldest first; how many events the log took. What it does not take waits on.

    `after` is called when the log has them, and they are not yet forgotten here.

    Told again after a crash between the two, an event is the same event, which the log counts once.
    """
    done = 0
    while True:
        with acts.reading() as reader:
            rows = reader.execute("SELECT id, event FROM tellings ORDER BY id LIMIT ?", (_BATCH,)).fetchall()
        if not rows:
            return done
        emit([canonical.DECODER.decode(body) for _, body in rows])
        after()
        with acts.writing() as tx:
            tx.executemany("DELETE FROM tellings WHERE id = ?", [(number,) for number, _ in rows])
        done += len(rows)


def forget(tx: sqlite3.Connection, visitors: Sequence[str]) -> None:
    """Erase what is still to be told of visitors."""
    gone = set(visitors)
    rows = tx.execute("SELECT id, event FROM tellings").fetchall()
    tx.executemany(
        "DELETE FROM tellings WHERE id = ?",
        [(number,) for number, body in rows if _visitor(canonical.DECODER.decode(body)) in gone],
    )


def _about(intent: Intent) -> dict[str, Any]:
    said = {
        "action_id": intent.action_id, "channel": intent.channel, "journey": intent.journey, "rule": intent.rule,
        "run": intent.run, "step": intent.step, "arm": intent.arm, "tags": list(intent.tags),
    }  # fmt: skip
    return {**{key: value for key, value in said.items() if value}, "advertising": intent.advertising}


def _tell(tx: sqlite3.Connection, name: str, intent: Intent, now: int, properties: dict[str, Any]) -> None:
    space, _, known = intent.visitor.partition(":")
    told = "\x1f".join((intent.action_id, intent.channel, name, str(properties.get("experiment", "")), str(now)))
    event = Canonical(
        event_id=hashlib.sha256(told.encode()).hexdigest()[:32],
        type="track",
        event=name,
        anonymous_id=known if space == "a" else None,
        user_id=known if space == "u" else None,
        properties=properties,
        original_at=now,
        occurred_at=now,
        received_at=now,
    )
    tx.execute("INSERT INTO tellings (event) VALUES (?)", (canonical.encode(event),))


def _visitor(event: Canonical) -> str:
    return f"u:{event.user_id}" if event.user_id else f"a:{event.anonymous_id}"
