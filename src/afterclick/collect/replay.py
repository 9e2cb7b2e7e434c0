"""Rejected rows tried again, with a mended map or a newer version, from the originals that were kept."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.collect import columnmap, versions
from afterclick.collect.chunks import Chunk
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.engine import Engine
from afterclick.collect.intake import Counts, Intake
from afterclick.collect.normalise import Normalised, Normaliser
from afterclick.collect.privacy.imports import Guard
from afterclick.collect.rejects import Origin
from afterclick.collect.report import FileReport, ImportReport
from afterclick.core import clock
from afterclick.core.errors import InputError
from afterclick.core.event import Rejected
from afterclick.core.said import Said
from afterclick.store.manifest import ImportEntry
from afterclick.store.store import Store

_BATCH = 50_000
_AS_BEFORE = frozenset({"ragged_line", "open_quote", "cell_too_large"})
"""Reasons that no map can mend: the row was never cut into cells, or not all of it was kept."""


def replay_rejects(
    store: Store,
    *,
    map: ColumnMap | None = None,  # noqa: A002  the word of the command line and the docs
    codes: Collection[str] | None = None,
    ids: Collection[str] | None = None,
    source: str = "",
) -> ImportReport:
    """Import rejected rows again, with the given map or the one they came with; the originals stay where they are.

    `codes`, `ids` and `source` choose among those not replayed yet. Rows that fail for the same reason again stay as
    they are; all others are marked as replayed. In the report `rejected` counts both those and rows with a new reason.
    Raises InputError when nothing is left to replay.
    """
    return _Replay(store, map, codes, ids, source).run()


class _Group(NamedTuple):
    """The rejects of one file of one import, of which `chosen` ids are tried again."""

    entry: ImportEntry
    source: str
    file: str
    chosen: frozenset[str]


class _Replay:
    def __init__(
        self,
        store: Store,
        given: ColumnMap | None,
        codes: Collection[str] | None,
        ids: Collection[str] | None,
        source: str,
    ) -> None:
        self._store = store
        self._map = given
        self._codes = codes
        self._ids = None if ids is None else frozenset(ids)
        self._source = source
        self._now = clock.now()
        self._began = clock.ticks()
        self._counts: dict[str, Counts] = {}
        self._taken_up: list[str] = []
        self._unchanged = 0
        self._placeholders: Counter[str] = Counter()
        self._versions: dict[str, versions.Versions | None] = {}

    def run(self) -> ImportReport:
        groups = list(self._groups())
        if not groups:
            raise InputError(
                Said("refusals.nothing_to_replay"), hint=Said("refusals.rejects_list")
            )
        name = self._source or groups[0].source
        kept = frozenset[str]().union(*(group.chosen for group in groups))
        with self._store.transaction(name, "replay") as transaction, Engine() as engine:
            guard = Guard.of_store(self._store.path, self._store.definitions.privacy)
            intake = Intake(transaction, self._now, lambda: kept, guard)
            for group in groups:
                self._again(group, intake, engine)
            total = Counts()
            for counts in self._counts.values():
                total = total.plus(counts)
            if self._taken_up:
                new = total.stored + total.duplicates + total.rejected - self._unchanged
                transaction.commit(
                    counts={**total._asdict(), "read": new, "nobody": intake.nobody, "future": intake.future},
                    column_map=self._map.to_dict() if self._map is not None else groups[0].entry.map,
                    reject_ids=self._taken_up,
                )
            return self._report(name, total, intake, groups[0].entry)

    def _groups(self) -> Iterator[_Group]:
        for entry in self._store.manifest.entries:
            if entry.kind == "live":
                # A dead letter of the wire is no row of a table: no map of columns reads it.
                continue
            found: dict[tuple[str, str], list[str]] = {}
            for one in self._store.rejects(imported=entry.id, replayed=False, source=self._source, ids=self._ids):
                if self._codes is None or one.code in self._codes:
                    found.setdefault((one.source, one.file), []).append(one.id)
            for (source, file), chosen in found.items():
                yield _Group(entry, source, file, frozenset(chosen))

    def _again(self, group: _Group, intake: Intake, engine: Engine) -> None:
        given = self._map or columnmap.from_dict(group.entry.map)
        zone = columnmap.zone(given.timezone or self._store.definitions.timezone)
        if given.kind not in self._versions:
            self._versions[given.kind] = versions.of_store(self._store, given)
        known = self._versions[given.kind]
        work = Normaliser(given, engine=engine, zone=zone, source=group.source, now=self._now, versions=known)
        # All rejects of the file are read, those not chosen too: equal rows keep their ordinals, and so their ids.
        every = self._store.rejects(imported=group.entry.id, source=group.source, file=group.file)
        whole = ((one, cells) for one in every if (cells := _cells(one, given.encoding)) is not None)
        tried = 0
        while rows := list(islice(whole, _BATCH)):
            chosen = np.array([one.id in group.chosen for one, _ in rows], bool)
            tried += int(chosen.sum())
            self._take(group, [one for one, _ in rows], _chunk(rows), chosen, work, intake)
        stuck = len(group.chosen) - tried
        self._unchanged += stuck
        self._add(group.file, Counts(read=stuck, rejected=stuck))

    def _take(
        self,
        group: _Group,
        rejected: Sequence[Rejected],
        chunk: Chunk,
        chosen: np.ndarray,
        work: Normaliser,
        intake: Intake,
    ) -> None:
        found = _only(work.run(chunk), chosen)
        for (field, text), count in found.placeholders.items():
            self._placeholders[f"{field}: {text}"] += count
        intake.kept_before.clear()
        taken = intake.take(chunk, found, Origin(group.source, group.file, "utf-8", self._now))
        # The same row with the same reason is the same reject: it stays what it is and is none of the duplicates.
        same = len(intake.kept_before)
        self._unchanged += same
        self._taken_up += [
            one.id for one, wanted in zip(rejected, chosen, strict=True) if wanted and one.id not in intake.kept_before
        ]
        counts = Counts(int(chosen.sum()), taken.stored, taken.duplicates - same, taken.rejected + same)
        self._add(group.file, counts)

    def _add(self, file: str, counts: Counts) -> None:
        self._counts[file] = self._counts.get(file, Counts()).plus(counts)

    def _report(self, name: str, total: Counts, intake: Intake, entry: ImportEntry) -> ImportReport:
        seconds = max(clock.ticks() - self._began, 1e-6)
        return ImportReport(
            source=name,
            map=self._map or columnmap.from_dict(entry.map),
            findings=(),
            files=tuple(
                FileReport(
                    name=file,
                    rows=counts.read,
                    stored=counts.stored,
                    duplicates=counts.duplicates,
                    rejected=counts.rejected,
                )
                for file, counts in self._counts.items()
            ),
            **total._asdict(),
            nobody=intake.nobody,
            future=intake.future,
            reasons=intake.reasons.reasons(),
            currencies=dict(intake.currencies.most_common()),
            placeholders=dict(self._placeholders.most_common(20)),
            seconds=round(seconds, 3),
            rows_per_second=round(total.read / seconds),
        )


def _only(found: Normalised, chosen: np.ndarray) -> Normalised:
    keep = chosen[found.places]
    return found._replace(
        table=found.table.filter(pa.array(keep)),
        places=found.places[keep],
        hashed=found.hashed[keep],
        rejects=[reject for reject in found.rejects if chosen[reject.place]],
    )


def _cells(one: Rejected, encoding: str) -> dict[str, str] | None:
    """The cells of a rejected row, or None when they cannot be had any more."""
    if one.cut or one.code in _AS_BEFORE:
        return None
    try:
        text = one.original or base64.b64decode(one.original_base64).decode(encoding or "utf-8")
        found = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.MsgspecError, ValueError):
        return None
    return None if set(found) == {"line"} else found


def _chunk(rows: Sequence[tuple[Rejected, dict[str, str]]]) -> Chunk:
    names = list(dict.fromkeys(name for _, cells in rows for name in cells))
    columns = {name: pa.array([cells.get(name) for _, cells in rows], pa.string()) for name in names}
    return Chunk(pa.table(columns), np.array([one.row for one, _ in rows], np.int64), damaged=False)
