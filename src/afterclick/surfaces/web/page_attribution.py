"""Attribution: what orders are owed to by every model, what the models learnt, and which messages programs opened."""

from __future__ import annotations

from afterclick.analyse.attribution.attribution import Attribution
from afterclick.surfaces.viz import attribution
from afterclick.surfaces.viz import attribution_cards as cards
from afterclick.surfaces.web.page import SCOPE, Card, Page, plain

PAGE = Page(
    name="attribution",
    path="/attribution",
    group="understand",
    kind=Attribution,
    controls=SCOPE,
    cards={
        "credit": Card(attribution.credit, title="attribution.title", bare=True),
        "removal": Card(plain(cards.removal), table="removal", title="attribution.removal", bare=True, half=True),
        "rates": Card(plain(cards.rates), table="rates", title="attribution.rates", bare=True, half=True),
        "messages": Card(plain(cards.messages), table="messages", title="attribution.messages", bare=True, half=True),
        "currencies": Card(plain(cards.currencies), table="currencies", title="attribution.currencies", bare=True),
    },
    exports={"models": "attribution.models"},
    asks=True,
    looks={"models": tuple(attribution.SETS)},
    sheets=("chart", "lists", "wide", "attribution"),
)
