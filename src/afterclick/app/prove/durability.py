"""Acknowledged means on disk: a server under load is killed, its power cut, its syncs failed, its disk filled."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from afterclick.app.prove import disk_faults, stored
from afterclick.app.prove.faults import mounted
from afterclick.app.prove.load import Load
from afterclick.app.prove.proof import Check, Proof, Tell, check, step
from afterclick.app.prove.sender import Ledger
from afterclick.app.prove.served import Served
from afterclick.core import clock
from afterclick.core.errors import AfterclickError


class Sizes(NamedTuple):
    """How often each fault is tried."""

    kills: int = 5
    power_cuts: int = 0
    failed_syncs: int = 0
    full_disks: int = 0


def prove(seed: int, folder: Path, sizes: Sizes, tell: Tell) -> Proof:
    """Try every fault as often as `sizes` says, each round on a store that goes on from the rounds before."""
    began = clock.ticks()
    checks = []
    left_out: list[str] = []
    if sizes.kills:
        checks += _kills(seed, folder / "killed", sizes.kills, tell)
    missing = mounted.missing()
    if missing and (sizes.power_cuts or sizes.failed_syncs or sizes.full_disks):
        left_out.append(missing)
    elif not missing:
        checks += disk_faults.prove(seed, folder, sizes.power_cuts, sizes.failed_syncs, sizes.full_disks, tell)
    return Proof("durability", seed, tuple(checks), clock.ticks() - began, tuple(left_out))


def _kills(seed: int, folder: Path, rounds: int, tell: Tell) -> list[Check]:
    rng = random.Random(seed)  # noqa: S311 - moments, not secrets

    def fault(served: Served) -> None:
        time.sleep(rng.uniform(0.1, 0.9))
        served.kill()

    return _rounds("durability_kill", seed, folder, rounds, fault, tell)


def _rounds(
    name: str, seed: int, folder: Path, rounds: int, fault: Callable[[Served], None], tell: Tell
) -> list[Check]:
    """Load, fault, start again; at the end everything acknowledged must be there, once."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger()
    refused: list[str] = []
    slowest = 0.0
    with Served(folder / "shop", folder / "server.log") as served:
        served.prepare()
        served.start()
        for number in range(rounds):
            load = Load(served, seed + number, ledger)
            load.begin()
            fault(served)
            try:
                slowest = max(slowest, served.start())
            except AfterclickError as error:
                refused.append(f"round {number}: {error.message}")
                load.end()
                break
            time.sleep(0.2)
            load.end()
            tell(step(name, n=number + 1, of=rounds, acknowledged=len(ledger.acknowledged)))
        code = served.stop()
        if code:
            refused.append(f"ended with {code}")
    broken = stored.lost_or_twice(served.store, ledger.acknowledged, ledger.tried)
    return [
        check(name, broken, rounds=rounds, acknowledged=len(ledger.acknowledged)),
        check(f"{name}_starts", refused, rounds=rounds, seconds=round(slowest, 1)),
    ]
