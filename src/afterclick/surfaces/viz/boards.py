"""Boards and alerts: lists of both, a board's cards with their goals, what rings and what carried it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.result import Result
from afterclick.surfaces.viz import cells
from afterclick.surfaces.viz.foot import days, foot
from afterclick.surfaces.viz.markup import Child, Html, el, join, said
from afterclick.surfaces.viz.metrics import METRICS, shown, title
from afterclick.surfaces.viz.series import Step, series
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

EDITED: Final = "board"
_SIGNS: Final = {"ringing": "▲", "unknown": "○", "quiet": "✓"}


def every(result: Result, voice: Voice) -> Html:
    """All boards, or how to make the first."""
    rows = result.frame.to_pylist()
    columns = [
        Column(voice.text("boards.board"), lambda row: voice.link(row["board"], "boards", name=row["board"])),
        Column(voice.text("boards.text"), lambda row: said(row["text"])),
        Column(voice.text("boards.cards"), lambda row: voice.number(row["cards"]), True),
        Column(voice.text("boards.goals"), lambda row: voice.number(row["goals"]), True),
    ]
    body = table(columns, rows, label=voice.text("boards.title")) if rows else el("p", None, voice.text("boards.none"))
    return _panel(result.sentence(voice.lang), body)


def head(result: Result, voice: Voice) -> Html:
    """A board's name and text, and each of its cards in a line with its figure and goal."""
    figures = result.figures
    told = result.parts["findings"].to_pylist() if "findings" in result.parts else []
    finding = {row["card"]: row["finding"] for row in told if row["lang"] == voice.lang}
    columns = [
        Column(voice.text("boards.card"), lambda row: el("a", {"href": f"#card-c{row['card']}"}, said(_name(row, voice)))),
        Column(voice.text("boards.finding"), lambda row: said(_told(row, finding), "told")),
        Column(voice.text("boards.figure"), lambda row: _value(row, voice), True),
        Column(voice.text("boards.goal"), lambda row: _goal(row, voice), True),
    ]
    rows = result.frame.to_pylist()
    return _panel(
        str(figures.get("name") or ""),
        el("p", None, said(figures["text"])) if figures.get("text") else None,
        el("p", {"class": "finding"}, result.sentence(voice.lang)),
        table(columns, rows, label=voice.text("boards.cards")) if rows else el("p", None, voice.text("boards.no_cards")),
        _alerts_table(_in_words("alerts", result, voice), _why(result), voice) if "alerts" in result.parts else None,
    )


def _told(row: Row, finding: Mapping[int, str]) -> str:
    return str(finding.get(row["card"]) or row["problem"] or row["text"])


def _name(row: Row, voice: Voice) -> str:
    known = voice.known(f"question.{row['question']}") if row["question"] else ""
    return str(row["title"] or known or row["question"] or voice.text("boards.text_card"))


def _value(row: Row, voice: Voice) -> Child:
    if row["value"] is None:
        return voice.known(f"reason.{row['reason']}") if row["reason"] else "–"
    return f"{_called(row['figure'], voice)} {shown(row['value'], row['unit'], voice)}"


def _goal(row: Row, voice: Voice) -> Child:
    if row["goal"] is None:
        return "–"
    return said_goal(row["value"], row["goal"], row["goal_at"], row["reached"], row["unit"], voice)


def said_goal(value: float | None, goal: float, at: str, reached: bool | None, unit: str, voice: Voice) -> Html:
    """`✓ at least 1,200 (104%)`: the goal, whether it is reached, and how far."""
    text = voice.text(f"boards.at_{at}", goal=shown(goal, unit, voice))
    share = f" ({voice.rate(value / goal)})" if value is not None and goal > 0 else ""
    sign = "" if reached is None else "✓ " if reached else "▽ "
    css = None if reached is None else "good" if reached else "bad"
    return el("span", {"class": css}, f"{sign}{text}{share}")


def _leaf(figure: str) -> str:
    return figure.rpartition(".")[2]


def _called(figure: str, voice: Voice) -> str:
    leaf = _leaf(figure)
    return str(voice.known(f"column.{leaf}") or leaf.replace("_", " "))


def figure(result: Result, voice: Voice, edited: Mapping[str, Any]) -> Html | None:
    """The figure a card stands for, large, with its goal; None where it names none."""
    name = str(edited.get("figure") or "")
    if not name:
        return None
    value, goal = edited.get("value"), edited.get("goal")
    if value is None:
        why = voice.known(f"reason.{edited.get('reason')}") or "–"
        return el("p", {"class": "figure"}, f"{_called(name, voice)}: ", el("span", {"class": "caption"}, why))
    exact = result.figures.get(name, value) if "." not in name else value
    read = cells.read(_leaf(name), exact, voice.lang, voice.currency, zone=voice.zone)
    cell = METRICS[name].cell or None if result.spec.key_word == "kpi" and name in METRICS else None
    progress = None
    if goal:
        met = value >= goal["value"] if goal.get("at", "least") == "least" else value <= goal["value"]
        progress = said_goal(value, goal["value"], goal.get("at", "least"), met, str(edited.get("unit")), voice)
    return el(
        "p", {"class": "figure"}, f"{_called(name, voice)} ", voice.mark(read, cell, css="big"), " ", progress
    )


