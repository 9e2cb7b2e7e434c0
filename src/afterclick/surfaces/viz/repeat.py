"""Repeat purchase: the share that has ordered again by days since the first order, and order by order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afterclick.core.result import Result
from afterclick.surfaces.viz import series
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]


def repeat(result: Result, voice: Voice, view: str = "chart") -> Html | None:
    """The curve of the second order with its band, and the table of all."""
    if not result.figures["customers"]:
        return None
    curve = [row for row in result.parts["curve"].to_pylist() if row["order"] == 2]
    drawn: Child = None
    if len(curve) > 2:
        name = voice.text("repeat.curve")
        points = [_point(row, voice) for row in curve]
        drawn = (
            series.listed(points, head=voice.text("column.days"), name=name, voice=voice)
            if view == "table"
            else series.series(points, read=voice.rate, label=name, voice=voice)
        )
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, result.sentence(voice.lang)),
        el("p", {"class": "caption"}, voice.text("repeat.caption")) if drawn else None,
        drawn,
        _orders(result, voice),
        foot(result, voice),
    )


def _point(row: Row, voice: Voice) -> series.Step:
    days = voice.number(row["days"])
    band = None if row["low_rate"] is None else (row["low_rate"], row["high_rate"])
    shown = voice.rate(row["again_rate"])
    if band:
        shown += f" ({voice.text('funnel_page.interval', low=voice.rate(band[0]), high=voice.rate(band[1]))})"
    return series.Step(
        label=days, name=voice.text("repeat.after", days=row["days"]), value=row["again_rate"], shown=shown, band=band
    )


def _orders(result: Result, voice: Voice) -> Html:
    def people(row: Row) -> Html:
        return voice.mark(voice.number(row["customers"]), f"order={row['order']}" if row["customers"] else None)

    def soon(row: Row) -> Child:
        if row["within_rate"] is None:
            reason = voice.known(f"reason.{row['reason']}") if row["reason"] else None
            return el("small", None, reason) if reason else "–"
        tip = None
        if row["within_low_rate"] is not None:
            low, high = voice.rate(row["within_low_rate"]), voice.rate(row["within_high_rate"])
            tip = voice.text("funnel_page.interval", low=low, high=high)
        return el("span", {"class": "num", "title": tip}, voice.rate(row["within_rate"]))

    def days(row: Row) -> str:
        return "–" if row["days_p50"] is None else voice.decimal(row["days_p50"])

    def open_(row: Row) -> Html:
        return voice.mark(voice.number(row["open"]), f"order={row['order']};part=open" if row["open"] else None)

    columns = [
        Column(voice.text("repeat.order"), lambda row: voice.text("repeat.nth", n=row["order"])),
        Column(voice.text("column.customers"), people, True),
        Column(voice.text("repeat.of_all"), lambda row: voice.rate(row["of_all_rate"]), True),
        Column(voice.text("repeat.soon", within=voice.within(str(result.about["within"]))), soon, True),
        Column(voice.text("repeat.half"), days, True),
        Column(voice.text("repeat.open"), open_, True),
    ]
    return table(columns, result.frame.to_pylist(), label=voice.text("repeat.title"))
