"""kill -9 at any moment: what was acknowledged is there, nothing is there in part, and nobody mends anything by hand."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support import importing
from support.tiny import TinyDerive

from afterclick.store.store import Store

SCRIPT = Path(importing.__file__)


def start(path: Path, first: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(path), str(first), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def check(path: Path, acknowledged: set[int], attempted: int) -> set[int]:
    """Open as a writer would, and hold what is found against what was said. Returns the imports that are there."""
    with Store.open(path, derive=TinyDerive(), write=True) as store:
        snapshot = store.snapshot()
        found = snapshot.event_ids(np.arange(snapshot.rows))
        assert len(found) == len(set(found)), "an event was counted twice"
        there = {int(event_id.split("-")[0]) for event_id in found}
        assert sorted(found) == sorted(row["event_id"] for number in there for row in importing.rows_of(number))
        assert acknowledged <= there, "an acknowledged import is lost"
        assert there <= set(range(attempted + 1))
        assert {int(one.id[1:]) for one in store.rejects()} == there
        assert list(store.verify()) == []
        names = snapshot.book("id").values(snapshot.take("device", np.arange(snapshot.rows))).to_pylist()
        assert names == [f"v{int(event_id.split('-')[1]) % 7}" for event_id in found]
        return there


@pytest.mark.slow
def test_ten_kills_at_random_moments_of_one_store(tmp_path) -> None:
    path, chance = tmp_path / "shop", random.Random(11)
    acknowledged: set[int] = set()
    there: set[int] = set()
    for _ in range(10):
        first = max(there, default=0) + 1
        process = start(path, first)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        said, wrong = process.communicate()
        assert process.returncode == -signal.SIGKILL, wrong
        new = {int(line.split()[1]) for line in said.splitlines() if line.startswith("ack ") and line.split()[1:]}
        acknowledged |= new
        there = check(path, acknowledged, attempted=max(new, default=first - 1) + 1)
    assert len(acknowledged) >= 5, "too few imports were tried for this to say anything"


@pytest.mark.slow
def test_a_kill_at_every_step_of_one_import(tmp_path) -> None:
    steps = outcomes = 0
    base = tmp_path / "0"
    with Store.open(base, derive=TinyDerive(), write=True, create=True) as store:
        importing.run(store, 1)
    for step in range(1, 60):
        path = tmp_path / str(step)
        subprocess.run(["cp", "-r", str(base), str(path)], check=True)
        process = start(path, 2, str(step))
        said, wrong = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), wrong
        there = check(path, {1, 2} if "ack 2" in said else {1}, attempted=2)
        steps, outcomes = step, outcomes + (2 in there)
        if process.returncode == 0:
            break
    assert 10 < steps < 59, "the import no longer goes through the calls that this test counts"
    assert outcomes > 1, "no kill hit the time after the line in the manifest"


def test_the_lock_of_a_killed_process_is_free(tmp_path) -> None:
    process = start(tmp_path / "shop", 1)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    begun = time.monotonic()
    with Store.open(tmp_path / "shop", derive=TinyDerive(), write=True) as store:
        assert store.writes
    assert time.monotonic() - begun < 5
