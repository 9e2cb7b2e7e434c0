"""Order does not matter: the same events in any order of arrival, in any batches, give the same numbers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Final

from afterclick.app.prove import stored, traffic
from afterclick.app.prove.proof import Proof, Tell, check, step
from afterclick.app.prove.sender import Sender
from afterclick.app.prove.served import Served
from afterclick.core import clock

_BEGIN: Final = 1_750_000_000_000_000


def prove(seed: int, folder: Path, tell: Tell, *, count: int = 2_000, shuffles: int = 3) -> Proof:
    """Send the same events to a store each, shuffled and cut into batches anew; all answers must be equal."""
    began = clock.ticks()
    events = traffic.events(seed, count, begin=_BEGIN)
    rng = random.Random(seed)  # noqa: S311 - cases, not secrets
    told: list[dict[str, str]] = []
    for number in range(shuffles + 1):
        place = folder / f"order{number}"
        place.mkdir(parents=True, exist_ok=True)
        with Served(place / "shop", place / "server.log").prepare() as served:
            served.start()
            _send(served, events, rng)
            served.stop()
        told.append(stored.numbers(place / "shop"))
        tell(step("order_arrival", n=number + 1, of=shuffles + 1))
        rng.shuffle(events)
    different = [
        f"shuffle {number}: {name}" for number, one in enumerate(told) for name in one if one[name] != told[0][name]
    ]
    checks = (check("order_reports", different, shuffles=shuffles, n=count, reports=len(told[0])),)
    return Proof("order", seed, checks, clock.ticks() - began)


def _send(served: Served, events: list[dict[str, Any]], rng: random.Random) -> None:
    sender = Sender(served.address, served.key)
    at = 0
    while at < len(events):
        size = rng.randrange(1, 200)
        while sender.send(events[at : at + size]).status != 200:
            tries_left = served.running
            if not tries_left:
                raise RuntimeError("the server ended while it was sent to")
        at += size
    sender.close()
