"""Acknowledged calls as rows of the log, by the way an import goes: the same event gives the same row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.collect.chunks import Chunk
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.engine import Engine
from afterclick.collect.normalise import Normaliser
from afterclick.collect.rejects import Reject
from afterclick.collect.wire import worth
from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.snowplow_words import LINE
from afterclick.core.event import INSTANT, LOG_COLUMNS, SYSTEM_TYPES, Rejected
from afterclick.core.names import ORDER_LINE
from afterclick.store.definitions import Definitions
from afterclick.store.live.calls import StoredCall
from afterclick.store.tail_rows import TailTable

FILE: Final = "live"
"""What stands for the name of a file in the rejects of live events."""

_INSTANTS: Final = ("occurred_at", "original_at", "sent_at", "received_at")
_TEXTS: Final = (
    "event_id",
    "type",
    "event",
    "anonymous_id",
    "user_id",
    "email",
    "phone",
    "session_id",
    "url",
    "referrer",
    "user_agent",
)
_MAP: Final = ColumnMap(
    source=FILE,
    columns={name: (name,) for name in (*_INSTANTS, *_TEXTS, *worth.FIELDS, "properties")},
    numbers=(),
    events={LINE: ORDER_LINE},
)
_UTC: Final = ZoneInfo("UTC")


class _Row(Canonical):
    """A canonical event with its properties as they were written."""

    properties: msgspec.Raw = msgspec.Raw(b"{}")  # type: ignore[assignment]


class _Held(NamedTuple):
    """An event of a call: who sent it to whom, when, and its bytes."""

    source: str
    received_at: int
    body: bytes


_ROW: Final = msgspec.json.Decoder(_Row)


class LiveRows:
    """Calls of the tail as a table of the log. One thread at a time; keeps a connection open until `close`."""

    reads: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def __call__(self, calls: Sequence[StoredCall], definitions: Definitions) -> TailTable:  # noqa: ARG002  the protocol
        """A row or a reject for every event of the calls; nothing in `definitions` changes them."""
        held = [_Held(call.source, call.received_at, body) for call in calls for body in call.bodies]
        if not held:
            return TailTable(LOG_COLUMNS.empty_table(), [])
        rows, places, rejected = _decoded(held)
        if not rows:
            return TailTable(LOG_COLUMNS.empty_table(), rejected)
        chunk = Chunk(pa.table(_columns(rows)), np.arange(1, len(rows) + 1, dtype=np.int64), (), False)
        if self._engine is None:
            self._engine = Engine()
        made = Normaliser(_MAP, engine=self._engine, zone=_UTC, source=FILE, now=rows[0].received_at).run(chunk)
        sources = pa.array([held[places[place]].source for place in made.places.tolist()], pa.string())
        table = made.table.set_column(made.table.column_names.index("source"), "source", sources)
        rejected += [_refused(reject, held[places[reject.place]]) for reject in made.rejects]
        return TailTable(table, rejected)

    def close(self) -> None:
        """Give the connection back; the next call opens another."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def _decoded(held: Sequence[_Held]) -> tuple[list[_Row], list[int], list[Rejected]]:
    """The events that can be read with their places, and the others. Only another version can have written those."""
    rows: list[_Row] = []
    places: list[int] = []
    rejected: list[Rejected] = []
    for place, one in enumerate(held):
        try:
            rows.append(_ROW.decode(one.body))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            rejected.append(_refused(Reject(place, "bad_json", f"no event of this version: {error}"), one))
        else:
            places.append(place)
    return rows, places, rejected


def _columns(rows: Sequence[_Row]) -> dict[str, pa.Array]:
    columns: dict[str, pa.Array] = {name: _texts(rows, attrgetter(name)) for name in _TEXTS}
    for name in _INSTANTS:
        columns[name] = pa.array([getattr(row, name) for row in rows], pa.int64()).cast(INSTANT)
    columns["event"] = _texts(rows, _sent_as)
    columns["anonymous_id"] = _texts(rows, _device)
    # What is told of a person is worth nothing by itself.
    bought = [None if row.type in SYSTEM_TYPES else row.properties for row in rows]
    columns |= worth.columns(bought, [row.event for row in rows])
    columns["properties"] = pa.array([bytes(row.properties) for row in rows], pa.binary()).cast(pa.string())
    return columns


def _texts(rows: Sequence[_Row], read: Callable[[_Row], Any]) -> pa.Array:
    return pa.array([read(row) for row in rows], pa.string())


def _sent_as(row: _Row) -> str | None:
    """The name as it came; a page view has none of its own, though it may be called something."""
    return row.raw_event or (row.event if row.type == "track" else None)


def _device(row: _Row) -> str | None:
    """The id beside the user id. That of an alias is the one before, unless it is the same (WIRE 7, quirk 3)."""
    if row.previous_id is None or row.previous_id == row.user_id:
        return row.anonymous_id
    return row.previous_id


def _refused(reject: Reject, held: _Held) -> Rejected:
    original = held.body.decode("utf-8", "replace")
    told = "\x1f".join((held.source, FILE, reject.code, original))
    return Rejected(
        id=hashlib.sha256(told.encode()).hexdigest()[:24],
        at=held.received_at,
        source=held.source,
        code=reject.code,
        message=reject.message,
        file=FILE,
        path=reject.column,
        original=original,
    )
