"""A tail for tests: events as the calls of SDKs would leave them, and rows made of them without any wire format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from afterclick.core.event import LOG_COLUMNS, Event, Rejected, events_table
from afterclick.store.definitions import Definitions
from afterclick.store.live.calls import StoredCall, TailCall
from afterclick.store.live.tail import Tail
from afterclick.store.tail_rows import TailTable

BAD = b'{"bad":1}'


class EventRows:
    """Bodies are `Event`s as JSON; one that cannot be read is rejected. Remembers how many events it was given."""

    reads = ("timezone",)

    def __init__(self) -> None:
        self.given: list[int] = []

    def __call__(self, calls: Sequence[StoredCall], definitions: Definitions) -> TailTable:
        """Rows in the order of the calls."""
        bodies = [(call, number, body) for call in calls for number, body in enumerate(call.bodies)]
        self.given.append(len(bodies))
        events, rejected = [], []
        for call, number, body in bodies:
            try:
                events.append(msgspec.json.decode(body, type=Event))
            except msgspec.DecodeError:
                rejected.append(bad(f"{call.seq}-{number}", call.received_at))
        table = events_table(events) if events else LOG_COLUMNS.empty_table()
        return TailTable(pa.table(table), rejected)

    def close(self) -> None:
        """Nothing is kept open."""


def bad(name: str, at: int = 1) -> Rejected:
    """A dead letter."""
    return Rejected(id=name, at=at, source="live", code="bad_json", message="no JSON", original="x")


def call(events: Iterable[Event], rejected: Sequence[Rejected] = (), *, at: int = 1, bodies: Sequence[bytes] = ()) -> TailCall:
    """What one request with these events leaves behind; `bodies` are further ones that are no event."""
    listed = list(events)
    names = [event.event_id for event in listed] + [f"bad-{at}-{number}" for number in range(len(bodies))]
    return TailCall(
        received_at=at,
        source="live",
        bodies=tuple(msgspec.json.encode(event) for event in listed) + tuple(bodies),
        ids=tuple(names),
        contents=tuple(range(len(names))),
        rejected=tuple(rejected),
    )


def put(tail: Tail, *events: Event, rejected: Sequence[Rejected] = ()) -> int:
    """Commit one call; the number it got."""
    return tail.commit([call(events, rejected)])


def copy_store(source: Path, target: Path) -> Path:
    """A store as a crash would leave it: every file as it lies there now."""
    target.mkdir(parents=True)
    for file in sorted(source.rglob("*")):
        place = target / file.relative_to(source)
        if file.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif file.name != "LOCK":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())
    return target
