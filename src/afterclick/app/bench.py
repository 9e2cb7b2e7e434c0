"""Import and questions measured on generated events, each against a yardstick of this same machine: trust the ratios."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
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
from afterclick.core import clock, names, spans
from afterclick.core.errors import AfterclickError
from afterclick.store.snapshot import Snapshot

STEPS = (names.PAGE_VIEWED, "Product Added", "Checkout Started", names.ORDER_COMPLETED)
WITHIN = "7d"
REPEATS = 5
SMALL = 100_000


class Measure(NamedTuple):
    """What took how long, beside its yardstick; `bound` is the largest ratio, or number of seconds, that will do."""

    what: str
    seconds: float
    yardstick: str
    yardstick_seconds: float | None
    bound: float | None

    @property
    def ratio(self) -> float | None:
        """Seconds over the yardstick's, None without one."""
        return self.seconds / self.yardstick_seconds if self.yardstick_seconds else None

    @property
    def holds(self) -> bool | None:
        """Whether the bound is kept; None without one."""
        return None if self.bound is None else (self.seconds if self.ratio is None else self.ratio) <= self.bound


def measures(events: int, folder: Path, chdb_python: Path | None, tell: Callable[[str], None]) -> Iterator[Measure]:
    """Generate `events` events under `folder`, import them and ask; `chdb_python` is a Python that has chdb.

    The funnel is compared with a bare pass over its columns and, where there is one, with ClickHouse's windowFunnel.
    """
    export = _export(events, folder, tell)
    tell("import")
    # A store of an earlier run would turn the import into a search for duplicates.
    fresh = Path(tempfile.mkdtemp(prefix="stores-", dir=folder))
    try:
        yield from _measured(export, fresh, folder, chdb_python, tell)
    finally:
        shutil.rmtree(fresh)


def _measured(
    export: Path, stores: Path, folder: Path, chdb_python: Path | None, tell: Callable[[str], None]
) -> Iterator[Measure]:
    yield _import(export, stores / "large", folder)
    with open_store(stores / "large") as shop:
        snapshot = shop.store.snapshot()
    compiled.warm()
    tell("funnel")
    funnel = Funnel(steps=STEPS, within=WITHIN, range="all", compare="none")
    coded = stores / "coded.parquet"
    context = _export_coded(snapshot, coded)
    yield Measure("funnel, store just opened", _best(lambda: _ask(funnel, Context(snapshot)), 2), "", None, None)
    seconds = _best(lambda: _ask(funnel, context))
    yield Measure("funnel of 4 steps", seconds, "DuckDB scan of its columns", _scan(coded), 6)
    if chdb_python is not None:
        tell("chdb")
        yield Measure("funnel of 4 steps", seconds, "chdb windowFunnel", _chdb(context, coded, chdb_python), 0.9)
    tell("map")
    yield Measure("journey map", _best(lambda: _ask(_map(), Context(snapshot)), 2), "", None, None)
    yield _small(_export(SMALL, folder, tell), stores / "small")


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


def _ask(question: Question, context: Context) -> None:
    questions.answer(question, context)


def _map() -> JourneyMap:
    return JourneyMap(range="all", compare="none")


def _export_coded(snapshot: Snapshot, file: Path) -> Context:
    """What a funnel reads, as our codes, for the yardsticks; and the context that holds it, as a server would."""
    context = Context(snapshot)
    device = context.column("device")
    known = device >= 0
    columns = {"visitor": device, "at": context.column("at"), "name": context.column("name")}
    pq.write_table(pa.table({name: values[known] for name, values in columns.items()}), file)
    return context


def _scan(file: Path) -> float:
    """Seconds in which DuckDB hands over the three columns from a table of its own."""
    with duckdb.connect() as connection:
        connection.read_parquet(str(file)).create("e")
        return _best(lambda: connection.table("e").to_arrow_table())


def _best(run: Callable[[], object], repeats: int = REPEATS) -> float:
    taken = []
    for _ in range(repeats):
        begun = clock.ticks()
        run()
        taken.append(clock.ticks() - begun)
    return min(taken)


def _small(export: Path, store: Path) -> Measure:
    """The map of the 100 k-event shop, as the first page of a server that has its kernels asks it."""
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
            "SELECT assumeNotNull(visitor) AS visitor, assumeNotNull(at) AS at, assumeNotNull(name) AS name "
            f"FROM file('{file}', Parquet)")
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


def _chdb(context: Context, file: Path, python: Path) -> float:
    """Seconds of windowFunnel on the same events, coded as ours are. Raises AfterclickError if chdb fails."""
    codes = [context.name_codes(step).tolist() for step in STEPS]
    given = json.dumps([str(file), spans.micros(WITHIN), REPEATS, codes])
    call = [str(python), "-c", _CHDB, given]
    done = subprocess.run(call, capture_output=True, text=True, check=False)  # noqa: S603 - the Python the user named
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise AfterclickError(f"chdb did not answer: {last[0]}", hint="pip install chdb in an environment of its own")
    return float(json.loads(done.stdout)["seconds"])
