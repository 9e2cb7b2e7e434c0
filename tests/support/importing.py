"""Processes that import until they are killed. Import N holds the ids `N-0` … and one reject.

`python importing.py STORE FIRST` imports FIRST and the following, and says `ack N` after each commit.
`python importing.py --every-step BASE FOLDER` makes import 2 in copies `FOLDER/1`, `FOLDER/2` … of a store, each in a
process of its own that kills itself at its first, second … call that touches the disk, until one ends by itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from afterclick.core.event import Rejected
from afterclick.store import disk, log
from afterclick.store.store import Store
from support.tiny import DAY0, TinyDerive, table

ROWS = 40
SEGMENTS = 2
_STEPS = ("write_all", "sync", "settle", "sync_folder")


def rows_of(number: int) -> list[dict[str, Any]]:
    """The events of one import."""
    return [
        {"event_id": f"{number}-{i}", "anonymous_id": f"v{i % 7}", "occurred_at": DAY0 + i * 10**9 + number}
        for i in range(ROWS)
    ]


def run(store: Store, number: int) -> None:
    """One import in several segments with a reject."""
    with store.transaction("test") as transaction:
        transaction.reject([Rejected(id=f"r{number}", at=number, source="test", code="c", message="m")])
        transaction.add(table(rows_of(number)))
        transaction.commit({"read": ROWS + 1})


def kill_at(step: int) -> None:
    """From now on the given call of those that touch the disk is the last thing this process does, or does not."""
    calls = [0]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            calls[0] += 1
            if calls[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)

        return call

    for name in _STEPS:
        setattr(disk, name, counted(getattr(disk, name)))


def every_step(base: Path, folder: Path) -> None:
    """A process per step; forked, because starting Python anew takes longer than the import."""
    for step in range(1, 200):
        path = folder / str(step)
        shutil.copytree(base, path)
        child = os.fork()
        if not child:
            kill_at(step)
            with Store.open(path, derive=TinyDerive(), write=True) as store:
                run(store, 2)
            (folder / f"{step}.ack").touch()
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            break


def on_and_on(path: Path, first: int) -> None:
    """Import without end."""
    with Store.open(path, derive=TinyDerive(), write=True, create=True) as store:
        print("ready", flush=True)
        for number in range(first, first + 100_000):
            run(store, number)
            print(f"ack {number}", flush=True)


if __name__ == "__main__":
    log.SEGMENT_ROWS = ROWS // SEGMENTS
    if sys.argv[1] == "--every-step":
        every_step(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        on_and_on(Path(sys.argv[1]), int(sys.argv[2]))
