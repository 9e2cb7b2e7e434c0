"""The Overview: how the shop is doing, what changed, and the lists behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from afterclick.analyse.kpi import Kpi
from afterclick.analyse.landing import Touchpoints
from afterclick.analyse.top import Top
from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.surfaces.viz import overview
from afterclick.surfaces.viz.changed import changed
from afterclick.surfaces.viz.lists import PARTS, lists
from afterclick.surfaces.viz.markup import Html
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web.page import SCOPE, Card, Page, plain, scoped

_LISTS: Final = {"sources": "source", "campaigns": "campaign", "products": "product", "devices": "device_type"}
"""Tabs whose list is a `Top` of one field; the others are parts of `Touchpoints`."""
TABS: Final = ("sources", "landing", "exit", "terms", "products", "campaigns", "devices")
LOOKS: Final = {"metric": overview.SHOWN, "tab": TABS}


def _figures(result: Result, voice: Voice) -> Html:
    return overview.figures(result, voice, voice.looks.get("metric", overview.SHOWN[0]))


def _chart(result: Result, voice: Voice, view: str) -> Html | None:
    return overview.chart(result, voice, voice.looks.get("metric", overview.SHOWN[0]), view)


def _lists(result: Result, voice: Voice) -> Html:
    return lists(result, voice, voice.looks.get("tab", TABS[0]), TABS)


def _question(spec: Spec, looks: Mapping[str, str]) -> Spec:
    if looks["tab"] in PARTS:
        return scoped(Touchpoints, spec)
    return scoped(Top, spec, of=_LISTS[looks["tab"]])


PAGE = Page(
    name="overview",
    path="/overview",
    group="understand",
    kind=Kpi,
    controls=SCOPE,
    looks=LOOKS,
    sheets=("chart", "figures", "lists", "changes"),
    cards={
        "figures": Card(plain(_figures), title="overview.figures"),
        "chart": Card(_chart, table="series", title="overview.series"),
        "changed": Card(plain(changed), table="contributors", title="overview.contributors"),
        "lists": Card(plain(_lists), choose=_question, title="overview.lists"),
    },
)
