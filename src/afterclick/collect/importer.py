"""Files, folders and frames into the store in one go: all of it or nothing, every row accounted for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from afterclick.collect import columnmap, kinds, renames, versions
from afterclick.collect.ahead import ahead
from afterclick.collect.chunks import Chunk, Reader
from afterclick.collect.columnmap import ColumnMap
from afterclick.collect.engine import Engine
from afterclick.collect.intake import Counts, Intake
from afterclick.collect.normalise import Normalised, Normaliser
from afterclick.collect.planning import Plan, plan
from afterclick.collect.privacy.imports import Guard
from afterclick.collect.rejects import Origin
from afterclick.collect.replay import replay_rejects
from afterclick.collect.report import FileReport, ImportReport
from afterclick.collect.versions import Versions
from afterclick.core import clock
from afterclick.core.errors import InputError
from afterclick.core.said import Said
from afterclick.store.manifest import FileEntry
from afterclick.store.store import Store

__all__ = ["Plan", "import_files", "plan", "replay_rejects"]

Progress = Callable[[str, int, int], None]
"""Called with the file being read, the rows read so far of the whole import, and 0 (files do not tell how many follow)."""

_SURE = 20
"""From this many rows on, a file none of whose rows can be read has a wrong map, not bad rows."""


def import_files(
    store: Store,
    paths: Any,
    *,
    map: ColumnMap | None = None,  # noqa: A002  the word of the command line and the docs
    source: str = "",
    grain: str = "",
    kind: str = "",
    constants: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Import a file, several, a folder or a data frame; with `dry_run` everything but the last step is done.

    `source` is the name of the source in the store, `kind` and `grain` override the guessed ones, `constants` are fields
    that no column holds. Raises InputError, with nothing stored,
    for what cannot be read or mapped; bad rows are kept as rejects and counted. The same rows again are duplicates.
    """
    planned = plan(paths, map=map, source=source, grain=grain, kind=kind, constants=constants)
    return _Import(store, planned, progress).run(dry_run=dry_run)


_NAIVE: Final = re.compile(r"\d{4}[-/.]\d\d?[-/.]\d\d?[T ]\d\d?:\d\d(:\d\d(\.\d+)?)?")


