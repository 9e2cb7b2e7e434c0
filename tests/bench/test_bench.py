"""The bench measures what it says and computes its ratios; what the figures are is the machine's business."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from afterclick.app import bench
from afterclick.app.bench import clickhouse, clickhouse_side, funnel_kinds, funnels, retentioneering, side, steps
from afterclick.app.bench.row import Row
from afterclick.app.bench.timing import alternated
from afterclick.app.workspace import open as open_store
from afterclick.core.errors import AfterclickError
from afterclick.surfaces.cli import bench as command
from afterclick.surfaces.cli import bench_server

EVENTS = 10_000
ACTING = ("backtest", "states", "decide", "timers")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    told = []
    # The collector's part has tests of its own.
    parts = [part for part in bench.PARTS if part not in ("ingest", *ACTING)]
    folder = tmp_path_factory.mktemp("bench")
    found = bench.run(EVENTS, folder, repeats=1, only=parts, server=bench_server.visit, tell=told.append)
    assert told[:2] == ["generate", "import"]
    return found


def test_decisions_timers_and_dry_runs_are_measured(tmp_path):
    rows = bench.run(EVENTS, tmp_path, repeats=1, only=ACTING)
    taken = {row.what: row.taken for row in rows}
    assert sum(what.startswith("backtest") for what in taken) >= 3
    assert sum(what.startswith(("decision", "1,000 decisions")) for what in taken) == 3
    assert sum("timers" in what for what in taken) == 4
    if shutil.which("chromium"):
        assert len(taken["event to offer in Chromium"]) == 30
    (state,) = [row for row in rows if row.what.startswith("state of a visitor")]
    # Of so few visitors the process may as well have shrunk meanwhile.
    assert abs(state.seconds) < 1_000
    assert float(re.findall(r"packed ([0-9,]+) bytes", state.note)[0].replace(",", "")) < 1_000
    assert all(row.seconds > 0 for row in rows if row is not state)
    assert all(row.bound is not None for row in rows if not row.what.startswith("backtest"))
    assert all("0 refused" in row.note for row in rows if "decision" in row.what)


def test_every_part_is_measured(rows):
    parts = [row.what for row in rows]
    assert parts[0].startswith("import of ")
    assert [what.partition(" ")[0] for what in parts[1:3]] == ["funnel", "map"]
    assert all("peak memory" in row.note for row in rows[1:3])
    parts = parts[2:]
    of_value = [what for what in parts if what.startswith("value: ")]
    assert [what.split()[-1] for what in of_value] == ["buyers"] * 6 + ["value", "rfm", "repeat"]
    parts = [what for what in parts if not what.startswith("value: ")]
    assert parts.count("daily retention, 30 days") == 3
    parts = [what for what in parts if what != "daily retention, 30 days"]
    assert parts.count("attribution, all rules, 30 d") == 2
    assert sum(what.startswith("first, last, linear and Markov over ") for what in parts) == 1
    parts = [what for what in parts if not what.startswith(("attribution, ", "first, last, linear and Markov"))]
    of_paths = ("transitions of all", "sessions, cut", "paths of sessions")
    assert [sum(what.startswith(name) for what in parts) for name in of_paths] == [4, 3, 1]
    parts = [what for what in parts if not what.startswith(of_paths)]
    assert [
        sum(what.startswith(f"funnel of 4 steps from {first}") for what in parts[:9]) for first in steps.FIRST_STEPS
    ] == [4, 4]
    kinds = [*funnel_kinds.KINDS, f"a visitor of {funnel_kinds.CROWD:,} events"]
    assert parts[9:15] == [f"the same funnel with {kind}" for kind in kinds]
    assert parts[15:19] == ["journey map, without barriers", "sessions", "key figures", "channels"]
    assert parts[19] == "funnel of 4 steps from Product Viewed, no window"
    assert len([what for what in parts[20:] if what.startswith("map page, 10,000 events, ")]) == 3
    assert len([what for what in parts[23:] if what.endswith(" page, its answers kept")]) == 3
    assert len(parts) == 26


def test_ratios_are_those_of_the_medians(rows):
    for row in rows:
        assert len(row.taken) == 1
        assert row.seconds > 0
        if row.against_taken:
            assert row.ratio == pytest.approx(row.taken[0] / row.against_taken[0])
            assert row.holds == (None if row.bound is None else row.ratio <= row.bound)
    bounds = {row.against or row.what: row.bound for row in rows if row.bound is not None}
    wanted = {
        "lifetimes 0.11.3": 1 / 15, "value: BG/NBD of": 2.5,
        "DuckDB SQL": 1.3, "pass over": 8.0, "bare scan": 8.0, "ClickHouse, its best": 1.0, "DuckDB, its best": 1.0,
        "DuckDB: ORDER": 4.0, "scan of device": 6.0, "scan of its": 10.0, "chdb": 0.9, "the plain": 2.0, "without": 1.5,
        "retentioneering": 0.5, "map page, 10,000 events, cold": 0.3, "map page, 10,000 events, again": 0.05,
        "overview page": 0.05, "channels page": 0.05, "visitors page": 0.05,
    }  # fmt: skip
    wanted |= {f"scan of what {name} depend on": 8.0 for name in ("transitions", "sessions", "paths")}
    wanted |= {"transitions in chdb": 1 / 4, "transitions in retentioneering": 1 / 30}
    wanted |= {"sessions in chdb": 1.0, "sessions in retentioneering": 1 / 25}
    assert len(bounds) == len(wanted)
    for prefix, bound in wanted.items():
        assert [value for name, value in bounds.items() if name.startswith(prefix)] == [bound], prefix


def test_the_map_is_scanned_by_the_columns_that_it_reads(rows):
    [row] = [row for row in rows if row.what.startswith("journey map")]
    assert {"device", "at", "name", "flags", "touch", "campaign", "page_group"} <= set(row.note.split(" ", 1)[1].split(", "))


def test_a_part_can_be_measured_alone(tmp_path):
    [row] = bench.run(EVENTS, tmp_path, repeats=1, only=("map",))
    assert row.what.startswith("journey map")
    assert not (tmp_path / "page-store").exists()


def test_without_chdb_its_row_says_so(rows):
    missing = [row for row in rows if row.against.startswith(("chdb", "retentioneering"))]
    assert len(missing) == 3
    for row in missing:
        assert (row.note, row.against_seconds, row.ratio, row.holds) == ("not installed", None, None, None)


def test_import_says_its_rate_and_both_peaks(rows):
    assert "rows/s; peak memory" in rows[0].note
    assert "9," in rows[0].what or "10," in rows[0].what


@pytest.mark.parametrize(
    ("taken", "against", "bound", "ratio", "holds"),
    [
        ((3.0, 1.0, 2.0), (4.0, 4.0, 1.0), 0.5, 0.5, True),
        ((3.0, 1.0, 2.0), (4.0, 4.0, 1.0), 0.4, 0.5, False),
        ((3.0,), (1.5,), None, 2.0, None),
    ],
)
def test_a_row_compares_medians(taken, against, bound, ratio, holds):
    row = Row(what="a", taken=taken, against="b", against_taken=against, bound=bound)
    assert (row.ratio, row.holds) == (ratio, holds)


def test_a_bound_without_a_yardstick_is_in_seconds():
    assert Row(what="a", taken=(0.2,), bound=0.3).holds is True
    assert Row(what="a", taken=(0.4,), bound=0.3).holds is False


def test_runs_take_turns_and_the_first_round_does_not_count():
    order = []
    taken = alternated({"a": lambda: order.append("a"), "b": lambda: order.append("b") or 7.0}, 2)
    assert order == ["a", "b"] * 3
    assert len(taken["a"]) == 2
    assert taken["b"] == (7.0, 7.0)


class Answer:
    def __init__(self, counts):
        self.frame = self
        self.counts = counts

    def to_pylist(self):
        return [{"n": n} for n in self.counts]


def test_unequal_answers_are_named():
    assert funnels.agreement(Answer([10, 4, 1]), {1: 6, 2: 3, 3: 1}) == "equal counts at every step"
    assert funnels.agreement(Answer([10, 4, 1]), {1: 7, 2: 2, 3: 1}) == "counts differ: 10 / 10, 4 / 3, 1 / 1"


class Session:
    """Says what chdb would be asked."""

    def __init__(self):
        self.asked = []

    def query(self, sql, form, params):
        self.asked.append((sql, form, params))
        return json.dumps({"data": [[1, 5], [2, 3]]})


def test_clickhouse_is_asked_with_parameters_only():
    session = Session()
    seconds, levels = clickhouse_side.answered(session, {"steps": [3, 8], "within": 60}, "t1")
    [(sql, form, params)] = session.asked
    assert levels == [[1, 5], [2, 3]]
    assert seconds >= 0
    assert "windowFunnel({within:UInt64})(at, event = {step0:UInt16}, event = {step1:UInt16})" in sql
    assert (form, params) == ("JSONCompact", {"within": 60, "steps": [3, 8], "table": "t1", "step0": 3, "step1": 8})


FAKE = """#!{python}
import json, sys
job = json.loads(sys.argv[3])
print(json.dumps({{"version": "0", "form": "fake"}}), flush=True)
for line in sys.stdin:
    print(json.dumps({{"seconds": 0.5, "levels": [[1, job["within"]], [2, len(job["steps"])]]}}), flush=True)
