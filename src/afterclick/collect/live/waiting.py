"""Requests between their reading and their answer: what waits for the disk, how much of it may, and who is asked to wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from afterclick.collect.wire.answers import Answer, answer, overload, unauthorized
from afterclick.collect.wire.request import WireError
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.taken import Incoming, Refusal
from afterclick.core.errors import StoreError
from afterclick.store.live.calls import TailCall
from afterclick.store.live.claims import Claim

Done = Callable[[Answer], None]
Stored = Callable[[StoreError | None], None]


class Wait(WireError):
    """A request that is to be sent again, after so many seconds."""

    def __init__(self, status: int, code: str, message: str, retry_after_s: int) -> None:
        super().__init__(status, code, message)
        self.retry_after_s = retry_after_s


class Limits(NamedTuple):
    """How much may wait for the disk, and how long (seconds) anybody waits for an answer."""

    calls: int = 8192
    size: int = 64 << 20
    answer_within: float = 20.0


class Claiming(Protocol):
    """What the collector asks of the tail."""

    def claim(self, event_id: str, content: int) -> Claim: ...
    def release(self, ids: Iterable[str]) -> None: ...


class Submitting(Protocol):
    """What the collector asks of the group commit: `done` is called on the loop's thread, once, after what a failure had
    claimed was given back; so a duplicate is never answered before the event it repeats is stored."""

    def submit_all(self, calls: Sequence[tuple[TailCall, Stored]]) -> None: ...


class Waiting:
    """A request whose events are on their way to the disk."""

    __slots__ = ("begun", "call", "done", "events", "refusals", "shape", "size")

    def __init__(self, call: TailCall, events: list[Incoming], refusals: list[Refusal], shape: Shape) -> None:
        self.call = call
        self.events = events
        self.refusals = refusals
        self.shape = shape
        self.done: Done | None = None
        self.begun = 0.0
        self.size = sum(map(len, call.bodies))
        if refusals:
            self.size += sum(len(letter.original) for letter in call.rejected)


def refusal(error: WireError) -> Answer:
    """What the sender of a request hears that is refused as a whole."""
    if isinstance(error, Wait):
        return overload(error.shape, error.retry_after_s, error.status, error.code, error.message)
    return unauthorized(error.shape) if error.status == 401 else answer(error.shape, error)
