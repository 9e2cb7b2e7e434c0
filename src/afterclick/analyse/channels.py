"""Where visits come from, what they cost and what they bring, per channel, source, campaign or medium."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta

from afterclick.analyse.aims import aim_kpi, aim_of
from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.formulas import FORMULAS, Ratio, ratio, rounded
from afterclick.analyse.groups import NONE, Groups, grouped
from afterclick.analyse.intervals import chosen, cut
from afterclick.analyse.kpi import ATTRIBUTION
from afterclick.analyse.kpi_figures import figures_of
from afterclick.analyse.measures import measures
from afterclick.analyse.money_notes import cost_notes, money_notes
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.analyse.spending import spending
from afterclick.analyse.unmatched import unmatched_costs, unmatched_traffic
from afterclick.core.event import INSTANT
from afterclick.core.moments import Share
from afterclick.core.result import People, Result, Text, channel_term
from afterclick.stitch.channel_rules import media_of

_COUNTS: Final = (
    "impressions", "clicks", "visitors", "new_visitors", "sessions", "bounced", "qualifying_sessions",
    "engaged_sessions", "orders", "buyers", "new_buyers", "repeat_orders", "attributed_orders", "attributed_new_buyers",
)  # fmt: skip
_MONEY: Final = ("cost", "revenue", "attributed_revenue")
_OLD: Final = ("visitors", "sessions", "orders", "revenue", "cost")
_BOUNDS: Final = {
    "bounce_rate": "bounce",
    "engagement_rate": "engagement",
    "buyer_rate": "buyer",
    "click_rate": "click",
}
_LEFT_OUT: Final = frozenset({"pages_per_session", "blended_cac"})
"""Figures that say nothing by channel: all cost over all new buyers is one number."""


class Channels(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Channels: who came from where, and what it brought."""

    key_word = "channels"

    by: Annotated[
        Literal["channel", "source", "medium", "campaign", "term", "content", "media"],
        Meta(description="what a row of the table is"),
    ] = "channel"

    def answer(self, context: Context) -> Result:
        """One row per channel; sessions, orders, revenue and cost of the rows add up to all of them.

        An order, and its refunds, belong to the visit it was placed in, `(none)` where it was placed in none.
        """
        scope = scope_of(context, self)
        now = grouped(spending(measures(scope, scope.period)), self.by)
        before = grouped(spending(measures(scope, scope.previous)), self.by) if scope.previous else None
        rows, reasons = _rows(now, before)
        lone = unmatched_costs(now.spent)
        figures = _totals(now, len(rows))
        notes = (*money_notes(now.m), *cost_notes(now.spent.costs, lone.num_rows, figures))
        parts = {
            "series": _series(now, [row[self.by] for row in rows[:_DRAWN]]),
            "reasons": pa.Table.from_pylist(reasons, schema=_REASONS),
            "unmatched_costs": lone,
            "unmatched_traffic": unmatched_traffic(now.spent),
        }
        return Result(
            self, pa.Table.from_pylist(rows, schema=_schema(self.by)), sentence=_sentence(rows, self.by), figures=figures,
            parts=parts, notes=notes, people=_people(scope, now, [row[self.by] for row in rows]),
            about=scope.about(
                "sessions", events=now.m.events, by=self.by, visitors=len(now.m.visitors), **ATTRIBUTION
            ),
        )  # fmt: skip


def _totals(now: Groups, rows: int) -> dict[str, Any]:
    found = figures_of(now.spent)
    names = (
        "visitors", "sessions", "orders", "revenue", "cost", "impressions", "clicks", "click_rate", "cpc", "cpm", "cpa",
        "roas", "cac", "blended_cac", "new_buyers", "attributed_orders", "attributed_revenue", "attributed_new_buyers",
    )  # fmt: skip
    figures = {name: found[name] for name in names} | {"channels": rows}
    return figures | {"reasons": {name: why for name, why in found["reasons"].items() if name in figures}}


