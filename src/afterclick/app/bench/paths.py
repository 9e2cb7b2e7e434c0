"""Transitions, sessions and paths beside a bare scan, ClickHouse in its best way, and retentioneering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from afterclick.analyse.context import NO_BEHAVIOUR, Context
from afterclick.analyse.funnel import Funnel
from afterclick.analyse.paths.paths import Paths
from afterclick.analyse.paths.transitions import Transitions
from afterclick.analyse.question import Question, SessionQuestion
from afterclick.analyse.sessions import sessions_of
from afterclick.app import questions
from afterclick.app.bench.clickhouse import Aside, handed_over
from afterclick.app.bench.funnels import LEAST
from afterclick.app.bench.row import Row
from afterclick.app.bench.scan import columns_read, scanning
from afterclick.app.bench.steps import FIRST_STEPS, LATER_STEPS
from afterclick.app.bench.timing import Run, alternated, timed
from afterclick.core.result import Result
from afterclick.store.snapshot import Snapshot

MOVES: Final = Transitions(unit="visitors", of="events", top=50, range="all", compare="none")
"""Every event of every visitor with the next one: what the peers count, and visitors, median times, loops besides."""
SESSIONS: Final = SessionQuestion(new_on_campaign="off", range="all", compare="none")
WAYS: Final = Paths(unit="sessions", range="all", compare="none")
SCAN_BOUND: Final = 8.0
BOUNDS: Final = {"transitions": (1 / 4, 1 / 30), "sessions": (1.0, 1 / 25)}
"""The largest ratio to ClickHouse and to retentioneering."""

_SCAN: Final = "scan"
_CLICKHOUSE, _OTHER = "chdb", "retentioneering"
_SIDES: Final = {name: Path(__file__).with_name(f"paths_{name}_side.py") for name in (_CLICKHOUSE, _OTHER)}


def path_rows(
    snapshot: Snapshot,
    folder: Path,
    pythons: tuple[Path | None, Path | None],
    repeats: int,
    tell: Callable[[str], None],
) -> list[Row]:
    """Two questions beside both peers, and paths beside a scan; `pythons` have chdb and retentioneering, None without."""
    repeats = max(repeats, LEAST) if repeats > 1 else repeats
    found: dict[str, Any] = {}

    def moves() -> float:
        context = _running(snapshot)
        return timed(lambda: found.update(transitions=questions.answer(MOVES, context)))

    def moves_anew() -> None:
        questions.answer(MOVES, Context(snapshot))

    def sessions() -> float:
        context = Context(snapshot)
        as_of = context.as_of(SESSIONS.as_of)
        context.labels(SESSIONS.identity, as_of)
        seconds = timed(lambda: found.update(sessions=len(sessions_of(context, SESSIONS, as_of))))
        context.forget()
        return seconds

    def ways() -> float:
        context = _running(snapshot)
        return timed(lambda: found.update(paths=questions.answer(WAYS, context)))

    tell("paths")
    ours: dict[str, Run] = {"transitions": moves, "sessions": sessions, "paths": ways, "anew": moves_anew}
    read = {name: columns_read(snapshot, ask) for name, ask in _ASKS.items()}
    scans = {f"{_SCAN} {name}": scanning(snapshot, columns) for name, columns in read.items()}
    peers = _Peers(snapshot, folder, dict(zip((_CLICKHOUSE, _OTHER), pythons, strict=True)), tell)
    taken = alternated({**ours, **scans, **peers.runs}, repeats)
    peers.close()
    return [*_scan_rows(taken, read), *_peer_rows(taken, peers, found)]


def _asks(asked: Question) -> Callable[[Snapshot], object]:
    return lambda snapshot: questions.answer(asked, Context(snapshot))


_ASKS: Final[Mapping[str, Callable[[Snapshot], object]]] = {
    "transitions": _asks(MOVES), "paths": _asks(WAYS),
    "sessions": lambda snapshot: sessions_of(Context(snapshot), SESSIONS, snapshot.last_at),
}  # fmt: skip
_WHAT: Final = {
    "transitions": "transitions of all events, with median times",
    "sessions": "sessions, cut and described",
    "paths": "paths of sessions, 5 columns and whole paths",
}


def _scan_rows(taken: Mapping[str, tuple[float, ...]], read: Mapping[str, tuple[str, ...]]) -> list[Row]:
    rows = [
        Row(
            what=_WHAT[name], taken=taken[name], against=f"scan of what {name} depend on, {len(columns)} columns",
            against_taken=taken[f"{_SCAN} {name}"], bound=SCAN_BOUND, note="columns " + ", ".join(columns),
        )
        for name, columns in read.items()
    ]  # fmt: skip
    anew = Row(what=f"{_WHAT['transitions']}, nothing kept", taken=taken["anew"], note="as after an import")
    return [*rows, anew]


def _peer_rows(taken: Mapping[str, tuple[float, ...]], peers: _Peers, found: Mapping[str, Any]) -> list[Row]:
    rows = []
    for name, bounds in BOUNDS.items():
        for peer, bound in zip((_CLICKHOUSE, _OTHER), bounds, strict=True):
            note = peers.notes[peer]
            if peer in peers.asides:
                note += "; " + agreement(name, found[name], peers.answers[peer][name])
            rows.append(
                Row(
                    what=_WHAT[name], taken=taken[name], against=f"{name} in {peer}, its loading not counted",
                    against_taken=taken.get(f"{peer} {name}", ()), bound=bound, note=note,
                )
            )  # fmt: skip
    return rows


class _Peers:
    """The processes of the peers that there are, with the rows loaded."""

    def __init__(
        self, snapshot: Snapshot, folder: Path, pythons: Mapping[str, Path | None], tell: Callable[[str], None]
    ) -> None:
        context = Context(snapshot)
        given = handed_over(context, Funnel(steps=(FIRST_STEPS[0], *LATER_STEPS), range="all", compare="none"), folder)
        acts = [code for code, name in enumerate(given.events) if name not in NO_BEHAVIOUR]
        self.asides: dict[str, Aside] = {}
        self.notes = dict.fromkeys(pythons, "not installed")
        self.answers: dict[str, dict[str, Any]] = {peer: {} for peer in pythons}
        self.runs: dict[str, Run] = {}
        for peer, python in pythons.items():
            if python is None:
                continue
            tell(peer)
            job = {
                "file": str(given.rows), "folder": str(folder / f"{peer}-paths"), "events": given.events, "acts": acts,
                "timeout": 30 * 60,
            }  # fmt: skip
            self.asides[peer] = Aside(python, _SIDES[peer], job, f"leave it out: --no-{peer}")
            ready = self.asides[peer].ready
            self.notes[peer] = f"{peer} {ready['version']}" + (f", {ready['form']}" if "form" in ready else "")
            for name in BOUNDS:
                self.runs[f"{peer} {name}"] = self._run(peer, name)

    def _run(self, peer: str, name: str) -> Callable[[], float]:
        def run() -> float:
            answer = self.asides[peer].ask(name)
            self.answers[peer][name] = answer["found"]
            return float(answer["seconds"])

        return run

    def close(self) -> None:
        """End them."""
        for aside in self.asides.values():
            aside.close()


def _running(snapshot: Snapshot) -> Context:
    """A context as a server has it whose Paths page was open: it knows the rows in order and their sessions, and no answer."""
    context = Context(snapshot)
    questions.answer(Transitions(of="events", top=2, range="all", compare="none"), context)
    questions.answer(Paths(start=FIRST_STEPS[0], depth=3, range="all", compare="none"), context)
    return context


def agreement(name: str, ours: Any, theirs: Any) -> str:
    """Do both count as many moves of each kind, or as many sessions?"""
    if name == "sessions":
        return "equal counts" if ours == theirs else f"{ours:,} here, {theirs:,} there (a server's sale extends none here)"
    assert isinstance(ours, Result)
    inner = [row for row in ours.frame.to_pylist() if row["from_type"] == row["to_type"] == "event"]
    mine = {(row["from"], row["to"]): row["moves"] for row in inner}
    other = {(one, two): int(count) for one, two, count in theirs if count}
    if mine == other:
        return "equal counts of every move"
    apart = sum(abs(mine.get(pair, 0) - other.get(pair, 0)) for pair in mine.keys() | other.keys())
    counted = f"{sum(mine.values()):,} moves here, {sum(other.values()):,} there, {apart:,} apart"
    return f"{counted} (equal instants stand by event id here)"
