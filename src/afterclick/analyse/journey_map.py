"""The journey map: stages, who goes on and who leaves, by which touchpoints, channels and devices."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from afterclick.analyse.context import Context
from afterclick.analyse.map_people import MapPeople
from afterclick.analyse.map_reading import Map
from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import scope_of
from afterclick.core.result import Result


class JourneyMap(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The journey map: where visitors come from, how far they get and where they leave."""

    key_word = "map"

    within: Annotated[
        str,
        Meta(
            description="time to reach a higher stage; empty = min(30d, a quarter of the data's span), at least 1d",
            pattern=r"^(|\d{1,7}(ms|s|m|h|d|w))$",
            examples=["1d", "7d", "30d"],
        ),
    ] = ""
    touchpoints: Annotated[int, Meta(description="touchpoints named per stage", ge=1, le=50)] = 4

    def answer(self, context: Context) -> Result:
        """Compute the map of the range, and the figures of the period it is compared with."""
        found = Map(scope_of(context, self), self.within, self.touchpoints)
        return found.result(MapPeople(found).of)
