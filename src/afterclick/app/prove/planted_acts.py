"""A person in everything that waits to be sent: contacts, a run, a message, one on the next page, and what is to be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import structs

from afterclick.act.acts import Acts
from afterclick.act.channels.onsite import Onsite
from afterclick.act.contacts import Contacts
from afterclick.act.journeys.runner import JourneyRunner
from afterclick.act.message import Message
from afterclick.act.outbox import table, telling
from afterclick.act.outbox.intent import Intent
from afterclick.app import kept_acts
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import clock
from afterclick.core.spans import HOUR
from afterclick.store.automations import Channel, Entry, Journey, Node, Send, Wait, Words

_JOURNEY: Final = Journey(
    name="Planted", state="on", entry=Entry(event="Product Added"), goal=("Order Completed",),
    steps=(Node(wait=Wait(span="3d")), Node(exit=True)),
)  # fmt: skip


def plant(store: Path, visitor: str, event: Canonical) -> None:
    """Put a visitor into each table of acts.db; `event` carries the person's address. The store's lock is held."""
    kept, now = Contacts.of_store(store), clock.now()
    acts = Acts.open(store, *kept_acts.SCHEMAS)
    try:
        runner = JourneyRunner(acts, zone_of=lambda _: ZoneInfo("UTC"), holds=lambda *_: False, plan=table.plan)
        runner.use([_JOURNEY])
        values: dict[str, Any] = {"event": {"mail": event.email}}
        runner.enter(visitor, _JOURNEY.name, "planted", now, values)
        mail = _intent("mail", visitor, "email", now + HOUR, values)
        about = Words(title="Ask for", body=f"our colleague {event.email}")
        send = Send(channel="push", words=(about,))
        runner.use([_JOURNEY, structs.replace(_JOURNEY, name="About", steps=(Node(send=send),))])
        with acts.writing() as tx:
            kept.take(tx, visitor, event)
            table.plan(tx, mail)
            # What another one is told of them.
            table.plan(tx, structs.replace(mail, action_id="planted-about", visitor="a:friend", send=send, values={}))
            telling.end(tx, mail, "suppressed", now, "cap", str(event.email), 0)
        words = Words(title=str(event.email))
        shown = _intent("onsite", visitor, "onsite", now, values)
        Onsite(acts).deliver(Message(shown.action_id, "onsite", visitor, words, shown, {}, now))
    finally:
        acts.close()


def _intent(name: str, visitor: str, channel: Channel, at: int, values: dict[str, Any]) -> Intent:
    send = Send(channel=channel, words=(Words(title="Hello"),))
    return Intent(action_id=f"planted-{name}", visitor=visitor, send=send, at=at, journey=_JOURNEY.name, values=values)
