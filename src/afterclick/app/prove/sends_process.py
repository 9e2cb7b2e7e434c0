"""The process that `afterclick prove sends` kills: journeys, outbox, gate and sender over one store, and nothing else.

Started as `python -m afterclick.app.prove.sends_process TRIAL`, a trial as JSON.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from afterclick.act import contacts
from afterclick.act.acts import Acts
from afterclick.act.channels.email import Email
from afterclick.act.channels.smtp import server
from afterclick.act.channels.webhook import Webhook
from afterclick.act.contacts import Contacts
from afterclick.act.gate.gate import Gate
from afterclick.act.journeys import tables
from afterclick.act.journeys.runner import JourneyRunner
from afterclick.act.message import Deliver, Message, Outcome
from afterclick.act.outbound import call, signing
from afterclick.act.outbox import table, telling
from afterclick.act.outbox.hearing import Hearing
from afterclick.act.outbox.intent import Intent
from afterclick.act.outbox.sender import Sender
from afterclick.app.prove import sends_shop
from afterclick.app.prove.receivers import HOST
from afterclick.app.prove.sends_shop import Trial
from afterclick.collect.wire import canonical
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import clock
from afterclick.decide.reading import EventReader
from afterclick.decide.told import Heard, Told
from afterclick.store.definitions import Definitions

SEOUL = ZoneInfo("Asia/Seoul")
_PAUSE_S = 0.02


class Fate:
    """Ends or stops this process when it comes to a step for the n-th time."""

    def __init__(self, text: str) -> None:
        name, _, rest = text.partition(":")
        number, _, how = rest.partition(":")
        self._name = name
        self._number = int(number or 1)
        self._signal = signal.SIGSTOP if how == "stop" else signal.SIGKILL
        self._met = 0
        self._mutex = threading.Lock()

    def step(self, name: str) -> None:
        """Come to a step."""
        with self._mutex:
            self._met += name == self._name
            meant = name == self._name and self._met == self._number
        if meant:
            os.kill(os.getpid(), self._signal)


class _Watched:
    """A channel whose calls are a step of the trial."""

    def __init__(self, channel: Deliver, step: Callable[[], None]) -> None:
        self.at_least_once = channel.at_least_once
        self._channel = channel
        self._step = step

    def deliver(self, message: Message) -> Outcome:
        """Come to the step, then deliver."""
        self._step()
        return self._channel.deliver(message)


class Process:
    """Everything between the log and the receivers, for one trial."""

    def __init__(self, trial: Trial, fate: Fate) -> None:
        store = Path(trial.store)
        store.mkdir(parents=True, exist_ok=True)
        self._trial = trial
        self._fate = fate
        self._at = self._begun(trial)
        self._acts = Acts.open(store, tables.SCHEMA, contacts.SCHEMA, table.SCHEMA, telling.SCHEMA)
        book = Contacts.of_store(store)
        self._runner = JourneyRunner(
            self._acts, now=self.now, zone_of=lambda _: SEOUL, holds=lambda *_: True, plan=self._plan,
            heed=[Hearing(book).hear],
        )  # fmt: skip
        self._runner.use([sends_shop.journey(trial)])
        delivery = sends_shop.delivery(trial)
        inside = (f"{HOST}:{trial.http_port}",)
        channels: dict[str, Deliver] = {
            "email": Email(delivery, server(delivery.smtp, delivery.smtp_tls)),
            "webhook": Webhook(
                lambda now_s: signing.secrets_of(store, now_s),
                lambda url, body, headers: call.post(url, body, headers, inside=inside),
            ),
        }
        watched = {
            name: _Watched(channel, partial(fate.step, sends_shop.OUT[name])) for name, channel in channels.items()
        }
        gate = Gate(book, delivery, SEOUL)
        self._sender = Sender(
            self._acts, watched, gate, self.now, emit=self._emit, step=fate.step, lease=trial.lease
        )
        reader = EventReader(Definitions())
        self._events: list[Told] = []
        for seq, visitor, event in sends_shop.events(trial):
            happening = reader.happening(event)
            if happening is not None:
                self._events.append(
                    Heard(seq, event.event_id, visitor, event.occurred_at, True, False, event, happening)
                )

    def now(self) -> int:
        """The instant of this trial."""
        return self._at if self._trial.jump else clock.now()

    def run(self) -> None:
        """Until the end, or until nothing is left to do."""
        while self.now() < self._trial.end:
            self._turn()
            ahead = self._next()
            if ahead is None:
                break
            if self._trial.jump:
                self._at = max(ahead, self._at + 1)
                # Where a later process goes on: no more than that depends on it.
                self._trial.clock.write_text(str(self._at), "ascii")
            else:
                time.sleep(_PAUSE_S)
        self._sender.close()
        self._acts.close()

    def _turn(self) -> None:
        now, position = self.now(), self._acts.position
        heard = [one for one in self._events if isinstance(one, Heard) and one.seq > position and one.at <= now]
        if heard:
            self._runner.hear(heard)
            self._fate.step("heard")
        if self._runner.fire(now):
            self._fate.step("fired")
        while self._sender.run_once():
            continue

    def _next(self) -> int | None:
        """The next instant at which anything is due, None where nothing ever is."""
        position = self._acts.position
        found = [one.at for one in self._events if isinstance(one, Heard) and one.seq > position]
        with self._acts.reading() as reader:
            for query in (
                "SELECT min(due) FROM timers WHERE paused = 0",
                "SELECT min(due_at) FROM sends WHERE due_at IS NOT NULL",
                "SELECT min(until_at) FROM sends WHERE until_at IS NOT NULL",
            ):
                found += [row[0] for row in reader.execute(query) if row[0] is not None]
        return min(found, default=None)

    def _plan(self, tx: sqlite3.Connection, intent: Intent) -> bool:
        self._fate.step("planning")
        return table.plan(tx, intent)

    def _emit(self, events: Sequence[Canonical]) -> None:
        """What the log was told; as in the log, on disk before it counts as told."""
        with self._trial.told.open("ab") as file:
            file.write(b"".join(canonical.encode(event) + b"\n" for event in events))
            file.flush()
            os.fsync(file.fileno())

    @staticmethod
    def _begun(trial: Trial) -> int:
        text = trial.clock.read_text("ascii") if trial.clock.exists() else ""
        return int(text) if text.isdigit() else trial.begin


def main(words: Sequence[str], environ: Callable[[str], str | None] = os.environ.get) -> None:
    """Run the trial that the first word describes."""
    Process(msgspec.json.decode(words[0], type=Trial), Fate(environ(sends_shop.KILL_AT) or "")).run()


if __name__ == "__main__":
    main(sys.argv[1:])
