"""What the outbox of a store says to whoever looks after it: where everything is that was to be sent, and what failed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from afterclick.act import acts_file
from afterclick.act.outbox import table
from afterclick.act.outbox.table import Balance, Ended

SHOWN = 20


class Outgoing(NamedTuple):
    """The balance of everything that was ever to be sent, and the newest that failed or whose outcome nobody knows."""

    balance: Balance
    ended: tuple[Ended, ...]


def outgoing(store: Path) -> Outgoing | None:
    """Read from the store beside whoever sends; None where nothing was ever to be sent. Raises StoreError."""
    if not acts_file.exists(store):
        return None
    with closing(acts_file.reader(store)) as reader:
        try:
            balance = table.balance(reader)
            return Outgoing(balance, tuple(table.ended(reader, limit=SHOWN))) if balance.intended else None
        except sqlite3.Error as error:
            raise acts_file.explained(error, store) from None
