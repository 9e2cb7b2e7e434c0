"""One small state machine per term that asks for events: fed one event after another, read at any later instant."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence as Places
from typing import Any, Final, Protocol

from afterclick.analyse.segments.happening import Happening
from afterclick.core.condition_values import is_missing
from afterclick.core.rule_terms import Since
from afterclick.core.step import Step

NEVER: Final = 2**62

MOST_SHARED: Final = 64
"""Values of `same` that a bounded machine keeps: those seen last."""

MOST_KEPT: Final = 256
"""Values and open begins that a bounded machine keeps."""

MOST_CHARACTERS: Final = 1_000
"""Characters of a text that a bounded state keeps."""

_LONG_SHARED: Final = 64


class Machine(Protocol):
    """What a rule needs of a term, for one visitor. Instants given to `take` never go back; reading changes nothing.

    Made with `most` = 0 a machine keeps everything; with `most` it stays bounded, exact within the bounds it names.
    """

    def add(self, one: Happening) -> None:
        """The next event."""

    def take(self, one: Happening, served: Places[int]) -> None:
        """The next event, which serves these of the term's steps."""

    def value(self, at: int) -> Any:
        """The value at an instant not before the last event; None where there is none."""

    def turn(self, at: int) -> int:
        """The next instant at which the value may change though nothing happens, NEVER if it does not."""

    def packed(self) -> list[Any]:
        """The state as plain values."""

    def restore(self, state: list[Any]) -> None:
        """What `packed` gave."""

    def join(self, other: Any) -> None:
        """Take over what another machine of this term knows of the same visitor, whatever came first."""


def places(steps: tuple[Step, ...], one: Happening) -> list[int]:
    """Which of the steps an event serves."""
    return [place for place, step in enumerate(steps) if one.serves(step)]


def passing(since: int | None, spans: tuple[int, ...], at: int) -> int:
    """The next instant after `at` at which the time since an instant reaches or passes one of these spans."""
    if since is None:
        return NEVER
    found = NEVER
    for span in spans:
        turn = since + span
        if turn <= at:
            turn += 1
        if at < turn < found:
            found = turn
    return found


def cut(value: Any) -> Any:
    """A value as a bounded state keeps it."""
    return value[:MOST_CHARACTERS] if type(value) is str and len(value) > MOST_CHARACTERS else value


def shared_value(one: Happening, field: str, most: int) -> Any:
    """The value of `same`, as it is kept: of a long text what tells it from every other."""
    value = one.value(field)
    if is_missing(value):
        return None
    if most and type(value) is str and len(value) > _LONG_SHARED:
        return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return value


def bound_shared(held: dict[Any, Any], most: int) -> None:
    """Let go of the values of `same` that were not seen for longest; the dict is in the order of their last sight."""
    while most and len(held) > most:
        del held[next(iter(held))]


class Lapsing:
    """`since`: the last such event. `spans` are those it is compared with: between them nothing can change."""

    def __init__(self, term: Since, spans: tuple[int, ...]) -> None:
        self.term = term
        self.spans = spans
        self._last: int | None = None

    def add(self, one: Happening) -> None:
        """Note it if it is such an event."""
        if one.serves(self.term.step):
            self._last = one.at

    def take(self, one: Happening, _served: Places[int]) -> None:
        """Note it."""
        self._last = one.at

    def value(self, at: int) -> int | None:
        """µs since the last one."""
        return None if self._last is None else at - self._last

    def turn(self, at: int) -> int:
        """When the next of the spans is reached, or over."""
        return passing(self._last, self.spans, at)

    def packed(self) -> list[Any]:
        """The last one."""
        return [self._last]

    def restore(self, state: list[Any]) -> None:
        """The last one."""
        self._last = state[0]

    def join(self, other: Lapsing) -> None:
        """The later one."""
        known = [last for last in (self._last, other._last) if last is not None]
        self._last = max(known, default=None)
