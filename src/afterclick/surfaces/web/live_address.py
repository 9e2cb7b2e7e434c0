"""The address of the Live page, which holds all that is chosen on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request

from afterclick.collect.live.pulse import MINUTES
from afterclick.core.spans import MINUTE
from afterclick.surfaces.web.address import LOOKS

PATH: Final = "/live"
_LONGEST: Final = 100


class Asked(msgspec.Struct, frozen=True):
    """What the address of the page says: how it is looked at, one minute, a text the rows hold, whether it stands still."""

    looks: Mapping[str, str]
    minute: int | None
    text: str
    paused: bool
    who: str = ""

    @classmethod
    def of(cls, request: Request, now: int) -> Asked:
        """Anything that cannot be meant is left out."""
        given = request.query_params
        looks = {name: given[name] for name, values in LOOKS.items() if given.get(name) in values}
        start = given.get("minute", "")
        at = int(start) * MINUTE if start.isdecimal() and len(start) < 12 else None
        running = now - now % MINUTE
        if at is not None and not running - (MINUTES - 1) * MINUTE <= at <= running:
            at = None
        return cls(looks, at, given.get("filter", "").strip()[:_LONGEST], given.get("pause") == "1",
                   given.get("who", "").strip()[:_LONGEST])  # fmt: skip

    def href(self, **changes: str | None) -> str:
        """This page with some parameters changed; None takes one away."""
        own = {
            "minute": None if self.minute is None else str(self.minute // MINUTE),
            "filter": self.text or None,
            "pause": "1" if self.paused else None,
            "who": self.who or None,
            **self.looks,
        }
        query = urlencode({name: value for name, value in (own | changes).items() if value})
        return PATH + (f"?{query}" if query else "")

    def minute_href(self, at: int) -> str:
        """This page with the events of the minute that began at `at` alone."""
        return self.href(minute=str(at // MINUTE))

    def hidden(self) -> dict[str, str]:
        """What a form that asks for a text sends along."""
        minute = {} if self.minute is None else {"minute": str(self.minute // MINUTE)}
        return {**self.looks, **minute, **({"pause": "1"} if self.paused else {})}
