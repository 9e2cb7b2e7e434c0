"""One run taken from where it stands to the next wait or to its end; nothing is written here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from afterclick.act.journeys.local_time import next_local
from afterclick.act.journeys.program import END, Place, Program
from afterclick.act.journeys.tables import Run
from afterclick.act.outbox.intent import Intent
from afterclick.core import spans
from afterclick.core.errors import AfterclickError, StoreError
from afterclick.decide.draws import draw, pick
from afterclick.store.automations import Send, Wait

_micros = lru_cache(1024)(spans.micros)
MOST_STEPS: Final = 1000
"""Steps in one go. No journey has as many, so that more is a mistake of ours and not of whoever wrote it."""
TOKEN_BYTES: Final = 12
MISTAKES: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, AfterclickError)
"""What our own code, or a document of another version, may raise about one run or one journey."""

Holds = Callable[[str, str, int], bool]
"""Whether a rule, by its text, holds for a visitor at an instant."""
ZoneOf = Callable[[str], ZoneInfo]
"""Where a visitor lives, as far as clocks go."""


class Walked(NamedTuple):
    """`reason` is "" for a run that waits (its `due` says until when), else why it ended; `intents` in the order of steps."""

    reason: str
    intents: list[Intent]


def token_of(journey: str, visitor: str, entry_id: str) -> bytes:
    """What tells a run from every other, the same however often its entry is told."""
    said = "\x1f".join(("journey", journey, visitor, entry_id)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(said).digest()[:TOKEN_BYTES]


def action_id(token: bytes, place: str) -> str:
    """The id of what one step of one run does, 24 hex; a step is passed at most once in a run."""
    return hashlib.sha256(b"send\x1f" + token + place.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def walk(run: Run, program: Program, at: int, overdue: int, holds: Holds, zone_of: ZoneOf) -> Walked:
    """Let a run take its steps at an instant. `overdue` is how late that is; beyond the grace it ends as "missed".

    A step that cannot be done (a rule that nobody knows any more, one that our own code stumbles over) ends the run as
    "failed" and keeps no other from going on. Raises StoreError.
    """
    if overdue > program.grace:
        return Walked("missed", [])
    intents: list[Intent] = []
    try:
        reason = _steps(run, program, at, intents, holds, zone_of)
    except StoreError:
        raise
    except MISTAKES:
        reason = "failed"
    return Walked(reason, intents)


def go_on(run: Run, program: Program) -> None:
    """The wait at which a run stands is over."""
    if run.since:
        run.step = program.places[run.step].following


def _steps(run: Run, program: Program, at: int, intents: list[Intent], holds: Holds, zone_of: ZoneOf) -> str:
    for _ in range(MOST_STEPS):
        if run.step == END:
            return "done"
        place = program.places[run.step]
        node = place.node
        if node.wait is not None:
            due = _due(run, node.wait, at, holds, zone_of)
            if due > at:
                run.since, run.due = at, due
                return ""
            run.step = place.following
        elif node.exit:
            return "exit"
        elif node.send is not None:
            intents.append(_intent(run, program, place, node.send, at))
            run.step = place.following
        else:
            run.step = _choice(run, program, place, at, holds)
    raise AssertionError(f"{program.journey.name}: {MOST_STEPS} steps in one go")


def _due(run: Run, wait: Wait, at: int, holds: Holds, zone_of: ZoneOf) -> int:
    """Until when a run that comes to a wait stays there; `at` where it does not."""
    if wait.span:
        return at + _micros(wait.span)
    if wait.until:
        return next_local(at, wait.until, wait.weekdays, zone_of(run.visitor))
    already = run.has_seen(run.step) if wait.event else holds(run.visitor, wait.condition, at)
    return at if already else at + _micros(wait.timeout)


def _choice(run: Run, program: Program, place: Place, at: int, holds: Holds) -> int:
    """The step behind one that only decides or notes."""
    node = place.node
    if node.branch is not None:
        return place.inner["then" if holds(run.visitor, node.branch.when, at) else "otherwise"]
    if node.split:
        drawn = draw(f"{program.journey.name}\x1f{place.place}", run.visitor)
        return place.inner[node.split[pick([way.share for way in node.split], drawn)].name]
    run.notes.noted.update(node.set)
    run.notes_changed = True
    return place.following


def _intent(run: Run, program: Program, place: Place, send: Send, at: int) -> Intent:
    values = {"event": run.notes.event, "run": dict(run.notes.noted)} if run.packed or run.notes_changed else {}
    return Intent(
        action_id=action_id(run.token, place.place),
        visitor=run.visitor,
        send=send,
        at=at,
        journey=program.journey.name,
        run=run.token.hex(),
        step=place.place,
        values=values,
        holdout_rate=program.journey.holdout_rate,
        grace=program.grace,
    )
