"""Who joined a programme and when: the first event or trait of a visitor that says so."""

from __future__ import annotations

from typing import Final

import numpy as np

from afterclick.analyse.fields import check_fields, columns
from afterclick.analyse.scope import Scope
from afterclick.core.errors import SpecError, nearest_or_known
from afterclick.core.said import Said
from afterclick.core.step import Step
from afterclick.store.columns import Flag

NEVER: Final = 2**62


def parsed(text: str) -> Step:
    """The rule of joining. Raises SpecError for a text that is none, or has a suffix."""
    step = Step.parse(text, path="join")
    if step.optional or step.anchored:
        raise SpecError(Said("refusals.joining_one_event"), hint=Said("refusals.write_step"), path="join")
    return step


def joined_at(scope: Scope, step: Step) -> np.ndarray:
    """Per visitor the instant of joining up to `as_of`, NEVER for who did not; int64 µs.

    Calls such as `Identified[tier == "gold"]` count too. Raises SpecError for a field this store does not have.
    """
    context = scope.context
    if step.condition is not None:
        check_fields(context, step.condition, "join")
    wanted = np.zeros(max(1, len(context.names()[0])), bool)
    wanted[context.name_codes(step.event)] = True
    out = np.full(scope.labels.size, NEVER, np.int64)
    if not wanted.any():
        return out
    for chunk in context.snapshot.chunks(("name", "flags", "device", "at"), None):
        there = np.flatnonzero(wanted[chunk.columns["name"]] & (chunk.columns["device"] >= 0))
        kept = chunk.columns["at"][there] <= scope.as_of
        if scope.question.bots == "out":
            kept &= (chunk.columns["flags"][there] & int(Flag.BOT)) == 0
        there = there[kept]
        if step.condition is not None:
            fields = columns(context, step.condition.fields, scope.taker(chunk.start, there))
            there = there[step.condition.mask(fields, len(there))]
        at = chunk.columns["at"][there]
        np.minimum.at(out, scope.labels.of(chunk.columns["device"][there], at), at)
    return out


def unknown(scope: Scope, step: Step) -> bool:
    """Does no event of the store have this name?"""
    return not len(scope.context.name_codes(step.event))


def check_known(scope: Scope, step: Step) -> None:
    """Raise SpecError for an event that this store does not have."""
    if unknown(scope, step):
        canonical = sorted(set(scope.context.names()[0]))
        hint = nearest_or_known(step.event, canonical, "refusals.known_events", 12)
        raise SpecError(Said("refusals.no_event_here", event=step.event), hint=hint, path="join")