"""


def other_python(tmp_path, text):
    path = tmp_path / "python"
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_other_process_answers_until_it_is_left(tmp_path):
    python = other_python(tmp_path, FAKE.format(python=sys.executable))
    given = clickhouse.Given(tmp_path / "rows.parquet", [1, 2, 3], 60)
    with clickhouse.ClickHouse(python, given, tmp_path / "d") as theirs:
        assert [theirs.ask(), theirs.ask()] == [0.5, 0.5]
        assert (theirs.levels, theirs.version, theirs.form) == ({1: 60, 2: 3}, "0", "fake")


def test_a_chdb_that_fails_is_an_error_with_its_last_words(tmp_path):
    python = other_python(tmp_path, "#!/bin/sh\necho 'no such library' >&2\nexit 3\n")
    given = clickhouse.Given(tmp_path / "rows.parquet", [1], 60)
    with pytest.raises(AfterclickError, match="no such library"):
        clickhouse.ClickHouse(python, given, tmp_path / "d")


PEER = """#!{python}
import json, sys
job = json.loads(sys.argv[3])
print(json.dumps({{"version": "5.0"}}), flush=True)
for line in sys.stdin:
    print(json.dumps({{"seconds": 0.5, "reached": [len(job["steps"]), 1, 1, 1]}}), flush=True)
