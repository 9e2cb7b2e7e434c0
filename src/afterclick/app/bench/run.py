"""Everything that is measured, in order, on one generated shop."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from afterclick.analyse.kernels import compiled
from afterclick.app.bench import pages, side
from afterclick.app.bench.attribution import attribution_rows
from afterclick.app.bench.backtest import backtest_rows
from afterclick.app.bench.decide import decide_rows, decide_sizes
from afterclick.app.bench.funnel_kinds import crowd_row, kind_rows
from afterclick.app.bench.funnels import funnel_rows
from afterclick.app.bench.imports import import_row
from afterclick.app.bench.ingest import ingest_rows, sizes_of
from afterclick.app.bench.memory import memory_rows
from afterclick.app.bench.others import map_row, other_rows
from afterclick.app.bench.pages import Server, page_rows
from afterclick.app.bench.paths import path_rows
from afterclick.app.bench.retention import retention_rows
from afterclick.app.bench.retentioneering import retentioneering_row
from afterclick.app.bench.row import Row
from afterclick.app.bench.states import state_rows
from afterclick.app.bench.steps import FIRST_STEPS
from afterclick.app.bench.timers import TIMERS, timer_rows
from afterclick.app.bench.value import CROWD, value_rows
from afterclick.app.demo import Shop, write
from afterclick.app.workspace import open as open_store

REPEATS = 5
PARTS: Final = (
    "import", "funnel", "kinds", "map", "others", "retention", "paths", "attribution", "retentioneering",
    "backtest", "states", "value", "memory", "page", "ingest", "decide", "timers",
)  # fmt: skip
"""What can be measured by itself, in this order."""
_OWN_STORES: Final = {"page", "ingest", "decide", "timers"}


class Peers(NamedTuple):
    """Pythons that have chdb, retentioneering and lifetimes, None where there is none."""

    chdb: Path | None = None
    retentioneering: Path | None = None
    lifetimes: Path | None = None


def run(
    events: int,
    folder: Path,
    *,
    repeats: int = REPEATS,
    only: Sequence[str] = (),
    peers: Peers = Peers(),  # noqa: B008 - it cannot change
    server: Server | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Generate `events` events under `folder`, import them and ask; medians of `repeats` runs that take turns.

    `only` names the PARTS that are wanted, all without it. `server` visits a dashboard; without one its rows are left out.
    `tell` hears what is being done. What is written stays in `folder`.
    """
    wanted = only or PARTS
    rows: list[Row] = []
    store = folder / "store"
    if set(wanted) - _OWN_STORES:
        tell("generate")
        export = write(Shop(events=events), folder / "export")
        tell("import")
        if "import" in wanted:
            rows.append(import_row(export, store, folder, repeats))
        else:
            side.run("import", export, store)
    if set(wanted) - {"import", *_OWN_STORES}:
        # What the imports wrote is still on its way to the disk, and would be measured with the first questions.
        os.sync()
        rows += _asked(store, folder, wanted, peers, repeats, tell)
    if server is not None and "page" in wanted:
        tell("page")
        rows += page_rows(server, min(events, pages.EVENTS), folder, repeats)
    if "ingest" in wanted:
        rows += ingest_rows(folder / "ingest", repeats, tell, sizes_of(events))
    if "decide" in wanted:
        rows += decide_rows(folder / "decide", tell, **decide_sizes(events))
    if "timers" in wanted:
        rows += timer_rows(folder / "timers", min(TIMERS, events), tell)
    return rows


def _asked(
    store: Path, folder: Path, wanted: Sequence[str], peers: Peers, repeats: int, tell: Callable[[str], None]
) -> list[Row]:
    rows: list[Row] = []
    if "memory" in wanted:
        tell("memory")
        rows += memory_rows(store, repeats)
    with open_store(store) as shop:
        snapshot = shop.store.snapshot()
    compiled.warm()
    if "funnel" in wanted:
        for first in FIRST_STEPS:
            tell(f"funnel from {first}")
            rows += funnel_rows(snapshot, first, folder, peers.chdb, repeats, tell)
    if "kinds" in wanted:
        tell("funnels of other kinds")
        rows += [*kind_rows(snapshot, repeats), crowd_row(store, folder, repeats)]
    if "map" in wanted:
        tell("map")
        rows.append(map_row(snapshot, repeats))
    if "others" in wanted:
        tell("other questions")
        rows += other_rows(snapshot, repeats)
    if "retention" in wanted:
        rows += retention_rows(snapshot, folder, peers.chdb, repeats, tell)
    if "paths" in wanted:
        rows += path_rows(snapshot, folder, (peers.chdb, peers.retentioneering), repeats, tell)
    if "attribution" in wanted:
        rows += attribution_rows(snapshot, repeats, tell)
    if "retentioneering" in wanted:
        tell("retentioneering")
        rows.append(retentioneering_row(snapshot, folder, peers.retentioneering, repeats))
    if "backtest" in wanted:
        tell("backtest")
        rows += backtest_rows(snapshot, repeats)
    if "states" in wanted:
        tell("states")
        rows += state_rows(store)
    if "value" in wanted:
        tell("value")
        rows += value_rows(snapshot, folder, peers.lifetimes, repeats, min(CROWD, 10 * snapshot.rows))
    return rows
