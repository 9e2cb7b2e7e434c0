"""Funnels: the steps, why visitors go on or do not, how long it takes, over time, by group, and the money lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from afterclick.analyse.catalogue import Data
from afterclick.analyse.drivers import Drivers
from afterclick.analyse.funnel import Funnel
from afterclick.core.errors import SpecError
from afterclick.surfaces.viz import funnel, funnel_cards, funnel_start, funnel_why
from afterclick.surfaces.web.page import SCOPE, Card, Page, scoped

_MOST: Final = 99


def _why(spec: Funnel, looks: Mapping[str, str]) -> Drivers | None:
    """Why behind the step that the page looks at; nothing for funnels that cannot be explained so."""
    given = looks["why"]
    step = int(given) if given.isdecimal() else 0
    try:
        return Drivers.of(spec, min(step, len(spec.parsed()) - 1))
    except SpecError:
        return None


PAGE = Page(
    name="funnel",
    path="/funnel",
    group="understand",
    kind=Funnel,
    controls=SCOPE,
    start=scoped(Funnel, Data(), steps=("Page Viewed", "Order Completed")),
    opening={"start": Card(funnel_start.start, ask=lambda spec: scoped(Data, spec), bare=True, title="data.catalogue")},
    cards={
        "steps": Card(funnel.steps, title="funnel_page.steps", bare=True),
        "why": Card(
            funnel_why.why,
            ask=lambda spec: _why(spec, {"why": "worst"}),
            choose=_why,
            title="funnel_page.why_title",
            bare=True,
        ),
        "times": Card(funnel_cards.times, table="histogram", title="funnel_page.times", bare=True, half=True),
        "trend": Card(funnel_cards.trend, table="trend", title="funnel_page.trend", bare=True, half=True),
        "breakdown": Card(funnel_cards.breakdown, table="breakdown", title="funnel_page.breakdown", bare=True),
        "money": Card(funnel_cards.money, title="funnel_page.money", bare=True),
    },
    asks=True,
    looks={"why": ("worst", *(str(step) for step in range(1, _MOST)))},
    sheets=("chart", "funnel"),
)
