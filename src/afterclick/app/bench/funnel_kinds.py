"""Funnels of other kinds beside the plain one, and the plain one where a single visitor has very many events."""

from __future__ import annotations

import os
import shutil
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import msgspec

from afterclick.analyse.funnel import Funnel
from afterclick.app import questions
from afterclick.app.bench.funnels import LEAST, running
from afterclick.app.bench.row import Row
from afterclick.app.bench.steps import FIRST_STEPS, LATER_STEPS, WITHIN
from afterclick.app.bench.timing import Run, alternated, timed
from afterclick.app.workspace import open as open_store
from afterclick.core import spans
from afterclick.core.event import Event
from afterclick.store.snapshot import Snapshot

KIND_BOUND, CROWD_BOUND = 2.0, 1.5
CROWD: Final = 40_000
"""Events of the one visitor, as a crawler without a name of its own leaves them."""

PLAIN = Funnel(steps=(FIRST_STEPS[0], *LATER_STEPS), within=WITHIN, range="all", compare="none")
KINDS: Final[dict[str, dict[str, Any]]] = {
    "strict order": {"order": "strict"},
    "any order": {"order": "any"},
    "an exclusion": {"without": ("Product List Viewed 2..3",)},
    "an exclusion that ends the visitor": {"without": ("Product List Viewed 2..3",), "without_ends": "visitor"},
    "an optional step": {"steps": (*PLAIN.steps[:2], "Coupon Applied?", *PLAIN.steps[2:])},
}
_PLAIN, _CROWDED = "plain", "crowded"
_IMMUTABLE = frozenset({".parquet", ".arrow"})


def kind_rows(snapshot: Snapshot, repeats: int) -> list[Row]:
    """A row per kind against the plain funnel of the same steps, all in turns."""
    repeats = max(repeats, LEAST) if repeats > 1 else repeats
    kinds = {name: msgspec.structs.replace(PLAIN, **fields) for name, fields in KINDS.items()}
    runs: dict[str, Run] = {name: _asking(snapshot, asked) for name, asked in {_PLAIN: PLAIN, **kinds}.items()}
    taken = alternated(runs, repeats)
    return [
        Row(
            what=f"the same funnel with {name}", taken=taken[name], against="the plain funnel",
            against_taken=taken[_PLAIN], bound=KIND_BOUND,
        )
        for name in kinds
    ]  # fmt: skip


def crowd_row(store: Path, folder: Path, repeats: int) -> Row:
    """The plain funnel over a copy of the shop in which one more visitor has `CROWD` events, against the shop itself."""
    repeats = max(repeats, LEAST) if repeats > 1 else repeats
    with open_store(store) as shop:
        plain = shop.store.snapshot()
    shutil.copytree(store, folder / _CROWDED, copy_function=_linked)
    with open_store(folder / _CROWDED, write=True) as shop:
        shop.append(_crowd(plain.first_at))
        crowded = shop.store.snapshot()
        taken = alternated({_PLAIN: _asking(plain, PLAIN), _CROWDED: _asking(crowded, PLAIN)}, repeats)
    return Row(
        what=f"the same funnel with a visitor of {CROWD:,} events", taken=taken[_CROWDED], against="without that visitor",
        against_taken=taken[_PLAIN], bound=CROWD_BOUND,
    )  # fmt: skip


def _asking(snapshot: Snapshot, asked: Funnel) -> Run:
    def run() -> float:
        context = running(snapshot, PLAIN)
        return timed(lambda: _answered(asked, context))

    return run


def _answered(asked: Funnel, context: Any) -> None:
    questions.answer(asked, context)


def _crowd(start: int) -> list[Event]:
    """A visitor who takes all steps but the last, over and over, one a second."""
    return [
        Event(
            event_id=f"crowd-{number}", event=name, raw_event=name, anonymous_id="crowd",
            occurred_at=start + number * spans.SECOND,
        )
        for number, name in enumerate(islice(cycle(PLAIN.steps[:-1]), CROWD))
    ]  # fmt: skip


def _linked(source: str, target: str) -> str:
    """What is never written again is the same file twice; the rest is copied."""
    if Path(source).suffix in _IMMUTABLE:
        try:
            os.link(source, target)
        except OSError:
            return str(shutil.copy2(source, target))
        return target
    return str(shutil.copy2(source, target))
