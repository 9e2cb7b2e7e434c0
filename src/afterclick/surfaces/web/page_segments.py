"""The Segments page: what is saved, a builder with its count, one segment beside the others, who came and went."""

from __future__ import annotations

from afterclick.analyse.segments.segment import Segment
from afterclick.analyse.segments.segments import Segments
from afterclick.core.spec import Spec
from afterclick.surfaces.viz import segments
from afterclick.surfaces.web.page import SCOPE, Card, Page, plain, scoped


def _saved(spec: Spec) -> Spec:
    return scoped(Segments, spec)


_SAVED = Card(plain(segments.saved), ask=_saved, title="segments.title", bare=True)
_READY = Card(plain(segments.templates), ask=_saved, bare=True)

PAGE = Page(
    name="segments",
    path="/segments",
    group="understand",
    kind=Segment,
    start=Segment.from_texts([("rule", "visitor.sessions >= 1")]),
    opening={"saved": _SAVED, "ready": _READY},
    controls=SCOPE - {"compare"},
    cards={
        "segment": Card(plain(segments.segment), title="segments.compare", bare=True),
        "moves": Card(segments.moves, table="trend", title="segments.over_time", bare=True),
        "saved": _SAVED,
        "ready": _READY,
    },
    asks=True,
    sheets=("chart", "lists", "wide", "segments"),
)