"""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    bench.run(EVENTS, folder, repeats=1, only=("import",))
    with open_store(folder / "store") as shop:
        return shop.store.snapshot()


def test_a_peer_answers_beside_ours(snapshot, tmp_path):
    python = other_python(tmp_path, PEER.format(python=sys.executable))
    row = retentioneering.retentioneering_row(snapshot, tmp_path, python, 1)
    assert row.against_taken == (0.5,)
    assert row.note.startswith("retentioneering 5.0; counts differ: ")


def test_a_peer_that_fails_is_said_in_its_row(snapshot, tmp_path):
    python = other_python(tmp_path, "#!/bin/sh\necho 'no such library' >&2\nexit 3\n")
    row = retentioneering.retentioneering_row(snapshot, tmp_path, python, 1)
    assert (row.note, row.holds) == ("retentioneering did not answer: no such library", None)


def test_without_a_network_there_is_no_chdb(tmp_path, monkeypatch):
    monkeypatch.setenv("AFTERCLICK_CACHE", str(tmp_path))
    monkeypatch.setattr(clickhouse.venv, "create", lambda folder, **_: folder.mkdir(parents=True))
    assert bench.environment() is None

    def fails(command, **_):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(clickhouse.subprocess, "run", fails)
    assert bench.environment() is None


def test_work_elsewhere_that_fails_says_why(tmp_path):
    with pytest.raises(AfterclickError, match="could not copy"):
        side.run("copy", tmp_path / "nothing.parquet", tmp_path / "out.parquet")


def test_the_command_prints_the_table(rows, monkeypatch):
    monkeypatch.setattr(command.app, "run", lambda events, folder, **options: rows)
    done = CliRunner().invoke(command.bench, ["--events", "10000", "--no-chdb", "--no-retentioneering", "--lang", "en"])
    assert done.exit_code == 0, done.output
    assert f"{bench.machine().cores} cores" in done.output
    assert "journey map" in done.output
    assert "chdb windowFunnel" in done.output
    assert "funnel of 4 steps from Page Viewed: not installed" in done.output
