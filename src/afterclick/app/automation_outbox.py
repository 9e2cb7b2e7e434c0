"""What the outbox of a store says to whoever looks after it: where everything is that was to be sent, and what failed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from afterclick.act import acts_file
from afterclick.act.outbox import table
from afterclick.act.outbox.held import held
from afterclick.act.outbox.table import Balance, Ended

SHOWN = 20


class Outgoing(NamedTuple):
    """The balance of everything that was ever to be sent, and the newest that failed or whose outcome nobody knows.

    `held` are those that wait: reason, how many, when the first is asked again (µs UTC, None = when something changes).
    """

    balance: Balance
    ended: tuple[Ended, ...]
    held: tuple[tuple[str, int, int | None], ...] = ()


def outgoing(store: Path) -> Outgoing | None:
    """Read from the store beside whoever sends; None where nothing was ever to be sent. Raises StoreError."""
    if not acts_file.exists(store):
        return None
    with closing(acts_file.reader(store)) as reader:
        try:
            balance = table.balance(reader)
            if not balance.intended:
                return None
            return Outgoing(balance, tuple(table.ended(reader, limit=SHOWN)), tuple(held(reader)))
        except sqlite3.Error as error:
            raise acts_file.explained(error, store) from None
