"""What documents were before each change, newest last, so that any change can be taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from afterclick.store import disk

FOLDER: Final = "documents"
KEPT: Final = 50
"""Changes that can be taken back."""

T = TypeVar("T", bound=msgspec.Struct)


class UndoFile(Generic[T]):
    """A file of states, one a line; written while whatever it is about is held. A line that cannot be read is passed over."""

    def __init__(self, store: Path, name: str, kind: type[T]) -> None:
        self.path = store / FOLDER / name
        self._kind = kind

    def states(self) -> list[T]:
        """What can be gone back to, oldest first."""
        with disk.explained(self.path):
            try:
                lines = self.path.read_bytes().splitlines()
            except FileNotFoundError:
                return []
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=self._kind))
            except msgspec.MsgspecError:
                continue
        return found

    def push(self, state: T) -> None:
        """Remember a state; the oldest is forgotten where there are many."""
        self._write([*self.states()[-(KEPT - 1) :], state])

    def pop(self) -> T | None:
        """The state before the last change, which is forgotten; None where there is none."""
        known = self.states()
        if not known:
            return None
        self._write(known[:-1])
        return known[-1]

    def _write(self, states: list[T]) -> None:
        with disk.explained(self.path):
            self.path.parent.mkdir(exist_ok=True)
            disk.write_synced(self.path, b"".join(msgspec.json.encode(state) + b"\n" for state in states))
