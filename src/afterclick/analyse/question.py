"""What every question shares: the scope that says which events count, and the options that make a session."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from afterclick.core import condition, spans
from afterclick.core.errors import SpecError
from afterclick.core.said import Said
from afterclick.core.spec import Spec

_SCOPE = {"scope": True}

Range = Annotated[
    str,
    Meta(
        description="days that count, in the site's time zone; relative ranges end with the last event",
        pattern=spans.RANGE_PATTERN,
        examples=["28d", "today", "mtd", "all", "2026-09-01..2026-09-30"],
        extra=_SCOPE,
    ),
]
Compare = Annotated[
    str,
    Meta(
        description="period to compare with: prev, yoy, none or a..b",
        pattern=r"^(prev|yoy|none|\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d)$",
        examples=["prev", "yoy", "none", "2026-08-01..2026-08-31"],
        extra=_SCOPE,
    ),
]
Where = Annotated[
    tuple[str, ...],
    Meta(
        description="conditions the events must meet, all of them",
        examples=['channel == "paid_search"', 'device_type in ["mobile", "tablet"]'],
        extra=_SCOPE,
    ),
]
Segments = Annotated[
    tuple[str, ...],
    Meta(
        description="only visitors of these segments, each a saved name or a rule; of several, those in all of them",
        examples=["VIPs", 'count("Order Completed", 90d) >= 2'],
        extra=_SCOPE,
    ),
]
SEGMENT = "segment: "
"""What a condition of `where` begins with that is a segment, its name or rule, and no condition of events."""
MOST_SEGMENTS = 20

Bots = Annotated[Literal["out", "in"], Meta(description="events of crawlers: left out or counted", extra=_SCOPE)]
Identity = Annotated[
    Literal["stitched", "raw"], Meta(description="count stitched visitors, or ids as they were sent", extra=_SCOPE)
]
AsOf = Annotated[
    str,
    Meta(
        description="identity and data as known on this day or instant; empty = now",
        pattern=r"^(|\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?)$",
        examples=["2026-09-30", "2026-09-30T12:00:00Z"],
        extra=_SCOPE,
    ),
]
Duration = Annotated[
    str,
    Meta(description="a span with its unit", pattern=spans.DURATION_PATTERN, examples=["30m", "12h", "7d", "2w"]),
]
OnOff = Literal["on", "off"]


class Question(Spec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question about visitors in a range."""

    range: Range = "28d"
    compare: Compare = "prev"
    where: Where = ()
    segment: Segments = ()
    bots: Bots = "out"
    identity: Identity = "stitched"
    as_of: AsOf = ""

    def check(self) -> None:
        """Conditions must be readable, segments named or written."""
        if len(self.segment) > MOST_SEGMENTS or any(not text.strip() or len(text) > 2_000 for text in self.segment):
            hint = Said("refusals.most_segments", most_segments=MOST_SEGMENTS)
            raise SpecError(Said("refusals.segment_cannot"), hint=hint, path="segment")
        for text in self.where:
            if text.startswith(SEGMENT):
                continue
            try:
                condition.parse(text)
            except SpecError as error:
                raise SpecError(error.said, hint=error.advice, path="where") from None


class SessionQuestion(Question, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question that counts sessions: the options of a session are fields of it."""

    timeout: Annotated[
        Duration, Meta(description="a longer gap between two actions starts a new session", extra=_SCOPE)
    ] = "30m"
    new_on_campaign: Annotated[
        OnOff, Meta(description="other campaign parameters or another ad click start a session", extra=_SCOPE)
    ] = "on"
    new_on_referrer: Annotated[
        OnOff, Meta(description="an outside referrer of another source starts a session", extra=_SCOPE)
    ] = "off"
    new_on_midnight: Annotated[OnOff, Meta(description="the site's midnight starts a session", extra=_SCOPE)] = "off"
    max_length: Annotated[
        str,
        Meta(
            description="a session ends after this long; empty = never",
            pattern=r"^(|\d{1,7}(ms|s|m|h|d|w))$",
            examples=["4h", "1d"],
            extra=_SCOPE,
        ),
    ] = ""
    session_source: Annotated[
        Literal["derived", "sdk"],
        Meta(description="sessions derived from the gaps, or the SDK's own session ids", extra=_SCOPE),
    ] = "derived"


def whole(question: Question) -> Question:
    """The same question of the whole store: all time, crawlers in, no condition and no segment."""
    return msgspec.structs.replace(question, range="all", compare="none", where=(), segment=(), bots="in")


def narrowed(question: Question) -> bool:
    """Was a range or a condition asked for that a question of the whole store cannot heed?"""
    return bool(question.where or question.segment) or question.range not in (Question().range, "all")


__all__ = [
    "SEGMENT",
    "AsOf",
    "Bots",
    "Compare",
    "Duration",
    "Identity",
    "OnOff",
    "Question",
    "Range",
    "Segments",
    "SessionQuestion",
    "Where",
    "narrowed",
    "whole",
]
