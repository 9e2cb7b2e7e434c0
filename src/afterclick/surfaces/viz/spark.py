"""The small line beside a figure: its course over the intervals of the range."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from afterclick.surfaces.viz.markup import Html, el, path

HEIGHT = 28.0
_PAD = 3.0


def trend(values: Sequence[float | None], *, running: Sequence[bool] = ()) -> Html | None:
    """The values as a line, gaps where one is unknown; intervals that are not over are dashed.

    Decoration beside a printed number, so the scale need not begin at zero: the course takes at most half of the
    height, that small changes stay small. Nothing is drawn with fewer than two known values.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    low = min(low, max(0.0, 2 * low - high))
    width = 10.0 * (len(values) - 1)

    def place(i: int, value: float) -> tuple[float, float]:
        share = (value - low) / (high - low) if high > low else 0.5
        return 10.0 * i, HEIGHT - _PAD - share * (HEIGHT - 2 * _PAD)

    open_ = [*running, *([False] * (len(values) - len(running)))]
    parts = [
        el("path", {"class": css or None, "d": line})
        for css, line in lines([None if v is None else place(i, v) for i, v in enumerate(values)], open_)
    ]
    return el(
        "svg",
        {
            "class": "trend",
            "viewBox": f"0 0 {max(1, int(width))} {int(HEIGHT)}",
            "preserveAspectRatio": "none",
            "aria-hidden": "true",
        },
        parts,
    )


def lines(points: Sequence[tuple[float, float] | None], running: Sequence[bool]) -> Iterable[tuple[str, str]]:
    """Path data by style: the whole parts as "", those that lead to or from an interval that is not over as "running",
    values without neighbours as "dot": lines of next to no length with round ends."""
    whole: list[str] = []
    dots: list[str] = []
    dashed: list[str] = []
    joined = [False] * len(points)
    for i, (a, b) in enumerate(pairwise(points)):
        if a is None or b is None:
            continue
        joined[i] = joined[i + 1] = True
        # One path per style, and a new "M" only where the line is broken, keeps the file small.
        into = dashed if running[i] or running[i + 1] else whole
        start = path("M", *a)
        end = path("L", *b)
        if into and into[-1] == path("L", *a):
            into.append(end)
        else:
            into += [start, end]
    for point, has in zip(points, joined, strict=True):
        if point is not None and not has:
            dots.append(path("M", *point, "h", 0.01))
    if whole:
        yield "", " ".join(whole)
    if dashed:
        yield "running", " ".join(dashed)
    if dots:
        yield "dot", " ".join(dots)
