"""Bar lists: values by size, each with its bar, its number that opens the people, and a name that filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from afterclick.surfaces.viz.bars import bar
from afterclick.surfaces.viz.markup import Child, Html, el, path, said
from afterclick.surfaces.viz.scales import linear
from afterclick.surfaces.viz.voice import Voice


class Line(NamedTuple):
    """A row: its name, the number with its text, the people behind it, the condition a click on the name adds, or the
    page it opens."""

    name: str
    value: float
    shown: str
    cell: str | None = None
    where: str = ""
    note: Child = None
    href: str = ""


def barlist(lines: Sequence[Line], *, head: str, figure: str, voice: Voice, base: Sequence[str] = ()) -> Html:
    """The rows under their two headings; `base` are the conditions that hold already."""
    most = max((line.value for line in lines), default=0.0)
    rows = [
        el(
            "li",
            None,
            _opening(line) if line.href else filtering(line.name, line.where, voice, base),
            bar(line.value, most or 1.0),
            el("span", {"class": "of"}, line.note),
            voice.mark(line.shown, line.cell, css="num", where=line.where, name=f"{line.name[:120]}: {line.shown}"),
        )
        for line in lines
    ]
    top = el("p", {"class": "heads"}, el("span", None, head), el("span", None, figure))
    return el("div", {"class": "barlist"}, top, el("ol", None, rows))


def _opening(line: Line) -> Html:
    return el("a", {"class": "label", "href": line.href, "title": line.name[:200]}, said(line.name))


def filtering(name: str, where: str, voice: Voice, base: Sequence[str] = ()) -> Html:
    """A name whose click adds its condition; plain text where there is none, or where it holds already."""
    if not where or voice.go is None or where in base:
        return el("span", {"class": "label", "title": name[:200]}, said(name))
    href = voice.go({"where": (*base, where)})
    tip = voice.text("overview.filter_by", what=name[:120])
    return el("a", {"class": "label", "href": href, "title": tip}, said(name))


def tabs(items: Sequence[tuple[str, str, bool]], label: str) -> Html:
    """Links in a row, (text, address, here)."""
    links = [el("a", {"href": href, "aria-current": "true" if here else None}, text) for text, href, here in items]
    return el("nav", {"class": "tabs", "aria-label": label}, links)


def floating(start: float, end: float, low: float, high: float, css: str = "") -> Html:
    """A bar from `start` to `end` on a scale from `low` to `high`: one step of a sum, with the line of zero."""
    room = (high - low) or 1.0

    def x(value: float) -> float:
        return 100 * (value - low) / room

    left, right = sorted((x(start), x(end)))
    wide = max(0.4, right - left) if start != end else 0.0
    return el(
        "svg",
        {"class": f"bar {css}".strip(), "viewBox": "0 0 100 8", "preserveAspectRatio": "none", "aria-hidden": "true"},
        el("rect", {"class": "track", "width": 100, "height": 8}),
        el("rect", {"x": min(left, 100 - wide), "width": wide, "height": 8}) if wide else None,
        el("path", {"class": "zero", "d": path("M", x(0.0), 0, "V", 8)}) if low < 0 < high else None,
    )


def signed(value: float, most: float) -> Html:
    """A bar to the right of the middle for more, to the left for less; `most` is the longest either way."""
    long = linear(abs(value), most, 50.0, 0.6)
    css = "more" if value > 0 else "less"
    return el(
        "svg",
        {"class": f"bar signed {css}", "viewBox": "0 0 100 8", "preserveAspectRatio": "none", "aria-hidden": "true"},
        el("rect", {"x": 50.0 if value > 0 else 50.0 - long, "width": long, "height": 8}) if long else None,
        el("path", {"class": "zero", "d": path("M", 50, 0, "V", 8)}),
    )
