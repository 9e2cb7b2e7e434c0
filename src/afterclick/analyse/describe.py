"""The visitors behind a number, as a person wants to see them: who, since when, from where, worth what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import ids_of
from afterclick.analyse.fields import touch_field
from afterclick.analyse.handles import best, handle, known_as
from afterclick.analyse.orders import orders_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import sessions_of
from afterclick.core.event import INSTANT
from afterclick.core.money import to_decimal
from afterclick.core.result import People, Text

_SCHEMA = pa.schema(
    [
        ("visitor", pa.string()), ("known_as", pa.string()), ("ids", pa.int32()), ("first_seen_at", INSTANT),
        ("last_seen_at", INSTANT), ("sessions", pa.int64()), ("channel", pa.string()), ("device_type", pa.string()),
        ("orders", pa.int64()), ("revenue", pa.decimal128(28, 4)),
    ]
)  # fmt: skip


def people_of(scope: Scope, visitors: np.ndarray, text: Text) -> People:
    """The people behind a cell; `visitors` are distinct labels."""
    return People(visitors, lambda some: _describe(scope, some), text)


def _describe(scope: Scope, visitors: np.ndarray) -> pa.Table:
    return pa.Table.from_pylist(visitor_rows(scope, visitors), schema=_SCHEMA)


def visitor_rows(scope: Scope, visitors: np.ndarray) -> list[dict[str, Any]]:
    """One row per visitor over all history: visitor (an id that tells nobody who it is), known_as (masked), ids, …"""
    ids = ids_of(scope.context, scope.labels, visitors)
    sessions = sessions_of(scope.context, scope.sessions_like, scope.as_of)
    channel, channels = touch_field(scope.context, "channel")
    devices = scope.context.texts("device_type")
    device_of = scope.context.column("device_type")
    orders = orders_of(scope)
    rows: list[dict[str, Any]] = []
    for visitor in visitors.tolist():
        low, high = np.searchsorted(sessions.visitor, [visitor, visitor + 1]).tolist()
        bought = (orders.visitor == visitor) & (orders.at <= scope.as_of)
        texts = ids.get(visitor, [])
        touches = [int(touch) for touch in sessions.touch[low:high] if touch >= 0]
        first_row = int(sessions.rows.rows[sessions.first[low]]) if high > low else -1
        code = int(device_of[first_row]) if first_row >= 0 else -1
        rows.append(
            {
                "visitor": handle(best(texts)) if texts else str(visitor),
                "known_as": known_as(texts),
                "ids": len(texts),
                "first_seen_at": int(sessions.start_at[low]) if high > low else None,
                "last_seen_at": int(sessions.end_at[low:high].max()) if high > low else None,
                "sessions": high - low,
                "channel": channels[channel[touches[0]]] if touches and channel[touches[0]] >= 0 else "",
                "device_type": devices[code] if code >= 0 else "",
                "orders": int((bought & ~orders.refund).sum()),
                "revenue": None if orders.mixed else to_decimal(sum(orders.amount[bought].tolist())),
            }
        )
    return rows