class _Import:
    def __init__(self, store: Store, planned: Plan, progress: Progress | None) -> None:
        self._store = store
        self._plan = planned
        self._progress = progress
        self._began = clock.ticks()
        self._now = clock.now()
        self._zone = columnmap.zone(planned.map.timezone or store.definitions.timezone)
        self._counts: dict[str, Counts] = {}
        self._placeholders: Counter[str] = Counter()
        self._odd: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._again: dict[str, str] = {}
        self._versions: Versions | None = None

    def run(self, *, dry_run: bool) -> ImportReport:
        digests = [reader.sha256() for reader in self._plan.readers]
        with self._store.transaction(self._plan.map.source) as transaction:
            rows_before = self._imported_before()
            new: list[Reader] = []
            for reader, digest in zip(self._plan.readers, digests, strict=True):
                if digest in rows_before:
                    rows, self._again[reader.name] = rows_before[digest]
                    self._counts[reader.name] = Counts(rows, 0, rows, 0)
                else:
                    new.append(reader)
            files = {reader.name for reader in new}
            self._versions = versions.of_store(self._store, self._plan.map)
            guard = Guard.of_store(self._store.path, self._store.definitions.privacy)
            intake = Intake(transaction, self._now, lambda: self._known_rejects(files), guard)
            self._take(new, intake)
            total = self._total()
            if not total.read:
                raise InputError(Said("refusals.no_rows"), hint=Said("refusals.only_headers"))
            if not dry_run:
                transaction.commit(
                    counts=self._told(total, intake),
                    files=[
                        FileEntry(
                            name=reader.name, sha256=digest, rows=self._counts[reader.name].read, bytes=reader.size
                        )
                        for reader, digest in zip(self._plan.readers, digests, strict=True)
                    ],
                    column_map=self._plan.map.to_dict(),
                )
            return self._report(total, intake, transaction.id, dry_run=dry_run)

    def _imported_before(self) -> dict[str, tuple[int, str]]:
        """Rows and import of each file that was imported with this very map, by its SHA-256.

        Of states only the last import counts: a file from before it may bring an earlier state back.
        """
        told = self._plan.map.to_dict()
        entries = [entry for entry in self._store.manifest.entries if entry.kind == "import"]
        if self._plan.map.kind in kinds.STATES:
            entries = [entry for entry in entries if entry.map.get("kind") == self._plan.map.kind][-1:]
        return {file.sha256: (file.rows, entry.id) for entry in entries if entry.map == told for file in entry.files}

    def _known_rejects(self, files: set[str]) -> frozenset[str]:
        return frozenset(one.id for one in self._store.rejects(source=self._plan.map.source) if one.file in files)

    def _take(self, readers: Sequence[Reader], intake: Intake) -> None:
        done = self._total().read
        with closing(ahead(lambda: self._normalised(readers))) as normalised:
            self._take_all(normalised, intake, done)

    def _take_all(self, normalised: Iterator[tuple[Reader, Chunk, Normalised]], intake: Intake, done: int) -> None:
        for reader, chunk, rows in normalised:
            origin = Origin(self._plan.map.source, reader.name, reader.encoding, self._now)
            before = self._counts.get(reader.name, Counts())
            if not before.read:
                _refuse_wrong_map(self._plan.map, reader, chunk, rows)
            taken = intake.take(chunk, rows, origin)
            self._counts[reader.name] = before.plus(taken)
            for (field, text), count in rows.placeholders.items():
                self._placeholders[f"{field}: {text}"] += count
            self._odd.update(rows.odd)
            self._notes.update(rows.notes)
            done += taken.read
            if self._progress is not None:
                self._progress(reader.name, done, 0)

    def _normalised(self, readers: Sequence[Reader]) -> Iterator[tuple[Reader, Chunk, Normalised]]:
        given = self._plan.map
        with Engine() as engine:
            for reader in readers:
                work = Normaliser(
                    given,
                    engine=engine,
                    zone=self._zone,
                    source=given.source,
                    now=self._now,
                    versions=self._versions,
                )
                with closing(ahead(reader.chunks)) as chunks:
                    for chunk in chunks:
                        yield reader, chunk, work.run(chunk)

    def _total(self) -> Counts:
        total = Counts()
        for counts in self._counts.values():
            total = total.plus(counts)
        return total

    def _told(self, total: Counts, intake: Intake) -> dict[str, int]:
        return {**total._asdict(), "nobody": intake.nobody, "future": intake.future}

    def _report(self, total: Counts, intake: Intake, import_id: str, *, dry_run: bool) -> ImportReport:
        planned = self._plan
        seconds = max(clock.ticks() - self._began, 1e-6)
        # Keys of JSON objects come and go by row; only columns of tables can be missing.
        tables = [(reader.name, reader.columns) for reader in planned.readers if reader.fixed]
        missing = renames.missing(tables, planned.renamed)
        files = [
            FileReport(
                name=reader.name,
                rows=self._counts.get(reader.name, Counts()).read,
                **{
                    key: value
                    for key, value in self._counts.get(reader.name, Counts())._asdict().items()
                    if key != "read"
                },
                missing=missing.get(reader.name, ()),
                notes=reader.notes,
                again=self._again.get(reader.name, ""),
            )
            for reader in planned.readers
        ]
        return ImportReport(
            source=planned.map.source,
            map=planned.map,
            findings=planned.findings,
            files=tuple(files),
            **total._asdict(),
            nobody=intake.nobody,
            future=intake.future,
            reasons=intake.reasons.reasons(),
            renamed=tuple(f"{old} → {new}" for old, new in planned.renamed),
            missing=missing,
            currencies=dict(intake.currencies.most_common()),
            placeholders=dict(self._placeholders.most_common(20)),
            odd=dict(self._odd.most_common()),
            skipped=planned.skipped,
            warnings=(*planned.warnings, *self._warnings(files, intake)),
            seconds=round(seconds, 3),
            rows_per_second=round(total.read / seconds),
            dry_run=dry_run,
            import_id="" if dry_run else import_id,
        )

    def _times_lack_a_zone(self) -> bool:
        samples = [finding.sample for finding in self._plan.findings if finding.field == "occurred_at"]
        return not self._plan.map.timezone and any(_NAIVE.fullmatch(sample) for sample in samples)

    def _warnings(self, files: Sequence[FileReport], intake: Intake) -> list[str]:
        told = [f"{file.name} has no rows" for file in files if not file.rows]
        told += [f"{file.name} was imported before, by {file.again}" for file in files if file.again]
        told += [f"{file.name} has no column {', '.join(file.missing)}" for file in files if file.missing]
        if self._times_lack_a_zone():
            told.append(
                f"times carry no zone and were read as {self._zone.key}; for another one write "
                'timezone = "Asia/Seoul" at the head of a map file, and import with it'
            )
        if intake.future:
            told.append(f"{intake.future:,} events lie in the future; they are kept and flagged")
        if len(intake.currencies) > 1:
            told.append(f"several currencies ({', '.join(intake.currencies)}): they are never added without rates")
        if self._placeholders:
            told.append(f"{self._placeholders.total():,} ids stand for nobody and were taken as absent")
        told += [f"{count:,} {note}" for note, count in self._notes.items()]
        told += [f"{count:,} values of {name} are no numbers: kept in properties" for name, count in self._odd.items()]
        return told


def _refuse_wrong_map(given: ColumnMap, reader: Reader, chunk: Chunk, rows: Normalised) -> None:
    if rows.table.num_rows or not rows.rejects or len(chunk.rows) < _SURE:
        return
    code, count = Counter(reject.code for reject in rows.rejects).most_common(1)[0]
    first = next(reject for reject in rows.rejects if reject.code == code)
    field = next((field for field, specs in given.columns.items() if first.column in specs), "")
    raise InputError(
        Said("refusals.no_row_readable", name=reader.name, n=len(chunk.rows), count=count, message=first.message),
        hint=Said("refusals.map_probably_wrong"),
        path=f"columns.{field}" if field else "",
    )
