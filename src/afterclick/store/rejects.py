"""What could not become an event, kept with its reason and the original, so that it can be mended and replayed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from afterclick.core.errors import StoreError
from afterclick.core.event import Rejected
from afterclick.store import disk
from afterclick.store.manifest import Manifest, RejectsEntry

FOLDER: Final = "rejects"
SUFFIX: Final = ".jsonl"
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Rejected)


class RejectWriter:
    """The rejects of one import on their way to `log/rejects/<import>.jsonl`; nothing is there before `finish`."""

    def __init__(self, log: Path, import_id: str) -> None:
        self.path = log / FOLDER / (import_id + SUFFIX)
        self.rows = 0
        self._unfinished = self.path.with_name(self.path.name + disk.TEMPORARY)
        self._digest = hashlib.sha256()
        self._descriptor = -1

    def write(self, rejected: Sequence[Rejected]) -> None:
        """Add some. Raises StoreError for what the disk refuses."""
        if not rejected:
            return
        lines = b"".join(_ENCODER.encode(one) + b"\n" for one in rejected)
        with disk.explained(self.path):
            if self._descriptor < 0:
                self.path.parent.mkdir(exist_ok=True)
                self._descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            disk.write_all(self._descriptor, lines)
        self._digest.update(lines)
        self.rows += len(rejected)

    def finish(self) -> RejectsEntry | None:
        """Sync the file and give it its name; None if nothing was rejected."""
        if self._descriptor < 0:
            return None
        with disk.explained(self.path):
            disk.sync(self._descriptor)
            self._close()
            disk.settle(self._unfinished, self.path)
        return RejectsEntry(file=self.path.name, rows=self.rows, sha256=self._digest.hexdigest())

    def discard(self) -> None:
        """Remove whatever was written."""
        self._close()
        for path in (self._unfinished, self.path):
            disk.discard(path)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def iterate(log: Path, entry: RejectsEntry) -> Iterator[Rejected]:
    """The rejects of one import, in the order in which they came. Raises StoreError at a damaged line."""
    path = log / FOLDER / entry.file
    with disk.explained(path), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield _DECODER.decode(line)
            except msgspec.MsgspecError as error:
                raise StoreError(
                    f"line {number} of {entry.file} is damaged: {error}",
                    hint="run afterclick doctor",
                    path=str(path),
                    code="rejects_damaged",
                ) from None


def select(
    log: Path,
    manifest: Manifest,
    *,
    imported: str = "",
    code: str = "",
    source: str = "",
    file: str = "",
    replayed: bool | None = None,
    ids: frozenset[str] | None = None,
    unsealed: Iterable[Rejected] = (),
) -> Iterator[Rejected]:
    """Rejects that meet every filter given: import id, code, source, file, taken up by a replay or not, ids.

    `unsealed` are those of the tail, which are of no import yet.
    """
    taken_up = manifest.replayed
    for one in chain(_kept(log, manifest, imported), () if imported else unsealed):
        if (
            (not code or one.code == code)
            and (not source or one.source == source)
            and (not file or one.file == file)
            and (replayed is None or (one.id in taken_up) is replayed)
            and (ids is None or one.id in ids)
        ):
            yield one


def _kept(log: Path, manifest: Manifest, imported: str) -> Iterator[Rejected]:
    for entry in manifest.entries:
        kept = manifest.rejects_of(entry)
        if kept is not None and imported in ("", entry.id):
            yield from iterate(log, kept)


def is_intact(log: Path, entry: RejectsEntry) -> bool:
    """Is the file there with the bytes that were acknowledged?"""
    try:
        with (log / FOLDER / entry.file).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
    except OSError:
        return False
