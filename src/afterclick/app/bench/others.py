"""The other questions on the same events, for information: they have no yardstick yet."""

from __future__ import annotations

from collections.abc import Callable

from afterclick.analyse import questions
from afterclick.analyse.channels import Channels
from afterclick.analyse.context import Context
from afterclick.analyse.journey_map import JourneyMap
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.question import Question, SessionQuestion
from afterclick.analyse.sessions import sessions_of
from afterclick.app.bench.row import Row
from afterclick.app.bench.timing import Run, alternated, timed
from afterclick.store.snapshot import Snapshot

_KINDS: dict[str, type[Question]] = {
    "sessions": SessionQuestion,
    "key figures": Kpi,
    "journey map": JourneyMap,
    "channels": Channels,
}
ASKED = {name: kind(range="all", compare="none") for name, kind in _KINDS.items()}
"""What is asked, each of a context that knows the visitors and nothing else."""


def other_rows(snapshot: Snapshot, repeats: int) -> list[Row]:
    """A row per question."""
    runs: dict[str, Run] = {name: _run(asked, snapshot) for name, asked in ASKED.items()}
    return [Row(what=name, taken=taken) for name, taken in alternated(runs, repeats).items()]


def _run(asked: Question, snapshot: Snapshot) -> Callable[[], float]:
    def run() -> float:
        context = Context(snapshot)
        context.labels(asked.identity, context.as_of(asked.as_of))
        return timed(lambda: _answer(asked, context))

    return run


def _answer(asked: Question, context: Context) -> None:
    if type(asked) is SessionQuestion:
        sessions_of(context, asked, context.as_of(asked.as_of))
    else:
        questions.answer(asked, context)
