"""What boards and alerts were before each change, so that any change can be taken back."""

from __future__ import annotations

from pathlib import Path

import msgspec

from afterclick.store import disk
from afterclick.store.documents import Alert, Board

FOLDER = "documents"
FILE = "undo.jsonl"
KEPT = 50


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Boards and alerts as they were at an instant (µs UTC), and the change that came after."""

    at: int
    change: str
    boards: tuple[Board, ...] = ()
    alerts: tuple[Alert, ...] = ()


class Undo:
    """The file of a store; written under the store's lock."""

    def __init__(self, store: Path) -> None:
        self.path = store / FOLDER / FILE

    def states(self) -> list[State]:
        """What can be gone back to, oldest first."""
        with disk.explained(self.path):
            try:
                lines = self.path.read_bytes().splitlines()
            except FileNotFoundError:
                return []
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=State))
            except msgspec.MsgspecError:
                continue
        return found

    def push(self, state: State) -> None:
        """Remember a state; the oldest is forgotten where there are many."""
        self._write([*self.states()[-(KEPT - 1) :], state])

    def pop(self) -> State | None:
        """The state before the last change, which is forgotten; None where there is none."""
        known = self.states()
        if not known:
            return None
        self._write(known[:-1])
        return known[-1]

    def _write(self, states: list[State]) -> None:
        with disk.explained(self.path):
            self.path.parent.mkdir(exist_ok=True)
            disk.write_synced(self.path, b"".join(msgspec.json.encode(state) + b"\n" for state in states))
