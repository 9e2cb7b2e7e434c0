"""What makes a directory a store: its format number, and how a new one is laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from afterclick.core.errors import StoreFormat
from afterclick.core.said import Said
from afterclick.store import definitions, disk, lock, manifest
from afterclick.store.definitions import Definitions

FORMAT: Final = 1
FILE: Final = "format"
ACTS: Final = "acts.db"
"""What waits to be sent, and to whom nothing more is: a database that nothing can make again."""
STATES: Final = "states.db"
"""What is known of each visitor by now, made again from the log when it is missing."""

Upgrade = Callable[[Path], None]

UPGRADES: Mapping[int, Upgrade] = {}
"""By format number what makes that format the next one; run under the lock, each safe to run again after a crash."""

_OURS: Final = frozenset({definitions.FILE, lock.NAME, "log", "projection", "alerts", "documents", "models"})
_HINT: Final = "afterclick import FILE --store DIR makes one"


def is_store(path: Path) -> bool:
    """Is there a log with a format number?"""
    return (path / "log" / FILE).is_file()


def format_of(path: Path) -> int:
    """The format number. Raises StoreFormat where there is no store, or the number cannot be read."""
    with disk.explained(path):
        try:
            text = (path / "log" / FILE).read_text(encoding="utf-8", errors="replace").strip()
        except (FileNotFoundError, NotADirectoryError):
            raise StoreFormat(Said("refusals.is_no_store", path=path), hint=_HINT, path=str(path)) from None
    if not text.isdigit():
        raise StoreFormat(
            f"the format number of {path} cannot be read: {text[:20]!r}",
            hint=f"this afterclick writes {FORMAT}; restore log/{FILE} from a backup",
            path=str(path),
        )
    return int(text)


def check(path: Path) -> bool:
    """Can this version read the store as it is? False if it must be upgraded first; raises StoreFormat if it cannot."""
    found = format_of(path)
    if found > FORMAT:
        raise StoreFormat(
            f"{path} has format {found}, this afterclick knows formats up to {FORMAT}",
            hint="a newer afterclick wrote it: use that one; nothing was changed",
            path=str(path),
        )
    missing = [number for number in range(found, FORMAT) if number not in UPGRADES]
    if missing:
        raise StoreFormat(f"{path} has format {found}, which was never released", hint=_HINT, path=str(path))
    return found == FORMAT


def upgrade(path: Path) -> None:
    """Bring an older store to this format, one step after the other. Needs the store's lock."""
    for number in range(format_of(path), FORMAT):
        UPGRADES[number](path)
        disk.write_synced(path / "log" / FILE, f"{number + 1}\n".encode())


def prepare(path: Path) -> None:
    """Make the folder of a store that is to be created. Raises StoreFormat for a folder that holds anything else."""
    with disk.explained(path):
        if path.exists() and not path.is_dir():
            raise StoreFormat(f"{path} is a file, not a folder", hint="name a folder for the store", path=str(path))
        path.mkdir(parents=True, exist_ok=True)
        foreign = sorted(entry.name for entry in path.iterdir() if entry.name not in _OURS)
    if foreign:
        raise StoreFormat(
            f"{path} is no store and not empty: it holds {foreign[0]!r}",
            hint="name a new or empty folder for the store",
            path=str(path),
        )


def create(path: Path, meant: Definitions) -> None:
    """Lay out a store; the format number comes last, so that a crash leaves no half store. Needs the lock."""
    log = path / "log"
    with disk.explained(path):
        (log / "rejects").mkdir(parents=True, exist_ok=True)
        (path / "projection").mkdir(exist_ok=True)
        if not (path / definitions.FILE).exists():
            definitions.save(path, meant)
        if manifest.content(log):
            raise StoreFormat(f"log/{FILE} of {path} is missing", hint=Said("refusals.restore_it"), path=str(path))
        disk.write_synced(log / FILE, f"{FORMAT}\n".encode())
        disk.sync_folder(path)
        disk.sync_folder(path.parent)
