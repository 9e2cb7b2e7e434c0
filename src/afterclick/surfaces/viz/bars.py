"""Bars and sparks: a length from zero, drawn as an attribute so that no inline style is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from afterclick.surfaces.viz.markup import Html, el, path
from afterclick.surfaces.viz.scales import linear

_MOST: Final = 120


def bar(value: float | None, largest: float = 1.0, css: str = "") -> Html:
    """A horizontal bar from zero to `value` of `largest`; decoration beside a printed number."""
    return el(
        "svg",
        {"class": f"bar {css}".strip(), "viewBox": "0 0 100 8", "preserveAspectRatio": "none", "aria-hidden": "true"},
        el("rect", {"class": "track", "width": 100, "height": 8}),
        el("rect", {"width": linear(value or 0.0, largest, 100.0), "height": 8}),
    )


def spark(values: Sequence[int], *, label: str, largest: int | None = None) -> Html:
    """Columns of one day each, from zero; beyond 120 days neighbours are added up."""
    shown = _binned(values)
    top = max([largest or 0, *shown, 1])
    columns = [
        el("path", {"d": path("M", i + 0.1, 20 - linear(n, top, 19.0), "H", i + 0.9, "V", 20, "H", i + 0.1, "Z")})
        for i, n in enumerate(shown)
        if n > 0
    ]
    return el(
        "svg",
        {
            "class": "spark",
            "viewBox": f"0 0 {max(1, len(shown))} 20",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": label,
        },
        el("title", None, label),
        el("path", {"class": "base", "d": path("M", 0, 20, "H", max(1, len(shown)))}),
        columns,
    )


def _binned(values: Sequence[int]) -> list[int]:
    step = -(-len(values) // _MOST) or 1
    return [sum(values[i : i + step]) for i in range(0, len(values), step)]
