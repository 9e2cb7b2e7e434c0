"""Import and questions measured on generated events, each against a yardstick of this same machine: trust the ratios."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from afterclick.analyse import questions
from afterclick.analyse.context import Context
from afterclick.analyse.funnel import Funnel
from afterclick.analyse.journey_map import JourneyMap
from afterclick.analyse.kernels import compiled
from afterclick.analyse.question import Question
from afterclick.app.demo import Shop, write
from afterclick.app.workspace import open as open_store
from afterclick.core import clock, names
from afterclick.core.errors import AfterclickError
from afterclick.store.snapshot import Snapshot

STEPS = (names.PAGE_VIEWED, "Product Added", "Checkout Started", names.ORDER_COMPLETED)
WITHIN = "7d"
REPEATS = 5
SMALL = 100_000
_SCANNED = ("device", "at", "name", "flags")


class Measure(NamedTuple):
    """What took how long, beside its yardstick; `bound` is the largest ratio (or number of seconds) that will do."""

    what: str
    seconds: float
    yardstick: str
    yardstick_seconds: float | None
    bound: float

    @property
    def ratio(self) -> float | None:
        """Seconds over the yardstick's, None without one."""
        return self.seconds / self.yardstick_seconds if self.yardstick_seconds else None

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return (self.seconds if self.ratio is None else self.ratio) <= self.bound


def measures(events: int, folder: Path, chdb_python: Path | None, tell: Callable[[str], None]) -> Iterator[Measure]:
    """Generate `events` events under `folder`, import them and ask; `chdb_python` is a Python that has chdb.

    The funnel is compared with a bare pass over its columns and, where there is one, with ClickHouse's windowFunnel.
    """
    export = _export(events, folder, tell)
    tell("import")
    yield _import(export, folder / "store", folder)
    with open_store(folder / "store") as shop:
        snapshot = shop.store.snapshot()
    compiled.warm()
    tell("funnel")
    funnel = Funnel(steps=STEPS, within=WITHIN, range="all", compare="none")
    seconds = _best(lambda: _ask(funnel, snapshot))
    yield Measure("funnel of 4 steps", seconds, "a pass over its columns", _best(lambda: _scan(snapshot)), 6)
    if chdb_python is not None:
        tell("chdb")
        yield Measure("funnel of 4 steps", seconds, "chdb windowFunnel", _chdb(snapshot, folder, chdb_python), 0.9)
    tell("map")
    yield Measure("journey map", _best(lambda: _ask(_map(), snapshot), 2), "", None, float("inf"))
    yield _small(folder, tell)


def _export(events: int, folder: Path, tell: Callable[[str], None]) -> Path:
    kept = folder / f"events-{events}"
    found = [path for path in (kept / "events.parquet", kept / "events") if path.exists()]
    if found:
        return found[0]
    tell("generate")
    return write(Shop(events=events), kept)


def _import(export: Path, store: Path, folder: Path) -> Measure:
    begun = clock.ticks()
    with open_store(store, write=True, create=True) as shop:
        shop.import_files([export], source="bench")
    seconds = clock.ticks() - begun
    return Measure(f"import of {export.name}", seconds, "DuckDB sort and copy", _sort_and_copy(export, folder), 4)


def _sort_and_copy(export: Path, folder: Path) -> float:
    source = str(export / "*.parquet") if export.is_dir() else str(export)
    target = folder / "sorted.parquet"
    begun = clock.ticks()
    with duckdb.connect(config={"temp_directory": str(folder / "spill")}) as connection:
        rows = connection.read_parquet(source).order("CAST(timestamp AS DATE), anonymous_id, timestamp, message_id")
        rows.write_parquet(str(target), compression="zstd")
    seconds = clock.ticks() - begun
    target.unlink()
    return seconds


def _ask(question: Question, snapshot: Snapshot) -> None:
    # A context of its own: nothing that an earlier answer derived is used again.
    questions.answer(question, Context(snapshot))


def _map() -> JourneyMap:
    return JourneyMap(range="all", compare="none")


def _scan(snapshot: Snapshot) -> None:
    for chunk in snapshot.chunks(_SCANNED):
        for values in chunk.columns.values():
            np.max(values)


def _best(run: Callable[[], None], repeats: int = REPEATS) -> float:
    taken = []
    for _ in range(repeats):
        begun = clock.ticks()
        run()
        taken.append(clock.ticks() - begun)
    return min(taken)


def _small(folder: Path, tell: Callable[[str], None]) -> Measure:
    """The map of the 100 k-event shop, as the first page of a server that has its kernels asks it."""
    store = folder / "small-store"
    export = _export(SMALL, folder, tell)
    with open_store(store, write=True, create=True) as shop:
        shop.import_files([export], source="bench")
    with open_store(store) as shop:
        begun = clock.ticks()
        shop.ask(JourneyMap())
        return Measure(f"journey map of {SMALL:,} events, cold", clock.ticks() - begun, "", None, 0.3)


_CHDB = """
import json, sys, time
from chdb import session
file, within, repeats, steps = json.loads(sys.argv[1])
asked = session.Session()
asked.query("CREATE DATABASE d")
asked.query("CREATE TABLE d.e ENGINE = MergeTree ORDER BY (visitor, at) AS "
            f"SELECT visitor, at, name FROM file('{file}', Parquet)")
met = ", ".join(f"name IN ({', '.join(map(str, codes))})" for codes in steps)
sql = (f"SELECT level, count() FROM (SELECT visitor, windowFunnel({within})(toUInt64(at), {met}) AS level "
       "FROM d.e GROUP BY visitor) GROUP BY level ORDER BY level FORMAT JSONCompact")
best = 1e9
for _ in range(repeats):
    begun = time.perf_counter()
    rows = json.loads(str(asked.query(sql)))["data"]
    best = min(best, time.perf_counter() - begun)
print(json.dumps({"seconds": best, "levels": rows}))
"""


def _chdb(snapshot: Snapshot, folder: Path, python: Path) -> float:
    """Seconds of windowFunnel on the same events, coded as ours are; raises AfterclickError if chdb fails."""
    context = Context(snapshot)
    device = context.column("device")
    known = device >= 0
    table = pa.table({name: context.column(name)[known] for name in ("device", "at", "name")})
    file = folder / "coded.parquet"
    pq.write_table(table.rename_columns(["visitor", "at", "name"]), file)
    codes = [context.name_codes(step).tolist() for step in STEPS]
    given = json.dumps([str(file), 7 * 86_400_000_000, REPEATS, codes])
    done = subprocess.run([python, "-c", _CHDB, given], capture_output=True, text=True, check=False)  # noqa: S603 - the Python the user named
    file.unlink()
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise AfterclickError(f"chdb did not answer: {last[0]}", hint="pip install chdb in an environment of its own")
    return float(json.loads(done.stdout)["seconds"])
