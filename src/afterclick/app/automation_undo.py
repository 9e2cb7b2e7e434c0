"""What a rule, a journey or the delivery was before each change, so that any change can be taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from afterclick.store.automations import Delivery, Journey, LiveRule
from afterclick.store.undo import UndoFile

FILE: Final = "automations.jsonl"

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


def undo_of(store: Path) -> UndoFile[Before]:
    """The file of a store; written while the store's definitions are held."""
    return UndoFile(store, FILE, Before)
