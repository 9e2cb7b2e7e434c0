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

from afterclick.store.store import Store
from support import importing
from support.tiny import TinyDerive

SCRIPT = Path(importing.__file__)


def start(path: Path, first: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(path), str(first)]
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
        said = [process.stdout.readline() for _ in range(chance.randrange(3))]
        time.sleep(chance.uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        rest, wrong = process.communicate()
        assert process.returncode == -signal.SIGKILL, wrong
        acks = [line for line in [*said, *rest.splitlines(keepends=True)] if line.endswith("\n")]
        new = {int(line.removeprefix("ack ")) for line in acks}
        acknowledged |= new
        there = check(path, acknowledged, attempted=max(new, default=first - 1) + 1)
    assert len(acknowledged) >= 5


@pytest.mark.slow
def test_a_kill_at_every_step_of_one_import(tmp_path) -> None:
    base = tmp_path / "base"
    with Store.open(base, derive=TinyDerive(), write=True, create=True) as store:
        importing.run(store, 1)
    subprocess.run([sys.executable, str(SCRIPT), "--every-step", str(base), str(tmp_path)], check=True, timeout=250)
    steps = sorted(int(path.name) for path in tmp_path.iterdir() if path.name.isdigit())
    ended = [step for step in steps if (tmp_path / f"{step}.ack").exists()]
    assert ended == steps[-1:], "only the process that no step killed can have ended"
    found = [2 in check(tmp_path / str(step), {1, 2} if step in ended else {1}, attempted=2) for step in steps]
    assert found == sorted(found), "once the line is in the manifest, the import is there at every later step"
    assert found.count(False) > 8
    assert found.count(True) > 8


def test_the_lock_of_a_killed_process_is_free(tmp_path) -> None:
    process = start(tmp_path / "shop", 1)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    begun = time.monotonic()
    with Store.open(tmp_path / "shop", derive=TinyDerive(), write=True) as store:
        assert store.writes
    assert time.monotonic() - begun < 30
