"""A served shop that decides by what was defined, and what becomes true there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import afterclick
from support.served import Served, served


def until(true: Callable[[], Any]) -> Any:
    """What becomes true, waited for generously."""
    deadline = time.monotonic() + 60
    while not (found := true()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return found


@contextmanager
def serving(folder: Path, **defined: Any) -> Iterator[Served]:
    """A shop with these definitions, once it decides."""
    with afterclick.open(folder, write=True, create=True) as shop:
        shop.define(**defined)
    with served(folder) as server:
        until(lambda: server.live.deciding.decider.ready)
        yield server
