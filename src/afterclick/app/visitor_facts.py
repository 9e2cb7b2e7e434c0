"""What journeys and messages ask about visitors: where they live, who is in a segment, what their messages may say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from afterclick.act.acts import Acts
from afterclick.act.contacts import Contacts
from afterclick.act.outbox.intent import Intent
from afterclick.app.workspace import Workspace
from afterclick.core import clock
from afterclick.core.errors import NotEnoughData
from afterclick.decide.decider import Decider


class VisitorFacts:
    """Answers from the decider, the contacts and the store; `definitions` are those that count now."""

    def __init__(self, shop: Workspace, decider: Decider, acts: Acts, contacts: Contacts) -> None:
        self.definitions = shop.store.definitions
        self._shop = shop
        self._decider = decider
        self._acts = acts
        self._contacts = contacts

    def zone_of(self, visitor: str) -> ZoneInfo:
        """The visitor's own zone as far as it is known, else that of the store."""
        with self._acts.reading() as reader:
            zone = self._contacts.zone(reader, visitor)
        return ZoneInfo(zone) if zone else self.definitions.zone

    def members(self, segment: str) -> Iterable[str]:
        """The visitors of a saved segment as the decider calls them. Raises SpecError for one that is not there."""
        for ids in self._ids(segment):
            keys = (self._decider.visitor(*_both(one)) for one in ids)
            key = next((key for key in keys if key), "")
            if key:
                yield key

    def _ids(self, segment: str) -> list[list[str]]:
        try:
            return self._shop.segments.ids(segment)
        except NotEnoughData:
            # Before the first event nobody is in any segment.
            return []

    def values(self, intent: Intent) -> Mapping[str, Any]:
        """What the words of a message may show."""
        found = self._decider.facts(intent.visitor, clock.now())
        if intent.channel == "onsite":
            # A page proves nothing but an anonymous id: no personal data goes there.
            found["visitor"] = {}
        definitions = self.definitions
        return {"currency": definitions.currency, "zone": definitions.timezone, **found, **intent.values}


def _both(one: str) -> tuple[str, str]:
    """An id with its namespace as (anonymous id, user id)."""
    space, _, rest = one.partition(":")
    return (rest, "") if space == "a" else ("", rest) if space == "u" else ("", "")
