"""Before the first funnel is asked: three that the store's own event names suggest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from afterclick.core.result import Result
from afterclick.core.step import NAME_LIMIT, Step
from afterclick.surfaces.viz.markup import Html, el, said
from afterclick.surfaces.viz.voice import Voice

_WAYS: Final = (
    ("purchase", ("Page Viewed", "Product Viewed", "Product Added", "Checkout Started", "Order Completed")),
    ("checkout", ("Product Added", "Cart Viewed", "Checkout Started", "Payment Info Entered", "Order Completed")),
    ("search", ("Products Searched", "Product Viewed", "Product Added", "Order Completed")),
    ("sign_up", ("Page Viewed", "Signed Up", "Order Completed")),
    ("review", ("Order Completed", "Product Reviewed")),
)
_MOST: Final = 3


def suggested(result: Result) -> list[tuple[str, tuple[str, ...]]]:
    """At most three funnels: known ways whose events are there, else the commonest events from the most to the least."""
    rows = [row for row in result.frame.to_pylist() if not row["system"] and row["visitors"]]
    there = {str(row["event"]) for row in rows}
    found: list[tuple[str, tuple[str, ...]]] = []
    for name, way in _WAYS:
        steps = tuple(event for event in way if event in there)
        if len(steps) > 1 and steps not in [known for _, known in found]:
            found.append((name, steps))
    ranked = sorted(rows, key=lambda row: (-int(row["visitors"]), str(row["event"])))
    # A name as long as a page can be counted, but no step can be written with it.
    common = [Step(event=str(row["event"])).text() for row in ranked if 0 < len(str(row["event"]).strip()) <= NAME_LIMIT]
    for length in (3, 4, 2):
        steps = tuple(common[:length])
        if len(steps) == length and steps not in [known for _, known in found]:
            found.append(("common", steps))
    return found[:_MOST]


def start(result: Result, voice: Voice, _view: str = "chart") -> Html:
    """The suggestions as links that ask them."""
    made = [_suggestion(name, steps, voice) for name, steps in suggested(result)]
    return el(
        "section",
        {"class": "panel card suggest"},
        el("h2", None, voice.text("funnel_page.start")),
        el("p", {"class": "caption"}, voice.text("funnel_page.start_caption" if made else "funnel_page.start_none")),
        el("ul", None, made) if made else None,
    )


def _suggestion(name: str, steps: Sequence[str], voice: Voice) -> Html:
    href = voice.go({"steps": tuple(steps)}) if voice.go else None
    title = voice.text(f"funnel_page.start_{name}")
    way = [el("li", None, said(step)) for step in steps]
    return el(
        "li",
        {"class": "panel"},
        el("h3", None, el("a", {"class": "pick", "href": href}, title) if href else title),
        el("ol", None, way),
    )

