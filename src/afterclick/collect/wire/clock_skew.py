"""When an event happened, by the sender's clock put right with the server's: every instant of a request is read here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

from afterclick.collect.times import EARLIEST, FUTURE, LATEST

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400_000_000

AHEAD: Final = "ahead"
UNREADABLE: Final = "unreadable"
BEFORE: Final = "before"


class Instants(NamedTuple):
    """The clocks of one event in µs UTC, and what was odd about them: "" or `ahead`, `before`, `unreadable`."""

    original_at: int | None
    occurred_at: int
    sent_at: int | None
    odd: str


def instant(value: str | int | float | None) -> int | None:
    """An instant (µs UTC) from ISO 8601 text or a number, whose unit shows in its size (< 1e11 s, < 1e14 ms, < 1e17 µs).

    Text without an offset is UTC. None for what cannot be read, or lies outside of 1990 to 2199.
    """
    if value.__class__ is not str:
        return None if value is None or isinstance(value, bool | str) else _of_number(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return _of_digits(value.strip())
    if value[4] != "-":
        # Digits alone are a number, though ISO 8601 knows a form of dates without signs.
        return _of_digits(value)
    since = moment - _EPOCH if moment.tzinfo is not None else moment.replace(tzinfo=UTC) - _EPOCH
    at = since.days * _DAY + since.seconds * 1_000_000 + since.microseconds
    return at if EARLIEST <= at < LATEST else None


def _of_digits(text: str) -> int | None:
    if len(text) > 20 or not text.isascii():
        return None
    try:
        return _of_number(int(text) if text.isdecimal() else float(text))
    except ValueError:
        return None


def _of_number(value: int | float) -> int | None:
    size = abs(value)
    if not size < 1e20:
        return None
    factor = 1e6 if size < 1e11 else 1e3 if size < 1e14 else 1 if size < 1e17 else 1e-3
    at = int(value * int(factor)) if factor >= 1 and isinstance(value, int) else round(value * factor)
    return at if EARLIEST <= at < LATEST else None


def corrected(given: object, original: int | None, sent: int | None, received: int) -> Instants:
    """When an event happened: received − (sent − original) (WIRE 5; Segment's published formula), `original` where nobody
    knows when it was sent.

    Of an event without an own time it is the time of sending, which is that of its arrival. Never later than five minutes
    after the arrival, never before 1990. `given` is the time as it came, which is something where `original` could not be
    read from it.
    """
    if original is None:
        return Instants(None, received, sent, UNREADABLE if given not in (None, "") else "")
    at = original if sent is None else received - (sent - original)
    if at > received + FUTURE:
        return Instants(original, received + FUTURE, sent, AHEAD)
    if at < EARLIEST:
        return Instants(original, EARLIEST, sent, BEFORE)
    return Instants(original, at, sent, "")
