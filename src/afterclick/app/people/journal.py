"""Whom an erasure that has begun is about, on disk until it is over, so that a crash leaves nobody half erased."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from afterclick.core.errors import StoreError
from afterclick.core.said import Said
from afterclick.store import disk
from afterclick.store.tombstones import JOURNAL

_MODE: Final = 0o600


class Begun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ids of an erasure that has begun."""

    ids: tuple[str, ...]


def ids(store: Path) -> tuple[str, ...]:
    """The ids of the erasure that has begun and is not over, () for none. Raises StoreError for a file that is none."""
    path = store / JOURNAL
    with disk.explained(path):
        try:
            return msgspec.json.decode(path.read_bytes(), type=Begun).ids
        except FileNotFoundError:
            return ()
        except msgspec.DecodeError as error:
            raise StoreError(
                Said("refusals.journal_unreadable", journal=JOURNAL, error=str(error)),
                hint=Said("refusals.move_journal"),
                path=str(path), code="journal_damaged",
            ) from None  # fmt: skip


def begin(store: Path, known: Sequence[str]) -> None:
    """Write down, in the place of what stood there, whom it is about."""
    path = store / JOURNAL
    with disk.explained(path):
        disk.write_synced(path, msgspec.json.encode(Begun(tuple(known))), mode=_MODE)


def end(store: Path) -> None:
    """It is over."""
    path = store / JOURNAL
    with disk.explained(path):
        path.unlink(missing_ok=True)
        disk.sync_folder(path.parent)
