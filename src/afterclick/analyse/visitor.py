"""One visitor: known as what, by which ids and why, and what they did, session by session."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import visitor_rows
from afterclick.analyse.handles import the_one
from afterclick.analyse.journey import Journey, journey_of
from afterclick.analyse.kernels.journey import NEVER
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.question import Compare, Range, SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.stitches import id_rows, stitch_rows
from afterclick.analyse.timeline import EVENTS, SESSIONS, Stands, event_rows, session_rows
from afterclick.core import clock, spans
from afterclick.core.event import INSTANT
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, Result, Text
from afterclick.stitch.stages import stages_of

_IDS = pa.schema(
    [
        ("id", pa.string()), ("shown", pa.string()), ("type", pa.string()), ("events", pa.int64()),
        ("first_at", INSTANT), ("last_at", INSTANT), ("shared", pa.bool_()),
    ]
)  # fmt: skip
_STITCHES = pa.schema(
    [
        ("first", pa.string()), ("second", pa.string()), ("first_shown", pa.string()), ("second_shown", pa.string()),
        ("at", INSTANT), ("why", pa.string()), ("standing", pa.bool_()), ("undo", pa.string()),
    ]
)  # fmt: skip
_STAGES = pa.schema(
    [
        ("stage", pa.string()), ("entered_at", INSTANT), ("until_at", INSTANT), ("seconds", pa.float64()),
        ("share_rate", pa.float64()), ("sessions", pa.int64()),
    ]
)  # fmt: skip


class Visitor(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One visitor: known as what, by which ids, and what they did session by session."""

    key_word = "visitor"

    id: Annotated[
        str,
        Meta(
            description="any id of the visitor, as it was sent or as lists name it",
            min_length=1, max_length=500, examples=["a:1f3a9c", "u:1042"],
        ),
    ]  # fmt: skip
    range: Range = "all"
    compare: Compare = "none"
    sessions_shown: Annotated[int, Meta(description="sessions of the timeline, the latest first", ge=1, le=1000)] = 50
    events_shown: Annotated[int, Meta(description="events named in it, the latest first", ge=0, le=10000)] = 300

    def answer(self, context: Context) -> Result:
        """The visitor behind the id: totals and timeline of the range, ids and stages of all history.

        The main table has a row per session, the latest first. Raises SpecError where no event carries the id.
        """
        scope = scope_of(context, self)
        found = the_one(context, scope.labels, self.id)
        visitor = found.visitors[-1]
        m = measures(scope, scope.period)
        journey = journey_of(scope, stages_of(context.snapshot.definitions), scope.period)
        own = m.session_ids[m.sessions.visitor[m.session_ids] == visitor]
        figures = _figures(scope, m, visitor, own)
        stands = Stands(m, journey, visitor)
        parts = {
            "ids": pa.Table.from_pylist(id_rows(scope, visitor), schema=_IDS),
            "stitches": pa.Table.from_pylist(stitch_rows(scope, visitor), schema=_STITCHES),
            "stages": pa.Table.from_pylist(_stages(m, journey, stands, visitor), schema=_STAGES),
            "events": pa.Table.from_pylist(
                event_rows(m, stands, own[-self.sessions_shown :], self.events_shown), schema=EVENTS
            ),
        }
        figures["stage"] = parts["stages"]["stage"][-1].as_py() if parts["stages"].num_rows else ""
        rows = session_rows(m, stands, own[-self.sessions_shown :])
        return Result(
            self, pa.Table.from_pylist(rows, schema=SESSIONS), sentence=_sentence(figures), figures=figures,
            parts=parts, notes=_notes(self, found.visitors, own), about=scope.about("visitors", visitors=1),
        )  # fmt: skip


