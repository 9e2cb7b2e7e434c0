"""The other questions on the same events, each of a context that knows the visitors and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from afterclick.analyse.channels import Channels
from afterclick.analyse.context import Context
from afterclick.analyse.journey_map import JourneyMap
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.question import Question, SessionQuestion
from afterclick.analyse.sessions import sessions_of
from afterclick.app import questions
from afterclick.app.bench.row import Row
from afterclick.app.bench.scan import columns_read, scanning
from afterclick.app.bench.timing import Run, alternated, timed
from afterclick.store.snapshot import Snapshot

MAP_BOUND = 10.0
MAP = JourneyMap(range="all", compare="none", barriers="off")
"""The map alone; the search for barriers is a question of its own that the page asks beside it."""

_KINDS: dict[str, type[Question]] = {"sessions": SessionQuestion, "key figures": Kpi, "channels": Channels}
ASKED = {name: kind(range="all", compare="none") for name, kind in _KINDS.items()}
_MAP, _SCAN = "map", "scan"


def map_row(snapshot: Snapshot, repeats: int) -> Row:
    """The journey map against a scan of the columns that it depends on."""
    read = columns_read(snapshot, lambda watched: _run(MAP, watched)())
    taken = alternated({_MAP: _run(MAP, snapshot), _SCAN: scanning(snapshot, read)}, repeats)
    return Row(
        what="journey map, without barriers", taken=taken[_MAP], against=f"scan of its {len(read)} columns to Arrow batches",
        against_taken=taken[_SCAN], bound=MAP_BOUND, note="columns " + ", ".join(read),
    )  # fmt: skip


def other_rows(snapshot: Snapshot, repeats: int) -> list[Row]:
    """A row per question, for information: they have no yardstick yet."""
    runs: dict[str, Run] = {name: _run(asked, snapshot) for name, asked in ASKED.items()}
    return [Row(what=name, taken=taken) for name, taken in alternated(runs, repeats).items()]


def _run(asked: Question, snapshot: Snapshot) -> Callable[[], float]:
    def run() -> float:
        context = Context(snapshot)
        context.labels(asked.identity, context.as_of(asked.as_of))
        seconds = timed(lambda: _answer(asked, context))
        # A server gives up what it kept of the old data when new data come, and meets the memory again.
        context.forget()
        return seconds

    return run


def _answer(asked: Question, context: Context) -> None:
    if type(asked) is SessionQuestion:
        sessions_of(context, asked, context.as_of(asked.as_of))
    else:
        questions.answer(asked, context)
