"""Measures three ways to store the projection, so that decision 0002 rests on numbers anyone can repeat.

    python benchmarks/spike_projection.py --rows 10_000_000

duckdb   one DuckDB file
parquet  immutable sorted Parquet pieces, read by an in-memory DuckDB
arrow    immutable sorted Arrow IPC pieces (uncompressed, memory-mapped), read as numpy views and by DuckDB

The candidates take turns inside every repeat; cells are medians (ms unless the label says otherwise).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import mmap
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb
import numba
import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

DAY = 86_400_000_000
DAYS = 56
DEVICES = 480_000
START = 20_000 * DAY
NARROW = ("device", "at", "name")
WIDE = ("device", "at", "name", "flags", "touch", "amount", "tie", "path")
MARKER = "value-that-only-an-erased-device-sent"
TOTALS = "count(*) AS n, sum(amount)::BIGINT AS s FROM t GROUP BY ALL"
GROUP_EVENT_DAY = f'SELECT name, "at" // {DAY} AS day, {TOTALS}'
GROUP_PROPERTY = f"SELECT campaign, {TOTALS}"


@numba.njit(nogil=True)
def touch(device, at, name, low, high):  # type: ignore[no-untyped-def]
    """Read every value once: rows, sum of devices, xor of instants, sum of names, for low <= at < high."""
    n = a = b = c = 0
    for i in range(len(at)):
        if low <= at[i] < high:
            n += 1
            a += device[i]
            b ^= at[i]
            c += name[i]
    return n, a, b, c


@numba.njit(nogil=True)
def count_event_day(at, name, amount, first_day, n, s):  # type: ignore[no-untyped-def]
    """The group-by of GROUP_EVENT_DAY without SQL: n and s are (events, days), added to in place."""
    for i in range(len(at)):
        day = at[i] // DAY - first_day
        n[name[i], day] += 1
        s[name[i], day] += amount[i]


def generate(rows: int, seed: int, devices: int = DEVICES) -> pa.Table:
    """A shop's rows by (day, device, at, tie); a device returns near the day it was first seen."""
    rng = np.random.default_rng(seed)
    weight = np.cumsum(rng.lognormal(0, 1, devices))
    device = np.searchsorted(weight, rng.random(rows) * weight[-1]).astype(np.int32)
    day = (rng.integers(0, DAYS, devices)[device] + rng.exponential(5, rows).astype(np.int64)) % DAYS
    at = START + day * DAY + rng.integers(0, DAY, rows)
    tie = rng.integers(0, 2**64, rows, dtype=np.uint64)
    order = np.lexsort((tie, (day << 57) | (device.astype(np.int64) << 37) | (at % DAY)))

    def zipf(values: int, exponent: float, dtype: type) -> np.ndarray:
        share = np.cumsum(1 / np.arange(1, values + 1) ** exponent)
        return np.searchsorted(share, rng.random(rows) * share[-1]).astype(dtype)

    name = zipf(20, 1.1, np.uint16)
    return pa.table({
        "device": device[order], "at": at[order], "name": name,
        "flags": (rng.random(rows) < 0.03).astype(np.uint16),
        "touch": np.where(rng.random(rows) < 0.6, -1, rng.integers(0, 200, rows)).astype(np.int32),
        "amount": np.where(name == 9, rng.integers(10_000, 5_000_000, rows), 0),
        "tie": tie[order], "path": zipf(50_000, 1.0, np.int32),
        "campaign": pa.DictionaryArray.from_arrays(zipf(300, 1, np.int32), [f"ad {i}" for i in range(300)]),
        "item": pa.DictionaryArray.from_arrays(zipf(5_000, 0.8, np.int32), [f"SKU-{i}" for i in range(5000)]),
    })


def with_marker(table: pa.Table, device: int) -> pa.Table:
    """Give one row of the device a value nobody else has, to look for its bytes after erasure."""
    column = table["campaign"].combine_chunks()
    codes = column.indices.to_numpy().copy()
    codes[int(np.argmax(table["device"].to_numpy() == device))] = len(column.dictionary)
    values = [*column.dictionary.to_pylist(), MARKER]
    return table.set_column(table.schema.get_field_index("campaign"), "campaign",
                            pa.DictionaryArray.from_arrays(codes, values))


