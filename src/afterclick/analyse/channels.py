"""Where visits come from and what they bring, per channel, source, campaign or medium."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.fields import touch_field
from afterclick.analyse.kpi import money_notes
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.orders import total
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core.moments import Share
from afterclick.core.money import to_decimal
from afterclick.core.result import People, Result, Text, channel_term
from afterclick.stitch.channel_rules import media_of

NO_PAGE = "(none)"


class Channels(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Channels: who came from where, and what it brought."""

    key_word = "channels"

    by: Annotated[
        Literal["channel", "source", "medium", "campaign", "media"], Meta(description="what a row of the table is")
    ] = "channel"

    def answer(self, context: Context) -> Result:
        """One row per channel; the sessions of the rows add up to all sessions."""
        scope = scope_of(context, self)
        now = measures(scope, scope.period)
        before = measures(scope, scope.previous) if scope.previous else None
        codes, values = session_groups(context, now, self.by)
        rows = _rows(self.by, now, codes, values)
        old = _by_name(_rows(self.by, before, *session_groups(context, before, self.by))) if before else {}
        for row in rows:
            earlier = old.get(row["channel"], {}) if before else None
            row["previous_sessions"] = None if earlier is None else earlier.get("sessions", 0)
            row["previous_revenue"] = None if earlier is None else earlier.get("revenue", Decimal(0))
        frame = pa.Table.from_pylist(rows, schema=_SCHEMA)
        figures = {
            "visitors": len(now.visitors), "sessions": len(now.session_ids), "orders": now.order_count,
            "revenue": now.revenue, "channels": len(rows),
        }  # fmt: skip
        return Result(
            self, frame, sentence=_sentence(rows), figures=figures, notes=money_notes(now),
            about=scope.about("sessions", events=now.events, by=self.by, visitors=len(now.visitors)),
            people=_people(scope, now, codes, values),
        )  # fmt: skip


def session_groups(context: Context, m: Measures, by: str) -> tuple[np.ndarray, list[str]]:
    """Per session of the period the number of its group, and the groups' names; visits without a page are `(none)`."""
    lookup, values = touch_field(context, "channel" if by == "media" else by)
    touch = m.sessions.touch[m.session_ids]
    codes = np.where(touch >= 0, lookup[np.maximum(touch, 0)], -1) if len(lookup) else np.full(len(touch), -1)
    names = [*values, NO_PAGE]
    if by == "media":
        media = [*(media_of(value) or "(unassigned)" for value in values), NO_PAGE]
        names = sorted(set(media))
        codes = np.array([names.index(text) for text in media], np.int64)[codes]
        return codes, names
    return np.where(codes < 0, len(values), codes), names


def _rows(by: str, m: Measures, codes: np.ndarray, values: list[str]) -> list[dict[str, Any]]:
    sold = np.flatnonzero(m.order_mask)
    group_of_order = _order_groups(m, sold, codes, values.index(NO_PAGE))
    new = np.zeros(m.sessions.rows.visitors, bool)
    new[m.new_visitors] = True
    rows = []
    for number, name in enumerate(values):
        inside = m.session_ids[codes == number]
        money = sold[group_of_order == number]
        if not len(inside) and not len(money):
            continue
        visitors = m.visitors_of(inside)
        orders = int((~m.orders.refund[money]).sum())
        revenue = None if m.orders.mixed else to_decimal(total(m.orders.amount[money]))
        qualifying = int((m.sessions.qualifying[inside] >= 1).sum())
        rows.append(
            {
                "channel": name, "media": media_of(name) if by == "channel" else "",
                "visitors": len(visitors), "new_visitors": int(new[visitors].sum()), "sessions": len(inside),
                "share_rate": Share(len(inside), len(m.session_ids)).rate,
                "bounce_rate": Share(int((m.sessions.qualifying[inside] == 1).sum()), qualifying).rate,
                "engagement_rate": Share(len(np.intersect1d(inside, m.engaged)), len(inside)).rate,
                "orders": orders, "conversion_rate": orders / len(visitors) if len(visitors) else None,
                "revenue": revenue,
                "aov": float(revenue / orders) if revenue is not None and orders else None,
            }
        )  # fmt: skip
    return sorted(rows, key=lambda row: (-row["sessions"], row["channel"]))


def _order_groups(m: Measures, sold: np.ndarray, codes: np.ndarray, none: int) -> np.ndarray:
    """The group of each order: that of the session that holds it, `(none)` where no session of the period does."""
    rows = m.sessions.rows
    groups = np.full(len(sold), none, np.int64)
    if not len(sold) or not len(m.session_ids):
        return groups
    where = np.full(m.scope.context.snapshot.rows, -1, np.int64)
    where[rows.rows] = np.arange(len(rows.at))
    gathered = where[m.orders.home[sold]]
    session = np.where(gathered >= 0, m.sessions.of_row(np.maximum(gathered, 0)), -1)
    place = np.searchsorted(m.session_ids, session)
    place = np.minimum(place, len(m.session_ids) - 1)
    found = (session >= 0) & (m.session_ids[place] == session)
    groups[found] = codes[place[found]]
    return groups


_MONEY = pa.decimal128(28, 4)
_SCHEMA = pa.schema(
    [
        ("channel", pa.string()), ("media", pa.string()), ("visitors", pa.int64()), ("new_visitors", pa.int64()),
        ("sessions", pa.int64()), ("share_rate", pa.float64()), ("bounce_rate", pa.float64()),
        ("engagement_rate", pa.float64()), ("orders", pa.int64()), ("conversion_rate", pa.float64()),
        ("revenue", _MONEY), ("aov", pa.float64()), ("previous_sessions", pa.int64()), ("previous_revenue", _MONEY),
    ]
)  # fmt: skip


def _by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["channel"]: row for row in rows}


def _sentence(rows: list[dict[str, Any]]) -> Text:
    named = [row for row in rows if row["channel"] != NO_PAGE] or rows
    if not named:
        return Text("sentence.channels_empty")
    best = max(named, key=lambda row: row["revenue"] or 0)
    params = {
        "top": channel_term(named[0]["channel"]),
        "share": named[0]["share_rate"],
        "best": channel_term(best["channel"]),
    }
    return Text("sentence.channels" if best["revenue"] else "sentence.channels_no_revenue", params)


def _people(scope: Scope, m: Measures, codes: np.ndarray, values: list[str]) -> dict[str, Callable[[], People]]:
    def cell(number: int, name: str) -> Callable[[], People]:
        visitors = m.visitors_of(m.session_ids[codes == number])
        return lambda: people_of(scope, visitors, Text("people.channel", {"channel": channel_term(name)}))

    used = np.unique(codes).tolist()
    return {f"channel={values[number]}": cell(number, values[number]) for number in used}
