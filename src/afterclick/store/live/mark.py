"""The high-water mark of the tail, outside of SQLite, so that a tail that lost its end is known for what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from afterclick.store import checked, disk

FILE: Final = "live.mark"


class _Mark(msgspec.Struct, frozen=True):
    seq: int


def read(store: Path) -> int:
    """The last number that was written down as committed, 0 if there is none or the file is damaged."""
    try:
        line = (store / FILE).read_bytes()
    except OSError:
        return 0
    body = checked.unseal(line.rstrip(b"\n"))
    return 0 if body is None else msgspec.json.decode(body, type=_Mark).seq


def write(store: Path, seq: int) -> None:
    """Write a number down; it must be committed. Raises StoreError for what the disk refuses."""
    with disk.explained(store / FILE):
        disk.write_synced(store / FILE, checked.seal(b'{"seq":%d}' % seq) + b"\n")
