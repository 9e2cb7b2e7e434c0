"""What rang when: one line per alarm in the store, synced before anybody is told, so that a cool-down survives a crash."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from afterclick.store import disk

if sys.platform != "win32":
    import fcntl

FOLDER = "alerts"
FILE = "history.jsonl"


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm: the alert's name, when it was sent (µs UTC), the days and the value it was about, its bounds, causes."""

    alert: str
    at: int
    days: str
    value: float
    usual: float | None = None
    low: float | None = None
    high: float | None = None
    causes: tuple[tuple[str, str, float], ...] = ()


class History:
    """The file of a store. Several processes may write; each sees what the others wrote."""

    def __init__(self, store: Path) -> None:
        self.path = store / FOLDER / FILE

    def read(self) -> list[Fired]:
        """Every alarm, oldest first; a line that a crash tore is none."""
        with disk.explained(self.path):
            try:
                lines = self.path.read_bytes().split(b"\n")
            except FileNotFoundError:
                return []
        found = []
        for line in lines[:-1]:
            try:
                found.append(msgspec.json.decode(line, type=Fired))
            except msgspec.MsgspecError:
                continue
        return found

    def last(self) -> dict[str, int]:
        """When each alert rang last."""
        return {one.alert: one.at for one in self.read()}

    def record(self, alarms: Sequence[Fired], cooldown: dict[str, int]) -> list[Fired]:
        """Write those whose alert did not ring within its cool-down (µs); returns them when the disk has confirmed."""
        if not alarms:
            return []
        with self._alone() as descriptor:
            last = self.last()
            fresh = [one for one in alarms if one.at - last.get(one.alert, -(2**62)) >= cooldown[one.alert]]
            lines = b"".join(msgspec.json.encode(one) + b"\n" for one in fresh)
            torn = self.path.read_bytes()[-1:] not in (b"", b"\n")
            disk.write_all(descriptor, (b"\n" if torn else b"") + lines)
            disk.sync(descriptor)
        return fresh

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """The file open for appending, by one process at a time: the store's own lock may be a server's for days."""
        with disk.explained(self.path):
            fresh = not self.path.parent.exists()
            self.path.parent.mkdir(exist_ok=True)
            if fresh:
                disk.sync_folder(self.path.parent.parent)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield descriptor
                disk.sync_folder(self.path.parent)
            finally:
                os.close(descriptor)
