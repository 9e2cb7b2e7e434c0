"""The cards below a funnel's steps: how long converting took, conversion over time, groups, money lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz import series
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.funnel import named
from afterclick.surfaces.viz.markup import Child, Html, el, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

_STEP_GROUPS: Final = 12
"""Steps that a breakdown shows side by side; beyond, it names the first and the last."""


def times(result: Result, voice: Voice, _view: str = "chart") -> Html | None:
    """How long those who went all the way took, as a histogram from step 1."""
    last = result.frame.num_rows
    rows = [row for row in _part(result, "histogram") if row["step"] == last]
    total = sum(row["n"] for row in rows)
    if not total:
        return None
    most = max(row["n"] for row in rows)
    half = result.figures.get("seconds_to_convert_p50")
    caption = voice.text("funnel_page.times_half", span=voice.span(half), n=total) if half is not None else ""
    filled = [i for i, row in enumerate(rows) if row["n"]]
    columns = [
        Column(voice.text("funnel_page.took"), lambda row: _bin(row, voice)),
        Column(
            voice.text("funnel_page.here"),
            lambda row: [bar(row["n"], most), el("span", {"class": "num"}, voice.number(row["n"]))],
        ),
        Column(voice.text("funnel_page.share"), lambda row: voice.rate(row["n"] / total), True),
    ]
    shown = table(columns, rows[: filled[-1] + 1], label=voice.text("funnel_page.times"), css="bins")
    return _card("funnel_page.times", caption, shown, voice)


def _bin(row: Row, voice: Voice) -> str:
    if row["high_seconds"] is None:
        return voice.text("funnel_page.over", span=voice.span(row["low_seconds"]))
    if not row["low_seconds"]:
        return voice.text("funnel_page.under", span=voice.span(row["high_seconds"]))
    return f"{voice.span(row['low_seconds'])} – {voice.span(row['high_seconds'])}"


def trend(result: Result, voice: Voice, view: str = "chart") -> Html | None:
    """The share of all that went the whole way, by the interval they began in; open intervals dashed."""
    last = result.frame.num_rows
    rows = [row for row in _part(result, "trend") if row["step"] == last]
    if len(rows) < 2 or all(row["rate"] is None for row in rows):
        return None
    points = [
        series.Step(
            label=_day(row, voice),
            name=_day(row, voice),
            value=row["rate"],
            shown="–" if row["rate"] is None else f"{voice.rate(row['rate'])} ({voice.number(row['n'])})",
            running=bool(row["incomplete"]),
            cell=f"interval={row['interval']};step={last};part=reached",
        )
        for row in rows
    ]
    name = voice.text("funnel_page.trend")
    if view == "table":
        began, rate = voice.text("funnel_page.began"), voice.text("funnel_page.all_rate")
        drawn = series.listed(points, head=began, name=rate, voice=voice)
    else:
        drawn = series.series(points, read=voice.rate, label=name, voice=voice)
    key = f"funnel_page.trend_{result.figures.get('interval') or 'day'}"
    return _card("funnel_page.trend", voice.text(key), drawn, voice)


def _day(row: Row, voice: Voice) -> str:
    try:
        return voice.day(dt.date.fromisoformat(str(row["interval"])))
    except ValueError:
        return str(row["interval"])


def breakdown(result: Result, voice: Voice, _view: str = "chart") -> Html | None:
    """Each group's way through the steps: how many, and the share that came from the step before, with its interval."""
    rows = _part(result, "breakdown")
    if not rows or not result.figures["started"]:
        return None
    places = sorted({row["step"] for row in rows})
    places = places if len(places) <= _STEP_GROUPS else [places[0], places[-1]]
    by_group: dict[str, dict[int, Row]] = {}
    for row in rows:
        by_group.setdefault(str(row["group"]), {})[row["step"]] = row
    events = {row["step"]: row for row in result.frame.to_pylist()}
    field = str(getattr(result.spec, "by", ""))

    def filled(place: int) -> Any:
        def fill(group: str) -> Child:
            row = by_group[group].get(place)
            if row is None:
                return "–"
            cell = f"group={group};step={place};part=reached"
            tip = None
            if row["low"] is not None:
                tip = voice.text("funnel_page.interval", low=voice.rate(row["low"]), high=voice.rate(row["high"]))
            rate = row["from_previous_rate"]
            return [
                voice.mark(voice.number(row["n"]), cell),
                el("small", {"title": tip}, voice.rate(rate)) if place > places[0] and rate is not None else None,
            ]

        return fill

    columns = [Column(voice.known(f"field.{field}") or field, lambda group: said(voice.name(field, group)))]
    columns += [Column(f"{place}. {str(events[place]['event'])[:60]}", filled(place), True) for place in places]
    last = places[-1]
    columns.append(
        Column(voice.text("funnel_page.all_rate"), lambda group: _all_rate(by_group[group].get(last), voice), True)
    )
    shown = table(columns, by_group, label=voice.text("funnel_page.breakdown"), css="matrix")
    return _card("funnel_page.breakdown", voice.text("funnel_page.breakdown_caption"), shown, voice)


def _all_rate(row: Row | None, voice: Voice) -> str:
    return "–" if row is None or row["of_all_rate"] is None else voice.rate(row["of_all_rate"])


def money(result: Result, voice: Voice, _view: str = "chart") -> Html | None:
    """What those who left had in hand at the last step they took."""
    rows = [row for row in result.frame.to_pylist() if row["lost_value"]]
    if not rows:
        return None
    most = float(max(row["lost_value"] for row in rows))
    columns = [
        Column(voice.text("funnel_page.left_after"), lambda row: named(str(row["event"]), voice)),
        Column(
            voice.text("funnel_page.money_lost"),
            lambda row: [
                bar(float(row["lost_value"]), most),
                el("span", {"class": "num", "title": voice.money_full(row["lost_value"])}, voice.money(row["lost_value"])),
            ],
        ),
        Column(
            voice.text("funnel_page.left"),
            lambda row: voice.mark(voice.number(row["lost"]), f"step={row['step']};part=lost"),
            True,
        ),
    ]
    shown = table(columns, rows, label=voice.text("funnel_page.money"), css="bins")
    return _card("funnel_page.money", voice.text("funnel_page.money_caption"), shown, voice)


def _card(title: str, caption: str, body: Child, voice: Voice) -> Html:
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text(title)),
        el("p", {"class": "caption"}, caption) if caption else None,
        body,
    )


def _part(result: Result, name: str) -> list[dict[str, Any]]:
    found = result.parts.get(name)
    return [] if found is None else found.to_pylist()
