"""What the trial of sending sends: people, what they do, and journeys with waits, by a clock that is told or goes by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from afterclick.act.outbox.sender import LEASE
from afterclick.app.prove.receivers import HOST
from afterclick.collect.wire.canonical import Canonical
from afterclick.core.spans import DAY, HOUR, MINUTE
from afterclick.store.automations import Delivery, Entry, Journey, Node, Send, Wait, Words

BEGIN: Final = 1_767_574_800_000_000
"""2026-01-05 10:00 in Seoul."""
WAIT: Final = 3 * HOUR
DAYS: Final = 30
ENTERED: Final = "Signed Up"
KILL_AT: Final = "AFTERCLICK_KILL_AT"
"""Environment of a process under trial: `begun:2` = kill -9 at the second time of this step, `begun:2:stop` = SIGSTOP."""
OUT: Final = {"email": "mail_out", "webhook": "call_out"}
"""By channel the step right before something leaves."""
STEPS: Final = (
    "heard", "planning", "fired", "claiming", "claimed", "begun", *OUT.values(), "answered", "marked", "told",
)  # fmt: skip
"""Steps of the process that hears, runs journeys and sends, in their order."""


class Trial(msgspec.Struct, kw_only=True):
    """What one process does: `journey` three_hours or month, `people` enter it at `begin`. `jump` goes from one due instant
    to the next, otherwise time passes as `clock.now` says; until `end`, or until nothing is left to do."""

    store: str
    journey: str
    people: int
    http_port: int
    smtp_port: int
    begin: int
    end: int
    jump: bool = True

    @property
    def told(self) -> Path:
        """What the log was told, one event a line."""
        return Path(self.store) / "told.jsonl"

    @property
    def clock(self) -> Path:
        """The instant the process has come to."""
        return Path(self.store) / "clock"

    @property
    def lease(self) -> int:
        """How long a claim lasts: by a clock that goes by itself, and fast, long enough for a call on a slow machine."""
        return LEASE if self.jump else 40 * HOUR

    @property
    def hook(self) -> str:
        """Where webhooks go."""
        return f"http://{HOST}:{self.http_port}/hook"


def journey(trial: Trial) -> Journey:
    """The journey under trial."""
    mail = Node(send=Send(channel="email", words=(Words(title="Hello", body="Something for you"),), tags=("trial",)))
    call = Node(send=Send(channel="webhook", to=trial.hook, advertising=False))
    if trial.journey == "month":
        # At ten o'clock ten o'clock has come: the next day's is waited for from a later hour.
        day = (Node(wait=Wait(span="1h")), Node(wait=Wait(until="10:00")), mail)
        steps: tuple[Node, ...] = day * DAYS
    else:
        steps = (mail, call, Node(wait=Wait(span="3h")), mail, call)
    return Journey(
        name=trial.journey, state="on", entry=Entry(event=ENTERED), again="never", steps=steps, grace="400h"
    )


def per_person(trial: Trial) -> tuple[int, int]:
    """Mails and calls that each person is to get."""
    return (DAYS, 0) if trial.journey == "month" else (2, 2)


def delivery(trial: Trial) -> Delivery:
    """No caps and no quiet hours: what is tried is that nothing comes twice, and that nothing is lost."""
    return Delivery(
        sender="Trial", from_email="trial@example.com", smtp=f"{HOST}:{trial.smtp_port}", smtp_tls="none",
        caps=(), quiet=(), per_second=10_000,
    )  # fmt: skip


def events(trial: Trial) -> list[tuple[int, str, Canonical]]:
    """What people do, each with its number in the log and its visitor: they leave their address and agree, then sign up."""
    found: list[tuple[int, str, Canonical]] = []
    for number in range(trial.people):
        known = f"person-{number}"
        said = {"consent": {"marketing": True}}
        email = f"{known}@example.com"
        for name, at, mail, properties in (
            ("Identified", trial.begin - DAY, email, said), (ENTERED, trial.begin + MINUTE * number, None, {}),
        ):  # fmt: skip
            event = Canonical(
                event_id=f"{name}-{number}", type="identify" if mail else "track", event=name, user_id=known,
                email=mail, properties=properties, occurred_at=at, received_at=at,
            )  # fmt: skip
            found.append((at, f"u:{known}", event))
    found.sort(key=lambda one: (one[0], one[2].event_id))
    return [(number + 1, visitor, event) for number, (_, visitor, event) in enumerate(found)]


def command(trial: Trial) -> str:
    """A trial as the text its process is started with."""
    return msgspec.json.encode(trial).decode()
