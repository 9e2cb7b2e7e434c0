"""Looks at every byte of a store and names what is damaged; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from afterclick.core.errors import AfterclickError
from afterclick.store import definitions, disk, layout, log, manifest, piece_files, rejects, segment, tombstones
from afterclick.store.live import findings as live
from afterclick.store.manifest import Manifest

Severity = Literal["damaged", "note"]


class Finding(NamedTuple):
    """One thing found. `damaged`: acknowledged bytes have changed or are gone; `note`: nothing is lost."""

    severity: Severity
    file: str
    message: str


def verify(path: Path) -> Iterator[Finding]:
    """Check format, definitions, manifest, every segment and file of rejects by its SHA-256, every piece by its CRC."""
    try:
        layout.check(path)
    except AfterclickError as error:
        yield Finding("damaged", f"log/{layout.FILE}", error.message)
    try:
        definitions.load(path)
    except AfterclickError as error:
        yield Finding("damaged", definitions.FILE, error.message)
    try:
        state = manifest.read(path / "log")
    except AfterclickError as error:
        yield Finding("damaged", f"log/{manifest.FILE}", error.message)
        return
    yield from _log(path / "log", state)
    yield from _strays(path / "log", state)
    yield from _pieces(path / "projection", state)
    yield from _erasures(path)
    for damaged, file, message in live.findings(path):
        yield Finding("damaged" if damaged else "note", file, message)


def _log(folder: Path, state: Manifest) -> Iterator[Finding]:
    for entry in state.segments:
        file = entry.name + log.SUFFIX
        if not (folder / file).exists():
            yield Finding("damaged", f"log/{file}", f"the segment is missing, and with it {entry.rows:,} rows")
        elif not segment.is_intact(folder, entry):
            groups = segment.damaged_groups(folder, entry)
            named = ", ".join(map(str, groups))
            where = f"row groups {named} cannot be read" if groups else "every page can still be read"
            yield Finding("damaged", f"log/{file}", f"its bytes are not those that were acknowledged; {where}")
    for change in state.entries:
        kept = state.rejects_of(change)
        if kept is not None and not rejects.is_intact(folder, kept):
            name = f"log/{rejects.FOLDER}/{kept.file}"
            yield Finding("damaged", name, f"the {kept.rows:,} rejects are not those that were acknowledged")


def _strays(folder: Path, state: Manifest) -> Iterator[Finding]:
    if state.torn:
        message = f"{state.torn} bytes behind the last line are no whole line: an import that was never acknowledged"
        yield Finding("note", f"log/{manifest.FILE}", message)
    for path in sorted(folder.glob(f"{manifest.TORN}*")):
        yield Finding("note", f"log/{path.name}", "set aside after a crash; nothing in it was acknowledged")
    replaced = {segment.name + log.SUFFIX for change in state.entries for segment in change.segments}
    for path in sorted(folder.iterdir()):
        if path.name.endswith((log.SUFFIX, disk.TEMPORARY)) and path.name not in state.files:
            message = "belongs to no import: being written, or left by a crash"
            if path.name in replaced:
                message = "another segment holds its rows; it goes by itself"
            yield Finding("note", f"log/{path.name}", message)


def _pieces(folder: Path, state: Manifest) -> Iterator[Finding]:
    for entry in state.segments:
        if not (folder / entry.name).is_dir():
            yield Finding("note", f"projection/{entry.name}", "not derived yet; the next question does it")
            continue
        for file in piece_files.damaged_files(folder, entry.name):
            message = "its bytes are not those that were derived; afterclick rebuild derives them again"
            yield Finding("damaged", f"projection/{entry.name}/{file}", message)


def _erasures(path: Path) -> Iterator[Finding]:
    if (path / tombstones.JOURNAL).exists():
        yield Finding("note", tombstones.JOURNAL, "an erasure was interrupted; whoever opens the store to write finishes it")
    try:
        tombstones.Tombstones.load(path)
    except AfterclickError as error:
        yield Finding("damaged", tombstones.FILE, error.message)
