"""The one place that joins the stages: a store opened, with what can be asked of it and done to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from afterclick.analyse import questions
from afterclick.analyse.checks import Doctor
from afterclick.analyse.context import Context
from afterclick.analyse.kernels import compiled
from afterclick.core import clock
from afterclick.core.errors import SpecError
from afterclick.core.event import Event, Rejected, events_table
from afterclick.core.result import Result
from afterclick.core.spec import Spec
from afterclick.stitch.derive import Derivation
from afterclick.store.definitions import Definitions
from afterclick.store.store import Store

if TYPE_CHECKING:
    from afterclick.collect.columnmap import ColumnMap
    from afterclick.collect.report import ImportReport

Progress = Callable[[str, int, int], None]


class Workspace:
    """An open store. Use it as a context manager, or call `close`.

    >>> with afterclick.open("shop") as shop:          # doctest: +SKIP
    ...     shop.ask(JourneyMap(range="28d")).to_pandas()
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._context: Context | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def context(self) -> Context:
        """The store as it stands now, with what was derived from it before while it has not changed."""
        snapshot = self.store.snapshot()
        with self._lock:
            if self._context is None or self._context.snapshot.fingerprint != snapshot.fingerprint:
                self._context = Context(snapshot)
            return self._context

    def ask(self, spec: Spec) -> Result:
        """Answer a question. Raises SpecError for a field that cannot be meant, NotEnoughData for an empty store."""
        begun = clock.ticks()
        context = self.context()
        result = context.keep(("result", spec.key), lambda: questions.answer(spec, context))
        result.about["elapsed_ms"] = round((clock.ticks() - begun) * 1000, 1)
        return result

    def info(self) -> dict[str, Any]:
        """What every page states of the store: name, example, timezone, currency, language, last_at, fingerprint, rows."""
        snapshot = self.store.snapshot()
        definitions = snapshot.definitions
        return {
            "name": definitions.name,
            "example": definitions.example,
            "timezone": definitions.timezone,
            "currency": definitions.currency,
            "language": definitions.language,
            "last_at": clock.iso(snapshot.last_at) if snapshot.rows else None,
            "fingerprint": snapshot.fingerprint,
            "rows": snapshot.rows,
        }

    def import_files(
        self,
        paths: Any,
        *,
        map: ColumnMap | None = None,  # noqa: A002 - the word of the command line and the docs
        source: str = "",
        grain: str = "",
        progress: Callable[..., None] | None = None,
        dry_run: bool = False,
    ) -> ImportReport:
        """Import files, a folder or a data frame; see `collect.importer.import_files`."""
        from afterclick.collect import importer  # noqa: PLC0415 - readers are heavy and seldom needed

        compiled.warm_in_background()
        return importer.import_files(
            self.store, paths, map=map, source=source, grain=grain, progress=progress, dry_run=dry_run
        )

    def append(self, events: Iterable[Event], *, source: str = "api") -> int:
        """Store events; those whose id is known already are left out. Returns how many were stored."""
        table = events_table(list(events))
        with self.store.transaction(source) as transaction:
            import pyarrow.compute as pc  # noqa: PLC0415

            fresh = table.filter(pc.invert(transaction.seen(table["event_id"].combine_chunks())))
            counts = {"read": table.num_rows, "stored": fresh.num_rows, "duplicates": table.num_rows - fresh.num_rows}
            if fresh.num_rows:
                transaction.add(fresh)
            transaction.commit(counts | {"rejected": 0})
        return int(fresh.num_rows)

    def define(self, **changes: Any) -> None:
        """Change what the store means by its words (time zone, currency, stages …); see `store.definitions`."""
        values = msgspec.to_builtins(self.store.definitions) | changes
        try:
            self.store.save_definitions(msgspec.convert(values, Definitions))
        except msgspec.ValidationError as error:
            raise SpecError(f"afterclick.toml: {error}", hint="see the comments in that file") from None

    def rejects(self, **wanted: Any) -> list[Rejected]:
        """Rejected rows that were kept; `code`, `source`, `file` narrow them down."""
        return list(self.store.rejects(**wanted))

    def replay_rejects(self, **options: Any) -> ImportReport:
        """Import rejected rows again with the given or the stored map; see `collect.importer.replay_rejects`."""
        from afterclick.collect import importer  # noqa: PLC0415

        return importer.replay_rejects(self.store, **options)

    def link(self, a: str, b: str) -> None:
        """Say that two ids are one visitor, from now on; each id as it was sent, or with its namespace (`u:`, `a:`, `e:`)."""
        self._by_hand("link", a, b)

    def unlink(self, a: str, b: str) -> None:
        """Withdraw every link between two ids; the answer equals never having linked them."""
        self._by_hand("unlink", a, b)

    def _by_hand(self, what: str, a: str, b: str) -> None:
        snapshot = self.store.snapshot()
        pair = {"a": questions.known_id(snapshot, a), "b": questions.known_id(snapshot, b)}
        at = clock.now()
        number = snapshot.rows
        event = Event(
            event_id=f"{what}-{at}-{number}", event="Linked" if what == "link" else "Unlinked", type=what,
            occurred_at=at, properties=pair, source="by hand",
        )  # fmt: skip
        self.append([event], source="by hand")

    def doctor(self) -> Result:
        """Every check of the data and the log."""
        return self.ask(Doctor(bots="in", range="all", compare="none"))

    def rebuild(self, progress: Progress | None = None) -> None:
        """Delete the projection and derive it again from the log."""
        if progress is None:
            self.store.rebuild()
        else:
            self.store.rebuild(progress)


def open(path: str | Path, *, write: bool = False, create: bool = False) -> Workspace:  # noqa: A001 - afterclick.open
    """Open the store at `path`.

    `write` takes the lock of the one writer (StoreLocked names the other), `create` makes a new store of an empty or
    missing folder. Raises StoreFormat for a folder that is no store.
    """
    return Workspace(Store.open(Path(path), derive=Derivation(), write=write, create=create))


def spec_of(text: str | bytes) -> Spec:
    """A question from its JSON."""
    return questions.from_json(text)
