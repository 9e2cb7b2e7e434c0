"""The first page of a fresh server, and pages asked again; whoever has a server gives it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from afterclick.app.bench.row import Row
from afterclick.app.demo import Shop, write
from afterclick.app.workspace import open as open_store

EVENTS = 100_000
COLD_BOUND, CACHED_BOUND = 0.3, 0.05


class Visit(NamedTuple):
    """Seconds of a server's first page, of the next question of the same page, and of the same page again.

    `cached` are seconds of pages whose answers are kept, by their names.
    """

    first: float
    other_range: float
    again: float
    cached: dict[str, float]


Server = Callable[[Path], Visit]
"""Starts a server of a store in a fresh process with no compiled kernels and visits its first page."""


def page_rows(server: Server, events: int, folder: Path, repeats: int) -> list[Row]:
    """The map page of the example shop, then pages of several cards, asked for the second time."""
    store = folder / "page-store"
    with open_store(store, write=True, create=True) as shop:
        shop.import_files([write(Shop(events=events), folder / "page")], source="bench")
    visits = [server(store) for _ in range(repeats)]
    page = f"map page, {events:,} events"
    return [
        Row(what=f"{page}, cold", taken=tuple(visit.first for visit in visits), bound=COLD_BOUND,
            note="fresh process, fresh store, no kernel compiled"),
        Row(what=f"{page}, another range right after it", taken=tuple(visit.other_range for visit in visits)),
        Row(what=f"{page}, again", taken=tuple(visit.again for visit in visits), bound=CACHED_BOUND),
        *(
            Row(what=f"{name} page, its answers kept", taken=tuple(visit.cached[name] for visit in visits),
                bound=CACHED_BOUND)
            for name in visits[0].cached
        ),
    ]  # fmt: skip
