"""What acts.db holds, all modules together, and how somebody is erased from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from afterclick.act import contacts
from afterclick.act.acts import Acts
from afterclick.act.channels import onsite
from afterclick.act.contacts import Contacts
from afterclick.act.journeys import tables
from afterclick.act.outbox import hearing, table, telling
from afterclick.core import clock
from afterclick.core.errors import StoreError
from afterclick.core.said import Said

SCHEMAS: Final = (tables.SCHEMA, table.SCHEMA, telling.SCHEMA, contacts.SCHEMA, onsite.SCHEMA)
"""Everything that is kept in acts.db."""
_CHECKPOINTS: Final = 2


def forget(tx: sqlite3.Connection, kept: Contacts, visitors: Sequence[str]) -> None:
    """Erase visitors from everything in acts.db."""
    hearing.forget(tx, kept, visitors, clock.now())
    onsite.forget(tx, visitors)
    tables.forget(tx, visitors)


def forget_offline(path: Path, visitors: Sequence[str]) -> None:
    """The same while nobody serves the store at `path`, whose lock is held. Raises StoreError."""
    kept = Contacts.of_store(path)
    acts = Acts.open(path, *SCHEMAS)
    try:
        with acts.writing() as tx:
            forget(tx, kept, visitors)
        empty_wal(acts)
    finally:
        acts.close()


def empty_wal(acts: Acts) -> None:
    """Leave nothing that was erased in the WAL. Raises StoreError (`acts_in_use`) where somebody goes on reading what is
    older: the erasure is not done then, and has to be finished."""
    for _ in range(_CHECKPOINTS):
        if acts.empty_wal():
            return
    raise StoreError(
        Said("refusals.wal_in_use", name=acts.path.name),
        hint=Said("refusals.end_readers"),
        path=str(acts.path), code="acts_in_use",
    )  # fmt: skip
