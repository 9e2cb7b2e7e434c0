"""A process that imports until it is killed: `python importing.py STORE FIRST [STEP]` says `ack N` after each commit.

Import N holds the ids `N-0` … and one reject. With STEP the process kills itself at that call that touches the disk,
counted from the beginning of import FIRST.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.tiny import DAY0, TinyDerive, table

from afterclick.core.event import Rejected
from afterclick.store import disk, log
from afterclick.store.store import Store

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


def main() -> None:
    """Import forever, or once when a step is given."""
    log.SEGMENT_ROWS = ROWS // SEGMENTS
    path, first = sys.argv[1], int(sys.argv[2])
    with Store.open(path, derive=TinyDerive(), write=True, create=True) as store:
        if len(sys.argv) > 3:
            kill_at(int(sys.argv[3]))
            run(store, first)
            print(f"ack {first}", flush=True)
            return
        print("ready", flush=True)
        for number in range(first, first + 100_000):
            run(store, number)
            print(f"ack {number}", flush=True)


if __name__ == "__main__":
    main()
