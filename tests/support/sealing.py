"""Processes that seal, merge and erase, each killed at another call that touches the disk or the tail.

`python sealing.py WHAT BASE FOLDER` does it in copies `FOLDER/1`, `FOLDER/2` … of a store, until one ends by itself.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import pyarrow.compute as pc

from afterclick.core.event import Event
from afterclick.store import disk, merging
from afterclick.store.live.tail import Tail
from afterclick.store.store import Store
from support.tail import EventRows, copy_store, put
from support.tiny import DAY0, TinyDerive

GONE = "v3"
"""Whom `erase` erases."""
_STEPS = ("write_all", "sync", "settle", "sync_folder")


def event(number: int) -> Event:
    """One of the events of the store."""
    return Event(
        event_id=f"e{number:04d}",
        event="Page Viewed",
        occurred_at=DAY0 + number * 1_000_000,
        anonymous_id=f"v{number % 7}",
        source="live",
    )


def fill(path: Path) -> None:
    """A store with three sealed segments, and a tail with news, a repeated event and one whose content changed."""
    with Store.open(path, derive=TinyDerive(), rows=EventRows(), write=True, create=True) as store:
        tail = Tail.open(path)
        for start in (0, 20, 40):
            put(tail, *map(event, range(start, start + 20)))
            store.seal(tail)
        put(tail, *map(event, range(60, 80)), event(5))
        tail.close()


def seal(store: Store, tail: Tail) -> None:
    """The tail becomes a segment."""
    store.seal(tail)


def compact(store: Store, tail: Tail) -> None:
    """The segments become one, and the old files go."""
    merging.GRACE_S = 0.0
    store.compact()
    store.compact()


def erase(store: Store, tail: Tail) -> None:
    """One visitor goes out of every segment."""
    with store.replacing("erase") as change:
        for entry in change.manifest.segments:
            rows = change.read(entry)
            change.replace([entry], rows.filter(pc.not_equal(rows["anonymous_id"].cast("string"), GONE)))
        change.commit()


DOES: dict[str, Callable[[Store, Tail], None]] = {"seal": seal, "compact": compact, "erase": erase}


def kill_at(step: int, tail: Tail) -> None:
    """From now on the given call that touches the disk, or statement of the tail, is the last thing this process does."""
    calls = [0]

    def count(*_: object) -> None:
        calls[0] += 1
        if calls[0] == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            count()
            return real(*arguments, **more)

        return call

    for name in _STEPS:
        setattr(disk, name, counted(getattr(disk, name)))
    tail._file.connection.set_trace_callback(count)
    merging.Leaving._remove = counted(merging.Leaving._remove)  # type: ignore[method-assign]


def every_step(what: str, base: Path, folder: Path) -> None:
    """A process per step."""
    for step in range(1, 200):
        path = copy_store(base, folder / str(step))
        child = os.fork()
        if not child:
            try:
                _do(what, path, step)
                (folder / f"{step}.ended").touch()
            finally:
                os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            break


def _do(what: str, path: Path, step: int) -> None:
    with Store.open(path, derive=TinyDerive(), rows=EventRows(), write=True) as store:
        tail = Tail.open(path)
        kill_at(step, tail)
        DOES[what](store, tail)


if __name__ == "__main__":
    every_step(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
