"""The one place that joins the stages: a store opened, with what can be asked of it and done to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from afterclick.analyse.checks import Doctor
from afterclick.analyse.context import NO_BEHAVIOUR, Context
from afterclick.analyse.kernels import compiled
from afterclick.app import appending, asking, questions, saved_questions
from afterclick.app.automations import Automations
from afterclick.app.desk import Desk
from afterclick.app.segment_shelf import SegmentShelf
from afterclick.app.tail_rows import TailReading
from afterclick.core import clock
from afterclick.core.errors import SpecError, StoreError
from afterclick.core.event import Event, Rejected
from afterclick.core.result import Result, presenter
from afterclick.core.said import Said
from afterclick.core.spec import Spec
from afterclick.stitch.derive import Derivation
from afterclick.store.backup import Copied, back_up
from afterclick.store.definitions import Definitions
from afterclick.store.store import Store
from afterclick.store.tombstones import JOURNAL

if TYPE_CHECKING:
    from afterclick.app.people.erasing import Erased, Live
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
        self.live: Live | None = None
        """The server that collects into this store, where this process is one."""
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
            before, now = self._context, (snapshot.fingerprint, snapshot.codes)
            if before is None or (before.snapshot.fingerprint, before.snapshot.codes) != now:
                context = self._context = Context(snapshot)
                if before is not None:
                    if (before.snapshot.meaning, before.snapshot.codes) == (snapshot.meaning, snapshot.codes):
                        context.take_over(before)
                    before.forget()
                return context
            # Equal data under equal meaning; what is written down besides (boards, alerts) may be newer.
            before.snapshot = snapshot
            return before

    def forget(self) -> None:
        """Answer every question anew: something beside the log and the definitions has changed."""
        with self._lock:
            if self._context is not None:
                self._context.forget()

    def ask(self, spec: Spec) -> Result:
        """Answer a question. Raises SpecError for a field that cannot be meant, NotEnoughData for an empty store."""
        begun = clock.ticks()
        result = asking.answer(spec, self.context)
        result.about["elapsed_ms"] = round((clock.ticks() - begun) * 1000, 1)
        return result

    def report(self, path: str | Path, source: str | Path | None = None, **options: Any) -> Path:
        """Write cards of the dashboard and text of one's own to `path`, one HTML file that asks nothing of the network.

        `source` is a report in TOML; without one `pages` names the pages (`("map", "channels")`). Further options:
        `title`, `lang`, `people` (lists of people, off by default) and the fields of the scope, such as `range="28d"`.
        Raises SpecError for what cannot be meant, NotEnoughData where no card has anything to say.
        """
        made: Path = presenter("report")(self, path, source, **options)
        return made

    def info(self) -> dict[str, Any]:
        """What every page states of the store: name, example, timezone, currency, language, last_at, fingerprint, rows,
        segments (names of the saved ones)."""
        snapshot = self.store.snapshot()
        definitions = snapshot.definitions
        return {
            "name": definitions.name,
            "example": definitions.example,
            "timezone": definitions.timezone,
            "currency": definitions.currency,
            "language": definitions.language,
            "last_at": clock.iso(snapshot.behaved[1]) if snapshot.rows else None,
            "fingerprint": "-".join(part for part in (snapshot.fingerprint, self.desk.state()) if part),
            "rows": snapshot.rows,
            "segments": list(definitions.segments),
        }

    def import_files(
        self,
        paths: Any,
        *,
        map: ColumnMap | None = None,  # noqa: A002 - the word of the command line and the docs
        source: str = "",
        grain: str = "",
        kind: str = "",
        constants: Mapping[str, str] | None = None,
        progress: Callable[..., None] | None = None,
        dry_run: bool = False,
    ) -> ImportReport:
        """Import files, a folder or a data frame; see `collect.importer.import_files`."""
        from afterclick.collect import importer  # noqa: PLC0415 - readers are heavy and seldom needed

        compiled.warm_in_background()
        return importer.import_files(
            self.store,
            paths,
            map=map,
            source=source,
            grain=grain,
            kind=kind,
            constants=constants,
            progress=progress,
            dry_run=dry_run,
        )

    def append(self, events: Iterable[Event], *, source: str = "api") -> int:
        """Store events but those whose id is known already and those of erased people. Returns how many were stored."""
        return appending.append(self.store, events, source)

    def define(self, **changes: Any) -> None:
        """Change what the store means by its words (time zone, currency, stages …); see `store.definitions`."""
        with self.store.defining():
            values = msgspec.to_builtins(self.store.definitions) | changes
            try:
                self.store.save_definitions(msgspec.convert(values, Definitions))
            except msgspec.ValidationError as error:
                raise SpecError(
                    Said("refusals.toml_wrong", error=str(error)), hint=Said("refusals.see_comments")
                ) from None

    def save(self, name: str, spec: Spec) -> None:
        """Save a question under a name, which it takes over if there is one; every page of its kind lists it.

        Raises SpecError for a name that is empty or longer than 120 characters.
        """
        saved_questions.save(self, name, spec)

    def saved(self) -> dict[str, Spec]:
        """The saved questions by name, oldest first. Raises SpecError for one that cannot be read any more."""
        return saved_questions.all_of(self.store.definitions)

    def unsave(self, name: str) -> None:
        """Delete a saved question. Raises SpecError for a name that is not there."""
        saved_questions.remove(self, name)

    @property
    def segments(self) -> SegmentShelf:
        """The saved segments and the lists taken of them."""
        return SegmentShelf(self)

    @property
    def desk(self) -> Desk:
        """Boards and alerts: what is written down, changed, taken back."""
        return Desk(self)

    @property
    def automations(self) -> Automations:
        """Rules, journeys and how messages leave."""
        return Automations(self)

    def events(self) -> tuple[str, ...]:
        """The names of the events of visitors in the store, as questions call them."""
        context = self.context()
        return context.keep(("event names",), lambda: tuple(sorted(set(context.names()[0]) - NO_BEHAVIOUR)))

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
        event = Event(
            event_id=f"{what}-{at}-{snapshot.rows}", event="Linked" if what == "link" else "Unlinked", type=what,
            occurred_at=at, properties=pair, source="by hand",
        )  # fmt: skip
        self.append([event], source="by hand")

    def person(self, given: str, *, kind: str = "") -> dict[str, Any]:
        """Everything that is held about the person behind an id; see `people.export.held`. `kind`: user, anonymous, email."""
        from afterclick.app.people import export  # noqa: PLC0415 - seldom needed

        return export.held(self, given, export.space_of(kind))

    def whose(self, given: str, *, kind: str = "") -> dict[str, int]:
        """What `erase` would take: how many ids the person behind an id has, on how many shared devices, how many events."""
        from afterclick.app.people import export  # noqa: PLC0415 - seldom needed

        return export.amount(self, given, export.space_of(kind))

    def erase(self, given: str, *, kind: str = "", progress: Callable[[str], None] | None = None) -> Erased:
        """Erase the person behind an id, with every id of theirs, from everything in the store, and refuse them from now on.

        `kind` says what the id is: user, anonymous or email; it must be said of an id that no event carries. Raises
        SpecError for an id that is unknown or that several people share, StoreLocked where another process writes.
        """
        from afterclick.app.people import erasing, export  # noqa: PLC0415 - seldom needed

        return erasing.erase(self, given, export.space_of(kind), progress or (lambda _: None))

    def backup(self, target: str | Path, progress: Progress = lambda *_: None) -> Copied:
        """Copy the store to a new folder, while others write to it; see `store.backup.back_up`."""
        return back_up(self.store.path, Path(target), progress)

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
    shop = Workspace(Store.open(Path(path), derive=Derivation(), rows=TailReading(), write=write, create=create))
    if write and (shop.store.path / JOURNAL).exists():
        from afterclick.app.people import erasing  # noqa: PLC0415 - after a crash alone

        # Where the disk refuses it, the journal stays, `doctor` names it, and the next one who opens the store tries again.
        with suppress(StoreError):
            erasing.finish(shop)
    return shop
