"""Counted once: events are sent again, in other batches, by several senders, over restarts, and the reports stay the same."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from afterclick.app.prove import stored, traffic
from afterclick.app.prove.proof import Check, Proof, Tell, check, step
from afterclick.app.prove.sender import Ledger, Sender
from afterclick.app.prove.served import Served
from afterclick.core import clock

_BATCH: Final = 50
_SENDERS: Final = 4
_BEGIN: Final = 1_750_000_000_000_000


def prove(seed: int, folder: Path, tell: Tell, *, count: int = 10_000, again_rate: float = 0.3, restarts: int = 3) -> Proof:
    """Send `count` events once to one store; to another with a share `again_rate` (0..1) sent again, over restarts.

    The second also gets ids that come again with another content: the first is kept, the other is set aside.
    """
    began = clock.ticks()
    events = traffic.events(seed, count, begin=_BEGIN)
    rng = random.Random(seed)  # noqa: S311 - cases, not secrets
    clean, twice = folder / "clean", folder / "again"
    for place in (clean, twice):
        place.mkdir(parents=True, exist_ok=True)
    tell(step("dedup_once", n=count))
    with Served(clean / "shop", clean / "server.log").prepare() as served:
        served.start()
        _send(served, [events], Ledger())
        served.stop()
    repeats = [event for event in events if rng.random() < again_rate]
    others = [_other(event) for event in rng.sample(events, min(50, count // 10))]
    ledger = Ledger()
    with Served(twice / "shop", twice / "server.log").prepare() as served:
        for number in range(restarts + 1):
            tell(step("dedup_round", n=number + 1, of=restarts + 1))
            served.start()
            share = events[number * count // (restarts + 1) : (number + 1) * count // (restarts + 1)]
            mixed = [*share, *(event for event in repeats if rng.random() < 0.5)]
            rng.shuffle(mixed)
            # Several senders at once with the very same batch: only one of them can be the first.
            _send(served, [mixed] + [share] * (number % 2), ledger)
            served.stop() if number % 2 else served.kill()
        served.start()
        _send(served, [events], ledger)
        _send(served, [others], Ledger())
        served.stop()
    return Proof("dedup", seed, tuple(_checks(clean / "shop", twice / "shop", events, len(others))), clock.ticks() - began)


def _send(served: Served, streams: list[list[dict[str, Any]]], ledger: Ledger) -> None:
    """Each stream in batches, all at once; every batch until it is acknowledged."""

    def run(batches: list[list[dict[str, Any]]]) -> None:
        sender = Sender(served.address, served.key)
        for batch in batches:
            for _ in range(100):
                reply = sender.send(batch)
                ledger.note(batch, reply)
                if reply.status == 200:
                    break
        sender.close()

    work = []
    for stream in streams:
        batches = [stream[at : at + _BATCH] for at in range(0, len(stream), _BATCH)]
        work += [batches[number::_SENDERS] for number in range(_SENDERS)]
    with ThreadPoolExecutor(len(work)) as pool:
        list(pool.map(run, work))


def _other(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "properties": {**event["properties"], "price": 1, "told": "otherwise"}}


def _checks(clean: Path, twice: Path, events: list[dict[str, Any]], conflicts: int) -> list[Check]:
    ids = {str(event["messageId"]) for event in events}
    broken = stored.lost_or_twice(twice, ids, ids)
    first, second = stored.numbers(clean), stored.numbers(twice)
    different = [name for name in first if first[name] != second[name]]
    aside = sum(one.code == "id_conflict" for one in stored.rejects(twice))
    wrong = [] if aside == conflicts else [f"{aside} of {conflicts} set aside as id_conflict"]
    return [
        check("dedup_once", broken, n=len(ids)),
        check("dedup_reports", different, n=len(first)),
        check("dedup_conflicts", wrong, n=conflicts),
    ]
