"""One touchpoint, or all of them until one is named."""

from __future__ import annotations

from typing import Any

from afterclick.analyse import opening
from afterclick.analyse.landing import Touchpoints
from afterclick.analyse.touchpoint import Touchpoint
from afterclick.surfaces.viz import friction, touchpoint, touchpoints
from afterclick.surfaces.web.page import SCOPE, Card, Page, plain, scoped


def _all(spec: Any) -> Touchpoints:
    return scoped(Touchpoints, spec)


PAGE = Page(
    name="touchpoint",
    path="/touchpoint",
    group="understand",
    kind=Touchpoint,
    controls=SCOPE,
    inner="name",
    start=opening.touchpoint(),
    sheets=("lists", "touchpoint"),
    cards={
        "summary": Card(plain(touchpoint.summary), bare=True),
        "sides": Card(plain(touchpoint.sides), title="touchpoint.sides"),
        "friction": Card(plain(friction.made_of), table="friction", title="touchpoint.parts", half=True),
        "beside": Card(plain(touchpoint.beside), table="beside", title="touchpoint.beside", half=True),
        "channels": Card(plain(touchpoint.channels), table="channels", title="touchpoint.channels", half=True),
        "words": Card(plain(touchpoint.words), table="words", title="touchpoint.words", half=True),
    },
    opening={
        "all": Card(plain(touchpoints.everything), ask=_all, title="touchpoint.all"),
        "landings": Card(plain(touchpoints.landings), ask=_all, table="landings", title="touchpoint.landings"),
        "exits": Card(plain(touchpoints.exits), ask=_all, table="exits", title="touchpoint.exits_title", half=True),
        "words": Card(plain(touchpoints.all_words), ask=_all, table="words", title="touchpoint.all_words", half=True),
    },
)
