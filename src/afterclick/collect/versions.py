"""Ids for rows that tell how something stands: the same state again is the same event, a state come back is a new one.

An id is key - content - number, of hashes. A row equal to what its key says already gets the id of that event, and is a
duplicate. One that says something else gets an id of its own, also where the key said the same at an earlier time:
a price that goes back to what it was must count again, or the last one stored would stay for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import kinds
from afterclick.collect.columnmap import ColumnMap
from afterclick.store import log, segment
from afterclick.store.store import Store

_KEY = 20
_CONTENT = 24


class Versions:
    """What each key says at the moment, and how often it said what; `taken` counts the rows of this import so far."""

    def __init__(self, stored: Iterable[str] = ()) -> None:
        self._current: dict[str, str] = {}
        self._count: dict[str, int] = {}
        self.taken = 0
        for event_id in stored:
            self._remember(event_id)

    def places(self, rows: int) -> range:
        """Numbers of the next rows: they keep the order of an import that the log would otherwise not know."""
        self.taken += rows
        return range(self.taken - rows, self.taken)

    def ids(self, keys: Sequence[str], contents: Sequence[str]) -> list[str]:
        """Event ids of rows in their order, given hashes (hex) of whose state they tell and of what they say."""
        return [self._id(key[:_KEY], content[:_CONTENT]) for key, content in zip(keys, contents, strict=True)]

    def _id(self, key: str, content: str) -> str:
        current = self._current.get(key, "")
        base = f"{key}-{content}"
        if current.split("~", 1)[0] == base:
            return current
        number = self._count.get(base, 0)
        event_id = f"{base}~{number}" if number else base
        self._remember(event_id)
        return event_id

    def _remember(self, event_id: str) -> None:
        base, _, number = event_id.partition("~")
        key = base.partition("-")[0]
        self._current[key] = event_id
        self._count[base] = max(self._count.get(base, 0), int(number or 0) + 1)


def of_store(store: Store, given: ColumnMap) -> Versions | None:
    """What the imports of this kind left in the log, in its order; None for kinds whose every row counts."""
    events = kinds.STATES.get(given.kind)
    return Versions(_stored(store, given.kind, events)) if events else None


def _stored(store: Store, kind: str, events: frozenset[str]) -> Iterator[str]:
    manifest = store.manifest
    for entry in manifest.entries:
        if entry.map.get("kind") != kind:
            continue
        for part in manifest.standing(entry):
            path = store.path / "log" / (part.name + log.SUFFIX)
            table = segment.read_segment(path, ("event_id", "event"))
            wanted = pc.is_in(table["event"].cast(pa.string()), value_set=pa.array(sorted(events)))
            yield from _ids(table["event_id"].filter(wanted))


def _ids(column: pa.ChunkedArray) -> Iterator[str]:
    for text in column.to_pylist():
        head, _, rest = text.partition("-")
        if len(head) == _KEY and rest:
            yield text
