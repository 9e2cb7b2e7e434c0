"""The bench runs through and its bounds mean what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from afterclick.app import bench
from afterclick.app.bench import Measure
from afterclick.surfaces.cli.main import group


def test_a_bound_is_on_the_ratio_where_there_is_a_yardstick() -> None:
    assert Measure("funnel", 0.5, "scan", 0.1, 6).ratio == 5
    assert Measure("funnel", 0.5, "scan", 0.1, 6).holds
    assert not Measure("funnel", 0.7, "scan", 0.1, 6).holds
    assert Measure("map", 0.2, "", None, 0.3).holds
    assert not Measure("map", 0.4, "", None, 0.3).holds
    assert Measure("map", 0.4, "", None, None).holds is None


@pytest.mark.slow
def test_the_bench_measures_what_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SMALL", 10_000)
    done = CliRunner().invoke(group, ["bench", "--events", "10000", "--dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if line[:1].isalpha()]
    assert [row.split("  ")[0] for row in rows[1:]] == [
        "import of events.parquet",
        "funnel, store just opened",
        "funnel of 4 steps",
        "journey map",
        "journey map of 10,000 events, cold",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events-10000"], "stores are removed, events kept"


def test_a_python_without_chdb_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(group, ["bench", "--events", "10000", "--dir", str(tmp_path), "--chdb", "/bin/false"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "chdb did not answer" in done.stderr
