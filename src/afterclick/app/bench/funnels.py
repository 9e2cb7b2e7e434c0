"""A funnel beside a bare pass over its columns and beside ClickHouse's windowFunnel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from afterclick.analyse.context import Context
from afterclick.analyse.funnel import Funnel
from afterclick.app import questions
from afterclick.app.bench.clickhouse import ClickHouse, handed_over
from afterclick.app.bench.row import Row
from afterclick.app.bench.scan import scanning, touch
from afterclick.app.bench.steps import LATER_STEPS, WITHIN
from afterclick.app.bench.timing import Run, alternated, timed
from afterclick.core.result import Result
from afterclick.store.snapshot import Snapshot

SCANNED = ("device", "at", "name", "flags")
SCAN_BOUND, CLICKHOUSE_BOUND = 6.0, 0.9
LEAST = 7
"""Rounds a funnel is run at least, where more than one was asked for: the first rounds of a process still fetch memory."""
_WARM, _COLD, _SCAN, _TOUCH, _THEIRS = "warm", "cold", "scan", "touch", "theirs"


def funnel_rows(
    snapshot: Snapshot, first: str, folder: Path, chdb: Path | None, repeats: int, tell: Callable[[str], None]
) -> list[Row]:
    """The funnel that begins with `first`, asked of a server's context, and of one that knows nothing.

    `chdb` is a Python that has chdb; without one its row says so.
    """
    repeats = max(repeats, LEAST) if repeats > 1 else repeats
    asked = Funnel(steps=(first, *LATER_STEPS), within=WITHIN, range="all", compare="none")
    found: list[Result] = []

    def ask() -> float:
        context = running(snapshot, asked)
        found.clear()
        return timed(lambda: found.append(questions.answer(asked, context)))

    def ask_cold() -> None:
        questions.answer(asked, Context(snapshot))

    runs: dict[str, Run] = {
        _WARM: ask, _COLD: ask_cold, _SCAN: scanning(snapshot, SCANNED),
        _TOUCH: lambda: touch(snapshot, SCANNED),
    }  # fmt: skip
    what = f"funnel of 4 steps from {first}"
    if chdb is None:
        taken = alternated(runs, repeats)
        other = Row(
            what=what, taken=taken[_WARM], against="chdb windowFunnel", bound=CLICKHOUSE_BOUND, note="not installed"
        )
    else:
        tell("chdb")
        with ClickHouse(chdb, handed_over(Context(snapshot), asked, folder), folder / "chdb") as theirs:
            taken = alternated({**runs, _THEIRS: theirs.ask}, repeats)
            note = f"chdb {theirs.version}, {theirs.form}; " + agreement(found[-1], theirs.levels)
        other = Row(
            what=what, taken=taken[_WARM], against="chdb windowFunnel", against_taken=taken[_THEIRS],
            bound=CLICKHOUSE_BOUND, note=note,
        )  # fmt: skip
    rows = ", ".join(SCANNED)
    return [
        Row(
            what=what, taken=taken[_WARM], against=f"scan of {rows} to Arrow batches", against_taken=taken[_SCAN],
            bound=SCAN_BOUND,
        ),
        other,
        Row(what=what, taken=taken[_WARM], against="the same columns touched in memory", against_taken=taken[_TOUCH]),
        Row(what=f"{what}, nothing kept", taken=taken[_COLD], note="visitors are told apart anew, as after an import"),
    ]  # fmt: skip


def running(snapshot: Snapshot, asked: Funnel) -> Context:
    """A context as a running server has it: from another funnel it knows who is who and what words mean, and no answer."""
    context = Context(snapshot)
    questions.answer(msgspec.structs.replace(asked, steps=asked.steps[::-1], within="1h"), context)
    return context


def agreement(ours: Result, levels: dict[int, int]) -> str:
    """Do both count as many visitors at each step? `levels` says how many got exactly so far."""
    mine = [row["n"] for row in ours.frame.to_pylist()]
    theirs = [sum(count for level, count in levels.items() if level >= step) for step in range(1, len(mine) + 1)]
    if mine == theirs:
        return "equal counts at every step"
    return "counts differ: " + ", ".join(f"{a:,} / {b:,}" for a, b in zip(mine, theirs, strict=True))
