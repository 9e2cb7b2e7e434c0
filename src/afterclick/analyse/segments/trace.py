"""When one visitor entered and left a segment, to the instant, by the same machine that live rules run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.scope import Scope
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.members import members_of, plain_scope
from afterclick.analyse.segments.replay import happenings, setting_of, value_at
from afterclick.analyse.segments.stream import Stream
from afterclick.core.event import INSTANT
from afterclick.core.rule import Rule
from afterclick.core.rule_terms import Member, State, Term

SCHEMA: Final = pa.schema([("at", INSTANT), ("holds", pa.bool_()), ("values", pa.string())])
_MOST: Final = 1_000


def trace(scope: Scope, rule: Rule, visitor: int) -> pa.Table:
    """One row per instant at which the visitor entered or left, with the values of the terms then.

    Terms that compare with other visitors (rfm, lists) are taken as they are at `as_of`.
    """
    plain = plain_scope(scope)
    stream = Stream(rule, setting_of(plain), _facts(scope, rule, visitor))
    rows: list[dict[str, Any]] = []
    held = False
    for one in _moments(stream, happenings(plain, np.array([visitor]))[visitor], scope.as_of):
        now = stream.holds(one)
        if now != held and len(rows) < _MOST:
            said = ", ".join(f"{text} = {_shown(value)}" for text, value in stream.values(one).items())
            rows.append({"at": one, "holds": now, "values": said})
        held = now
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _moments(stream: Stream, events: list[Happening], as_of: int) -> Iterator[int]:
    """Every instant at which the rule may have changed; the stream is fed on the way."""
    for place, event in enumerate(events):
        stream.add(event)
        after = events[place + 1].at if place + 1 < len(events) else as_of + 1
        moment = event.at
        while moment < after:
            yield moment
            moment = stream.turn(moment)


def _facts(scope: Scope, rule: Rule, visitor: int) -> dict[str, Any]:
    members = members_of(scope, rule)
    return {
        text: value_at(members.column(term, scope.as_of), visitor) for text, term in rule.terms.items() if _compares(term)
    }


def _compares(term: Term) -> bool:
    return isinstance(term, Member) or (isinstance(term, State) and term.field.startswith("rfm."))


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
