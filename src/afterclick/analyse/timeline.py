"""What one visitor did, session by session and event by event, and at which stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from afterclick.analyse.fields import touch_field
from afterclick.analyse.journey import Journey
from afterclick.analyse.kernels.journey import NO_STAGE
from afterclick.analyse.measures import Measures
from afterclick.analyse.points import points_of
from afterclick.analyse.troubles import error_names, slow_rows
from afterclick.core import spans
from afterclick.core.event import INSTANT
from afterclick.core.money import to_decimal
from afterclick.stitch.stages import stages_of
from afterclick.store.columns import NO_AMOUNT, Flag

_MONEY = pa.decimal128(28, 4)
_SALE = int(Flag.ORDER | Flag.REFUND)
_TOUCH = ("channel", "source", "campaign", "term")
SESSIONS = pa.schema(
    [
        ("session", pa.int64()), ("start_at", INSTANT), ("end_at", INSTANT), ("seconds", pa.float64()),
        *((name, pa.string()) for name in (*_TOUCH, "device_type", "landing", "exit_page", "stage_from", "stage_to")),
        ("pages", pa.int64()), ("events", pa.int64()), ("bounced", pa.bool_()), ("orders", pa.int64()),
        ("revenue", _MONEY),
    ]
)  # fmt: skip
EVENTS = pa.schema(
    [
        ("session", pa.int64()), ("at", INSTANT), ("event", pa.string()), ("path", pa.string()), ("stage", pa.string()),
        ("amount", _MONEY), ("error", pa.bool_()), ("slow", pa.bool_()),
    ]
)  # fmt: skip


class Stands:
    """The stage at which each row of one visitor stands."""

    def __init__(self, m: Measures, journey: Journey, visitor: int) -> None:
        self.names = [stage.name for stage in stages_of(m.scope.context.snapshot.definitions)]
        low, high = journey.rows.offsets[visitor], journey.rows.offsets[visitor + 1]
        rows = journey.rows.rows_at(np.arange(low, high)).tolist()
        self._stage = dict(zip(rows, journey.stage_of_row[low:high].tolist(), strict=True))

    def number(self, row: int) -> int:
        """The stage of a global row, NO_STAGE for none."""
        return int(self._stage.get(row, NO_STAGE))

    def name(self, row: int) -> str:
        """Its name, "" for none."""
        number = self.number(row)
        return "" if number == NO_STAGE else self.names[number]


def ordinals(m: Measures, sessions: np.ndarray) -> dict[int, int]:
    """The number of each session among all sessions of its visitor, from 1."""
    first = np.searchsorted(m.sessions.visitor, m.sessions.visitor[sessions])
    return dict(zip(sessions.tolist(), (sessions - first + 1).tolist(), strict=True))


def session_rows(m: Measures, stands: Stands, sessions: np.ndarray) -> list[dict[str, Any]]:
    """One row per session of one visitor, the latest first."""
    found, rows, context = m.sessions, m.sessions.rows, m.scope.context
    points, devices, number = points_of(m.scope), context.texts("device_type"), ordinals(m, sessions)
    touches = {field: touch_field(context, field) for field in _TOUCH}
    out = []
    for s in sessions[::-1].tolist():
        end = int(found.first[s + 1]) if s + 1 < len(found) else len(rows.at)
        first, last = (int(rows.rows_at(np.array([place]))[0]) for place in (found.first[s], end - 1))
        device = int(context.column("device_type")[first])
        sold = m.order_mask & (m.order_sessions == s)
        money = m.orders.amount[sold]
        row: dict[str, Any] = {
            "session": number[s], "start_at": int(found.start_at[s]), "end_at": int(found.end_at[s]),
            "seconds": (int(found.end_at[s]) - int(found.start_at[s])) / spans.SECOND,
            "device_type": devices[device] if device >= 0 else "", "stage_from": stands.name(first),
            "stage_to": stands.name(last), "pages": int(found.pages[s]), "events": int(found.events[s]),
            "bounced": int(found.qualifying[s]) == 1, "orders": int((sold & ~m.orders.refund).sum()),
            "revenue": None if m.orders.mixed else to_decimal(sum(money.tolist())),
        }  # fmt: skip
        for name, place in (("landing", int(found.landing[s])), ("exit_page", int(found.exit_page[s]))):
            row[name] = points.name(int(points.of_row[rows.rows_at(np.array([place]))[0]]))[0] if place >= 0 else ""
        for field, (lookup, values) in touches.items():
            code = int(lookup[found.touch[s]]) if found.touch[s] >= 0 and len(lookup) else -1
            row[field] = values[code] if code >= 0 else ""
        out.append(row)
    return out


def event_rows(m: Measures, stands: Stands, sessions: np.ndarray, most: int) -> list[dict[str, Any]]:
    """The latest `most` events of these sessions of one visitor, the latest first."""
    found, rows, context = m.sessions, m.sessions.rows, m.scope.context
    number = ordinals(m, sessions)
    names, paths = context.names()[0], context.texts("path")
    errors, slow = error_names(context), slow_rows(context)
    out: list[dict[str, Any]] = []
    for s in sessions[::-1].tolist():
        end = int(found.first[s + 1]) if s + 1 < len(found) else len(rows.at)
        for place in range(end - 1, int(found.first[s]) - 1, -1):
            if len(out) >= most:
                return out
            row = int(rows.rows_at(np.array([place]))[0])
            code, path, amount = (int(context.column(name)[row]) for name in ("name", "path", "amount"))
            sale = int(context.column("flags")[row]) & _SALE
            out.append(
                {
                    "session": number[s], "at": int(rows.at[place]), "event": names[code],
                    "path": paths[path] if path >= 0 else "", "stage": stands.name(row),
                    "amount": to_decimal(amount) if sale and amount != NO_AMOUNT and not m.orders.mixed else None,
                    "error": bool(errors[code]), "slow": bool(slow[row]),
                }
            )  # fmt: skip
    return out
