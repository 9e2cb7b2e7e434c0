"""What the decider tells, as far as it concerns journeys, messages and contacts: which of it, whose, in what portions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from afterclick.act import contact_facts
from afterclick.act.channels import onsite
from afterclick.core.step import ANY_EVENT
from afterclick.decide.told import Decided, Heard, Told

_WANTED: Final = frozenset(("enter", "watch", "call"))


def wanted(told: Sequence[Told], names: Collection[str]) -> list[Told]:
    """What concerns them, and the events by which somebody enters a journey: it keeps what they said."""
    if len(told) == 1:
        # Nearly always: an event that brings nothing.
        return list(told) if concerns(told[0], names) else []
    causes = {one.decision.event_id for one in told if isinstance(one, Decided) and one.decision.kind == "enter"}
    return [one for one in told if concerns(one, names) or (isinstance(one, Heard) and one.event_id in causes)]


def concerns(one: Told, names: Collection[str]) -> bool:
    """Whether journeys, messages or contacts can make anything of it; `names` are the events that journeys hear of."""
    if isinstance(one, Decided):
        return one.decision.kind in _WANTED
    if isinstance(one, Heard):
        event = one.event
        return (
            ((one.seq > 0 or bool(one.by)) and (ANY_EVENT in names or not one.happening.names.isdisjoint(names)))
            or event.event in onsite.ENDED_BY
            or contact_facts.facts(event) != contact_facts.NOTHING
        )
    return True


def is_of(one: Told, ids: Collection[str]) -> bool:
    """Whether it is about one of these ids, which have their namespaces."""
    if not ids:
        return False
    if isinstance(one, Decided):
        return one.decision.visitor in ids
    if isinstance(one, Heard):
        event = one.event
        email = (event.email or "").strip().lower()
        return any(text in ids for text in (one.visitor, f"a:{event.anonymous_id}", f"u:{event.user_id}", f"e:{email}"))
    return one.into in ids or one.gone in ids


def portions(told: Sequence[Told], most: int) -> Iterator[list[Told]]:
    """About so many at a time, never parted within a call."""
    part: list[Told] = []
    for one in told:
        if len(part) >= most and (one.seq != part[-1].seq or (not one.seq and not _has_cause(one))):
            yield part
            part = []
        part.append(one)
    if part:
        yield part


def _has_cause(one: Told) -> bool:
    """Whether it is only understood with the event that stands before it."""
    return isinstance(one, Decided) and bool(one.decision.event_id)
