"""Barriers: what visitors meet on their way after which they buy less often than others like them, and what it costs."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from afterclick.analyse.barrier_finding import Finder, Finding
from afterclick.analyse.barrier_reading import Reading
from afterclick.analyse.context import Context
from afterclick.analyse.question import Duration, SessionQuestion
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core import spans
from afterclick.core.result import Result


class Barriers(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What keeps visitors from buying, ranked by money at risk: beside like visitors who did not meet it."""

    key_word = "barriers"

    within: Annotated[Duration, Meta(description="time to go on to an order after meeting it")] = "1d"
    top: Annotated[int, Meta(description="rows shown, barriers first", ge=1, le=200)] = 20
    why: Annotated[
        str,
        Meta(
            description="a barrier's key: adds what differs between those who met it and went on and those who did not",
            examples=["error:Coupon Denied"],
        ),
    ] = ""

    def answer(self, context: Context) -> Result:
        """Search, test and rank."""
        scope = scope_of(context, self)
        within = spans.micros(self.within)
        found = found_in(scope, within)
        return Reading(scope, within, found).result(self.top, self.why)


def found_in(scope: Scope, within: int) -> list[Finding]:
    """All that was tested in a scope, kept in the context; `within` µs = the time to go on to an order."""
    asked = scope.question
    key = (
        "barriers",
        asked.identity,
        asked.bots,
        asked.where,
        scope.as_of,
        scope.period,
        scope.sessions_like.key,
        within,
    )
    return scope.context.keep(key, lambda: Finder(scope, within).find())
