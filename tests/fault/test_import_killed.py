"""kill -9 while files are imported: the store opens by itself and holds exactly the imports that were acknowledged."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import afterclick
from afterclick import Kpi
from afterclick.core import clock

ROWS = 1_500
KILLS = 20

IMPORTS = """
import sys
from pathlib import Path
import afterclick
with afterclick.open(sys.argv[1], write=True, create=True) as shop:
    print("open", flush=True)
    for path in sorted(Path(sys.argv[2]).glob("*.csv")):
        shop.import_files(path)
        print("ack", path.stem, flush=True)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for number in range(4):
        rows = "".join(
            f"{number}-{i},v{i % 97},2026-01-0{number + 1}T{i // 3600:02d}:{i // 60 % 60:02d}:{i % 60:02d}Z,Page Viewed\n"
            for i in range(ROWS)
        )
        (folder / f"part{number}.csv").write_text("message_id,anonymous_id,timestamp,event\n" + rows)
    return folder


def acknowledged_when_killed(store: Path, files: Path, delay: float) -> list[str]:
    """Run the imports, kill them `delay` seconds after the store was opened; the names that were acknowledged."""
    command = [sys.executable, "-c", IMPORTS, str(store), str(files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        timer = threading.Timer(delay, os.kill, (process.pid, signal.SIGKILL))
        timer.start()
        # A line cut short by the kill acknowledges nothing.
        *lines, _torn = process.stdout.read().split("\n")
        timer.cancel()
    return [line.split()[1] for line in lines if line.startswith("ack")]


def test_killed_at_20_random_moments(tmp_path, files):
    source = random.Random(7)
    started = clock.ticks()
    whole = acknowledged_when_killed(tmp_path / "whole", files, 600)
    span = clock.ticks() - started
    assert len(whole) == 4
    partial = 0
    for kill in range(KILLS):
        store = tmp_path / f"store{kill}"
        acknowledged = acknowledged_when_killed(store, files, source.uniform(0.0, span))
        with afterclick.open(store, write=True) as shop:
            held = [entry.files[0].name for entry in shop.store.manifest.entries]
            rows = shop.info()["rows"]
            # An import whose line reached the disk just before the kill is whole, though its word never got out.
            assert [name.removesuffix(".csv") for name in held][: len(acknowledged)] == acknowledged
            assert len(held) - len(acknowledged) in (0, 1)
            assert rows == ROWS * len(held)
            partial += 0 < len(held) < 4
            for path in sorted(files.glob("*.csv")):
                shop.import_files(path)
            figures = shop.ask(Kpi(range="all", compare="none")).figures
        assert (figures["events"], figures["visitors"]) == (4 * ROWS, 97)
    assert partial, "no kill fell between the imports"


def test_a_question_from_a_second_process_is_answered_while_the_first_serves(tmp_path, files):
    store = tmp_path / "store"
    with afterclick.open(store, write=True, create=True) as shop:
        shop.import_files(files)
    command = [sys.executable, "-m", "afterclick", "serve", "--store", str(store), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            assert "http://127.0.0.1" in server.stdout.readline()
            ask = [sys.executable, "-m", "afterclick", "kpi", "--store", str(store), "--range", "all", "--format", "json"]
            answer = subprocess.run(ask, capture_output=True, text=True, timeout=60, check=True)
            assert json.loads(answer.stdout)["figures"]["events"] == 4 * ROWS
            again = [sys.executable, "-m", "afterclick", "import", str(files), "--store", str(store)]
            refused = subprocess.run(again, capture_output=True, text=True, timeout=60, check=False)
            assert refused.returncode == 2
            assert f"pid {server.pid}" in refused.stderr
        finally:
            server.send_signal(signal.SIGINT)
