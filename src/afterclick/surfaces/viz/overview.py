"""The key figures of the Overview with their course, and one of them over the intervals in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from afterclick.core.result import Result
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join
from afterclick.surfaces.viz.metrics import METRICS, delta, explained, lacking, shown, title, within_noise
from afterclick.surfaces.viz.series import Step, listed, series
from afterclick.surfaces.viz.spark import trend
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

SHOWN: Final = (
    "visitors", "sessions", "new_visitor_rate", "bounce_rate", "exit_rate", "conversion_rate", "orders", "aov",
    "revenue", "click_rate", "roas", "cac",
)  # fmt: skip
"""Figures of the Overview in order; the click-through rate only where impressions are known."""
_OPTIONAL: Final = frozenset({"exit_rate", "click_rate"})


def figures(result: Result, voice: Voice, chosen: str = SHOWN[0]) -> Html:
    """The key figures as cards; the chosen one drives the chart."""
    rows = {row["metric"]: row for row in result.frame.to_pylist()}
    course = _course(result)
    cards = [
        _figure(name, rows[name], course.get(name, []), result.figures, chosen, voice)
        for name in SHOWN
        if name in rows and (name not in _OPTIONAL or rows[name]["value"] is not None)
    ]
    head = el("h2", {"class": "vh"}, voice.text("overview.figures"))
    return join([el("p", {"class": "finding"}, result.sentence(voice.lang)), head, el("ul", {"class": "kpis"}, cards)])


def _course(result: Result) -> dict[str, list[Row]]:
    """The rows of the part `series` by figure, in order of their intervals."""
    found: dict[str, list[Row]] = {}
    for row in result.parts["series"].to_pylist() if "series" in result.parts else []:
        found.setdefault(row["metric"], []).append(row)
    return {name: sorted(rows, key=lambda row: int(row["interval"])) for name, rows in found.items()}


def _figure(
    name: str, row: Row, course: Sequence[Row], figures: Mapping[str, Any], chosen: str, voice: Voice
) -> Html:
    head = title(name, voice)
    here = name == chosen
    label: Child = head
    if voice.go is not None and course:
        attrs = {"class": "pick", "href": voice.go({"metric": name}), "aria-current": "true" if here else None}
        label = el("a", attrs, head)
    body: list[Html | None]
    if row["value"] is None:
        body = [el("p", {"class": "value"}, el("span", {"class": "big"}, "–")), lacking(name, figures, voice)]
    else:
        cell = METRICS[name].cell or None
        exactly = shown(_value(name, row, figures), row["unit"], voice, full=True)
        value = voice.mark(shown(_value(name, row, figures), row["unit"], voice), cell, tip=exactly, css="big")
        line = trend(
            [None if each["value"] is None else float(each["value"]) for each in course],
            running=[bool(each["incomplete"]) for each in course],
        )
        head_line = el("p", {"class": "value"}, value, " ", delta(name, row, figures, voice))
        body = [head_line, _was(name, row, figures, voice), line]
    return el(
        "li",
        {"class": "panel kpi here" if here else "panel kpi"},
        el("h3", None, label, explained(name, row, figures, voice)),
        body,
    )


def _value(name: str, row: Row, figures: Mapping[str, Any]) -> Any:
    """The exact figure where the Result has it; the frame holds every unit as a float."""
    found = figures.get(name)
    return row["value"] if found is None else found


def _was(name: str, row: Row, figures: Mapping[str, Any], voice: Voice) -> Html | None:
    if row.get("previous") is None:
        return None
    said = voice.text("map.was", before=shown(row["previous"], row["unit"], voice))
    quiet = f" · {voice.text('overview.noise')}" if within_noise(name, row, figures) else ""
    return el("p", {"class": "was"}, said + quiet)


def chart(result: Result, voice: Voice, chosen: str = SHOWN[0], view: str = "chart") -> Html | None:
    """The chosen figure over the intervals of the range, the period before beside it."""
    course = _course(result).get(chosen, [])
    if not course:
        return None
    interval = str(result.figures.get("interval") or "day")
    steps = [_step(row, interval, voice) for row in course]
    best = max((row for row in course if row["value"] is not None), key=lambda row: float(row["value"]), default=None)
    name = title(chosen, voice)
    head = voice.text(f"overview.per_{interval}", name=name)
    if best is not None:
        head = voice.text(
            f"overview.most_{interval}", name=head, at=_at(best["start_at"], interval, voice),
            value=shown(best["value"], best["unit"], voice),
        )  # fmt: skip
    unit = str(course[0]["unit"])
    whole = unit == "count"

    def read(value: float) -> str:
        return voice.short(value) if whole else shown(value, unit, voice)

    drawn = (
        listed(steps, head=voice.text(f"overview.{interval}"), name=name, voice=voice)
        if view == "table"
        else series(steps, read=read, label=head, voice=voice)
    )
    keys = [el("span", {"class": "key now"}, name)]
    if any(step.before_shown for step in steps):
        keys.append(el("span", {"class": "key before"}, voice.text("overview.previous")))
    if any(step.running for step in steps):
        keys.append(el("span", {"class": "key running"}, voice.text("overview.running")))
    return el(
        "section",
        {"class": "panel card"},
        el("h2", None, head),
        el("p", {"class": "caption keys-of"}, keys) if view != "table" else None,
        drawn,
        foot(result, voice),
    )


def _step(row: Row, interval: str, voice: Voice) -> Step:
    unit = str(row["unit"])
    old = row.get("previous")
    return Step(
        label=_at(row["start_at"], interval, voice),
        name=_at(row["start_at"], interval, voice, whole=True),
        value=None if row["value"] is None else float(row["value"]),
        shown=shown(row["value"], unit, voice, full=True),
        before=None if old is None else float(old),
        before_shown="" if old is None else shown(old, unit, voice, full=True),
        running=bool(row["incomplete"]),
        cell=_CELLS.get(row["metric"], "").format(row["interval"]),
    )


_CELLS: Final = {"visitors": "interval={}", "buyers": "interval={};part=buyers", "orders": "interval={};part=buyers"}


def _at(start: Any, interval: str, voice: Voice, *, whole: bool = False) -> str:
    """The name of an interval by its start: a day, the hour of a day, the month."""
    if interval == "hour":
        moment = voice.instant(start)
        return moment if whole else moment[-5:]
    if interval == "month":
        local = start.astimezone(ZoneInfo(voice.zone))
        month = voice.known(f"date.month.{local.month}")
        return voice.text("overview.month_of", month=month, year=local.year) if whole else str(month)
    day = voice.day(start, year=whole)
    return voice.text("overview.week_of", day=day) if whole and interval == "week" else day
