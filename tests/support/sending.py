"""A small outbox for tests: acts on disk, a gate, channels that record, a clock held in the hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from afterclick.act import contacts as contacts_module
from afterclick.act.acts import Acts
from afterclick.act.contacts import Contacts
from afterclick.act.gate.gate import Gate
from afterclick.act.journeys import tables as journeys
from afterclick.act.message import Message, Outcome
from afterclick.act.outbox import table, telling
from afterclick.act.outbox.intent import Intent
from afterclick.act.outbox.sender import Sender
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import clock
from afterclick.store.automations import Delivery, Send, Words

SEOUL = ZoneInfo("Asia/Seoul")
NOON = 1_750_042_800_000_000
"""2025-06-16 12:00 in Seoul, a Monday."""
HOUR = 3_600_000_000
DAY = 24 * HOUR
SCHEMAS = (journeys.SCHEMA, contacts_module.SCHEMA, table.SCHEMA, telling.SCHEMA)
FREE = Delivery(caps=(), quiet=(), per_second=10_000)


class Recorder:
    """A channel that keeps what it was given and answers what `answer` says."""

    def __init__(self, answer: Callable[[Message], Outcome] | None = None, *, at_least_once: bool = False) -> None:
        self.at_least_once = at_least_once
        self.got: list[Message] = []
        self._answer = answer or (lambda _: Outcome("sent"))
        self._mutex = threading.Lock()

    def deliver(self, message: Message) -> Outcome:
        with self._mutex:
            self.got.append(message)
        return self._answer(message)


class Box:
    """An outbox under `folder`, opened anew by `Box(folder)` again, as after a crash."""

    def __init__(self, folder: Path, delivery: Delivery = FREE, *, now: int = NOON, **more: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.now = now
        self.acts = Acts.open(folder, *SCHEMAS)
        self.contacts = Contacts.of_store(folder)
        self.gate = Gate(self.contacts, delivery, SEOUL)
        self.told: dict[str, Canonical] = {}
        self.email = Recorder()
        self.push = Recorder()
        self.webhook = Recorder(at_least_once=True)
        self.onsite = Recorder(at_least_once=True)
        self.channels = {"email": self.email, "push": self.push, "webhook": self.webhook, "onsite": self.onsite}
        self.more = more
        self.sender = self.another()

    def another(self, **more: Any) -> Sender:
        return Sender(
            self.acts, self.channels, self.gate, lambda: self.now, **{"emit": self._emit, **self.more, **more}
        )

    def _emit(self, events: Any) -> None:
        self.told.update({event.event_id: event for event in events})

    def person(self, visitor: str, *, at: int = NOON - DAY, **more: Any) -> None:
        """Somebody with an address who agreed to marketing."""
        properties = {"consent": {"marketing": True}, **more.pop("properties", {})}
        event = said("Identified", visitor, at, email=f"{visitor[2:]}@example.com", properties=properties, **more)
        with self.acts.writing() as tx:
            self.contacts.take(tx, visitor, event)

    def hear(self, visitor: str, event: Canonical) -> None:
        with self.acts.writing() as tx:
            self.contacts.take(tx, visitor, event)

    def plan(self, *intents: Intent) -> None:
        with self.acts.writing() as tx:
            for one in intents:
                table.plan(tx, one)

    def drain(self, turns: int = 50) -> None:
        """Until nothing moves any more."""
        for _ in range(turns):
            if not self.sender.run_once():
                return
        raise AssertionError("it never ends")

    def states(self) -> dict[str, str]:
        with self.acts.reading() as reader:
            return dict(reader.execute("SELECT action_id, state FROM sends").fetchall())

    def reasons(self) -> dict[str, str]:
        with self.acts.reading() as reader:
            return dict(reader.execute("SELECT action_id, reason FROM sends").fetchall())

    def balance(self) -> table.Balance:
        with self.acts.reading() as reader:
            return table.balance(reader)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [event.properties for event in self.told.values() if event.event == name]

    def close(self) -> None:
        self.sender.close()
        self.acts.close()


def said(name: str, visitor: str, at: int, **more: Any) -> Canonical:
    """An event of a visitor."""
    space, _, known = visitor.partition(":")
    who = {"user_id": known} if space == "u" else {"anonymous_id": known}
    number = f"{name}-{visitor}-{at}"
    return Canonical(event_id=number, type="track", event=name, occurred_at=at, received_at=at, **{**who, **more})


def intent(action_id: str, visitor: str = "a:1", channel: str = "email", *, at: int = NOON, **more: Any) -> Intent:
    """A message of a journey."""
    send = {name: more.pop(name) for name in ("advertising", "tags", "to", "resend") if name in more}
    words = more.pop("words", (Words(title="Hello", body="There is something new"),))
    return Intent(
        action_id=action_id, visitor=visitor, at=at, send=Send(channel=channel, words=words, **send),
        **{"journey": "welcome", **more},
    )  # fmt: skip


def local(day: str, time: str, zone: str = "Asia/Seoul") -> int:
    """The instant of a local time."""
    from datetime import datetime

    return clock.from_datetime(datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=ZoneInfo(zone)))
