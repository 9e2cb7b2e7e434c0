"""The one form of an event between the wire and the log: JSON in the tail, rows of the log when read or sealed."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, Final

import msgspec

from afterclick.core.spans import MINUTE

ENCODER: Final = msgspec.json.Encoder()

_CLOCKS: Final = b',"occurred_at":'


class Canonical(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One event. Instants are µs UTC; empty ids, and ids that stand for nobody, are None.

    `event` is the canonical name and `raw_event` what was sent where that differs; `original_at` is the sender's clock,
    None where it gave no readable time. `consent` is what the event itself says of consent, for the policy, which leaves
    what it means in the properties. The clocks stand last, so that the bytes before them are the content.
    """

    event_id: str
    type: str
    event: str
    raw_event: str | None = None
    anonymous_id: str | None = None
    user_id: str | None = None
    previous_id: str | None = None
    email: str | None = None
    phone: str | None = None
    session_id: str | None = None
    url: str | None = None
    referrer: str | None = None
    user_agent: str | None = None
    consent: Any = None
    properties: dict[str, Any] = {}
    original_at: int | None = None
    occurred_at: int
    received_at: int
    sent_at: int | None = None


DECODER: Final = msgspec.json.Decoder(Canonical)


def encode(event: Canonical) -> bytes:
    """The bytes of an event for the tail."""
    return ENCODER.encode(event)


def content(body: bytes) -> int:
    """A hash (CRC-32 and length) of what an event says, the clocks left out that change with every retry: `sentAt`, the
    arrival, and the time corrected by the two. Equal for two arrivals of one message.

    It only tells a retry from another event under the same id; nobody gains by making two texts with one hash.
    """
    said = body[: body.rindex(_CLOCKS)]
    return len(said) << 32 | zlib.crc32(said)


def hashed_id(event: Canonical, salt: str = "") -> str:
    """An id for an event that brought none: a hash of its content, with the minute of its arrival where it has no time of its
    own (WIRE 6). `salt` is what the sender added to tell equal events apart."""
    body = encode(event)
    said = body[: body.rindex(_CLOCKS)]
    minute = "" if event.original_at is not None else str(event.received_at // MINUTE)
    return hashlib.sha256(b"\x1f".join((said, minute.encode(), salt.encode()))).hexdigest()[:32]
