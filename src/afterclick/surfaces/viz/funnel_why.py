"""Why visitors go on behind a step or do not: behaviour of both groups with ratio and interval, both groups a click away."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.markup import Html, el, join, path, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

SHOWN: Final = 5
"""Rows that stand open for going on and for not going on; the rest is in the tables."""
_SPAN: Final = math.log(16)


def why(result: Result, voice: Voice, view: str = "chart") -> Html | None:
    """The finding, then what goes with going on and what with not going on; beyond chance in bold."""
    figures = result.figures
    if not figures["reached"]:
        return None
    groups = compared(result.frame.to_pylist(), voice, view)
    notes = [el("li", None, note.say(voice.lang)) for note in result.notes]
    went = voice.mark(voice.number(figures["went_on"]), "part=went_on")
    stayed = voice.mark(voice.number(figures["did_not"]), "part=did_not")
    return el(
        "section",
        {"class": "panel card why-card"},
        el("h2", None, voice.text("funnel_page.why_title")),
        el("p", {"class": "lead"}, result.sentence(voice.lang)),
        el(
            "p",
            {"class": "caption"},
            voice.text("funnel_page.why_groups"),
            " ",
            went,
            " ",
            voice.text("funnel_page.went_on"),
            ", ",
            stayed,
            " ",
            voice.text("funnel_page.did_not"),
            ".",
        ),
        groups,
        el("ul", {"class": "notes foot"}, notes) if notes else None,
    )


def compared(rows: Sequence[Row], voice: Voice, view: str = "chart") -> Html:
    """What goes with going on and what with not going on, the clearest first; all of it in the view as a table."""
    limit = len(rows) if view == "table" else SHOWN
    return join(
        _group(direction, [row for row in rows if row["direction"] == direction][:limit], voice)
        for direction in ("up", "down")
    )


def _group(direction: str, rows: Sequence[Row], voice: Voice) -> Html | None:
    if not rows:
        return None
    title = voice.text(f"funnel_page.why_{direction}")
    columns = [
        Column(title, lambda row: _behaviour(row, voice)),
        Column(voice.text("funnel_page.with"), lambda row: _share(row, "with", voice), True),
        Column(voice.text("funnel_page.without"), lambda row: _share(row, "without", voice), True),
        Column(voice.text("funnel_page.times_as"), lambda row: _times(row, voice), True),
        Column(voice.text("funnel_page.odds"), lambda row: [_dots(row), _odds(row, voice)]),
        Column(voice.text("funnel_page.chance"), lambda row: _chance(row, voice), True),
    ]
    return table(columns, rows, label=title, css="why-rows")


def _behaviour(row: Row, voice: Voice) -> Html:
    field, value = str(row["field"]), str(row["value"])
    if row["type"] == "property":
        name = voice.known(f"field.{field}") or field
        text = voice.text("funnel_page.property", name=name, value=voice.name(field, value)[:120])
    else:
        text = str(row["behaviour"])
    return el("strong" if row["significant"] else "span", None, said(text))


def _share(row: Row, side: str, voice: Voice) -> list[Any]:
    rate, cell = row[f"{side}_rate"], f"type={row['type']};behaviour={row['behaviour']};part={side}_"
    return [
        el("span", None, "–" if rate is None else voice.rate(rate)),
        el(
            "small",
            None,
            voice.mark(voice.number(row[f"{side}_went_on"]), f"{cell}went_on"),
            " / ",
            voice.mark(voice.number(row[f"{side}_n"]), f"{cell}n"),
        ),
    ]


def _times(row: Row, voice: Voice) -> str:
    return "–" if row["times"] is None else "×" + voice.decimal(row["times"])


def _odds(row: Row, voice: Voice) -> Html:
    if row["odds_ratio"] is None or row["low"] is None:
        return el("span", None, "–")
    said_all = f"{voice.decimal(row['odds_ratio'])} ({voice.decimal(row['low'])}–{voice.decimal(row['high'])})"
    return el("span", {"class": "share"}, said_all)


def _chance(row: Row, voice: Voice) -> Html:
    """Whether it is beyond chance once the number of comparisons is heeded."""
    value = "–" if row["q_value"] is None else voice.rate(row["q_value"])
    tip = voice.text("funnel_page.chance_tip")
    if row["significant"]:
        return el("span", {"title": tip}, value)
    return el("span", {"class": "quiet", "title": tip}, voice.text("funnel_page.within_chance"))


def _dots(row: Row) -> Html | None:
    """The odds ratio with its interval on a logarithmic scale from 1/16 to 16; the line in the middle is no difference."""
    if row["odds_ratio"] is None or row["low"] is None:
        return None
    low, middle, high = (_place(row[name]) for name in ("low", "odds_ratio", "high"))
    css = "dots " + ("flat" if not row["significant"] else row["direction"])
    return el(
        "svg",
        {"class": css, "viewBox": "0 0 100 12", "preserveAspectRatio": "none", "aria-hidden": "true"},
        el("path", {"class": "rule", "d": path("M", 50, 0, "V", 12)}),
        el("path", {"d": path("M", low, 6, "H", max(high, low + 0.5))}),
        el("path", {"class": "dot", "d": path("M", middle, 6, "h", 0.01)}),
    )


def _place(ratio: float) -> float:
    at = 50.0 + 50.0 * math.log(max(ratio, 1e-9)) / _SPAN
    return min(100.0, max(0.0, at))
