"""The journey map: stages, who goes on and who leaves, by which touchpoints, channels and devices."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pyarrow.compute as pc
from msgspec import Meta

from afterclick.analyse.barriers import Barriers
from afterclick.analyse.context import Context
from afterclick.analyse.map_people import MapPeople
from afterclick.analyse.map_reading import Map
from afterclick.analyse.question import OnOff, SessionQuestion
from afterclick.analyse.scope import scope_of
from afterclick.core.result import Note, Result


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
    barriers: Annotated[OnOff, Meta(description="search the barriers to buying too, or leave them out")] = "on"
    why: Annotated[
        str,
        Meta(
            description="a barrier's key: adds what differs between those who met it and went on and those who did not",
            examples=["error:Coupon Denied"],
        ),
    ] = ""

    def answer(self, context: Context) -> Result:
        """Compute the map of the range, and the figures of the period it is compared with."""
        found = Map(scope_of(context, self), self.within, self.touchpoints)
        result = found.result(MapPeople(found).of)
        asked = self.search(self.why)
        if asked is None:
            return result
        return with_barriers(result, context.keep(("result", asked.key), lambda: asked.answer(context)))

    def alone(self) -> JourneyMap:
        """The same map without its barriers, whose search takes longer than the map."""
        return msgspec.structs.replace(self, barriers="off", why="")

    def search(self, why: str = "") -> Barriers | None:
        """The question for the barriers in the scope of this map; None where it leaves them out."""
        if self.barriers == "off":
            return None
        return Barriers(**{field.name: getattr(self, field.name) for field in SessionQuestion.fields()}, why=why)

    def look(self) -> Barriers | None:
        """The question that looks into the barrier named by `why`; None where none is named."""
        return self.search(self.why) if self.why else None


_FIGURES = ("at_risk", "at_risk_low", "at_risk_high", "at_risk_rate", "barriers", "lost_orders")


def with_barriers(found: Result, barriers: Result) -> Result:
    """The map with the barriers as a part, their money among its figures, and the people behind both."""
    frame = barriers.frame
    found.parts["barriers"] = frame.filter(pc.is_valid(frame["rank"]))
    found.parts |= barriers.parts
    found.figures |= {name: barriers.figures[name] for name in _FIGURES}
    if not barriers.figures["barriers"]:
        found.notes = (*found.notes, Note("no_barrier", {"tested": barriers.figures["candidates"]}))
    found.notes = (*found.notes, *barriers.notes)
    known = "barrier=", "part=met", "why=", "type="
    return found.with_people(lambda cell: barriers.people(cell) if cell.startswith(known) else None)
