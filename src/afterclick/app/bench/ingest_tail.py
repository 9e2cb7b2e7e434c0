"""Fills the tail of a store and dies without a word, as a server that is killed: `python ingest_tail.py STORE EVENTS`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from afterclick.collect.wire.canonical import Canonical, encode
from afterclick.core import clock
from afterclick.store.live.calls import TailCall
from afterclick.store.live.tail import Tail

_EVENTS = 20
_CALLS = 32


def fill(store: Path, events: int) -> None:
    """Commit calls of 20 events, 32 at a time, until there are so many."""
    tail = Tail.open(store)
    pad = {"product_id": "P-2231", "name": "Linen shirt", "note": "x" * 800}
    at = clock.now()
    model = encode(
        Canonical(
            event_id="0" * 36, type="track", event="Product Viewed", occurred_at=at, received_at=at,
            anonymous_id="f3a4c6a2-5d0c-4a5b-9f3e-7f1c9a1b2c3d", url="https://shop.example/products/linen-shirt",
            properties=pad,
        )
    ).replace(b"%", b"%%").replace(b"0" * 36, b"%b")  # fmt: skip
    for first in range(0, events, _EVENTS * _CALLS):
        calls = []
        for start in range(first, min(events, first + _EVENTS * _CALLS), _EVENTS):
            numbers = range(start, min(events, start + _EVENTS))
            ids = tuple(f"{number:036d}" for number in numbers)
            calls.append(TailCall(at, "bench", tuple(model % one.encode() for one in ids), ids, tuple(numbers)))
        tail.commit(calls)


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
    os.kill(os.getpid(), signal.SIGKILL)


