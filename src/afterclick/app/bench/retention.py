"""Daily retention of first-ever visitors beside a bare scan, ClickHouse and DuckDB, each in the quicker of two ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from afterclick.analyse.context import Context
from afterclick.analyse.funnel import Funnel
from afterclick.analyse.retention.retention import Retention
from afterclick.app import questions
from afterclick.app.bench.clickhouse import Aside, Given, handed_over
from afterclick.app.bench.row import Row
from afterclick.app.bench.scan import scanning
from afterclick.app.bench.steps import FIRST_STEPS, LATER_STEPS
from afterclick.app.bench.timing import Run, alternated, timed
from afterclick.core import spans
from afterclick.core.result import Result
from afterclick.store.snapshot import Snapshot

SCANNED: Final = ("device", "at", "name", "flags")
SCAN_BOUND, CLICKHOUSE_BOUND, DUCKDB_BOUND = 8.0, 1.0, 1.0
PERIODS: Final = 30
ASKED: Final = Retention(start=FIRST_STEPS[1], range="all", compare="none", periods=PERIODS)
"""Visitors by the day of their first page view ever, and on which of the 30 days behind it they viewed a page again."""
_OURS, _SCAN, _CLICKHOUSE, _DUCKDB = "ours", "scan", "chdb", "duckdb"
_SIDE: Final = Path(__file__).with_name("retention_side.py")

FORMS: Final = {
    "distinct days, then a window": (
        'WITH days AS (SELECT DISTINCT visitor, ("at" + $shift) // 86400000000 AS day FROM events '
        "WHERE bot = 0 AND event = $event), "
        "since AS (SELECT day - min(day) OVER (PARTITION BY visitor) AS period FROM days) "
        "SELECT period, count(*) FROM since WHERE period <= $periods GROUP BY period ORDER BY period"
    ),
    "first day joined": (
        'WITH days AS (SELECT visitor, ("at" + $shift) // 86400000000 AS day FROM events '
        "WHERE bot = 0 AND event = $event GROUP BY ALL), "
        "first AS (SELECT visitor, min(day) AS day FROM days GROUP BY visitor) "
        "SELECT days.day - first.day AS period, count(*) FROM days JOIN first USING (visitor) "
        "WHERE days.day - first.day <= $periods GROUP BY period ORDER BY period"
    ),
}
"""Name of a way to ask DuckDB and its text; the quicker one is the yardstick."""


def retention_rows(
    snapshot: Snapshot, folder: Path, chdb: Path | None, repeats: int, tell: Callable[[str], None]
) -> list[Row]:
    """Retention against a scan of its columns, ClickHouse and DuckDB; without `chdb` (a Python) its row says so."""
    found: list[Result] = []

    def ask() -> float:
        context = _running(snapshot)
        found.clear()
        return timed(lambda: found.append(questions.answer(ASKED, context)))

    tell("retention")
    given = _handed_over(snapshot, folder)
    duck = _Duck(given)
    runs: dict[str, Run] = {_OURS: ask, _SCAN: scanning(snapshot, SCANNED), _DUCKDB: duck.ask}
    if chdb is None:
        taken, note = alternated(runs, repeats), "not installed"
    else:
        tell("chdb")
        hint = "leave it out: --no-chdb"
        job = {"file": str(given.rows), "folder": str(folder / "chdb-retention"), "event": given.steps[0]}
        aside = Aside(chdb, _SIDE, job | {"shift": given.within, "periods": PERIODS}, hint)
        counts: list[list[list[int]]] = []

        def theirs() -> float:
            answer = aside.ask()
            counts.append(answer["counts"])
            return float(answer["seconds"])

        taken = alternated({**runs, _CLICKHOUSE: theirs}, repeats)
        aside.close()
        note = f"chdb {aside.ready['version']}, {aside.ready['form']}; {agreement(found[-1], counts[-1])}"
    return _rows(taken, note, f"DuckDB {duckdb.__version__}, {duck.form}; {agreement(found[-1], duck.counts)}")


def _rows(taken: Mapping[str, tuple[float, ...]], note: str, duck_note: str) -> list[Row]:
    what = "daily retention, 30 days"
    return [
        Row(
            what=what, taken=taken[_OURS], against=f"bare scan of {', '.join(SCANNED)}",
            against_taken=taken[_SCAN], bound=SCAN_BOUND,
        ),
        Row(
            what=what, taken=taken[_OURS], against="ClickHouse, its best way", against_taken=taken.get(_CLICKHOUSE, ()),
            bound=CLICKHOUSE_BOUND, note=note,
        ),
        Row(
            what=what, taken=taken[_OURS], against="DuckDB, its best way", against_taken=taken[_DUCKDB],
            bound=DUCKDB_BOUND, note=duck_note,
        ),
    ]  # fmt: skip


def _running(snapshot: Snapshot) -> Context:
    """A context as a running server has it: it knows who is who and what words mean, and no answer."""
    context = Context(snapshot)
    questions.answer(msgspec.structs.replace(ASKED, start=LATER_STEPS[-1]), context)
    return context


def _handed_over(snapshot: Snapshot, folder: Path) -> Given:
    """The rows with the visitors told apart here; `within` is how far the site's midnight lies from that of UTC (µs)."""
    context = Context(snapshot)
    given = handed_over(context, Funnel(steps=(ASKED.start, ASKED.start), range="all", compare="none"), folder)
    midnight = spans.midnight(spans.local_day(snapshot.behaved[0], context.zone), context.zone)
    # The example shop lies in a zone whose clocks never change.
    return given._replace(within=-midnight % spans.DAY)


def agreement(ours: Result, counts: list[list[int]]) -> str:
    """Do both count as many returns in each period, whether it is over for everybody or not?"""
    mine = [0] * (PERIODS + 1)
    for row in ours.parts["cohorts"].select(["period", "returned"]).to_pylist():
        mine[int(row["period"])] += row["returned"]
    theirs = [0] * (PERIODS + 1)
    for period, count in counts:
        theirs[int(period)] = int(count)
    if mine == theirs:
        return "equal counts in every period"
    return "counts differ: " + ", ".join(f"{a:,} / {b:,}" for a, b in zip(mine, theirs, strict=True))


class _Duck:
    """DuckDB with the rows in a table of its own and the quicker form found; `counts` are those of the last answer."""

    def __init__(self, given: Given) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("SET enable_progress_bar = false")
        self._connection.read_parquet(str(given.rows)).create("events")
        self._given = {"event": given.steps[0], "shift": given.within, "periods": PERIODS}
        self.counts: list[list[int]] = []
        taken = {form: min(timed(lambda form=form: self._ask(form)) for _ in range(3)) for form in FORMS}  # type: ignore[misc]
        self.form = min(taken, key=lambda form: taken[form])

    def _ask(self, form: str) -> None:
        self.counts = [list(row) for row in self._connection.execute(FORMS[form], self._given).fetchall()]

    def ask(self) -> None:
        """Ask once in the quicker way."""
        self._ask(self.form)