def _rows(now: Groups, before: Groups | None) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The rows with anything in them, most sessions first, and why a figure of theirs is missing."""
    by, reasons = now.names.by, now.spent.reasons()
    old = dict(zip(before.names.values, before.bags(), strict=True)) if before else {}
    aims = now.m.scope.context.snapshot.definitions.aims
    rows: list[dict[str, Any]] = []
    missing: list[dict[str, str]] = []
    for name, bag in zip(now.names.values, now.bags(), strict=True):
        if not (bag["sessions"] or bag["orders"] or bag["revenue"] or bag["cost"] or bag["impressions"]):
            continue
        ratios = {figure: ratio(figure, bag, reasons) for figure in FORMULAS if figure not in _LEFT_OUT}
        aim = aim_of(name, aims) if by == "channel" and name != NONE else ""
        row: dict[str, Any] = {by: name} | ({"media": media_of(name)} if by == "channel" else {})
        row |= _aimed(aim, ratios) | _figures(bag, ratios, len(now.m.session_ids))
        row |= {f"previous_{figure}": _old(old, name, figure) if before else None for figure in _OLD}
        rows.append(row)
        missing += [
            {"value": name, "metric": figure, "reason": made.reason}
            for figure, made in ratios.items()
            if made.value is None
        ]
    return sorted(rows, key=lambda row: (-row["sessions"], row[by])), missing


def _aimed(aim: str, ratios: dict[str, Ratio]) -> dict[str, Any]:
    if not aim:
        return {"aim": None, "aim_kpi": None, "aim_value": None, "aim_unit": None}
    name, value, unit = aim_kpi(aim, {figure: made.value for figure, made in ratios.items()})
    return {"aim": aim, "aim_kpi": name, "aim_value": None if value is None else float(value), "aim_unit": unit}


def _figures(bag: dict[str, Any], ratios: dict[str, Ratio], sessions: int) -> dict[str, Any]:
    row: dict[str, Any] = {name: bag[name] for name in (*_COUNTS, *_MONEY)}
    row["share_rate"] = Share(bag["sessions"], sessions).rate
    for name, made in ratios.items():
        row[name] = rounded(made.value) if isinstance(made.value, Decimal) else made.value
        if name in _BOUNDS:
            row[f"{_BOUNDS[name]}_low_rate"], row[f"{_BOUNDS[name]}_high_rate"] = made.interval or (None, None)
    return row


def _old(old: dict[str, dict[str, Any]], name: str, figure: str) -> Any:
    """A figure of the period before; a value that was not there had none of it."""
    if name in old:
        return old[name][figure]
    known = next(iter(old.values()), {}).get(figure)
    return None if known is None else type(known)(0)


_AMOUNT = pa.decimal128(28, 4)
_DRAWN: Final = 20
"""Rows that have a curve."""
_SERIES = pa.schema(
    [
        ("value", pa.string()), ("interval", pa.int64()), ("start_at", INSTANT), ("end_at", INSTANT),
        ("incomplete", pa.bool_()), ("sessions", pa.int64()), ("orders", pa.int64()), ("revenue", _AMOUNT),
        ("cost", _AMOUNT),
    ]
)  # fmt: skip
_REASONS = pa.schema([("value", pa.string()), ("metric", pa.string()), ("reason", pa.string())])


def _schema(by: str) -> pa.Schema:
    """The columns in order: the value, its aim, reach and cost, visits, orders and money, what costs brought, before."""
    text, number, share = pa.string(), pa.int64(), pa.float64()
    columns: list[tuple[str, pa.DataType]] = [(by, text), *([("media", text)] if by == "channel" else [])]
    columns += [("aim", text), ("aim_kpi", text), ("aim_value", share), ("aim_unit", text)]
    columns += [("impressions", number), ("clicks", number), *_rate("click")]
    columns += [("cost", _AMOUNT), ("cpc", _AMOUNT), ("cpm", _AMOUNT)]
    columns += [("visitors", number), ("new_visitors", number), ("new_visitor_rate", share)]
    columns += [("sessions", number), ("share_rate", share)]
    columns += [("bounced", number), ("qualifying_sessions", number), *_rate("bounce")]
    columns += [("engaged_sessions", number), *_rate("engagement")]
    columns += [("orders", number), ("buyers", number), ("new_buyers", number), ("conversion_rate", share)]
    columns += _rate("buyer")
    columns += [("revenue", _AMOUNT), ("aov", _AMOUNT), ("arpv", _AMOUNT)]
    columns += [("repeat_orders", number), ("repeat_order_rate", share)]
    columns += [("attributed_orders", number), ("attributed_revenue", _AMOUNT), ("attributed_new_buyers", number)]
    columns += [("cpa", _AMOUNT), ("roas", share), ("cac", _AMOUNT)]
    columns += [(f"previous_{name}", _AMOUNT if name in _MONEY else number) for name in _OLD]
    return pa.schema(columns)


def _rate(stem: str) -> list[tuple[str, pa.DataType]]:
    return [(f"{stem}{end}_rate", pa.float64()) for end in ("", "_low", "_high")]


def _series(now: Groups, shown: list[str]) -> pa.Table:
    """Sessions, orders, revenue and cost of the largest rows, interval by interval."""
    m = now.m
    cuts = cut(m.period, chosen("auto", m.period), m.scope.context.zone)
    incomplete = cuts.incomplete(m.scope.as_of)
    rows = []
    place = {name: number for number, name in enumerate(now.names.values)}
    for name, bags in zip(shown, now.courses([place[name] for name in shown], cuts), strict=True):
        for i, bag in enumerate(bags):
            span = {"start_at": int(cuts.edges[i]), "end_at": int(cuts.edges[i + 1]), "incomplete": bool(incomplete[i])}
            rows.append({"value": name, "interval": i} | span | bag)
    return pa.Table.from_pylist(rows, schema=_SERIES)


def _sentence(rows: list[dict[str, Any]], by: str) -> Text:
    named = [row for row in rows if row[by] != NONE] or rows
    if not named or not named[0]["sessions"]:
        return Text("sentence.channels_empty")
    best = max(named, key=lambda row: row["revenue"] or 0)
    params = {"top": channel_term(named[0][by]), "share": named[0]["share_rate"], "best": channel_term(best[by])}
    return Text("sentence.channels" if best["revenue"] else "sentence.channels_no_revenue", params)


def _people(scope: Scope, now: Groups, shown: list[str]) -> dict[str, Callable[[], People]]:
    m, orders, spent = now.m, now.m.orders, now.spent
    place = {name: number for number, name in enumerate(now.names.values)}
    parts: dict[str, Callable[[int], np.ndarray]] = {
        "": now.visitors,
        "new_visitors": lambda number: np.intersect1d(now.visitors(number), m.new_visitors),
        "bounced": lambda number: now.visiting(number, m.is_bounced),
        "engaged": lambda number: now.visiting(number, m.is_engaged),
        "buyers": lambda number: now.buyers(number, m.order_mask & ~orders.refund),
        "new_buyers": lambda number: now.buyers(number, m.order_mask & orders.first_ever),
        "attributed_new_buyers": lambda number: now.buyers(number, spent.attributed & orders.first_ever),
    }

    def cell(name: str, part: str, visitors: Callable[[int], np.ndarray]) -> Callable[[], People]:
        text = Text(f"people.channel{'_' if part else ''}{part}", {"channel": channel_term(name)})
        return lambda: people_of(scope, visitors(place[name]), text)

    return {
        f"{now.names.by}={name}" + (f";part={part}" if part else ""): cell(name, part, visitors)
        for name in shown
        for part, visitors in parts.items()
    }