def used_values_only(table: pa.Table) -> pa.Table:
    """Rebuild dictionaries from the values in use: a piece must not name what only another piece holds."""
    for i, column in enumerate(table.column_names):
        if pa.types.is_dictionary(table.schema.field(i).type):
            array = table[column].combine_chunks()
            codes = array.indices.to_numpy()
            used = np.bincount(codes, minlength=len(array.dictionary)) > 0
            fresh = (np.cumsum(used) - 1).astype(np.int32)[codes]
            values = array.dictionary.filter(pa.array(used))
            table = table.set_column(i, column, pa.DictionaryArray.from_arrays(fresh, values))
    return table


def checksums(table: pa.Table) -> dict[str, int]:
    """CRC-32 of the buffers of each column of a piece that is one chunk, its dictionary included."""
    out = {}
    for column in table.column_names:
        array, crc = table[column].chunk(0), 0
        parts = [array, array.dictionary] if pa.types.is_dictionary(array.type) else [array]
        for buffer in (b for part in parts for b in part.buffers() if b is not None):
            crc = zlib.crc32(buffer, crc)
        out[column] = crc
    return out


def fsync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def connect(path: str = ":memory:", read_only: bool = False) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(path, read_only=read_only, config={"threads": os.cpu_count() or 1})


def total(parts: Iterator[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    n = a = b = c = 0
    for part in parts:
        n, a, b, c = n + part[0], a + part[1], b ^ part[2], c + part[3]
    return n, a, b, c


class Candidate(ABC):
    """One way to store the rows under `folder`; every method answers the same for every candidate."""

    con: duckdb.DuckDBPyConnection

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def scan(self, low: int = 0, high: int = 2**62) -> tuple[int, int, int, int]:
        """Bring three narrow columns into numpy, batch by batch, and read each value once."""
        condition = "" if high == 2**62 else f'WHERE "at" >= {low} AND "at" < {high}'
        reader = self.con.sql(f'SELECT device, "at", name FROM t {condition}').to_arrow_reader(1_000_000)
        return total(touch(*(b[c].to_numpy() for c in NARROW), low, high) for b in reader)

    def group(self, sql: str) -> tuple[int, int, int]:
        frame = self.con.sql(sql).to_arrow_table()
        return len(frame), int(frame["n"].to_numpy().sum()), int(frame["s"].to_numpy().sum())

    def read_everything(self) -> tuple[int, ...]:
        sums = ", ".join(f'bit_xor("{c}"::HUGEINT)' for c in WIDE)
        text = "sum(hash(campaign)::HUGEINT), sum(hash(item)::HUGEINT)"
        return tuple(int(v) for v in self.con.sql(f"SELECT count(*), {sums}, {text} FROM t").fetchall()[0])

    def bytes_on_disk(self) -> int:
        return sum(p.stat().st_size for p in self.folder.iterdir())

    def holds_marker(self) -> bool:
        return any(MARKER.encode() in p.read_bytes() for p in self.folder.iterdir())

    @abstractmethod
    def write(self, table: pa.Table) -> None: ...
    @abstractmethod
    def open(self, read_only: bool = False) -> int: ...
    @abstractmethod
    def close(self) -> None: ...
    @abstractmethod
    def fetch(self, rows: np.ndarray) -> np.ndarray: ...
    @abstractmethod
    def add(self, table: pa.Table) -> None: ...
    @abstractmethod
    def erase(self, devices: list[int]) -> None: ...


class DuckFile(Candidate):
    @property
    def path(self) -> Path:
        return self.folder / "projection.duckdb"

    def write(self, table: pa.Table) -> None:
        con = connect(str(self.path))
        con.register("source", table)
        con.execute("CREATE TABLE t AS SELECT * FROM source")
        con.execute("CHECKPOINT")
        con.close()
        fsync(self.path)

    def open(self, read_only: bool = False) -> int:
        self.con = connect(str(self.path), read_only)
        return int(self.con.execute("SELECT count(*) FROM t").fetchall()[0][0])

    def close(self) -> None:
        self.con.close()

    def fetch(self, rows: np.ndarray) -> np.ndarray:
        self.con.register("wanted", pa.table({"row": rows, "place": np.arange(len(rows))}))
        sql = "SELECT place, amount FROM t JOIN wanted ON t.rowid = wanted.row"
        found = self.con.sql(sql).to_arrow_table()
        out = np.empty(len(rows), np.int64)
        out[found["place"].to_numpy()] = found["amount"].to_numpy()
        return out

    def add(self, table: pa.Table) -> None:
        self.con.register("late", table)
        self.con.execute("INSERT INTO t SELECT * FROM late")

    def erase(self, devices: list[int]) -> None:
        self.con.execute("DELETE FROM t WHERE list_contains(?, device)", [devices])
        self.con.execute("CHECKPOINT")

    def rewrite(self) -> None:
        """Copy what is left into a new file: the only way to be sure that deleted bytes are gone."""
        fresh = self.path.with_suffix(".new")
        self.con.execute(f"ATTACH '{fresh}' AS fresh")
        self.con.execute("CREATE TABLE fresh.t AS SELECT * FROM t")
        self.con.execute("DETACH fresh")
        self.close()
        fsync(fresh)
        fresh.replace(self.path)
        self.open()


class Pieces(Candidate):
    """Files of whole days with a manifest: per piece its rows, its first day and where each day begins."""

    suffix = ""
    days_per_piece = 7

    def write(self, table: pa.Table) -> None:
        day = table["at"].to_numpy() // DAY
        cuts = np.searchsorted(day, np.arange(day[0], day[-1] + self.days_per_piece + 1, self.days_per_piece))
        parts = [table.slice(a, b - a) for a, b in pairwise(cuts) if b > a]
        self.commit([self.put(part, f"{i:06d}") for i, part in enumerate(parts)])

    def put(self, table: pa.Table, stem: str) -> dict[str, Any]:
        path = self.folder / (stem + self.suffix)
        self.save(used_values_only(table), path)
        fsync(path)
        day = table["at"].to_numpy() // DAY
        offsets = np.searchsorted(day, np.arange(day[0], day[-1] + 2)).tolist()
        return {"file": path.name, "rows": len(table), "first_day": int(day[0]), "offsets": offsets,
                "crc": checksums(self.load(path)) if self.suffix == ArrowPieces.suffix else {}}

    def commit(self, pieces: list[dict[str, Any]]) -> None:
        fresh = self.folder / "manifest.new"
        fresh.write_text(json.dumps(pieces))
        fsync(fresh)
        fresh.replace(self.folder / "manifest.json")
        fsync(self.folder)
        self.pieces = pieces

    def open(self, read_only: bool = False) -> int:  # noqa: ARG002 - pieces never change
        self.pieces = json.loads((self.folder / "manifest.json").read_text())
        self.con = connect()
        self.attach()
        return int(self.con.execute("SELECT count(*) FROM t").fetchall()[0][0])

    def close(self) -> None:
        self.con.close()

    def add(self, table: pa.Table) -> None:
        self.commit([*self.pieces, self.put(table, f"{len(self.pieces):06d}")])
        self.attach()

    def erase(self, devices: list[int]) -> None:
        kept, old = [], []
        for piece in self.pieces:
            table = self.load(self.folder / piece["file"])
            gone = np.isin(table["device"].to_numpy(), devices)
            if not gone.any():
                kept.append(piece)
                continue
            kept.append(self.put(table.filter(pa.array(~gone)), Path(piece["file"]).stem + "e"))
            old.append(piece["file"])
        self.commit(kept)
        self.attach()
        for file in old:
            (self.folder / file).unlink()

    @abstractmethod
    def save(self, table: pa.Table, path: Path) -> None: ...
    @abstractmethod
    def load(self, path: Path) -> pa.Table: ...
    @abstractmethod
    def attach(self) -> None: ...


class ParquetPieces(Pieces):
    suffix = ".parquet"

    def save(self, table: pa.Table, path: Path) -> None:
        pq.write_table(table, path, compression="lz4", row_group_size=122_880, write_page_checksum=True,
                       use_dictionary=["name", "flags", "touch", "campaign", "item"])

    def load(self, path: Path) -> pa.Table:
        return pq.read_table(path, read_dictionary=["campaign", "item"], page_checksum_verification=True)

    def attach(self) -> None:
        files = ", ".join(f"'{self.folder / p['file']}'" for p in self.pieces)
        self.con.execute(f"CREATE OR REPLACE VIEW t AS SELECT * FROM read_parquet([{files}])")

    def fetch(self, rows: np.ndarray) -> np.ndarray:
        out, first = np.empty(len(rows), np.int64), 0
        for piece in self.pieces:
            here = (rows >= first) & (rows < first + piece["rows"])
            column = pq.read_table(self.folder / piece["file"], columns=["amount"])["amount"].to_numpy()
            out[here] = column[rows[here] - first]
            first += piece["rows"]
        return out


class ArrowPieces(Pieces):
    suffix = ".arrow"

    def save(self, table: pa.Table, path: Path) -> None:
        with ipc.new_file(str(path), table.schema) as writer:
            writer.write_batch(table.combine_chunks().to_batches()[0])

    def load(self, path: Path) -> pa.Table:
        return self.map(path)[1]

    def map(self, path: Path) -> tuple[mmap.mmap, pa.Table]:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # Opening reads only the end of the file; the usual read-ahead would bring in megabytes a piece.
        mapped.madvise(mmap.MADV_RANDOM)
        return mapped, ipc.open_file(pa.py_buffer(mapped)).read_all()

    def prefetch(self, columns: tuple[str, ...]) -> None:
        """Ask for whole columns, once: without read-ahead each page would be a read of its own."""
        for mapped, table in self.maps:
            start = pa.py_buffer(mapped).address
            for column in columns:
                buffer = table[column].chunk(0).buffers()[1]
                begin = (buffer.address - start) // mmap.PAGESIZE * mmap.PAGESIZE
                mapped.madvise(mmap.MADV_WILLNEED, begin, buffer.address - start + buffer.size - begin)
        self.prefetched = True

    def attach(self) -> None:
        self.maps = [self.map(self.folder / p["file"]) for p in self.pieces]
        self.prefetched, tables = False, [table for _, table in self.maps]
        # A column of a piece is one contiguous view into the file: nothing is read before it is touched.
        self.views = [{c: t[c].chunk(0).to_numpy() for c in WIDE} for t in tables]
        self.table = pa.concat_tables(tables)
        self.con.register("t", self.table)

    def close(self) -> None:
        self.con.close()
        del self.views, self.table, self.maps

    def scan(self, low: int = 0, high: int = 2**62) -> tuple[int, int, int, int]:
        if not self.prefetched:
            self.prefetch(NARROW)
        return total(self.touched(low, high))

    def touched(self, low: int, high: int) -> Iterator[tuple[int, int, int, int]]:
        for piece, view in zip(self.pieces, self.views, strict=True):
            offsets, day = piece["offsets"], piece["first_day"]
            a = offsets[min(max(low // DAY - day, 0), len(offsets) - 1)]
            b = offsets[min(max(-(-high // DAY) - day, 0), len(offsets) - 1)]
            if b > a:
                yield touch(*(view[c][a:b] for c in NARROW), low, high)

    def fetch(self, rows: np.ndarray) -> np.ndarray:
        out = np.empty(len(rows), np.int64)
        starts = np.cumsum([0, *(p["rows"] for p in self.pieces)])
        which = np.searchsorted(starts, rows, side="right") - 1
        for i, view in enumerate(self.views):
            here = which == i
            out[here] = view["amount"][rows[here] - starts[i]]
        return out

    def group_by_kernel(self) -> tuple[int, int, int]:
        n, s = np.zeros((20, DAYS + 1), np.int64), np.zeros((20, DAYS + 1), np.int64)
        for view in self.views:
            count_event_day(view["at"], view["name"], view["amount"], START // DAY, n, s)
        return int((n > 0).sum()), int(n.sum()), int(s.sum())

    def check(self) -> None:
        """Compare every column with the manifest."""
        for piece in self.pieces:
            if checksums(self.load(self.folder / piece["file"])) != piece["crc"]:
                raise ValueError(f"{piece['file']} is damaged")

    def verify(self, columns: tuple[str, ...], digest: Callable[[Any], object]) -> int:
        return len([digest(view[c].view(np.uint8)) for view in self.views for c in columns])


CANDIDATES: dict[str, type[Candidate]] = {"duckdb": DuckFile, "parquet": ParquetPieces, "arrow": ArrowPieces}


class Report:
    """Medians per line and candidate; equal answers are demanded where a line names them."""

    def __init__(self) -> None:
        self.times: dict[str, dict[str, list[float]]] = {}
        self.words: dict[str, dict[str, str]] = {}
        self.answers: dict[str, dict[str, Any]] = {}

    def time(self, line: str, name: str, work: Callable[[], Any], compare: bool = True) -> None:
        begun = perf_counter()
        answer = work()
        self.put(line, name, (perf_counter() - begun) * 1e3)
        if compare:
            self.answers.setdefault(line, {})[name] = answer

    def put(self, line: str, name: str, value: float) -> None:
        self.times.setdefault(line, {}).setdefault(name, []).append(value)

    def show(self) -> None:
        print(f"\n| {'':44} | " + " | ".join(f"{n:>20}" for n in CANDIDATES) + " |")
        for line, cells in self.times.items():
            print(f"| {line:44} | " + " | ".join(f"{cell(cells.get(n)):>20}" for n in CANDIDATES) + " |")
        for line, words in self.words.items():
            print(f"\n{line}")
            for name, word in words.items():
                print(f"  {name:8} {word}")
        for line, answers in self.answers.items():
            if len({repr(a) for a in answers.values()}) > 1:
                raise SystemExit(f"unequal answers: {line}: {answers}")
        print("\nall compared answers are equal")


def cell(values: list[float] | None) -> str:
    if not values:
        return "-"
    spread = f" ({min(values):.0f}-{max(values):.0f})" if len(values) > 1 else ""
    return f"{statistics.median(values):.1f}{spread}"


def drop_page_cache(folder: Path) -> None:
    for path in folder.iterdir():
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def warm_kernels() -> None:
    for frozen in (True, False):
        arrays = [np.zeros(1, t) for t in (np.int32, np.int64, np.uint16)]
        for array in arrays:
            array.flags.writeable = not frozen
        touch(*arrays, 0, 1)
    # DuckDB imports pandas, where it is installed, at its first Arrow table: 200 ms that are not the store's.
    connect().register("t", pa.table({"x": [1]}))


def anonymous_mb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e3


def disk_read_mb() -> float:
    counters = Path("/proc/self/io")
    if not counters.exists():
        return float("nan")
    lines = counters.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes")) / 1e6


def child(task: str, name: str, folder: Path) -> dict[str, Any]:
    """What has to happen in a process of its own: cold starts, memory, a second reader, damaged files."""
    warm_kernels()
    store = CANDIDATES[name](folder)
    stop, peak = threading.Event(), [anonymous_mb()]

    def watch() -> None:
        while not stop.wait(0.001):
            peak.append(anonymous_mb())

    watcher = threading.Thread(target=watch)
    base, disk = peak[0], disk_read_mb()
    if task == "memory":
        watcher.start()
    begun = perf_counter()
    try:
        rows = store.open(read_only=True)
        opened = perf_counter()
        answer: tuple[int, ...] = store.read_everything() if task == "damage" else store.scan()
    except Exception as e:  # noqa: BLE001 - the exception is the measurement
        return {"error": f"{type(e).__name__}: {str(e).splitlines()[0]}"}
    finally:
        stop.set()
    done = perf_counter()
    check = ""
    if task == "damage" and isinstance(store, ArrowPieces):
        try:
            store.check()
        except ValueError as e:
            check = str(e)
    return {"check": check, "rows": rows, "answer": answer, "open": (opened - begun) * 1e3,
            "scan": (done - opened) * 1e3, "memory": max(peak) - base, "disk": disk_read_mb() - disk}


def ask(task: str, store: Candidate, name: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", task, name, str(store.folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        return {"error": f"process ended with {ran.returncode}: {ran.stderr.splitlines()[-1:]}"}
    got = dict(json.loads(ran.stdout))
    if "error" in got and task in {"cold", "memory"}:
        raise RuntimeError(f"{name}: {got['error']}")
    return got


def measure_cold(report: Report, stores: dict[str, Candidate], repeats: int) -> None:
    for _ in range(repeats):
        for name, store in stores.items():
            drop_page_cache(store.folder)
            got = ask("cold", store, name)
            report.put("open, fresh process, cold files", name, got["open"])
            report.put("first scan after it", name, got["scan"])
            report.put("MB read from the disk by both", name, got["disk"])
            report.put("peak anonymous memory of open + scan, MB", name, ask("memory", store, name)["memory"])


def measure_warm(report: Report, stores: dict[str, Candidate], rows: int, repeats: int, seed: int) -> None:
    wanted = np.random.default_rng(seed).integers(0, rows, 50_000)
    low, high = START + 24 * DAY, START + 31 * DAY
    arrow = stores["arrow"]
    assert isinstance(arrow, ArrowPieces)
    for turn in range(repeats + 1):
        into = report if turn else Report()  # the first turn only warms up
        for name, store in stores.items():
            into.time("scan 3 columns", name, store.scan)
            into.time("scan 3 columns, 7 of 56 days", name, lambda s=store: s.scan(low, high))
            into.time("group by event, day (SQL)", name, lambda s=store: s.group(GROUP_EVENT_DAY))
            into.time("group by property (SQL)", name, lambda s=store: s.group(GROUP_PROPERTY))
            into.time("fetch 50,000 rows by id", name, lambda s=store: int(s.fetch(wanted).sum()))
        into.time("group by event, day (kernel)", "arrow", arrow.group_by_kernel)
        for word, digest in (("crc32", zlib.crc32), ("sha256", hashlib.sha256)):
            into.time(f"verify the 3 columns, {word}", "arrow", lambda d=digest: arrow.verify(NARROW, d))
        into.time("verify all columns, crc32", "arrow", arrow.check)


def measure_changes(report: Report, stores: dict[str, Candidate], rows: int, gone: list[list[int]],
                    seed: int) -> None:
    low, high = START + 24 * DAY, START + 31 * DAY
    repeats = len(gone)
    for turn in range(repeats):
        late = generate(rows // 100, seed + turn)
        for name, store in stores.items():
            report.time(f"add {len(late):,} late rows", name, lambda s=store, t=late: s.add(t), compare=False)
    for _ in range(repeats):
        for name, store in stores.items():
            report.time("scan 3 columns, after that", name, store.scan)
            report.time("scan 7 days, after that", name, lambda s=store: s.scan(low, high))
    before = {name: store.holds_marker() for name, store in stores.items()}
    for devices in gone:
        for name, store in stores.items():
            report.time("erase 10 devices", name, lambda s=store, d=devices: s.erase(d), compare=False)
            report.answers.setdefault(f"rows after erasing {devices[:2]}...", {})[name] = store.scan()
    after = {name: store.holds_marker() for name, store in stores.items()}
    duck = stores["duckdb"]
    assert isinstance(duck, DuckFile)
    report.time("  and copy into a new file", "duckdb", duck.rewrite, compare=False)
    report.words["erased value in the files (before, after erasing)"] = {
        n: f"{before[n]}, {after[n]}" + (f", {duck.holds_marker()} after the copy" if n == "duckdb" else "")
        for n in stores}
    report.times["size after all of this, MB"] = {n: [s.bytes_on_disk() / 1e6] for n, s in stores.items()}


def measure_second_reader(report: Report, stores: dict[str, Candidate], table: pa.Table) -> None:
    for store in stores.values():
        # A DuckDB file's lock ends when any descriptor of that file is closed in the process (POSIX), as the
        # look for the erased value did. Open again, so that the lock is there.
        store.close()
        store.open()
    answers = report.words.setdefault("a second process reads while this one writes", {})
    for name, store in stores.items():
        done: list[dict[str, Any]] = []
        reader = threading.Thread(target=lambda s=store, n=name, d=done: d.append(ask("read", s, n)))
        reader.start()
        writes = 0
        while reader.is_alive():
            store.add(table.slice(0, 1_000))
            writes += 1
            reader.join(0.1)
        got = done[0]
        answers[name] = got.get("error") or f"answered {got['rows']:,} rows during {writes} appends"


def measure_damage(report: Report, stores: dict[str, Candidate], flips: int, seed: int) -> None:
    rng = random.Random(seed)
    answers = report.words.setdefault("damage: a file cut to 3/4; single bits flipped, all read", {})
    for name, store in stores.items():
        truth = ask("damage", store, name)["answer"]
        files = sorted(p for p in store.folder.iterdir() if p.suffix in {".duckdb", ".parquet", ".arrow"})
        path = files[len(files) // 2]
        noticed: dict[str, int] = {}
        for _ in range(flips):
            place, bit = rng.randrange(path.stat().st_size), 1 << rng.randrange(8)
            flip(path, place, bit)
            got = ask("damage", store, name)
            flip(path, place, bit)
            same = "no effect" if got.get("answer") == truth else "WRONG, SILENT"
            outcome = "noticed" if "error" in got else same
            if outcome == "WRONG, SILENT" and got["check"]:
                outcome = "wrong, noticed by the checksum only"
            noticed[outcome] = noticed.get(outcome, 0) + 1
        shutil.copyfile(path, spare := path.with_suffix(".spare"))
        os.truncate(path, path.stat().st_size * 3 // 4)
        cut = ask("damage", store, name)
        spare.replace(path)
        answers[name] = f"cut: {cut.get('error', 'NOT NOTICED')[:90]}; flips: {noticed}"


def flip(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ bit]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Three ways to store the projection, measured.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--flips", type=int, default=12)
    parser.add_argument("--days-per-piece", type=int, default=7)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(args.child[0], args.child[1], Path(args.child[2]))))
        return
    warm_kernels()
    Pieces.days_per_piece = args.days_per_piece
    gone = np.random.default_rng(args.seed).integers(0, DEVICES, (args.repeats, 10)).tolist()
    table = generate(args.rows, args.seed)
    seen = table["device"].to_numpy()
    table = with_marker(table, next(d for d in gone[0] if (seen == d).any()))
    report = Report()
    with tempfile.TemporaryDirectory(prefix="spike-projection-") as home:
        stores = {name: kind(Path(home) / name) for name, kind in CANDIDATES.items()}
        for _ in range(args.repeats):
            for name, store in stores.items():
                shutil.rmtree(store.folder, ignore_errors=True)
                store.folder.mkdir()
                report.time("write, fsync included", name, lambda s=store: s.write(table), compare=False)
        report.times["size, MB"] = {n: [s.bytes_on_disk() / 1e6] for n, s in stores.items()}
        measure_cold(report, stores, args.repeats)
        for store in stores.values():
            store.open()
        measure_warm(report, stores, args.rows, args.repeats, args.seed)
        measure_changes(report, stores, args.rows, gone, args.seed + 1)
        measure_second_reader(report, stores, table)
        for store in stores.values():
            store.close()
        measure_damage(report, stores, args.flips, args.seed)
    print(f"{args.rows:,} rows, {os.cpu_count()} CPUs, {args.days_per_piece} days a piece, "
          f"medians of {args.repeats} (min-max); duckdb {duckdb.__version__}, pyarrow {pa.__version__}, "
          f"numba {numba.__version__}, numpy {np.__version__}")
    report.show()


if __name__ == "__main__":
    main()
