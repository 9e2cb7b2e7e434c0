"""Normalised rows on their way into the store: counted once, conflicts set aside, every row accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells, rejects
from afterclick.collect.chunks import Chunk
from afterclick.collect.normalise import Normalised
from afterclick.collect.privacy.imports import Guard
from afterclick.collect.rejects import Origin, Reject
from afterclick.collect.report import Tally
from afterclick.collect.times import FUTURE
from afterclick.core.event import Rejected
from afterclick.core.names import AD_COST_REPORTED, OF_NOBODY
from afterclick.core.spans import DAY
from afterclick.store import ids as id_index

_OF_NOBODY = pa.array(sorted(OF_NOBODY))
_COSTS = pa.array([AD_COST_REPORTED])


class Taking(Protocol):
    """What the intake needs of a transaction of the store."""

    def seen(self, event_ids: pa.Array) -> pa.BooleanArray: ...

    def conflicts(self, table: pa.Table) -> pa.BooleanArray: ...

    def add(self, table: pa.Table) -> None: ...

    def reject(self, rejected: Sequence[Rejected]) -> None: ...


class Counts(NamedTuple):
    """What became of some rows."""

    read: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(*(one + more for one, more in zip(self, other, strict=True)))


class Intake:
    """Takes chunks into one transaction. `known` tells the ids of rejects that are kept already, if it comes to that;
    `guard` are the store's rules on what may be kept of people."""

    def __init__(
        self,
        transaction: Taking,
        now: int,
        known: Callable[[], frozenset[str]] = frozenset,
        guard: Guard | None = None,
    ) -> None:
        self._transaction = transaction
        self._guard = guard
        self._now = now
        self._ask_known = known
        self.reasons = Tally()
        self.nobody = 0
        self.future = 0
        self.currencies: Counter[str] = Counter()
        self.kept_before: set[str] = set()

    def take(self, chunk: Chunk, rows: Normalised, origin: Origin) -> Counts:
        """Store what is new of a chunk; the counts tell what became of each of its rows."""
        erased: list[Rejected] = []
        if self._guard is not None:
            rows, erased = self._guard.apply(rows, chunk.rows, origin)
        table, given = rows.table, rows.rejects
        seen = cells.flags(cells.whole(self._transaction.seen(cells.whole(table.column("event_id")))))
        conflict = np.zeros(len(seen), bool)
        if (seen & ~rows.hashed).any():
            conflict = self._conflicts(table, seen & ~rows.hashed)
            given = [*given, *_conflict_rejects(table, rows.places, conflict)]
        fresh = table if not seen.any() else table.filter(pa.array(~seen))
        if fresh.num_rows:
            self._transaction.add(fresh)
            self._count(fresh)
        kept_before = self._reject(chunk, rows.raw, given, origin, erased)
        bad = len(given) + len(chunk.bad) + len(erased)
        return Counts(
            read=len(chunk.rows) + len(chunk.bad),
            stored=fresh.num_rows,
            duplicates=int(seen.sum()) - int(conflict.sum()) + kept_before,
            rejected=bad - kept_before,
        )

    @cached_property
    def _known(self) -> frozenset[str]:
        return self._ask_known()

    def _conflicts(self, table: pa.Table, seen: np.ndarray) -> np.ndarray:
        """Which seen rows differ from the first of their id; only rows that share an id with one are compared."""
        hashes = id_index.hash64(cells.whole(table.column("event_id")))
        wanted = np.isin(hashes, hashes[seen])
        result = np.zeros(table.num_rows, bool)
        result[wanted] = cells.flags(cells.whole(self._transaction.conflicts(table.filter(pa.array(wanted)))))
        return np.asarray(result & seen)

    def _count(self, fresh: pa.Table) -> None:
        known = pc.coalesce(fresh.column("anonymous_id"), fresh.column("user_id"))
        event = cells.whole(fresh.column("event"))
        concerns = ~_among(event, _OF_NOBODY)
        self.nobody += int((concerns & ~cells.present(cells.whole(known))).sum())
        # Costs stand at noon for a day that began half a day before.
        at = np.asarray(cells.whole(fresh.column("occurred_at")).cast(pa.int64()))
        half = _among(event, _COSTS) * (DAY // 2)
        self.future += int((at - half > self._now + FUTURE).sum())
        for pair in fresh.column("currency").drop_null().value_counts():
            self.currencies[str(pair["values"].as_py())] += int(pair["counts"].as_py())

    def _reject(
        self, chunk: Chunk, raw: pa.Table, given: Sequence[Reject], origin: Origin, erased: list[Rejected]
    ) -> int:
        """Keep rejects; how many were kept by an earlier import already."""
        before = 0
        batches = [erased, [rejects.of_bad_row(bad, origin) for bad in chunk.bad]]
        for found in (*batches, *rejects.kept(raw, chunk.rows, given, origin)):
            batch = found if self._guard is None else [self._guard.rejected(one) for one in found]
            new = [one for one in batch if one.id not in self._known] if batch else []
            before += len(batch) - len(new)
            self.kept_before.update(one.id for one in batch if one.id in self._known)
            if new:
                self._transaction.reject(new)
                self.reasons.add(new)
        return before


def _among(event: pa.Array, wanted: pa.Array) -> np.ndarray:
    """Which names are among the wanted ones, bool (n); of a dictionary each is looked at once."""
    if not pa.types.is_dictionary(event.type):
        return cells.flags(pc.is_in(event, value_set=wanted))
    hit = cells.flags(pc.is_in(event.dictionary.cast(pa.string()), value_set=wanted))
    found: np.ndarray = np.append(hit, False)[np.asarray(pc.fill_null(event.indices.cast(pa.int32()), -1))]
    return found


def _conflict_rejects(table: pa.Table, places: np.ndarray, conflict: np.ndarray) -> list[Reject]:
    event_ids = table.column("event_id")
    return [
        Reject(
            int(places[row]),
            "id_conflict",
            f"the id {event_ids[int(row)].as_py()!r} stands for another event already",
            "event_id",
        )
        for row in np.flatnonzero(conflict)
    ]
