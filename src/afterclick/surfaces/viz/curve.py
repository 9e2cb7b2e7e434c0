"""The curve over the touchpoints: how often a session ends there, smooth above, leaving below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from afterclick.surfaces.viz.markup import Html, el, path
from afterclick.surfaces.viz.scales import round_up, smooth

HEIGHT: Final = 60.0
_MARGIN: Final = 8.0


class Point(NamedTuple):
    """A touchpoint: `x` in columns, its rate (None = unknown), thin = too few visitors, worst = marked."""

    x: float
    rate: float | None
    thin: bool = False
    worst: bool = False


def top_rate(points: Sequence[Point]) -> float:
    """The rate at the foot of the curve: a round number at or above the largest, at most 1."""
    rates = [point.rate for point in points if point.rate is not None]
    return min(1.0, round_up(max(rates, default=1.0)))


def curve(points: Sequence[Point], *, columns: float, label: str) -> Html:
    """The curve as an SVG of 100 units per column, stretched; dots are strokes, so that they stay round."""
    largest = top_rate(points)
    known = [
        (point, point.x * 100, _MARGIN + (HEIGHT - 2 * _MARGIN) * min(1.0, point.rate / largest))
        for point in points
        if point.rate is not None
    ]
    width = columns * 100
    middle = HEIGHT / 2
    parts: list[Html] = [el("path", {"class": "rule", "d": path("M", 0, middle, "H", width)})]
    parts += [el("path", {"class": "stem", "d": path("M", x, y, "V", HEIGHT)}) for _, x, y in known]
    line = smooth([(x, y) for _, x, y in known])
    if line:
        parts.append(el("path", {"class": "line", "d": line}))
    for point, x, y in known:
        spot = path("M", x, y, "h", 0.01)
        css = "dot worst" if point.worst else "dot"
        parts.append(el("path", {"class": f"{css} ring", "d": spot}))
        parts.append(el("path", {"class": css, "d": spot}))
        if point.thin:
            parts.append(el("path", {"class": "dot hole", "d": spot}))
    return el(
        "svg",
        {
            "class": "curve",
            "viewBox": f"0 0 {int(width) or 100} {int(HEIGHT)}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": label,
        },
        parts,
    )
