"""The events of the example shop, to be sent live: in calls of any size, in any order, sealed at any moment."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from afterclick.app.workspace import Workspace
from afterclick.core.event import LOG_COLUMNS, PROPERTY_PREFIX, Event
from afterclick.stitch.derive import Derivation
from afterclick.store.store import Store
from support import demo_store
from support.tail import EventRows


@functools.cache
def events(most: int = 1_500) -> tuple[Event, ...]:
    """Whole visitors of the example shop, about `most` events in the order of their time."""
    with Store.open(demo_store.folder(), derive=Derivation()) as store:
        snapshot = store.snapshot()
        names = [*LOG_COLUMNS.names, *(PROPERTY_PREFIX + name for name in snapshot.property_names)]
        device = snapshot.take("device", np.arange(snapshot.rows))
        chosen = np.flatnonzero(device % max(1, snapshot.rows // most) == 0)
        rows = snapshot.log_rows(chosen, names).to_pylist()
    made = [_event(row) for row in rows]
    return tuple(sorted(made, key=lambda event: (event.occurred_at, event.event_id)))


def _event(row: dict[str, Any]) -> Event:
    flat = {name.removeprefix(PROPERTY_PREFIX): row.pop(name) for name in list(row) if name.startswith(PROPERTY_PREFIX)}
    nested = msgspec.json.decode(row.pop("properties") or "{}")
    for name in ("occurred_at", "received_at", "sent_at", "original_at"):
        row[name] = None if row[name] is None else int(row[name].timestamp() * 1_000_000)
    row["order_line"] = False
    properties = {name: value for name, value in flat.items() if value is not None} | nested
    return msgspec.convert({**row, "properties": properties}, Event)


def opened(folder: Path) -> Workspace:
    """A store of its own under the example shop's definitions, which reads the tail by `EventRows`."""
    with Store.open(demo_store.folder(), derive=Derivation()) as store:
        meant = store.definitions
    return Workspace(
        Store.open(folder, derive=Derivation(), rows=EventRows(), write=True, create=True, definitions=meant)
    )


def cut(listed: Sequence[Event], seed: int, largest: int = 60) -> Iterator[list[Event]]:
    """The events in pieces of any size."""
    chance, start = random.Random(seed), 0
    while start < len(listed):
        size = chance.randint(1, largest)
        yield list(listed[start : start + size])
        start += size
