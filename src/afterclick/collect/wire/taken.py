"""What a request brought: events to store, events refused with their reasons, and the policy that decides on storing."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.shape import Shape


class Incoming(NamedTuple):
    """An event to store: as a struct, the hash of its content without clocks, and its bytes for the tail."""

    canonical: Canonical
    content: int
    body: bytes


class Refusal(NamedTuple):
    """An event that is not stored: its place in the request, why, the field at fault, and its bytes as they came."""

    index: int  # type: ignore[assignment]
    code: str
    message: str
    path: str = ""
    original: bytes = b""


class Taken(NamedTuple):
    """What became of the events of one request; `key` is the write key it came with ("" = none)."""

    key: str
    shape: Shape
    events: list[Incoming]
    refusals: list[Refusal]


class Policy(Protocol):
    """Decides on each event before anything of it is kept.

    A policy may also have `scrub_bytes(bytes) -> bytes`, which masks the original of a refused event, and `reason`, the
    code under which the event it has just turned away is counted.
    """

    def admit(self, event: Canonical, request: WireRequest) -> Canonical | None:
        """The event as it may be stored (changed in place or another one), or None where it may not be."""
        ...
