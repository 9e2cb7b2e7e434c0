"""The whole log in the order in which it arrived, so that a fold over it knows what one that was there would know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.single_worth import SingleWorth
from afterclick.core.event import LOG_COLUMNS, PROPERTY_PREFIX
from afterclick.decide.fold import Fold
from afterclick.decide.reading import Stored
from afterclick.decide.told import Told
from afterclick.stitch.visitors import WITHDRAWN
from afterclick.store.columns import NO_AMOUNT
from afterclick.store.log import SUFFIX
from afterclick.store.manifest import Manifest
from afterclick.store.segment import SegmentReader
from afterclick.store.snapshot import Snapshot

Progress = Callable[[int, int], None]
Hear = Callable[[list[Told]], None]

_SLICE: Final = 1_000
_BLOCK: Final = 1 << 16
_GIVE_WAY: Final = 200
_READ: Final = tuple(name for name in LOG_COLUMNS.names if name not in ("raw_event", "session_id", "sent_at", "original_at"))
_PROPERTIES: Final = msgspec.json.Decoder(dict[str, Any])


class Arrived(NamedTuple):
    """An event of the log: when it arrived (imported: when it happened), whether by the wire, `stored` where not."""

    event: Canonical
    source: str
    arrival: int
    live: bool
    stored: Stored | None


def last_import(snapshot: Snapshot) -> int:
    """The number of the last change of the log by an import or a replay."""
    return last_import_of(snapshot.manifest)


def last_import_of(manifest: Manifest) -> int:
    """The same of a manifest."""
    return max((entry.seq for entry in manifest.entries if entry.kind in ("import", "replay")), default=0)


def withdrawn(snapshot: Snapshot) -> dict[frozenset[str], int]:
    """Pairs of ids that a person parted, with the instant up to which no evidence connects them."""
    edges = snapshot.edges()
    places = np.flatnonzero(edges.what == WITHDRAWN)
    if not len(places):
        return {}
    ids = snapshot.book("id").all
    found: dict[frozenset[str], int] = {}
    for a, b, at in zip(edges.a[places].tolist(), edges.b[places].tolist(), edges.at[places].tolist(), strict=True):
        pair = frozenset((ids[a].as_py(), ids[b].as_py()))
        found[pair] = max(at, found.get(pair, at))
    return found


def learn(fold: Fold, snapshot: Snapshot, *, hear: Hear, give_way: Callable[[], None], progress: Progress) -> None:
    """Fold all segments of the log into a fresh fold; the tail comes behind them, call by call.

    `give_way` is called every two hundred events, `hear` with what each brought.
    """
    arrivals = Arrivals(snapshot)
    for done, one in enumerate(arrivals, 1):
        told: list[Told] = []
        fold.event(one.event, one.source, one.arrival, told, seq=0, live=one.live, stored=one.stored)
        hear(told)
        if done % _GIVE_WAY == 0:
            give_way()
            progress(done, arrivals.rows)
    fold.position = snapshot.manifest.live_seq
    progress(arrivals.rows, arrivals.rows)


class Arrivals:
    """The events in the segments of a snapshot by their arrival, then by (instant, event id): iterate over it once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.rows = int(snapshot.starts[len(snapshot.sealed.pieces)])
        self._live = _live_rows(snapshot, self.rows)
        self._arrival = _arrivals(snapshot, self._live)
        self._names = [text.split("\x1f", 1)[0] for text in snapshot.book("name").all.to_pylist()]
        self._columns = (*_READ, "raw_event", *_flat(snapshot))

    def __iter__(self) -> Iterator[Arrived]:
        snapshot = self._snapshot
        rows = np.arange(self.rows)
        if not len(rows):
            return
        at, tie = snapshot.take("at", rows), snapshot.take("tie", rows)
        order = np.lexsort((tie, at, self._arrival))
        same = (np.diff(self._arrival[order]) == 0) & (np.diff(at[order]) == 0)
        for start, end in _parts(same, _BLOCK):
            yield from self._block(order[start:end], same[start : end - 1])

    def _block(self, rows: np.ndarray, same: np.ndarray) -> Iterator[Arrived]:
        """Events of rows that are read at once: a row group is unpacked as a whole, however little of it is wanted."""
        table = self._snapshot.log_rows(rows, self._columns)
        for name in ("occurred_at", "received_at"):
            place = table.column_names.index(name)
            table = table.set_column(place, name, table[name].cast(pa.int64()))
        table = table.combine_chunks()
        for start, end in _parts(same, _SLICE):
            yield from self._events(rows[start:end], table.slice(start, end - start))

    def _slice(self, rows: np.ndarray) -> Iterator[Arrived]:
        """The events of these rows, by arrival."""
        return self._block(rows, np.ones(max(len(rows) - 1, 0), bool))

    def _events(self, rows: np.ndarray, table: pa.Table) -> Iterator[Arrived]:
        snapshot = self._snapshot
        # Most properties are of few events, and a row as a dictionary costs by the column.
        table = table.select([name for name in table.column_names if table[name].null_count < table.num_rows])
        flats = [name for name in self._columns[len(_READ) + 1 :] if name in table.column_names]
        amount, flags, name_of = (snapshot.take(name, rows).tolist() for name in ("amount", "flags", "name"))
        live, arrival = self._live[rows].tolist(), self._arrival[rows].tolist()
        found = []
        for place, row in enumerate(table.to_pylist()):
            flat = {name[2:]: row[name] for name in flats if row[name] is not None}
            said = row.get("properties")
            nested = _PROPERTIES.decode(said) if said else {}
            event = _canonical(row, nested if live[place] else nested | flat)
            stored = None
            if not live[place]:
                known = None if amount[place] == NO_AMOUNT else amount[place]
                worth = SingleWorth(known, None, None, row.get("order_id"), row.get("currency"))
                stored = Stored(worth, event.properties, flags[place], self._names[name_of[place]])
            found.append((arrival[place], Arrived(event, row["source"], arrival[place], live[place], stored)))
        found.sort(key=lambda pair: (pair[0], pair[1].event.occurred_at, pair[1].event.event_id))
        yield from (one for _, one in found)


