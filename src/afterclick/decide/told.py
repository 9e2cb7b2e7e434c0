"""What the decider tells those who act on it, in the order of the log."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from afterclick.analyse.segments.happening import Happening
from afterclick.collect.wire.canonical import Canonical
from afterclick.decide.decision import Decision


class Heard(NamedTuple):
    """An event of a visitor was folded at `at` (µs UTC). `seq` is the number of its call, 0 where it was imported.

    `live` events came by the wire; a `late` one occurred more than five minutes before it arrived and fires nothing.
    `by` are the journeys that hear it alone, for the first time, where it came while they were being learnt (`seq` is 0).
    """

    seq: int
    event_id: str
    visitor: str
    at: int
    live: bool
    late: bool
    event: Canonical
    happening: Happening
    by: frozenset[str] = frozenset()


class Merged(NamedTuple):
    """The visitor `gone` turned out to be `into`, under whose key everything goes on."""

    seq: int
    into: str
    gone: str


class Decided(NamedTuple):
    """A rule has fired; decided again after a restart, with the same action id. `seq` is 0 where time alone did it."""

    seq: int
    decision: Decision


Told = Heard | Merged | Decided


class Offer(msgspec.Struct, frozen=True, omit_defaults=False):
    """What a page may show: `content` holds the words in the visitor's language and how they look; `experiment` {id, arm};
    the `rule` or the `journey` it comes from."""

    action_id: str
    placement: str
    kind: str
    content: dict[str, Any]
    ttl_s: int
    experiment: dict[str, str] | None = None
    rule: str = ""
    journey: str = ""
