"""The bench of timers fires each of them once, in either order."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from afterclick.act import acts_file
from afterclick.app.bench.timers import measure_timers


@pytest.mark.parametrize("shuffled", [False, True])
def test_every_timer_fires_and_is_measured(tmp_path: Path, shuffled: bool) -> None:
    measured = measure_timers(tmp_path, 2_000, 1_000, shuffled=shuffled)
    assert measured["timers"] == 2_000
    assert all(value > 0 for name, value in measured.items() if name.endswith("_per_s"))
    assert 0 <= measured["lateness_p99_s"] <= measured["lateness_max_s"]
    with closing(acts_file.reader(tmp_path)) as reader:
        assert reader.execute("SELECT count(*), min(step) FROM runs").fetchone() == (2_000, 1)
        assert reader.execute("SELECT count(*) FROM timers").fetchone() == (2_000,)
