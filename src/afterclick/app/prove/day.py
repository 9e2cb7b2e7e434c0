"""A day of traffic in minutes: sent to through restarts and asked by others meanwhile; memory stays, numbers agree."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from afterclick.analyse.kpi import Kpi
from afterclick.app.prove import stored, traffic
from afterclick.app.prove.proof import Check, Proof, Tell, check, step
from afterclick.app.prove.sender import Ledger, Sender
from afterclick.app.prove.served import Served, memory
from afterclick.app.workspace import open as open_store
from afterclick.core import clock
from afterclick.observe.reconcile.question import Reconcile

_BEGIN: Final = 1_750_000_000_000_000
_MB: Final = 1 << 20
_BATCH: Final = 20
_GROWS_BY: Final = 64 * _MB
_OF_A_VISITOR: Final = 4 << 10
"""Bytes that the state of one more visitor may take, while it is among those seen last."""
_ASK_EVERY_S: Final = 3.0
_SEALED: Final = b'"what":"sealed"'
"""What a server's log says of each time."""


class _Day:
    """What was seen while the day went by."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.memory: list[list[int]] = [[]]
        self.answers = 0
        self.visitors = 0
        self.unanswered: list[str] = []
        self.restarts = 0
        self._log_from = 0
        self._sealed = False

    def begin(self, log: Path) -> None:
        """Another life of the server, whose words follow what is in the log by now."""
        self.memory.append([])
        self._log_from, self._sealed = log.stat().st_size, False

    def sealed_once(self, log: Path) -> bool:
        """Whether this life of the server has sealed."""
        if not self._sealed:
            with log.open("rb") as file:
                file.seek(self._log_from)
                self._sealed = _SEALED in file.read()
        return self._sealed


def prove(
    seed: int, folder: Path, tell: Tell, *, hours: int = 24, speed: int = 600, rate: int = 500, restarts: int = 4
) -> Proof:
    """Let `hours` go by at `speed` times the usual pace, with `rate` events a second (of this machine's clock) sent."""
    began = clock.ticks()
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)  # noqa: S311 - moments, not secrets
    seconds = hours * 3600 / speed
    events = traffic.events(seed, int(seconds * rate) + _BATCH, begin=_BEGIN, days=1)
    seen = _Day()
    served = Served(folder / "shop", folder / "server.log").prepare()
    moments = sorted(rng.uniform(0.1, 0.9) * seconds for _ in range(restarts))
    asked_at = _ASK_EVERY_S
    with served:
        _started(served, speed, 0.0)
        for elapsed, batch in _paced(events, seconds, rate):
            if moments and elapsed > moments[0]:
                moments.pop(0)
                served.kill() if seen.restarts % 2 == 0 else served.stop()
                seen.restarts += 1
                seen.begin(served.log)
                _started(served, speed, elapsed)
                tell(step("day_restart", n=seen.restarts, hour=round(elapsed * speed / 3600, 1)))
            _sent(served, batch, seen.ledger)
            if seen.sealed_once(served.log):
                # What sealing loads, it loads once; after that memory has no reason to grow.
                seen.memory[-1].append(memory(served.pid))
            if elapsed > asked_at:
                _asked(served.store, seen)
                asked_at = elapsed + _ASK_EVERY_S
        code = served.stop()
    return Proof("day", seed, tuple(_checks(served, seen, hours, code)), clock.ticks() - began)


def _started(served: Served, speed: int, elapsed: float) -> None:
    served.environ[clock.TRIAL] = f"{_BEGIN + int(elapsed * speed * 1_000_000)}x{speed}"
    served.start()


def _paced(events: list[dict[str, Any]], seconds: float, rate: int) -> Iterator[tuple[float, list[dict[str, Any]]]]:
    """Batches at this rate, each with the seconds since the day began. Events of the day's hours come in their order."""
    ordered = sorted(events, key=lambda event: str(event["timestamp"]))
    began, at = clock.ticks(), 0
    while (elapsed := clock.ticks() - began) < seconds and at < len(ordered):
        if at / rate > elapsed:
            time.sleep(min(0.05, at / rate - elapsed))
            continue
        yield elapsed, ordered[at : at + _BATCH]
        at += _BATCH


def _sent(served: Served, batch: list[dict[str, Any]], ledger: Ledger) -> None:
    with _sender(served) as sender:
        for _ in range(50):
            reply = sender.send(batch)
            ledger.note(batch, reply)
            if reply.status == 200:
                return
            time.sleep(0.02)


@contextmanager
def _sender(served: Served) -> Iterator[Sender]:
    sender = Sender(served.address, served.key)
    try:
        yield sender
    finally:
        sender.close()


def _asked(store: Path, seen: _Day) -> None:
    """Asked by another process than the one that writes: this one."""
    with open_store(store) as shop:
        figures = shop.ask(Kpi(range="all")).figures
    seen.answers += 1
    seen.visitors = max(seen.visitors, figures.get("visitors") or 0)
    if not figures.get("visitors"):
        seen.unanswered.append(f"after {len(seen.ledger.acknowledged)} events: {figures}")


def _checks(served: Served, seen: _Day, hours: int, code: int) -> list[Check]:
    broken = stored.lost_or_twice(served.store, seen.ledger.acknowledged, seen.ledger.tried)
    with open_store(served.store) as shop:
        agreed = shop.ask(Reconcile(range="all"))
    # Segments of the store would not do: small ones become one.
    sealed = served.log.read_bytes().count(_SEALED)
    allowed = _GROWS_BY + seen.visitors * _OF_A_VISITOR // 3
    grown = max((_growth(part) for part in seen.memory), default=0)
    balance = stored.balance(served.store)
    unequal = [] if balance.received == balance.stored + balance.duplicates + balance.rejected else [str(balance)]
    unequal += [] if balance.stored == len(seen.ledger.acknowledged) else [f"{balance.stored} stored"]
    return [
        check("day_kept", broken + ([f"ended with {code}"] if code else []), n=len(seen.ledger.acknowledged), hours=hours),
        check("day_memory", [f"grew by {grown // _MB} MB"] if grown > allowed else [], grown=max(0, grown) // _MB,
              allowed=allowed // _MB, most=max(map(max, filter(None, seen.memory)), default=0) // _MB),
        check("day_sealed", [] if sealed >= hours // 4 else [f"{sealed} times"], n=sealed),
        check("day_balance", unequal, received=balance.received, stored=balance.stored, duplicates=balance.duplicates,
              rejected=balance.rejected),
        check("day_reconciled", _disagreements(agreed.frame.to_pylist()), n=len(agreed.frame)),
        check("day_answers", seen.unanswered, n=seen.answers, restarts=seen.restarts),
    ]  # fmt: skip


def _growth(samples: list[int]) -> int:
    """How much more the last third of a run holds than the middle one, from its first sealing on."""
    third = len(samples) // 3
    if not third:
        return 0
    return int(statistics.median(samples[-third:]) - statistics.median(samples[third : 2 * third]))


def _disagreements(lines: list[dict[str, Any]]) -> list[str]:
    return [f"{line['line']}: {line['left']} and {line['right']}" for line in lines if line["status"] == "failed"]
