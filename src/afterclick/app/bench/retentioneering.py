"""A funnel without a window beside retentioneering's, which keeps the events in a data frame and knows no other funnel."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from afterclick.analyse.context import Context
from afterclick.analyse.funnel import Funnel
from afterclick.app import questions
from afterclick.app.bench.clickhouse import Aside, handed_over
from afterclick.app.bench.funnels import LEAST, running
from afterclick.app.bench.row import Row
from afterclick.app.bench.steps import FIRST_STEPS, LATER_STEPS
from afterclick.app.bench.timing import alternated, timed
from afterclick.core.errors import AfterclickError
from afterclick.core.result import Result
from afterclick.store.snapshot import Snapshot

BOUND = 0.5
ASKED = Funnel(steps=(FIRST_STEPS[0], *LATER_STEPS), within="36500d", range="all", compare="none")
"""Steps in their order however long it takes, which is what retentioneering counts; but where two share an instant, the
order of its rows decides there, and here they count in either."""

_SIDE = Path(__file__).with_name("retentioneering_side.py")
_OURS, _THEIRS = "ours", "theirs"
_WHAT = f"funnel of 4 steps from {FIRST_STEPS[0]}, no window"
_AGAINST = "retentioneering, its loading not counted"


def retentioneering_row(snapshot: Snapshot, folder: Path, python: Path | None, repeats: int) -> Row:
    """Our time against theirs, asked in turns; `python` is one that has retentioneering, without it the row says so."""
    repeats = max(repeats, LEAST) if repeats > 1 else repeats
    found: list[Result] = []

    def ask() -> float:
        context = running(snapshot, ASKED)
        found.clear()
        seconds = timed(lambda: found.append(questions.answer(ASKED, context)))
        context.forget()
        return seconds

    if python is None:
        return Row(what=_WHAT, taken=alternated({_OURS: ask}, repeats)[_OURS], against=_AGAINST, bound=BOUND,
                   note="not installed")  # fmt: skip
    given = handed_over(Context(snapshot), ASKED, folder)
    job = {"file": str(given.rows), "steps": given.steps, "events": given.events}
    try:
        with closing(Aside(python, _SIDE, job, "leave it out: --no-retentioneering")) as theirs:
            answers = [theirs.ask()]
            taken = alternated({_OURS: ask, _THEIRS: lambda: _seconds(theirs, answers)}, repeats)
    except AfterclickError as error:
        return Row(what=_WHAT, taken=alternated({_OURS: ask}, repeats)[_OURS], against=_AGAINST, bound=BOUND,
                   note=error.message)  # fmt: skip
    note = f"retentioneering {theirs.ready['version']}; {agreement(found[-1], answers[-1]['reached'])}"
    return Row(what=_WHAT, taken=taken[_OURS], against=_AGAINST, against_taken=taken[_THEIRS], bound=BOUND, note=note)


def _seconds(theirs: Aside, answers: list[dict[str, object]]) -> float:
    answers.append(theirs.ask())
    return float(str(answers[-1]["seconds"]))


def agreement(ours: Result, theirs: list[int]) -> str:
    """Do both count as many visitors at each step?"""
    mine = [row["n"] for row in ours.frame.to_pylist()]
    if mine == theirs:
        return "equal counts at every step"
    pairs = ", ".join(f"{a:,} / {b:,}" for a, b in zip(mine, theirs, strict=True))
    return f"counts differ: {pairs} (here equal instants count in either order)"
