"""What the collector takes: requests and events a second on one core, how long an answer takes, and the start after a kill.

The server runs on one core, the client on another; each figure stands beside a yardstick that takes turns with it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import msgspec

from afterclick.app.bench import ingest_bare, ingest_client, ingest_sqlite, ingest_tail
from afterclick.app.bench.ingest_client import Order, Sent, request
from afterclick.app.bench.row import Row
from afterclick.app.prove.served import Served, free_port
from afterclick.core import clock
from afterclick.core.errors import AfterclickError

SINGLE_BOUND: Final = 1 / 0.35
BATCH_BOUND: Final = 1 / 0.5
LATENCY_BOUND: Final = 0.010
START_BOUND: Final = 5.0
_BATCH: Final = 20
_GROUP: Final = 32
_HOST: Final = "127.0.0.1"
_BARE: Final = Path(ingest_bare.__file__)
"""By its file, so that the yardstick loads nothing of ours."""
_PATIENCE_S: Final = 60.0


class Sizes(NamedTuple):
    """Requests of one event, batches of 20, seconds of the run at a quarter of the most, events in the killed tail.

    `rest`: a server is not sent to before what it does beside at its start has ended.
    """

    single: int = 40_000
    batches: int = 6_000
    seconds: float = 10.0
    tail: int = 1_000_000
    rest: bool = True


def sizes_of(events: int) -> Sizes:
    """The usual sizes, smaller where the whole bench is made for few events."""
    whole = Sizes()
    return Sizes(min(whole.single, events), min(whole.batches, events // 10), whole.seconds, min(whole.tail, events))


def ingest_rows(folder: Path, repeats: int, tell: Callable[[str], None], sizes: Sizes = Sizes()) -> list[Row]:  # noqa: B008 - immutable
    """All of it; what is written stays under `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    ours: list[Sent] = []
    bare: list[Sent] = []
    batched: list[Sent] = []
    late: list[Sent] = []
    alone: list[float] = []
    grouped: list[float] = []
    for number in range(repeats):
        place = folder / f"ingest-{number}"
        place.mkdir()
        tell(f"ingest, run {number + 1}")
        bare.append(_bare(sizes))
        single, batches = _collected(place, sizes)
        ours.append(single)
        batched.append(batches)
        late.append(_at_a_quarter(place, sizes, single))
        alone.append(_sqlite(place / "alone.db", sizes.batches, 1))
        grouped.append(_sqlite(place / "grouped.db", sizes.batches, _GROUP))
    tell("ingest, start after a kill")
    starts = [_start(folder / f"killed-{number}", sizes.tail) for number in range(repeats)]
    return [
        Row(what="ingest, single events, durable", taken=_a_thousand(ours), against="uvicorn alone, nothing decoded",
            against_taken=_a_thousand(bare), bound=SINGLE_BOUND, note=_said(ours, 1)),
        Row(what="ingest, batches of 20, durable", taken=_a_thousand(batched), bound=BATCH_BOUND,
            against="SQLite alone, a commit a batch", against_taken=_per_thousand(alone, sizes.batches),
            note=_said(batched, _BATCH)),
        Row(what="ingest, batches of 20, durable", taken=_a_thousand(batched),
            against=f"SQLite alone, {_GROUP} batches a commit", against_taken=_per_thousand(grouped, sizes.batches)),
        Row(what="ingest, 99th percentile at a quarter of the most", taken=tuple(sent.latency(0.99) for sent in late),
            bound=LATENCY_BOUND, note=_rate(late, 1)),
        Row(what=f"start after kill -9, {sizes.tail:,} events in the tail", taken=tuple(starts), bound=START_BOUND,
            note="until an event is answered with 200"),
    ]  # fmt: skip


def _a_thousand(runs: Sequence[Sent]) -> tuple[float, ...]:
    return tuple(1000 * sent.seconds / sent.requests for sent in runs)


def _per_thousand(seconds: Sequence[float], requests: int) -> tuple[float, ...]:
    return tuple(1000 * one / requests for one in seconds)


def _said(runs: Sequence[Sent], events: int) -> str:
    return "seconds of 1,000 requests; " + _rate(runs, events)


def _rate(runs: Sequence[Sent], events: int) -> str:
    rate = median(sent.requests / sent.seconds for sent in runs)
    refused = sum(sent.refused for sent in runs)
    said = f"{rate:,.0f} requests a second" + (f", {events * rate:,.0f} events" if events > 1 else "")
    return said + (f"; {refused} refused" if refused else "")


def cores() -> tuple[int, int]:
    """The core of the server and that of the client; the same one where there is only one."""
    own = sorted(os.sched_getaffinity(0))
    return own[0], own[-1]


@contextmanager
def on(core: int) -> Iterator[None]:
    """Processes that are started within the block run on this core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def send(order: Order) -> Sent:
    """What came of an order that a process on the other core follows. Raises AfterclickError where it fails."""
    command = [sys.executable, "-P", ingest_client.__file__, msgspec.json.encode(order).decode()]
    with on(cores()[1]):
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - this very Python
    if done.returncode:
        raise AfterclickError(f"the client of the bench ended: {done.stderr.decode()[-200:]}")
    return msgspec.json.decode(done.stdout, type=Sent)


def _bare(sizes: Sizes) -> Sent:
    port = free_port()
    words = ["--port", str(port), "--host", _HOST, "--no-access-log", "--log-level", "warning", "--no-server-header"]
    with on(cores()[0]):
        server = subprocess.Popen(  # noqa: S603 - this very Python
            [sys.executable, "-P", "-m", "uvicorn", f"{_BARE.stem}:app", "--app-dir", str(_BARE.parent), *words]
        )
    try:
        _await(port, server)
        return send(Order(port=port, key="x" * 30, requests=sizes.single))
    finally:
        server.kill()
        server.wait()


def _collected(place: Path, sizes: Sizes) -> tuple[Sent, Sent]:
    """As many as it takes: single events, then batches, each on a store of its own."""
    with serving(place / "single", sizes.rest) as served:
        single = send(Order(port=served.port, key=served.key, requests=sizes.single))
    with serving(place / "batches", sizes.rest) as served:
        order = Order(port=served.port, key=served.key, requests=sizes.batches, events=_BATCH, connections=_GROUP)
        return single, send(order)


def _at_a_quarter(place: Path, sizes: Sizes, most: Sent) -> Sent:
    rate = most.requests / most.seconds / 4
    with serving(place / "quarter", sizes.rest) as served:
        requests = max(1000, int(rate * sizes.seconds))
        return send(Order(port=served.port, key=served.key, requests=requests, rate=rate))


@contextmanager
def serving(store: Path, rest: bool) -> Iterator[Served]:
    """A server on a core of its own; `rest`: once it has come to rest. Raises AfterclickError where it ends badly."""
    served = Served(store, store.with_suffix(".log")).prepare()
    with served:
        with on(cores()[0]):
            served.start()
        if rest:
            # What is compiled in the background at a start is no part of a request.
            _settle(served)
        yield served
        if served.stop():
            raise AfterclickError("the server of the bench ended badly", hint=str(served.log))


def _settle(served: Served) -> None:
    """Wait until the server has come to rest."""
    before, until = processor_s(served.pid), clock.ticks() + _PATIENCE_S
    while clock.ticks() < until:
        time.sleep(0.5)
        now = processor_s(served.pid)
        if now - before < 0.05:
            return
        before = now


def processor_s(pid: int) -> float:
    """Seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _sqlite(file: Path, batches: int, a_commit: int) -> float:
    words = [str(file), str(batches), str(_BATCH), str(a_commit)]
    with on(cores()[0]):
        done = subprocess.run(  # noqa: S603 - this very Python
            [sys.executable, "-P", ingest_sqlite.__file__, *words],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return float(done.stdout)


def _start(place: Path, events: int) -> float:
    """Seconds from the start of a server whose last one was killed to the answer to its first event."""
    place.mkdir()
    served = Served(place / "shop", place / "server.log").prepare()
    command = [sys.executable, "-P", ingest_tail.__file__, str(served.store), str(events)]
    filled = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - this very Python
    if filled.returncode != -signal.SIGKILL:
        raise AfterclickError(f"the tail could not be filled: {filled.stderr.decode()[-200:]}")
    with served, on(cores()[0]):
        begun = clock.ticks()
        served.launch()
        while clock.ticks() - begun < _PATIENCE_S and served.running:
            # Each try is another event, so that none is a repetition.
            try:
                sent = _one(served, int(clock.ticks() * 1000))
            except OSError:
                time.sleep(0.01)
                continue
            if sent:
                return clock.ticks() - begun
    raise AfterclickError("the server did not start again", hint=str(served.log))


def _one(served: Served, number: int) -> bool:
    with socket.create_connection((_HOST, served.port), timeout=_PATIENCE_S) as connection:
        connection.sendall(request(Order(port=served.port, key=served.key, requests=1), 10**9 + number))
        return connection.recv(1000).startswith(b"HTTP/1.1 200")


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    until = clock.ticks() + _PATIENCE_S
    while clock.ticks() < until and server.poll() is None:
        try:
            socket.create_connection((_HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
            continue
        return
    raise AfterclickError("uvicorn alone did not start")
