"""The pages there are, one row each: its question, its controls, its cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from afterclick.analyse.catalogue import Data
from afterclick.analyse.journey_map import JourneyMap
from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.surfaces.viz.holdings import CARDS
from afterclick.surfaces.viz.journey import journey
from afterclick.surfaces.viz.markup import Html
from afterclick.surfaces.viz.voice import Voice

Draw = Callable[[Result, Voice, str], Html | None]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page: its name in `/name.json`, its address, its group in the navigation, its question, the fields of it that
    change its figures, its cards in order."""

    name: str
    path: str
    group: str
    kind: type[Spec]
    controls: frozenset[str]
    cards: Mapping[str, Draw]

    @property
    def title(self) -> str:
        """The id of its title in the catalogue."""
        return f"{self.name}.title"


def _plain(card: Callable[[Result, Voice], Html | None]) -> Draw:
    return lambda result, voice, _view: card(result, voice)


_SCOPE: Final = frozenset({"range", "compare", "where", "bots", "identity"})

PAGES: Final = (
    Page(name="map", path="/", group="understand", kind=JourneyMap, controls=_SCOPE, cards={"map": journey}),
    Page(
        name="data",
        path="/data",
        group="manage",
        kind=Data,
        controls=frozenset({"identity"}),
        cards={name: _plain(card) for name, card in CARDS.items()},
    ),
)
"""Every page; the navigation shows these and no other, so that no entry is a dead link."""