def course(result: Result, voice: Voice, edited: Mapping[str, Any]) -> Html | None:
    """The figure over the intervals with the line of its goal; None for an answer without such a curve."""
    name, goal = str(edited.get("figure") or ""), edited.get("goal")
    part = result.parts.get("series")
    if part is None or "metric" not in part.column_names or not {"value", "start_at", "unit"} <= set(part.column_names):
        return None
    rows = [row for row in part.to_pylist() if row["metric"] == name]
    if not rows:
        return None
    unit = str(rows[0]["unit"])
    steps = [
        Step(
            label=voice.day(row["start_at"]), name=voice.day(row["start_at"], year=True),
            value=None if row["value"] is None else float(row["value"]), shown=shown(row["value"], unit, voice, full=True),
            running=bool(row["incomplete"]),
        )
        for row in rows
    ]  # fmt: skip
    # A goal of a range is no goal of a day: sums are divided over the intervals, rates and means are not.
    line = None if not goal else goal["value"] / len(rows) if unit in ("count", "money") else goal["value"]
    label = voice.text("boards.course", name=title(name, voice)) if name in METRICS else _called(name, voice)
    drawn = series(
        steps, read=lambda value: shown(value, unit, voice), label=label, voice=voice, goal=line,
    )  # fmt: skip
    key = None
    if line is not None:
        each = unit in ("count", "money") and len(rows) > 1
        text = voice.text("boards.goal_each" if each else "boards.goal_line", goal=shown(line, unit, voice))
        key = el("p", {"class": "caption keys-of"}, el("span", {"class": "key goal"}, text))
    return join([key, drawn])


def alerts(result: Result, voice: Voice) -> Html:
    """Every alert: does it ring, its number, what it is held against, what carried it, when it rang last."""
    rows = _in_words("", result, voice)
    body = _alerts_table(rows, _why(result), voice) if rows else el("p", None, voice.text("boards.no_alerts"))
    finding = el("p", {"class": "finding"}, result.sentence(voice.lang))
    return _panel(voice.text("boards.alerts"), finding, body, foot(result, voice) if rows else None)


def _why(result: Result) -> dict[str, list[Row]]:
    why: dict[str, list[Row]] = {}
    for row in result.parts["causes"].to_pylist():
        why.setdefault(row["alert"], []).append(row)
    return why


def _in_words(part: str, result: Result, voice: Voice) -> list[Row]:
    """The alerts of an answer, or of a part of it; what is wrong with one of them in the language of the page."""
    alerts = result.parts[part] if part else result.frame
    told = result.parts["problems"].to_pylist() if "problems" in result.parts else []
    problems = {row["alert"]: row["problem"] for row in told if row["lang"] == voice.lang}
    return [{**row, "problem": problems.get(row["alert"], row["problem"])} for row in alerts.to_pylist()]


def _alerts_table(rows: Sequence[Row], why: Mapping[str, Sequence[Row]], voice: Voice) -> Html:
    columns = [
        Column(voice.text("boards.alert"), lambda row: said(row["alert"])),
        Column(voice.text("boards.state"), lambda row: _state(row, voice)),
        Column(voice.text("boards.figure"), lambda row: _called(row["figure"], voice)),
        Column(voice.text("boards.of"), lambda row: days(row["days"], voice)),
        Column(voice.text("boards.now"), lambda row: _number(row, row["value"], voice), True),
        Column(voice.text("boards.bounds"), lambda row: _bounds(row, voice), True),
        Column(voice.text("boards.because"), lambda row: _because(why.get(row["alert"], ()), row, voice)),
        Column(voice.text("boards.last"), lambda row: voice.instant(row["last_fired_at"]) if row["last_fired_at"] else "–"),
    ]
    return table(columns, rows, label=voice.text("boards.alerts"))


def _state(row: Row, voice: Voice) -> Html:
    text = f"{_SIGNS[row['state']]} {voice.text('boards.state_' + row['state'])}"
    more = row["problem"] or (voice.known(f"reason.{row['reason']}") if row["reason"] else "")
    cooling = f" · {voice.text('boards.cooling', span=voice.within(row['cooldown']))}" if row["cooling"] else ""
    small = el("small", None, f"{more}{cooling}") if more or cooling else None
    return el("span", {"class": "bad" if row["state"] == "ringing" else None}, text, small)


def _number(row: Row, value: float | None, voice: Voice) -> str:
    return "–" if value is None else shown(value, row["unit"], voice)


def _bounds(row: Row, voice: Voice) -> str:
    low, high = (_number(row, row[name], voice) for name in ("low", "high"))
    if row["low"] is None and row["high"] is None:
        return "–"
    if row["high"] is None:
        return voice.text("boards.at_least", goal=low)
    return voice.text("boards.at_most", goal=high) if row["low"] is None else voice.text("boards.between", low=low, high=high)


def _because(causes: Sequence[Row], row: Row, voice: Voice) -> Child:
    parts = []
    for cause in causes[:5]:
        effect = _number(row, abs(cause["effect"]), voice)
        sign = "+" if cause["effect"] > 0 else "−"
        named = voice.known(f"field.{cause['field']}") or cause["field"]
        parts.append(el("li", None, f"{named} ", said(_word(cause, voice)), f": {sign}{effect}"))
    return el("ul", {"class": "causes"}, parts) if parts else "–"


def _word(cause: Row, voice: Voice) -> str:
    words = {"channel": "channel.{}", "device_type": "map.device.{}"}
    known = voice.known(words[cause["field"]].format(cause["value"])) if cause["field"] in words else ""
    return str(known or cause["value"])


def _panel(heading: str, *children: Child) -> Html:
    return el("section", {"class": "panel card"}, el("h2", None, said(heading)), children)
