"""What a store holds and answers, in a form that two trials can compare."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from afterclick.analyse.funnel import Funnel
from afterclick.analyse.journey_map import JourneyMap
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.paths.transitions import Transitions
from afterclick.analyse.retention.retention import Retention
from afterclick.app.workspace import Workspace
from afterclick.app.workspace import open as open_store
from afterclick.core.event import Rejected
from afterclick.core.spec import Spec
from afterclick.store.live.calls import Balance
from afterclick.store.live.reader import TailReader
from afterclick.store.live.tail import Tail

QUESTIONS: Final[tuple[Callable[[], Spec], ...]] = (
    lambda: Kpi(range="all"),
    lambda: Funnel(steps=("Page Viewed", "Product Viewed", "Order Completed"), range="all"),
    lambda: JourneyMap(range="all"),
    lambda: Transitions(range="all"),
    lambda: Retention(range="all"),
)
_SAID_OF_THE_RUN: Final = frozenset({"about", "elapsed_ms"})


def ids(store: Path) -> Counter[str]:
    """How often each event id is in a store, sealed or not."""
    with open_store(store) as shop:
        snapshot = shop.store.snapshot()
        return Counter(snapshot.event_ids(np.arange(snapshot.rows)))


def rejects(store: Path) -> list[Rejected]:
    """What was set aside, sealed or not."""
    with open_store(store) as shop:
        return list(shop.store.rejects())


def seal(store: Path) -> None:
    """Move what lies in the open tail into the log, as a server does from time to time."""
    with open_store(store, write=True) as shop, contextlib.closing(Tail.open(store)) as tail:
        shop.store.seal(tail)


def balance(store: Path) -> Balance:
    """What became of everything that was received live."""
    return TailReader(store).balance()


def numbers(store: Path) -> dict[str, str]:
    """A digest of the answer to each of QUESTIONS, by its name."""
    with open_store(store) as shop:
        return {spec.key_word: digest(shop, spec) for spec in (make() for make in QUESTIONS)}


def digest(shop: Workspace, spec: Spec) -> str:
    """What is equal for equal answers, whatever was measured of the run itself."""
    told = shop.ask(spec).to_dict("en")
    content = {name: value for name, value in told.items() if name not in _SAID_OF_THE_RUN}
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def lost_or_twice(store: Path, acknowledged: set[str], tried: set[str]) -> list[str]:
    """Broken promises: acknowledged ids that are not there, ids that are there twice, ids that nobody sent."""
    found = ids(store)
    lost = [f"lost: {one}" for one in sorted(acknowledged - set(found))]
    twice = [f"{count} times: {one}" for one, count in sorted(found.items()) if count > 1]
    return [*lost, *twice, *(f"never sent: {one}" for one in sorted(set(found) - tried))]
