"""Events of a program into the store: each counted once, those of erased people refused."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from afterclick.core import clock
from afterclick.core.event import Event, events_table
from afterclick.store.store import Store
from afterclick.store.tombstones import Tombstones, refused


def append(store: Store, events: Iterable[Event], source: str) -> int:
    """Store events; see `Workspace.append`."""
    table = events_table(list(events))
    erased = Tombstones.load(store.path).rows(table)
    read, table = table.num_rows, table.filter(pa.array(~erased))
    with store.transaction(source) as transaction:
        fresh = table.filter(pc.invert(transaction.seen(table["event_id"].combine_chunks())))
        counts = {"read": read, "stored": fresh.num_rows, "duplicates": table.num_rows - fresh.num_rows}
        if fresh.num_rows:
            transaction.add(fresh)
        transaction.reject(refused(source, clock.now(), int(erased.sum())))
        transaction.commit(counts)
    return int(fresh.num_rows)
