"""Timers by the million: how fast runs of journeys are taken in, and how late they fire."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from afterclick.act.acts import Acts
from afterclick.act.journeys import tables
from afterclick.act.journeys.runner import JourneyRunner
from afterclick.act.outbox.intent import Intent
from afterclick.app.bench.row import Row
from afterclick.core import clock, spans
from afterclick.store.automations import Entry, Journey, Node, Wait

START: Final = 1_750_000_000 * spans.SECOND
NAME: Final = "bench"
CROWD: Final = "crowd"
SPANS: Final = 20
LATENESS_BOUND: Final = 1.0
"""Seconds."""
FIRED_BOUND: Final = 20_000
"""Timers a second."""
TIMERS: Final = 1_000_000
_STEP: Final = Wait(span="1h")
JOURNEY: Final = Journey(
    name=NAME, state="on", entry=Entry(segment=CROWD, daily="00:00"), grace="30d",
    steps=(Node(wait=_STEP), Node(wait=Wait(span="30d")), Node(exit=True)),
)  # fmt: skip
"""Each run waits, takes a step to the next wait, and has its next timer set: what a journey does all day."""


def measure_timers(
    folder: Path, n: int = 1_000_000, rate: int = 10_000, seconds: float = 10.0, *, shuffled: bool = False
) -> dict[str, float]:
    """Put n runs with their timers into a new acts.db of `folder`, let `rate` a second fall due for some seconds in real
    time, then fire the rest at once.

    Visitors entered one after the other and wait for one of SPANS spans; `shuffled`: timers fall due in an order that has
    nothing to do with that of entering, the worst there is. `set_per_s` and `fired_per_s` are timers a
    second, the step, the next timer and the commits with their syncs included; `lateness_p99_s` and `lateness_max_s`
    seconds between due and committed under the steady load; `file_bytes_per_timer` that of the file.
    """
    kept = Acts.open(folder, tables.SCHEMA)
    try:
        runner = _runner(kept)
        began = clock.ticks()
        _queue(runner, n)
        set_s = clock.ticks() - began
        _spread(kept, n, rate, shuffled=shuffled)
        lateness, steady = _steadily(runner, rate, min(seconds, n / rate / 2))
        began = clock.ticks()
        fired = runner.fire(START + spans.DAY, n)
        fired_s = clock.ticks() - began
        if steady + fired != n:
            raise AssertionError(f"{steady} + {fired} of {n} timers fired")
        size = kept.path.stat().st_size
    finally:
        kept.close()
    return {
        "timers": float(n),
        "set_per_s": n / set_s,
        "steady_rate": float(rate),
        "lateness_p99_s": float(np.quantile(lateness, 0.99)),
        "lateness_max_s": float(lateness.max()),
        "fired_per_s": fired / fired_s,
        "file_bytes_per_timer": size / n,
    }


def timer_rows(folder: Path, n: int, tell: Callable[[str], None]) -> list[Row]:
    """Timers as rows of the bench: one run each, in order of entering and shuffled."""
    rows: list[Row] = []
    for shuffled in (False, True):
        tell("timers, shuffled" if shuffled else "timers")
        place = folder / ("timers-shuffled" if shuffled else "timers")
        place.mkdir(parents=True, exist_ok=True)
        found = measure_timers(place, n, shuffled=shuffled)
        how = "due in any order" if shuffled else "due as they came"
        rows += [
            Row(what=f"{n:,} pending timers, 99th percentile of lateness, {how}", taken=(found["lateness_p99_s"],),
                bound=LATENESS_BOUND, note=f"{found['steady_rate']:,.0f} a second fall due"),
            Row(what=f"1,000 timers fired with their steps, {how}", taken=(1000 / found["fired_per_s"],),
                bound=1000 / FIRED_BOUND, note=f"{found['fired_per_s']:,.0f} a second, {found['set_per_s']:,.0f} set"),
        ]  # fmt: skip
    return rows


def _runner(kept: Acts) -> JourneyRunner:
    runner = JourneyRunner(
        kept, now=lambda: START, zone_of=lambda _visitor: ZoneInfo("UTC"), holds=lambda *_asked: False, plan=_nothing
    )
    runner.use([JOURNEY])
    return runner


def _nothing(_tx: sqlite3.Connection, _intent: Intent) -> None:
    """The journey has no message: this is about timers."""


def _queue(runner: JourneyRunner, n: int) -> None:
    midnight = START - START % spans.DAY
    crowd = (f"a:{number:08x}-3d2c-4b1a-9f00-{number:012x}" for number in range(n))
    runner.daily(midnight, ZoneInfo("UTC"), lambda _segment: crowd)
    runner.fire(midnight, n)


def _spread(kept: Acts, n: int, rate: int, *, shuffled: bool) -> None:
    """One after the other falls due, at `rate` a second, in an order that is dealt with a fixed seed."""
    dealt = np.random.default_rng(7)
    waits = dealt.random(n) if shuffled else np.arange(n) / n + dealt.integers(0, SPANS, n) / SPANS
    places = np.argsort(np.argsort(waits, kind="stable"))
    with kept.writing() as tx:
        rows = tx.execute("SELECT run FROM runs ORDER BY run").fetchall()
        due = [(START + int(place) * spans.SECOND // rate, run) for place, (run,) in zip(places, rows, strict=True)]
        tx.execute("DELETE FROM timers")
        tx.executemany("UPDATE runs SET due = ? WHERE run = ?", due)
        due.sort()
        tx.executemany("INSERT INTO timers VALUES (0, ?, ?)", due)


def _steadily(runner: JourneyRunner, rate: int, seconds: float) -> tuple[np.ndarray, int]:
    """Fire what is due as real time goes by; the lateness of each in seconds, and how many there were."""
    late: list[np.ndarray] = []
    total = 0
    began = clock.ticks()
    while (elapsed := clock.ticks() - began) < seconds:
        fired = runner.fire(START + int(elapsed * spans.SECOND), 2000)
        done = clock.ticks() - began
        late.append(done - np.arange(total, total + fired) / rate)
        total += fired
    return np.concatenate(late), total