def _figures(scope: Scope, m: Measures, visitor: int, own: np.ndarray) -> dict[str, Any]:
    described = visitor_rows(scope, np.array([visitor]))[0]
    rows = m.sessions.rows
    low, high = int(rows.offsets[visitor]), int(rows.offsets[visitor + 1])
    mine = m.order_mask & (m.orders.visitor == visitor)
    sold, back = mine & ~m.orders.refund, mine & m.orders.refund
    amounts = m.orders.amount
    known = not m.orders.mixed
    orders = int(sold.sum())
    revenue = to_decimal(sum(amounts[mine].tolist())) if known else None
    return {
        "visitor": described["visitor"], "known_as": described["known_as"], "ids": described["ids"],
        "channel": described["channel"], "device_type": described["device_type"],
        "first_seen_at": clock.iso(int(rows.at[low])) if high > low else None,
        "last_seen_at": clock.iso(int(rows.at[high - 1])) if high > low else None,
        "sessions": len(own), "events": int(m.row_mask[low:high].sum()),
        "pageviews": int(m.sessions.pages[own].sum()), "orders": orders,
        "gross": to_decimal(sum(amounts[sold].tolist())) if known else None,
        "refunds": to_decimal(-sum(amounts[back].tolist())) if known else None, "revenue": revenue,
        "aov": revenue / orders if revenue is not None and orders else None,
        "stage": "", "reasons": _reasons(high > low, known, orders),
    }  # fmt: skip


def _reasons(behaved: bool, known: bool, orders: int) -> dict[str, str]:
    """Why a figure of a visitor is None, by its name."""
    found = {} if behaved else dict.fromkeys(("first_seen_at", "last_seen_at"), "no_behaviour")
    if not known:
        return found | dict.fromkeys(("gross", "refunds", "revenue", "aov"), "mixed_currencies")
    return found if orders else found | {"aov": "no_orders"}


def _stages(m: Measures, journey: Journey, stands: Stands, visitor: int) -> list[dict[str, Any]]:
    """The stages in the order they were entered: each lasts until the next higher one, the last until the last event."""
    entered = journey.entered_at[visitor]
    rows = m.sessions.rows
    low, high = int(rows.offsets[visitor]), int(rows.offsets[visitor + 1])
    last = int(rows.at[high - 1]) if high > low else 0
    order = [int(n) for n in np.argsort(entered, kind="stable") if entered[n] != NEVER]
    climbed: list[int] = []
    for number in order:
        if not climbed or number > climbed[-1]:
            # Of stages entered at one instant the highest is where the visitor stands.
            if climbed and entered[climbed[-1]] == entered[number]:
                climbed.pop()
            climbed.append(number)
    ends = [*(int(entered[n]) for n in climbed[1:]), *(max(last, int(entered[n])) for n in climbed[-1:])]
    whole = sum(end - int(entered[n]) for n, end in zip(climbed, ends, strict=True))
    begun = m.sessions.rows.rows_at(m.sessions.first[np.flatnonzero(m.sessions.visitor == visitor)]).tolist()
    starts = [stands.number(row) for row in begun]
    return [
        {
            "stage": stands.names[n], "entered_at": int(entered[n]), "until_at": end,
            "seconds": (end - int(entered[n])) / spans.SECOND,
            "share_rate": (end - int(entered[n])) / whole if whole else None, "sessions": starts.count(n),
        }
        for n, end in zip(climbed, ends, strict=True)
    ]  # fmt: skip


def _sentence(figures: dict[str, Any]) -> Text:
    if not figures["sessions"]:
        return Text("sentence.visitor_quiet", {"ids": figures["ids"]})
    params = {name: figures[name] for name in ("sessions", "events", "orders")}
    return Text("sentence.visitor_bought" if figures["orders"] else "sentence.visitor", params)


def _notes(question: Visitor, visitors: tuple[int, ...], sessions: np.ndarray) -> tuple[Note, ...]:
    notes = []
    if len(visitors) > 1:
        notes.append(Note("visitor_shared", {"count": len(visitors)}))
    if len(sessions) > question.sessions_shown:
        notes.append(Note("visitor_sessions", {"shown": question.sessions_shown, "count": len(sessions)}))
    return tuple(notes)