def _parts(same: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Where to cut rows into parts of about so many; not between those of which `same` says that they belong together."""
    start, count = 0, len(same) + 1
    while start < count:
        end = min(start + most, count)
        while end < count and same[end - 1]:
            end += 1
        yield start, end
        start = end


def _canonical(row: dict[str, Any], properties: dict[str, Any]) -> Canonical:
    """The event again. What was sent as its id before an alias stands in the log as its anonymous id."""
    get = row.get
    received_at = get("received_at")
    return Canonical(
        event_id=row["event_id"], type=row["type"], event=row["event"], raw_event=get("raw_event"),
        anonymous_id=get("anonymous_id"), user_id=get("user_id"), email=get("email"), phone=get("phone"), url=get("url"),
        referrer=get("referrer"), user_agent=get("user_agent"), properties=properties, occurred_at=row["occurred_at"],
        received_at=row["occurred_at"] if received_at is None else received_at,
    )  # fmt: skip


def _live_rows(snapshot: Snapshot, rows: int) -> np.ndarray:
    """Which rows came by the wire, bool."""
    names = {segment.name for entry in snapshot.live for segment in snapshot.manifest.standing(entry)}
    found = np.zeros(rows, bool)
    for number, piece in enumerate(snapshot.sealed.pieces):
        if piece.segment in names:
            found[int(snapshot.starts[number]) : int(snapshot.starts[number + 1])] = True
    return found


def _arrivals(snapshot: Snapshot, live: np.ndarray) -> np.ndarray:
    """When each row arrived: by the wire, or as if it had been told the moment it happened."""
    rows = np.arange(len(live))
    arrival = snapshot.take("at", rows).astype(np.int64) if len(rows) else np.zeros(0, np.int64)
    places = np.flatnonzero(live)
    for start in range(0, len(places), 1 << 18):
        here = places[start : start + (1 << 18)]
        received = snapshot.log_rows(here, ("received_at",))["received_at"].cast(pa.int64())
        arrival[here] = np.asarray(received.fill_null(0))
    return arrival


def _flat(snapshot: Snapshot) -> tuple[str, ...]:
    """Properties that have columns of their own in the log."""
    reader, folder = SegmentReader(), snapshot.folder / "log"
    names = {name for entry in snapshot.manifest.segments for name in reader.names(folder / (entry.name + SUFFIX))}
    return tuple(sorted(name for name in names if name.startswith(PROPERTY_PREFIX)))
