"""What a rule, a journey or the delivery was before each change, so that any change can be taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from afterclick.store import disk
from afterclick.store.automations import Delivery, Journey, LiveRule

FOLDER: Final = "documents"
FILE: Final = "automations.jsonl"
KEPT: Final = 50

Kind = Literal["rule", "journey", "delivery"]


class Before(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One document as it was at an instant (µs UTC), before a `change` (made, changed, on, paused, removed).

    `name` is what it is called after the change; none of the three documents means that it was not there before.
    """

    at: int
    change: str
    kind: Kind
    name: str = ""
    rule: LiveRule | None = None
    journey: Journey | None = None
    delivery: Delivery | None = None


class AutomationUndo:
    """The file of a store; written while the store's definitions are held."""

    def __init__(self, store: Path) -> None:
        self.path = store / FOLDER / FILE

    def states(self) -> list[Before]:
        """What can be gone back to, oldest first."""
        with disk.explained(self.path):
            try:
                lines = self.path.read_bytes().splitlines()
            except FileNotFoundError:
                return []
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=Before))
            except msgspec.MsgspecError:
                continue
        return found

    def push(self, state: Before) -> None:
        """Remember a state; the oldest is forgotten where there are many."""
        self._write([*self.states()[-(KEPT - 1) :], state])

    def pop(self) -> Before | None:
        """The state before the last change, which is forgotten; None where there is none."""
        known = self.states()
        if not known:
            return None
        self._write(known[:-1])
        return known[-1]

    def _write(self, states: list[Before]) -> None:
        with disk.explained(self.path):
            self.path.parent.mkdir(exist_ok=True)
            disk.write_synced(self.path, b"".join(msgspec.json.encode(state) + b"\n" for state in states))
