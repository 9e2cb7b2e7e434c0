"""Work in a process of its own, so that its peak memory is its own: `python -m afterclick.app.bench.side import A B`."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import duckdb

from afterclick.analyse.funnel import Funnel
from afterclick.analyse.journey_map import JourneyMap
from afterclick.analyse.kernels import compiled
from afterclick.analyse.question import Question
from afterclick.app.bench.steps import FIRST_STEPS, LATER_STEPS, WITHIN
from afterclick.app.workspace import open as open_store
from afterclick.core import clock
from afterclick.core.errors import AfterclickError


class Done(NamedTuple):
    """Seconds of the work without the start of its process, rows, and the peak memory of the process in bytes."""

    seconds: float
    rows: int
    peak_bytes: int


def run(work: str, source: Path, target: Path) -> Done:
    """Do one of `WORKS` in a fresh process. Raises AfterclickError with its last words if it fails."""
    command = [sys.executable, "-P", "-m", "afterclick.app.bench.side", work, str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this very Python
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise AfterclickError(f"the bench could not {work}: {said[0]}", hint="is there room on the disk?")
    # Engines may have shown their progress before.
    return Done(*json.loads(done.stdout.splitlines()[-1]))


def _import(source: Path, target: Path) -> tuple[float, int]:
    begun = clock.ticks()
    with open_store(target, write=True, create=True) as shop:
        shop.import_files([source], source="bench")
        rows = int(shop.info()["rows"])
    return clock.ticks() - begun, rows


def _copy(source: Path, target: Path) -> tuple[float, int]:
    files = str(source / "*.parquet") if source.is_dir() else str(source)
    begun = clock.ticks()
    with duckdb.connect(config={"temp_directory": str(target.with_suffix(".spill"))}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.read_parquet(files).order("anonymous_id, timestamp").write_parquet(str(target))
        seconds = clock.ticks() - begun
        counted = connection.read_parquet(str(target)).aggregate("count(*)").fetchall()
    return seconds, int(counted[0][0])


def _ask(asked: Question, store: Path) -> tuple[float, int]:
    compiled.warm()
    with open_store(store) as shop:
        begun = clock.ticks()
        shop.ask(asked)
        return clock.ticks() - begun, shop.store.snapshot().rows


def _funnel(source: Path, _: Path) -> tuple[float, int]:
    return _ask(Funnel(steps=(FIRST_STEPS[0], *LATER_STEPS), within=WITHIN, range="all", compare="none"), source)


def _map(source: Path, _: Path) -> tuple[float, int]:
    return _ask(JourneyMap(range="all", compare="none", barriers="off"), source)


WORKS = {"import": _import, "copy": _copy, "funnel": _funnel, "map": _map}
"""Import into a new store, DuckDB's own sort and copy, a funnel, the map."""


def main(arguments: list[str]) -> str:
    """Do the work named by the first argument; returns what `run` reads."""
    work, source, target = arguments
    seconds, rows = WORKS[work](Path(source), Path(target))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return json.dumps([seconds, rows, peak])


if __name__ == "__main__":
    sys.stdout.write("\n" + main(sys.argv[1:]) + "\n")
