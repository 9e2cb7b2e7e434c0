"""The only reader of time, so that a test or a replay can hold it still, and a trial can let days go by in minutes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_HELD: ContextVar[int | None] = ContextVar("held clock", default=None)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TRIAL = "AFTERCLICK_TRIAL_CLOCK"
"""Environment of a process under trial: `1750000000000000x600` = begun at that instant (µs UTC), 600 times as fast."""
_TRIAL = os.environ.get(TRIAL, "")
_BEGUN = time.monotonic_ns()


def now() -> int:
    """The instant now, UTC, in microseconds since 1970."""
    held = _HELD.get()
    if held is not None:
        return held
    return _trial(_TRIAL, time.monotonic_ns() - _BEGUN) if _TRIAL else time.time_ns() // 1000


def _trial(text: str, elapsed_ns: int) -> int:
    start, _, speed = text.partition("x")
    return int(start) + elapsed_ns // 1000 * int(speed or 1)


def ticks() -> float:
    """Seconds of a clock that never goes back, for measuring spans."""
    return time.perf_counter()


@contextmanager
def held_at(instant: int) -> Iterator[None]:
    """Within the block `now()` is `instant` (microseconds, UTC)."""
    token = _HELD.set(instant)
    try:
        yield
    finally:
        _HELD.reset(token)


def to_datetime(instant: int) -> datetime:
    """Microseconds since 1970 as an aware UTC datetime; exact, where floats would round."""
    return _EPOCH + timedelta(microseconds=int(instant))


def from_datetime(moment: datetime) -> int:
    """An aware datetime as microseconds since 1970; a naive one is refused."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone has no instant")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def iso(instant: int) -> str:
    """`2026-09-27T14:03:00Z`, with the fraction only where there is one."""
    return to_datetime(instant).isoformat().replace("+00:00", "Z")
