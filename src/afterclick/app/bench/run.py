"""Everything that is measured, in order, on one generated shop."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from afterclick.analyse.kernels import compiled
from afterclick.app.bench import pages
from afterclick.app.bench.funnels import FIRST_STEPS, funnel_rows
from afterclick.app.bench.imports import import_row
from afterclick.app.bench.others import other_rows
from afterclick.app.bench.pages import Server, page_rows
from afterclick.app.bench.row import Row
from afterclick.app.demo import Shop, write
from afterclick.app.workspace import open as open_store

REPEATS = 5


def run(
    events: int,
    folder: Path,
    *,
    repeats: int = REPEATS,
    chdb: Path | None = None,
    server: Server | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Generate `events` events under `folder`, import them and ask; medians of `repeats` runs that take turns.

    `chdb` is a Python that has chdb (`clickhouse.environment` makes one), `server` visits a dashboard; without one its
    rows are left out. `tell` hears what is being done. What is written stays in `folder`.
    """
    tell("generate")
    export = write(Shop(events=events), folder / "export")
    tell("import")
    rows = [import_row(export, folder / "store", folder, repeats)]
    with open_store(folder / "store") as shop:
        snapshot = shop.store.snapshot()
    compiled.warm()
    # What the imports wrote is still on its way to the disk, and would be measured with the first questions.
    os.sync()
    for first in FIRST_STEPS:
        tell(f"funnel from {first}")
        rows += funnel_rows(snapshot, first, folder, chdb, repeats, tell)
    tell("other questions")
    rows += other_rows(snapshot, repeats)
    if server is not None:
        tell("page")
        rows += page_rows(server, min(events, pages.EVENTS), folder, repeats)
    return rows
