"""A figure over the intervals of the range: line and area, the period before faint, what is not over dashed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from afterclick.surfaces.viz.markup import Html, el, path
from afterclick.surfaces.viz.spark import lines
from afterclick.surfaces.viz.tables import Column, table
from afterclick.surfaces.viz.voice import Voice

HEIGHT: Final = 200.0
_TICKS: Final = 4
_LABELS: Final = 7
_LINKS: Final = 62
"""More intervals than this are too narrow to be hit: they have a tooltip, and stand in the table."""


class Step(NamedTuple):
    """One interval: `label` on the axis, `name` in full, its value and the value of the period before with their texts.

    `running` says that the interval is not over, `cell` names the people behind the value ("" = none), `band` is the
    interval of the value where it is an estimate.
    """

    label: str
    name: str
    value: float | None
    shown: str
    before: float | None = None
    before_shown: str = ""
    running: bool = False
    cell: str = ""
    band: tuple[float, float] | None = None


def series(
    steps: Sequence[Step], *, read: Callable[[float], str], label: str, voice: Voice, goal: float | None = None
) -> Html:
    """The chart; `read` writes a value of the axis, `label` says what is drawn for those who do not see it.

    `goal` is a line across it.
    """
    known = [v for step in steps for v in (step.value, step.before, *(step.band or ())) if v is not None]
    known += [] if goal is None else [goal]
    marks = ticks(min([0.0, *known]), max([0.0, *known]))
    drawing = el(
        "svg",
        {
            "class": "series",
            "viewBox": f"0 0 {max(1, len(steps)) * 10} {int(HEIGHT)}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": label,
        },
        _shapes(steps, marks, goal),
    )
    every = max(1, math.ceil(len(steps) / _LABELS))
    return el(
        "div",
        {"class": "chart"},
        el("ol", {"class": "ys", "aria-hidden": "true"}, [el("li", None, read(value)) for value in reversed(marks)]),
        el("div", {"class": "plot"}, drawing, el("div", {"class": "slices"}, [_slice(s, voice) for s in steps])),
        el(
            "ol",
            {"class": "xs", "aria-hidden": "true"},
            [
                el("li", None, el("span", None, step.label) if i % every == 0 else None)
                for i, step in enumerate(steps)
            ],
        ),
    )


def listed(steps: Sequence[Step], *, head: str, name: str, voice: Voice) -> Html:
    """The same as a table."""
    compared = any(step.before_shown for step in steps)
    columns = [
        Column(head, lambda step: [step.name, el("small", None, voice.text("overview.running")) if step.running else None]),
        Column(name, lambda step: voice.mark(step.shown, step.cell or None), True),
    ]
    if compared:
        columns.append(Column(voice.text("column.previous"), lambda step: step.before_shown or "–", True))
    return table(columns, steps, label=name)


def ticks(low: float, high: float) -> list[float]:
    """Round values from at or below `low` to at or above `high`: at most six, zero among them."""
    span = high - low
    if not span > 1e-12 or math.isinf(span):
        return [0.0, 1.0]
    base = 10.0 ** math.floor(math.log10(span / _TICKS))
    for step in (base * k for k in (1, 2, 2.5, 5, 10, 20)):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= _TICKS + 1:
            break
    return [step * k for k in range(first, last + 1)]


def _shapes(steps: Sequence[Step], marks: Sequence[float], goal: float | None = None) -> list[Html]:
    bottom, top = marks[0], marks[-1]
    width = max(1, len(steps)) * 10

    def y(value: float) -> float:
        return HEIGHT * (1 - (value - bottom) / (top - bottom))

    rules = " ".join(path("M", 0, y(mark), "H", width) for mark in marks)
    shapes = [el("path", {"class": "rule", "d": rules})]
    running = [step.running for step in steps]
    now = [None if s.value is None else (i * 10 + 5.0, y(s.value)) for i, s in enumerate(steps)]
    then = [None if s.before is None else (i * 10 + 5.0, y(s.before)) for i, s in enumerate(steps)]
    for css, line in lines(then, [False] * len(steps)):
        shapes.append(el("path", {"class": f"before {css}".strip(), "d": line}))
    area = _area(now, y(0.0))
    if area and not any(step.band for step in steps):
        shapes.append(el("path", {"class": "area", "d": area}))
    for css, line in lines(now, running):
        shapes.append(el("path", {"class": f"now {css}".strip(), "d": line}))
    band = _band([None if s.band is None else (i * 10 + 5.0, y(s.band[0]), y(s.band[1])) for i, s in enumerate(steps)])
    if band:
        shapes.append(el("path", {"class": "band", "d": band}))
    if goal is not None:
        shapes.append(el("path", {"class": "goal", "d": path("M", 0, y(goal), "H", width)}))
    return shapes


def _band(points: Sequence[tuple[float, float, float] | None]) -> str:
    """What lies between the lower and the upper ends of intervals, one piece per stretch without a gap."""
    pieces: list[str] = []
    stretch: list[tuple[float, float, float]] = []
    for point in [*points, None]:
        if point is not None:
            stretch.append(point)
            continue
        if len(stretch) > 1:
            steps: list[str | float] = ["M", stretch[0][0], stretch[0][1]]
            for x, low, _ in stretch[1:]:
                steps += ["L", x, low]
            for x, _, high in reversed(stretch):
                steps += ["L", x, high]
            pieces.append(path(*steps, "Z"))
        stretch = []
    return " ".join(pieces)


def _area(points: Sequence[tuple[float, float] | None], floor: float) -> str:
    """What lies between the line and zero, one piece per stretch without a gap."""
    pieces: list[str] = []
    stretch: list[tuple[float, float]] = []
    for point in [*points, None]:
        if point is not None:
            stretch.append(point)
            continue
        if len(stretch) > 1:
            steps: list[str | float] = ["M", stretch[0][0], floor]
            for x, y in stretch:
                steps += ["L", x, y]
            pieces.append(path(*steps, "V", floor, "Z"))
        stretch = []
    return " ".join(pieces)


def _slice(step: Step, voice: Voice) -> Html:
    said = f"{step.name}: {step.shown}"
    if step.before_shown:
        said += f" ({voice.text('overview.before', value=step.before_shown)})"
    if step.running:
        said += f" · {voice.text('overview.running')}"
    cell = step.cell if step.value else None
    return voice.mark(el("span", {"class": "vh"}, said), cell, tip=said, css="slice")
