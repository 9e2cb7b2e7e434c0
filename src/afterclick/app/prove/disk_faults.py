"""Power cuts, refused syncs and full disks under a server that is sent to, round after round over what the last one left."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from afterclick.app.prove import stored
from afterclick.app.prove.faults.forgetful_disk import Plan
from afterclick.app.prove.faults.memory_tree import NAMINGS, SURVIVALS
from afterclick.app.prove.faults.mounted import Mounted, mounted
from afterclick.app.prove.load import Load
from afterclick.app.prove.proof import Check, Tell, check, step
from afterclick.app.prove.sender import Ledger
from afterclick.app.prove.served import Served
from afterclick.core import clock
from afterclick.core.errors import AfterclickError
from afterclick.store import disk as files
from afterclick.store.lock import NAME as LOCK

_PATIENCE_S: Final = 60.0
"""Long enough for a machine that is busy with other things: slow is not broken."""


class Round(NamedTuple):
    """What a fault is given: the disk, the server on it, what was acknowledged so far, chance, and its number."""

    disk: Mounted
    served: Served
    ledger: Ledger
    chance: random.Random
    number: int

    def goes_on(self) -> str:
        """Wait until events are acknowledged again; what is wrong if that does not come."""
        before, until = len(self.ledger.acknowledged), clock.ticks() + _PATIENCE_S
        while clock.ticks() < until:
            if not self.served.running:
                return "the server ended"
            if len(self.ledger.acknowledged) > before:
                return ""
            time.sleep(0.02)
        return f"no event was acknowledged within {_PATIENCE_S:g} s"


Fault = Callable[[Round], str]
"""Lets something go wrong; says what should have happened and did not, empty if all did."""


def prove(seed: int, folder: Path, cuts: int, syncs: int, full: int, tell: Tell) -> list[Check]:
    """So many power cuts, refused syncs and full disks."""
    checks: list[Check] = []
    trials: tuple[tuple[str, int, Fault], ...] = (
        ("durability_cut", cuts, _cut), ("durability_sync", syncs, _refuse), ("durability_full", full, _fill),
    )  # fmt: skip
    for name, rounds, fault in trials:
        if rounds:
            checks += _rounds(name, seed, folder / name, rounds, fault, tell)
    return checks


def _cut(on: Round) -> str:
    """The power goes at some moment, or at some sync."""
    time.sleep(on.chance.uniform(0.1, 0.6))
    if on.number % 2:
        on.disk.order(f".CUT-{on.chance.randrange(1, 30)}")
        time.sleep(0.6)
    on.disk.order(".CUT")
    return ""


def _refuse(on: Round) -> str:
    """One sync is refused and the server goes on; in every third round all are, and it must end by itself."""
    time.sleep(on.chance.uniform(0.1, 0.4))
    if on.number % 3 == 2:
        on.disk.order(".BROKEN")
        code = on.served.ended(_PATIENCE_S)
        return "" if code else f"a server whose disk is broken ended with {code}"
    on.disk.order(f".EIO-{on.chance.randrange(1, 10)}")
    time.sleep(on.chance.uniform(0.2, 0.5))
    return on.goes_on()


def _fill(on: Round) -> str:
    """The disk is full for a while: senders are told to come again, questions are answered, and then it goes on."""
    time.sleep(on.chance.uniform(0.1, 0.4))
    before = on.ledger.statuses.get(503, 0)
    on.disk.order(".FULL")
    until = clock.ticks() + _PATIENCE_S
    while on.ledger.statuses.get(503, 0) == before and clock.ticks() < until:
        time.sleep(0.02)
    if on.ledger.statuses.get(503, 0) == before:
        return "nobody was told that the disk is full"
    if on.served.healthy() is None:
        return "the server does not answer while the disk is full"
    on.disk.order(".ROOM")
    return on.goes_on()


def _rounds(name: str, seed: int, folder: Path, rounds: int, fault: Fault, tell: Tell) -> list[Check]:
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    ledger, refused, slowest = Ledger(), list[str](), 0.0
    store = folder / "shop"
    key = Served(store, folder / "server.log").prepare().key
    for number in range(rounds):
        survival, naming = SURVIVALS[number % len(SURVIVALS)], NAMINGS[number // len(SURVIVALS) % len(NAMINGS)]
        with mounted(Plan(survival=survival, naming=naming, seed=seed + number), folder) as disk:
            there = disk.folder / "shop"
            _copy(store, there)
            with Served(there, folder / "server.log") as served:
                served.key = key
                try:
                    slowest = max(slowest, served.start())
                except AfterclickError as error:
                    refused.append(f"round {number + 1}: {error.message}")
                    break
                wrong = _under_load(Round(disk, served, ledger, chance, number), seed, fault)
            refused += [f"round {number + 1}: {wrong}"] if wrong else []
            store = folder / f"shop-{number + 1}"
            shutil.copytree(disk.left / "shop", store)
        tell(step(name, n=number + 1, of=rounds, acknowledged=len(ledger.acknowledged)))
    slowest = max(slowest, _once_more(store, folder, refused))
    broken = stored.lost_or_twice(store, ledger.acknowledged, ledger.tried)
    if not ledger.acknowledged:
        broken.append("nothing was acknowledged, so nothing was tried")
    return [
        check(name, broken, rounds=rounds, acknowledged=len(ledger.acknowledged)),
        check(f"{name}_starts", refused, rounds=rounds, seconds=round(slowest, 1)),
    ]


def _under_load(on: Round, seed: int, fault: Fault) -> str:
    load = Load(on.served, seed + on.number, on.ledger)
    load.begin()
    try:
        wrong = on.goes_on() or fault(on)
    finally:
        # What is not acknowledged until now is nobody's promise.
        on.disk.order(".CUT")
        on.served.kill()
        load.end()
    return wrong


def _once_more(store: Path, folder: Path, refused: list[str]) -> float:
    """Start on what the last round left, on an ordinary disk, and end as an operator would; seconds of the start."""
    with Served(store, folder / "server.log") as served:
        try:
            seconds = served.start()
        except AfterclickError as error:
            refused.append(f"at the end: {error.message}")
            return 0.0
        code = served.stop()
    if code:
        refused.append(f"ended with {code}")
    return seconds


def _copy(store: Path, target: Path) -> None:
    """Copy a store and make all of it last, as it was on the disk before."""
    shutil.copytree(store, target, ignore=shutil.ignore_patterns(LOCK, "*-shm"))
    for path in [*target.rglob("*"), target, target.parent]:
        if path.is_dir():
            files.sync_folder(path)
        else:
            with path.open("rb") as file:
                files.sync(file.fileno())
