"""Histories of people with several devices, users and e-mails, who turn out to be one in the middle of what they do."""

from __future__ import annotations

import random
from dataclasses import dataclass

from msgspec import structs

from afterclick.core.event import Event
from support.histories import START, STEPS, H, event

BOT = "Mozilla/5.0 (compatible; Googlebot/2.1)"


@dataclass(frozen=True)
class Kind:
    """What ids the events of a person name: `hidden` from which share of the history on, users, mails and their chances."""

    devices: int = 2
    users: int = 1
    mails: int = 0
    known_from: float = 0.4
    user: float = 0.4
    mail: float = 0.2
    server: float = 0.1
    bot: float = 0.0


KINDS = (
    Kind(), Kind(devices=3, user=0.2, server=0.0), Kind(devices=3, mails=1, user=0.15, mail=0.3),
    Kind(devices=1, server=0.4, user=0.3), Kind(devices=4, mails=2, known_from=0.0, user=0.2, mail=0.3, bot=0.1),
)  # fmt: skip
"""One user at the most."""
SHARED = (
    Kind(users=2), Kind(users=3, devices=2, mails=2, mail=0.3), Kind(users=2, mails=1, devices=3, user=0.3, mail=0.4, bot=0.1),
)  # fmt: skip
"""Several users of one device or e-mail."""


def merging(seed: int, kinds: tuple[Kind, ...] = KINDS, people: int = 5, events: int = 40, apart: bool = True) -> list[Event]:
    """What some people did, in order; with `apart` no two events are of one instant."""
    draw = random.Random(seed)
    told: list[Event] = []
    for number in range(people):
        kind, now, size = draw.choice(kinds), START + draw.randrange(24) * H, draw.randint(2, events)
        device = 0
        for place in range(size):
            now += draw.choice(STEPS) + (1_000 * draw.randint(1, 999) if apart else 0)
            device = draw.randrange(kind.devices) if draw.random() < 0.3 else device
            told.append(_of(draw, kind, event(draw, now, place, f"p{number}", several=False), number, device, place / size))
    return told


def _of(draw: random.Random, kind: Kind, one: Event, person: int, device: int, done: float) -> Event:
    known = done >= kind.known_from
    user = f"u{person}-{draw.randrange(kind.users)}" if known and draw.random() < kind.user else None
    mail = f"m{person}-{draw.randrange(kind.mails)}@x.example" if kind.mails and known and draw.random() < kind.mail else None
    anonymous: str | None = f"d{person}-{device}"
    if user and draw.random() < kind.server:
        anonymous = None
    agent = BOT if draw.random() < kind.bot else None
    return structs.replace(one, anonymous_id=anonymous, user_id=user, email=mail, user_agent=agent)
