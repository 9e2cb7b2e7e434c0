"""The life cycle as bars with those who went quiet below zero, on how many days visitors come, and what newcomers reach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, path, said
from afterclick.surfaces.viz.series import ticks
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

ABOVE: Final = ("returning", "resurrecting", "new")
_HEIGHT: Final = 200.0
_LABELS: Final = 7
_DAYS: Final = 14
"""Rows of the histogram before the rest is put together."""


def lifecycle(result: Result, voice: Voice, view: str) -> Html | None:
    """Stacked bars of each interval: returning, revived and new above zero, dormant below."""
    rows = result.frame.to_pylist()
    if not any(row["active"] or row["dormant"] for row in rows):
        return None
    title = voice.text("retention.lifecycle")
    shown = _table(rows, voice, title)
    keys = [el("span", {"class": f"key {part}"}, _word(part, voice)) for part in (*ABOVE[::-1], "dormant")]
    body: list[Child] = [el("p", {"class": "caption lifted"}, keys)]
    if view == "table":
        body = [shown]
    else:
        body = [
            _bars(rows, voice, title),
            *body,
            el("details", {"class": "further"}, el("summary", None, voice.text("retention.figures")), shown),
        ]
    return _card(title, result.sentence(voice.lang), [*body, foot(result, voice)])


def _bars(rows: Sequence[Row], voice: Voice, title: str) -> Html:
    marks = ticks(-max(row["dormant"] for row in rows), max(row["active"] for row in rows))
    bottom, top = marks[0], marks[-1]

    def y(value: float) -> float:
        return _HEIGHT * (1 - (value - bottom) / (top - bottom))

    shapes = [_stack(i, row, y) for i, row in enumerate(rows)]
    width = max(1, len(rows)) * 10
    rule = el("path", {"class": "rule", "d": path("M", 0, y(0), "H", width)})
    drawn = el(
        "svg",
        {
            "class": "life",
            "viewBox": f"0 0 {width} {int(_HEIGHT)}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": title,
        },
        shapes,
        rule,
    )
    every = -(-len(rows) // _LABELS) or 1
    names = [
        el("li", None, el("span", None, _day(row, voice)) if i % every == 0 else None) for i, row in enumerate(rows)
    ]
    return el(
        "div",
        {"class": "chart"},
        el(
            "ol",
            {"class": "ys", "aria-hidden": "true"},
            [el("li", None, voice.short(mark)) for mark in reversed(marks)],
        ),
        el("div", {"class": "plot"}, drawn, el("div", {"class": "slices"}, [_slice(row, voice) for row in rows])),
        el("ol", {"class": "xs", "aria-hidden": "true"}, names),
    )


def _stack(i: int, row: Row, y: Callable[[float], float]) -> list[Html]:
    css, level, shapes = " unover" if row["incomplete"] else "", 0, []
    for part in ABOVE:
        if row[part]:
            shapes.append(_block(i, y(level + row[part]), y(level), part + css))
        level += row[part]
    if row["dormant"]:
        shapes.append(_block(i, y(0), y(-row["dormant"]), "dormant" + css))
    return shapes


def _block(i: int, above: float, below: float, css: str) -> Html:
    return el("path", {"class": css, "d": path("M", i * 10 + 1.0, above, "h", 8.0, "V", below, "h", -8.0, "Z")})


def _slice(row: Row, voice: Voice) -> Html:
    parts = ", ".join(f"{_word(part, voice)} {voice.number(row[part])}" for part in (*ABOVE[::-1], "dormant"))
    told = f"{_day(row, voice)}: {parts}" + (f" · {voice.text('retention.not_over')}" if row["incomplete"] else "")
    cell = f"interval={row['interval']};part=active" if row["active"] else None
    return voice.mark(el("span", {"class": "vh"}, told), cell, tip=told, css="slice")


def _table(rows: Sequence[Row], voice: Voice, title: str) -> Html:
    def filled(part: str) -> Any:
        return lambda row: voice.mark(
            voice.number(row[part]), f"interval={row['interval']};part={part}" if row[part] else None
        )

    first = Column(
        voice.text("retention.interval_name"),
        lambda row: [
            _day(row, voice),
            el("small", None, voice.text("retention.not_over")) if row["incomplete"] else None,
        ],
    )
    parts = ("active", *ABOVE[::-1], "dormant")
    return table([first, *(Column(_word(part, voice), filled(part), True) for part in parts)], rows, label=title)


def _word(part: str, voice: Voice) -> str:
    return voice.text(f"retention.part_{part}")


def _day(row: Row, voice: Voice) -> str:
    return voice.day(dt.date.fromisoformat(str(row["interval"])))


def stickiness(result: Result, voice: Voice) -> Html | None:
    """DAU/MAU, and visitors by the number of days on which they came."""
    rows, figures = result.frame.to_pylist(), result.figures
    if not rows:
        return None
    head, rest = rows[:_DAYS], rows[_DAYS:]
    lines: list[tuple[str, Row]] = [(_times(row["intervals"], figures, voice), row) for row in head]
    if rest:
        more = dict(rest[0]) | {"visitors": rest[0]["or_more"], "share_rate": rest[0]["or_more_rate"]}
        lines.append((voice.text("retention.or_more", times=_times(rest[0]["intervals"], figures, voice)), more))
    most = max(row["visitors"] for _, row in lines)
    last = lines[-1][1] if rest else None

    def number(line: tuple[str, Row]) -> Child:
        cell = f"intervals={line[1]['intervals']}" + (";part=at_least" if line[1] is last else "")
        return [
            bar(line[1]["visitors"], most),
            voice.mark(voice.number(line[1]["visitors"]), cell if line[1]["visitors"] else None),
        ]

    columns = [
        Column(voice.text("retention.came_on"), lambda line: line[0]),
        Column(voice.text("column.visitors"), number),
        Column(voice.text("retention.share"), lambda line: voice.rate(line[1]["share_rate"]), True),
    ]
    title = voice.text("retention.stickiness")
    return _card(
        title,
        [result.sentence(voice.lang), *_month(figures, voice)],
        [table(columns, lines, label=title, css="times"), foot(result, voice)],
    )


def _times(count: int, figures: Mapping[str, Any], voice: Voice) -> str:
    return voice.text(f"retention.times_{figures['interval']}", count=count)


def _month(figures: Mapping[str, Any], voice: Voice) -> list[Child]:
    if figures["dau_mau_rate"] is None or figures["low_rate"] is None:
        return []
    interval = voice.text(
        "funnel_page.interval", low=voice.rate(figures["low_rate"]), high=voice.rate(figures["high_rate"])
    )
    return [". ", interval]


def onboarding(result: Result, voice: Voice) -> Html | None:
    """Each activation event with the share of newcomers who reach it on the first day and by the last one."""
    rows, figures = result.frame.to_pylist(), result.figures
    title, last = voice.text("retention.onboarding"), figures["days"]
    if not figures["newcomers"] or not rows:
        if not figures["left_out"]:
            return None
        return _card(title, result.sentence(voice.lang), foot(result, voice))
    first_day = {row["event"]: row for row in rows if row["until_day"] == 0}
    shown = [row for row in rows if row["until_day"] == last]

    def reached(row: Row) -> Child:
        cell = f"event={row['event']};day={row['until_day']}"
        band = voice.text("funnel_page.interval", low=voice.rate(row["low_rate"]), high=voice.rate(row["high_rate"]))
        return [
            bar(row["reached_rate"]),
            voice.mark(voice.rate(row["reached_rate"]), cell if row["visitors"] else None, tip=band),
        ]

    columns = [
        Column(
            voice.text("column.event"),
            lambda row: [
                said(row["event"]),
                el("small", None, voice.text("retention.first_day", rate=first_day[row["event"]]["reached_rate"])),
            ],
        ),
        Column(voice.text("retention.by_day", day=last), reached),
        Column(voice.text("retention.away"), lambda row: _away(row, voice), True),
    ]
    if any(row["change"] is not None for row in shown):
        columns.append(Column(voice.text("column.change"), lambda row: _change(row, voice), True))
    return _card(title, result.sentence(voice.lang), [table(columns, shown, label=title), foot(result, voice)])


def _away(row: Row, voice: Voice) -> Html:
    count = row["newcomers"] - row["visitors"]
    cell = f"event={row['event']};day={row['until_day']};part=away" if count else None
    return voice.mark(voice.number(count), cell)


def _change(row: Row, voice: Voice) -> Child:
    if row["change"] is None:
        return "–"
    quiet = row["change_low"] is None or row["change_low"] <= 0 <= row["change_high"]
    css = "flat" if quiet else "good" if row["change"] > 0 else "bad"
    return el("span", {"class": f"delta {css}"}, voice.points(row["change"]))


def _card(title: str, caption: Child, body: Child) -> Html:
    return el("section", {"class": "panel card"}, el("h2", None, title), el("p", {"class": "caption"}, caption), body)
