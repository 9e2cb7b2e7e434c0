"""Some events of a store in the order in which they arrived, read from the log as they were told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.core.arrays import frozen
from afterclick.core.event import PROPERTY_PREFIX
from afterclick.decide import learning
from afterclick.decide.learning import Arrivals, Arrived
from afterclick.store.snapshot import Snapshot

_SLICE: Final = 20_000
_READ: Final = 1 << 18


def came_live(snapshot: Snapshot) -> np.ndarray:
    """Which rows came by the wire, those of the tail among them; bool."""
    names = {segment.name for entry in snapshot.live for segment in snapshot.manifest.standing(entry)}
    names |= {piece.segment for piece in snapshot.tail.pieces}
    found = np.zeros(snapshot.rows, bool)
    for number, piece in enumerate(snapshot.pieces):
        if piece.segment in names:
            found[int(snapshot.starts[number]) : int(snapshot.starts[number + 1])] = True
    return found


def arrivals(context: Context) -> np.ndarray | None:
    """When each row arrived, int64 µs: by the wire, or as if it had been told when it happened. None if none came by it."""

    def find() -> np.ndarray | None:
        snapshot = context.snapshot
        live = np.flatnonzero(came_live(snapshot))
        if not len(live):
            return None
        arrival = context.column("at").astype(np.int64)
        for start in range(0, len(live), _READ):
            here = live[start : start + _READ]
            received = snapshot.log_rows(here, ("received_at",))["received_at"].cast(pa.int64())
            arrival[here] = np.asarray(received.fill_null(0))
        return frozen(arrival)

    return context.keep(("arrivals",), find)


class Arriving(Arrivals):
    """The events of these global rows, each with its row; iterate over `told`, once."""

    def __init__(self, context: Context, rows: np.ndarray) -> None:
        snapshot = context.snapshot
        self._snapshot = snapshot
        self._chosen = rows
        self.rows = len(rows)
        self._live = came_live(snapshot)
        arrival = arrivals(context)
        self._arrival = context.column("at") if arrival is None else arrival
        self._names = [text.split("\x1f", 1)[0] for text in snapshot.book("name").all.to_pylist()]
        flat = {name for table in snapshot.tail.tables.values() for name in table.column_names}
        flat = {name for name in flat if name.startswith(PROPERTY_PREFIX)} | set(learning._flat(snapshot))
        self._columns = (*learning._READ, "raw_event", *sorted(flat))

    def told(self) -> Iterator[tuple[int, Arrived]]:
        """(row, event) by arrival, then as the events of one call are folded."""
        rows = self._chosen
        at, tie = (self._snapshot.take(name, rows) for name in ("at", "tie"))
        arrival = self._arrival[rows]
        order = np.lexsort((tie, at, arrival))
        whole = (np.diff(arrival[order]) != 0) | (np.diff(at[order]) != 0)
        start = 0
        while start < len(order):
            end = min(start + _SLICE, len(order))
            while end < len(order) and not whole[end - 1]:
                end += 1
            part = rows[order[start:end]]
            row_of = dict(zip(self._snapshot.event_ids(part), part.tolist(), strict=True))
            for one in self._slice(part):
                yield row_of[one.event.event_id], one
            start = end
