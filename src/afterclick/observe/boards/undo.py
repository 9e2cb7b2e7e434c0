"""What boards and alerts were before each change, so that any change can be taken back."""

from __future__ import annotations

from pathlib import Path

import msgspec

from afterclick.store.documents import Alert, Board
from afterclick.store.undo import UndoFile

FILE = "undo.jsonl"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Boards and alerts as they were at an instant (µs UTC), and the change that came after."""

    at: int
    change: str
    boards: tuple[Board, ...] = ()
    alerts: tuple[Alert, ...] = ()


def undo_of(store: Path) -> UndoFile[State]:
    """The file of a store; written under the lock of its definitions."""
    return UndoFile(store, FILE, State)
