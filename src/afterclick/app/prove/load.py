"""Senders that never rest, so that a fault always meets requests under way."""

from __future__ import annotations

import threading
from typing import Final

from afterclick.app.prove import traffic
from afterclick.app.prove.sender import Ledger, Sender
from afterclick.app.prove.served import Served

THREADS: Final = 4
_BATCH: Final = 5
_BEGIN: Final = 1_750_000_000_000_000
_PAUSE_S: Final = 0.05


class Load:
    """Threads that send without rest, each event in one batch until it was acknowledged, as an SDK would."""

    def __init__(self, served: Served, seed: int, ledger: Ledger) -> None:
        self._served = served
        self._ledger = ledger
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(seed * 1000 + number,), daemon=True) for number in range(THREADS)
        ]

    def begin(self) -> None:
        """Start sending."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop sending; what is under way is waited for."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, seed: int) -> None:
        sender = Sender(self._served.address, self._served.key)
        events = traffic.events(seed, 20_000, begin=_BEGIN)
        place = 0
        while not self._stop.is_set() and place < len(events):
            batch = events[place : place + _BATCH]
            reply = sender.send(batch)
            self._ledger.note(batch, reply)
            if reply.status == 200:
                place += _BATCH
            else:
                # Nobody answers while the server is down; an SDK waits as well, and sends the same events again.
                self._stop.wait(_PAUSE_S)
        sender.close()
