"""The steps of a funnel as columns: who came, who was lost since the step before, how long it took; and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from afterclick.core.errors import SpecError
from afterclick.core.result import Result
from afterclick.core.step import Step
from afterclick.surfaces.viz.equation import delta
from afterclick.surfaces.viz.foot import foot
from afterclick.surfaces.viz.markup import Child, Html, el, join, number, path, said
from afterclick.surfaces.viz.scales import linear
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

Row = Mapping[str, Any]

HEIGHT: Final = 100.0


def steps(result: Result, voice: Voice, view: str = "chart") -> Html:
    """The finding and the steps: solid went on, hatched was lost since the step before, dashed is the period before."""
    rows = result.frame.to_pylist()
    shown = _table(result, rows, voice) if view == "table" else _columns(result, rows, voice)
    return join(
        [
            el("p", {"class": "finding"}, result.sentence(voice.lang)),
            el(
                "section",
                {"class": "panel card"},
                el("h2", None, voice.text("funnel_page.steps")),
                el("p", {"class": "caption"}, _caption(result, voice)),
                shown if rows[0]["n"] else _nobody(result, voice),
                foot(result, voice),
            ),
        ]
    )


def _nobody(result: Result, voice: Voice) -> Html | None:
    """What to try where nobody took the first step: all days."""
    if voice.go is None or getattr(result.spec, "range", "all") == "all":
        return None
    return el(
        "p",
        {"class": "actions"},
        el("a", {"class": "button", "href": voice.go({"range": "all"})}, voice.text("empty.widen")),
    )


def _caption(result: Result, voice: Voice) -> str:
    """What is drawn how; nothing of what the page does not draw."""
    parts = [voice.text("funnel_page.legend_lost")]
    if result.about.get("compare"):
        parts.append(voice.text("funnel_page.legend_previous"))
    if result.figures.get("worst_step"):
        parts.append(voice.text("funnel_page.legend_worst"))
    return " · ".join(parts)


def _columns(result: Result, rows: Sequence[Row], voice: Voice) -> Html:
    largest = max([1, *(row["n"] for row in rows), *(row["previous_n"] or 0 for row in rows)])
    worst = result.figures.get("worst_step")
    made: list[Html] = []
    before: Row | None = None
    lost_after: int | None = None
    for row in rows:
        # An optional step blocks nothing, so nobody is lost between it and its neighbours.
        reached_before = None if before is None or row["optional"] else before["n"]
        outlined = worst is not None and lost_after == worst and not row["optional"]
        made.append(_column(row, before, reached_before, largest, outlined, result, voice))
        if not row["optional"]:
            before, lost_after = row, row["step"]
    label = voice.text("funnel_page.steps")
    drawn = el("ol", {"class": f"funnel{' many' if len(rows) > 8 else ''}"}, made)
    return el("div", {"class": "scroll", "tabindex": 0, "role": "region", "aria-label": label}, drawn)


def _column(
    row: Row, before: Row | None, reached: int | None, largest: int, outlined: bool, result: Result, voice: Voice
) -> Html:
    cell = f"step={row['step']};part=reached"
    return el(
        "li",
        {"class": "optional" if row["optional"] else None},
        _bar(row, reached, largest, outlined, voice.prefix),
        el(
            "div",
            None,
            el("h3", None, _name(result, row, voice)),
            voice.mark(voice.number(row["n"]), cell, tip=_tip(row, voice), css="n"),
            " ",
            delta("n", row["n"], row["previous_n"], voice),
            _facts(row, before, result, voice),
            _left(before, outlined, _explained(result, voice), voice) if reached is not None else None,
        ),
    )


def _name(result: Result, row: Row, voice: Voice) -> Child:
    if _any_order(result):
        return voice.text("funnel_page.any", n=row["step"])
    return [f"{row['step']}. ", named(str(row["event"]), voice)]


def named(step: str, voice: Voice) -> Child:
    """A step as its event, and its condition in words; text that is no step stands as it is."""
    event, words = _words(step, voice)
    return [said(event), " ", el("small", None, said(words))] if words else said(event)


def _words(step: str, voice: Voice) -> tuple[str, str]:
    try:
        read = Step.parse(step)
    except SpecError:
        return step, ""
    return read.event, read.condition.words(voice.lang) if read.condition else ""


def _any_order(result: Result) -> bool:
    return any(note.code == "funnel_any_order" for note in result.notes)


def _explained(result: Result, voice: Voice) -> bool:
    """Whether the page has a card that says why visitors go on; it needs visitors through steps in order."""
    return "why" in voice.looks and result.about.get("unit") == "visitors" and not _any_order(result)


def _bar(row: Row, reached: int | None, largest: int, outlined: bool, prefix: str) -> Html:
    """One column in percents of its box: what was lost on top of what went on, dashed where the period before stood."""
    high = linear(row["n"], largest, HEIGHT)
    top = max(high, linear(reached or 0, largest, HEIGHT))
    shapes: list[Html] = []
    if top > high:
        hatch = f"{prefix}-hatch-{row['step']}"
        lost = {"width": "100%", "y": _percent(HEIGHT - top), "height": _percent(top - high)}
        shapes += [
            _hatch(hatch),
            el("rect", {"class": "ground", **lost}),
            el("rect", {"class": "worst" if outlined else None, "fill": f"url(#{hatch})", **lost}),
        ]
    shapes.append(el("rect", {"class": "on", "width": "100%", "y": _percent(HEIGHT - high), "height": _percent(high)}))
    if row["previous_n"]:
        was = _percent(HEIGHT - linear(row["previous_n"], largest, HEIGHT))
        shapes.append(el("line", {"class": "ghost", "x1": 0, "x2": "100%", "y1": was, "y2": was}))
    return el("svg", {"class": "column", "aria-hidden": "true"}, shapes)


def _percent(value: float) -> str:
    return f"{number(value)}%"


def _hatch(name: str) -> Html:
    return el(
        "pattern",
        {"id": name, "width": 7, "height": 7, "patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"},
        el("path", {"class": "stripe", "d": path("M", 0, 0, "V", 7)}),
    )


def _facts(row: Row, before: Row | None, result: Result, voice: Voice) -> Html:
    parts: list[Child] = []
    if row["previous_n"] is not None:
        parts.append(voice.text("map.was", before=voice.number(row["previous_n"])))
    if row["of_all_rate"] is not None:
        parts.append(voice.text("funnel_page.of_all", rate=row["of_all_rate"]))
    if before is not None and row["from_previous_rate"] is not None and not row["optional"]:
        parts.append(voice.text("funnel_page.of_previous", rate=row["from_previous_rate"]))
    seconds = row["seconds_from_previous_p50"]
    if seconds is not None:
        parts.append(voice.text("funnel_page.median", span=voice.span(seconds)))
    if row["optional"]:
        parts.append(voice.text("funnel_page.optional"))
    if _any_order(result):
        parts.append(join([said(str(row["event"])), f": {voice.number(row['taken'])}"]))
    return el("ul", {"class": "quiet"}, [el("li", None, part) for part in parts])


def _left(before: Row | None, outlined: bool, explained: bool, voice: Voice) -> Html | None:
    """Who did not come here from the step before: left, and who still may."""
    if before is None:
        return None
    parts = []
    if before["lost"]:
        text = voice.text("map.lost", n=before["lost"])
        parts.append(voice.mark(text, f"step={before['step']};part=lost", css="bad" if outlined else "quiet", before="↓ "))
    if before["open"]:
        text = voice.text("map.open", n=before["open"])
        parts.append(voice.mark(text, f"step={before['step']};part=open", css="quiet", tip=voice.text("map.open_tip")))
    if before["lost_value"] is not None and before["lost_value"] > 0:
        parts.append(el("span", {"class": "quiet"}, voice.text("funnel_page.lost_value", value=before["lost_value"])))
    why = voice.go({"why": str(before["step"])}) + "#card-why" if voice.go and explained else ""
    if why:
        event, words = _words(str(before["event"]), voice)
        name = voice.text("funnel_page.why_after", step=f"{event} {words}".strip()[:120])
        parts.append(el("a", {"class": "why-link", "href": why, "aria-label": name}, voice.text("funnel_page.why")))
    return el("div", {"class": "left"}, parts) if parts else None


def _tip(row: Row, voice: Voice) -> str | None:
    """The value of the step and how far apart the times are, where known."""
    parts = []
    if row["value_sum"] is not None:
        parts.append(voice.text("funnel_page.value", sum=row["value_sum"], n=row["value_n"]))
    if row["seconds_from_previous_p25"] is not None:
        low, high = voice.span(row["seconds_from_previous_p25"]), voice.span(row["seconds_from_previous_p75"])
        parts.append(voice.text("map.dwell_tip", low=low, high=high))
    return " · ".join(parts) or None


def _table(result: Result, rows: Sequence[Row], voice: Voice) -> Html:
    def people(part: str, name: str) -> Any:
        return lambda row: voice.mark(voice.number(row[name]), f"step={row['step']};part={part}") if row[name] else "0"

    def span(name: str) -> Any:
        return lambda row: "–" if row[name] is None else voice.span(row[name])

    def rate(name: str) -> Any:
        return lambda row: "–" if row[name] is None else voice.rate(row[name])

    columns = [
        Column(voice.text("funnel_page.step"), lambda row: _name(result, row, voice)),
        Column(voice.text("funnel_page.here"), people("reached", "n"), True),
        Column(voice.text("funnel_page.before"), lambda row: voice.number(row["previous_n"]), True),
        Column(voice.text("funnel_page.all_rate"), rate("of_all_rate"), True),
        Column(voice.text("funnel_page.previous_rate"), rate("from_previous_rate"), True),
        Column(voice.text("funnel_page.left"), people("lost", "lost"), True),
        Column(voice.text("funnel_page.still"), people("open", "open"), True),
        Column(voice.text("funnel_page.time"), span("seconds_from_previous_p50"), True),
        Column(voice.text("funnel_page.time_all"), span("seconds_from_first_p50"), True),
    ]
    if not result.about.get("compare"):
        del columns[2]
    if any(row["value_sum"] is not None for row in rows):
        columns.append(Column(voice.text("funnel_page.value_sum"), lambda row: _money(row["value_sum"], voice), True))
    return table(columns, rows, label=voice.text("funnel_page.steps"))


def _money(value: Any, voice: Voice) -> str:
    return "–" if value is None else voice.money_full(value)
