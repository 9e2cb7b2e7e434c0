"""The record that crosses every border: the columns of the log, declared once."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

INSTANT = pa.timestamp("us", tz="UTC")

LOG_COLUMNS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("event", pa.string(), nullable=False),
        pa.field("raw_event", pa.string()),
        pa.field("occurred_at", INSTANT, nullable=False),
        pa.field("received_at", INSTANT),
        pa.field("sent_at", INSTANT),
        pa.field("original_at", INSTANT),
        pa.field("anonymous_id", pa.string()),
        pa.field("user_id", pa.string()),
        pa.field("email", pa.string()),
        pa.field("phone", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("url", pa.string()),
        pa.field("referrer", pa.string()),
        pa.field("user_agent", pa.string()),
        pa.field("order_id", pa.string()),
        pa.field("amount", pa.int64()),
        pa.field("currency", pa.string()),
        pa.field("order_line", pa.bool_(), nullable=False),
        pa.field("properties", pa.string()),
        pa.field("source", pa.string(), nullable=False),
    ]
)
"""Columns of a log segment. `amount` is money in minor units (`money.SCALE` decimals): the order's total of an order,
the refunded amount (positive) of a refund, the line's amount of an order line, a value otherwise. `properties` is the
JSON object that came nested; what came flat keeps a typed column of its own, named `p.<name>`."""

PROPERTY_PREFIX = "p."

RULE = "rule"
"""The type of an event that a rule made: nobody did it."""
OURS = "afterclick"
"""The source of events that afterclick itself sends."""
SYSTEM_TYPES = frozenset({"identify", "group", "alias", "link", "unlink", RULE})
"""Calls that are no behaviour: they neither start nor extend a session."""


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event as it is known to afterclick; instants are microseconds UTC, `amount` is in minor units.

    The visitor is resolved when a question is asked and is never part of the record.
    """

    event_id: str
    event: str
    occurred_at: int
    type: str = "track"
    raw_event: str | None = None
    received_at: int | None = None
    sent_at: int | None = None
    original_at: int | None = None
    anonymous_id: str | None = None
    user_id: str | None = None
    email: str | None = None
    phone: str | None = None
    session_id: str | None = None
    url: str | None = None
    referrer: str | None = None
    user_agent: str | None = None
    order_id: str | None = None
    amount: int | None = None
    currency: str | None = None
    order_line: bool = False
    properties: dict[str, Any] = msgspec.field(default_factory=dict)
    source: str = "api"


class Rejected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One piece of input that could not become an event: why, where it stood, and the original, so that it can be replayed.

    `original` is the row as a JSON object of text cells, `original_base64` the bytes where they are no text.
    """

    id: str
    at: int
    source: str
    code: str
    message: str
    file: str = ""
    row: int = 0
    path: str = ""
    original: str = ""
    original_base64: str = ""
    cut: bool = False


def events_table(events: list[Event]) -> pa.Table:
    """Events as a table of `LOG_COLUMNS`."""
    rows = [
        {
            **{name: getattr(event, name) for name in LOG_COLUMNS.names if name != "properties"},
            "properties": msgspec.json.encode(event.properties).decode() if event.properties else None,
        }
        for event in events
    ]
    return pa.Table.from_pylist(rows, schema=LOG_COLUMNS)
