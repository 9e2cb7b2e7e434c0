"""Feedback as cards: the score with its sides, by what was asked for, and over time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz import series
from afterclick.surfaces.viz.barlist import tabs
from afterclick.surfaces.viz.equation import why
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, said
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

SIDES: Final = ("promoters", "passives", "detractors")
BY: Final = ("survey", "stage", "touchpoint", "item", "channel")
NONE: Final = "(none)"


def summary(result: Result, voice: Voice) -> Html:
    """The finding, the net promoter score and the mean score with their intervals, and who gave what."""
    figures = result.figures
    if not figures["given"]:
        return _nothing(result, voice)
    tiles = [
        _tile("nps", _nps(figures["nps"], voice), _interval(figures, "nps", voice), figures, voice),
        _tile("score_rate", _rate(figures["score_rate"], voice), _interval(figures, "score", voice), figures, voice),
        _count("answers", figures["answers"], None, voice),
        _count("visitors", figures["visitors"], "answered", voice),
        _count("low", figures["low"], "low", voice),
        _count("high", figures["high"], "high", voice),
    ]
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, voice.text("feedback.summary")),
        el("p", {"class": "finding"}, result.sentence(voice.lang)),
        el("dl", {"class": "tiles"}, tiles),
        _sides(figures, voice),
        foot(result, voice),
    )


def _nothing(result: Result, voice: Voice) -> Html:
    """Nobody answered: what to bring."""
    return el(
        "section",
        {"class": "panel card state"},
        el("h2", None, voice.text("feedback.summary")),
        el("p", None, result.sentence(voice.lang)),
        el("p", {"class": "caption"}, voice.text("feedback.missing")),
        el("p", None, el("code", {"data-copy": True, "tabindex": 0}, "afterclick import --kind feedback answers.csv")),
        foot(result, voice),
    )


def _nps(value: float | None, voice: Voice) -> str:
    return "–" if value is None else voice.text("feedback.nps_value", n=value)


def _rate(value: float | None, voice: Voice) -> str:
    return "–" if value is None else voice.rate(value)


def _interval(row: Row, name: str, voice: Voice) -> str:
    ends = ("nps_low", "nps_high") if name == "nps" else ("score_low_rate", "score_high_rate")
    low, high = (row[end] for end in ends)
    if low is None:
        return voice.text("feedback.no_interval") if row["answers"] else ""
    return voice.text(f"feedback.{name}_interval", low=low, high=high)


def _tile(name: str, value: str, between: str, figures: Row, voice: Voice) -> Html:
    title = voice.text(f"feedback.{name}")
    lines = [voice.text(f"feedback.define_{name}")]
    if name == "nps" and figures["nps"] is not None:
        sides = {side: figures[side] for side in SIDES}
        lines.append(voice.text("feedback.formula_nps", **sides, n=figures["nps_answers"], nps=figures["nps"]))
    before = figures["previous_nps" if name == "nps" else "previous_score_rate"]
    was = None
    if before is not None:
        was = voice.text("map.was", before=_nps(before, voice) if name == "nps" else voice.rate(before))
    small = " · ".join(part for part in (between, was) if part)
    return el(
        "div",
        None,
        el("dt", None, title, why(title, lines, voice)),
        el("dd", None, el("span", {"class": "num"}, value), el("small", None, small) if small else None),
    )


def _count(name: str, value: int, cell: str | None, voice: Voice) -> Html:
    title = voice.text(f"feedback.{name}")
    defined = voice.known(f"feedback.define_{name}")
    number = voice.mark(voice.number(value), cell if value else None)
    return el("div", None, el("dt", None, title, why(title, [defined], voice) if defined else None), el("dd", None, number))


def _sides(figures: Row, voice: Voice) -> Html | None:
    """Promoters, passives and detractors as one bar, each with its number."""
    total = sum(figures[side] for side in SIDES)
    if not total:
        return None
    x, parts = 0.0, []
    for side in SIDES:
        width = 100 * figures[side] / total
        parts.append(el("rect", {"class": side, "x": x, "width": width, "height": 8}) if width else None)
        x += width
    drawing = el(
        "svg",
        {"class": "bar sides", "viewBox": "0 0 100 8", "preserveAspectRatio": "none", "aria-hidden": "true"},
        parts,
    )
    items = [
        el(
            "li",
            {"class": side},
            voice.text(f"feedback.{side}"),
            " ",
            voice.mark(voice.number(figures[side]), side if figures[side] else None),
        )
        for side in SIDES
    ]
    return el("div", {"class": "nps"}, drawing, el("ul", None, items))


def groups(result: Result, voice: Voice) -> Html | None:
    """The same by survey, stage, touchpoint, item or channel."""
    if not result.figures["given"]:
        return None
    by = str(result.about["by"])
    rows = result.frame.to_pylist()
    links = [(voice.text(f"feedback.by_{name}"), voice.go({"by": name}) if voice.go else "", name == by) for name in BY]

    def cell(row: Row, part: str) -> str:
        return f"{by}={row['value']};part={part}"

    def name(row: Row) -> Child:
        return said(_name(by, str(row["value"]), voice))

    def count(part: str, column: str) -> Any:
        return lambda row: voice.mark(voice.number(row[column]), cell(row, part) if row[column] else None)

    columns = [
        Column(voice.text(f"feedback.by_{by}"), name),
        Column(voice.text("feedback.visitors"), count("answered", "visitors"), True),
        Column(
            voice.text("feedback.score_rate"),
            lambda row: [_rate(row["score_rate"], voice), el("small", None, _interval(row, "score", voice))],
            True,
        ),
        Column(voice.text("feedback.nps"), lambda row: _nps_cell(row, voice), True),
        Column(voice.text("feedback.promoters"), count("promoters", "promoters"), True),
        Column(voice.text("feedback.detractors"), count("detractors", "detractors"), True),
        Column(voice.text("feedback.low"), count("low", "low"), True),
    ]
    title = voice.text("feedback.groups")
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, title),
        tabs(links, voice.text("feedback.by")) if voice.go else None,
        el("p", {"class": "caption"}, voice.text(f"feedback.caption_{by}")),
        table(columns, rows, label=title),
    )


def _nps_cell(row: Row, voice: Voice) -> Child:
    if row["nps"] is None:
        return "–"
    return [_nps(row["nps"], voice), el("small", None, _interval(row, "nps", voice))]


def _name(by: str, value: str, voice: Voice) -> str:
    if value == NONE:
        return voice.text("map.none_given")
    if by == "stage":
        return voice.stage(value)
    return voice.name("channel", value) if by == "channel" else value


def trend(result: Result, voice: Voice, view: str) -> Html | None:
    """The net promoter score over the range; the mean score where nobody was asked to recommend."""
    rows = result.parts["series"].to_pylist()
    field = "nps" if result.figures["nps"] is not None else "score_rate"
    if sum(1 for row in rows if row[field] is not None) < 2:
        return None

    def write(value: float) -> str:
        return _nps(value, voice) if field == "nps" else voice.rate(value)

    steps = [
        series.Step(
            label=_day(row["start"], voice), name=_day(row["start"], voice), value=row[field],
            shown="–" if row[field] is None else f"{write(row[field])} ({voice.number(row['answers'])})",
            running=bool(row["incomplete"]), cell=f"interval={number}" if row["visitors"] else "",
        )
        for number, row in enumerate(rows)
    ]  # fmt: skip
    title = voice.text(f"feedback.{field}")
    if view == "table":
        drawn = series.listed(steps, head=voice.text("feedback.begin"), name=title, voice=voice)
    else:
        drawn = series.series(steps, read=write, label=title, voice=voice)
    caption = el("p", {"class": "caption"}, voice.text("feedback.trend_caption"))
    return el("section", {"class": "panel card"}, el("h2", None, voice.text("feedback.trend")), caption, drawn)


def _day(at: dt.datetime, voice: Voice) -> str:
    return voice.day(at.date())
