"""The Data page: what the store holds, one card per view of the same answer."""

from __future__ import annotations

from afterclick.analyse.catalogue import Data
from afterclick.surfaces.viz.holdings import CARDS
from afterclick.surfaces.web.page import Card, Page, plain

_WIDE = frozenset({"store", "checks", "events"})

PAGE = Page(
    name="data",
    path="/data",
    group="manage",
    kind=Data,
    controls=frozenset({"identity"}),
    cards={name: Card(plain(draw), half=name not in _WIDE, bare=True) for name, draw in CARDS.items()},
    sheets=("data",),
    exports={
        "events": "data.catalogue",
        "checks": "data.checks",
        "sources": "data.title_sources",
        "imports": "data.title_imports",
        "rejects": "data.title_rejects",
        "properties": "data.title_properties",
    },
)
