"""The list of what is in the log: one line per acknowledged change, written and synced before anybody is told."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec

from afterclick.core.errors import StoreError, StoreFormat
from afterclick.core.said import Said
from afterclick.store import checked, disk, standing

Kind = Literal["import", "replay", "live", "compact", "erase"]

FILE = "manifest.jsonl"
TORN = "manifest.torn-"


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that was read: its name as given, SHA-256, rows and bytes."""

    name: str
    sha256: str
    rows: int
    bytes: int


class SegmentEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Parquet file of the log. `first_at`, `last_at` are µs UTC; `lines` = how many rows are order lines."""

    name: str
    rows: int
    sha256: str
    bytes: int
    first_at: int
    last_at: int
    lines: int = 0


class RejectsEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of what an import could not take."""

    file: str
    rows: int
    sha256: str


class Replaced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names of neighbouring segments that no longer count, and of those that stand in their place."""

    old: tuple[str, ...]
    new: tuple[str, ...]


class ImportEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One acknowledged change. A replay is an import whose input were rejects, named in `reject_ids`; `live` are the
    calls of the tail up to `live_seq`; `compact` and `erase` put segments (`replaces`) and rejects (`rejects_for`, by
    import) in the place of others.

    `counts` holds at least `stored` and `rejected`. `stale` names older segments whose pieces this change made wrong:
    they hold earlier lines of an order that goes on here.
    """

    seq: int
    kind: Kind = "import"
    id: str
    at: int
    source: str
    files: tuple[FileEntry, ...] = ()
    segments: tuple[SegmentEntry, ...] = ()
    rejects: RejectsEntry | None = None
    counts: dict[str, int] = {}
    map: dict[str, Any] = {}
    reject_ids: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    live_seq: int = 0
    replaces: tuple[Replaced, ...] = ()
    rejects_for: dict[str, RejectsEntry | None] = {}


class _Kind(msgspec.Struct, frozen=True):
    seq: int
    kind: str


@dataclass(frozen=True)
class Manifest:
    """What the log holds: `entries` in order, `digest` over them, `size` bytes that count, `torn` behind those."""

    entries: tuple[ImportEntry, ...] = ()
    digest: str = ""
    size: int = 0
    torn: int = 0

    @property
    def position(self) -> int:
        """Number of the last change, 0 for none."""
        return self.entries[-1].seq if self.entries else 0

    @cached_property
    def segments(self) -> tuple[SegmentEntry, ...]:
        """The segments that count, in the order of their rows' numbers."""
        return standing.segments(self.entries)

    def standing(self, entry: ImportEntry) -> tuple[SegmentEntry, ...]:
        """What now holds the rows that an import stored; merged segments hold others' rows too."""
        after, now = self._successors, {segment.name: segment for segment in self.segments}
        names = dict.fromkeys(name for segment in entry.segments for name in standing.follow(segment.name, after))
        return tuple(now[name] for name in names)

    def rejects_of(self, entry: ImportEntry) -> RejectsEntry | None:
        """The file of an import's rejects as it is now."""
        return self._rejects.get(entry.id)

    @cached_property
    def live_seq(self) -> int:
        """The last call of the tail whose events lie in segments, 0 for none."""
        return max((entry.live_seq for entry in self.entries), default=0)

    @cached_property
    def files(self) -> frozenset[str]:
        """Names of all files of the log that count: segments and rejects."""
        kept = {one.file for one in self._rejects.values() if one is not None}
        return frozenset(kept | {f"{segment.name}.parquet" for segment in self.segments})

    @cached_property
    def _successors(self) -> dict[str, tuple[str, ...]]:
        return standing.successors(self.entries)

    @cached_property
    def _rejects(self) -> dict[str, RejectsEntry | None]:
        return standing.rejects(self.entries)

    @property
    def replayed(self) -> frozenset[str]:
        """Ids of rejects that a later replay took up."""
        return frozenset(reject for entry in self.entries for reject in entry.reject_ids)

    def stale_since(self) -> dict[str, int]:
        """Number of the last change that made a segment's piece stale, for the segments that had one."""
        return {name: entry.seq for entry in self.entries for name in entry.stale}

    def next_id(self) -> str:
        """A new import's id: sorts in the order of imports, and no two stores share one."""
        return f"{self.position + 1:06d}-{secrets.token_hex(4)}"


def content(log: Path) -> bytes:
    """The file's bytes, empty if there is none yet."""
    with disk.explained(log / FILE):
        try:
            return (log / FILE).read_bytes()
        except FileNotFoundError:
            return b""


def read(log: Path) -> Manifest:
    """The manifest on disk. See `parse`."""
    return parse(content(log))


def parse(raw: bytes) -> Manifest:
    """Read lines up to the first that is torn or flipped, if nothing whole follows it; it was never acknowledged.

    Raises StoreError if a whole line does follow (then an acknowledged one is damaged), StoreFormat for a kind of
    change that this version does not know.
    """
    entries: list[ImportEntry] = []
    digest = hashlib.sha256()
    size = 0
    lines = raw.split(b"\n")
    for number, line in enumerate(lines[:-1], 1):
        body = checked.unseal(line)
        if body is None:
            later = [n for n, other in enumerate(lines[number:-1], number + 1) if checked.unseal(other)]
            if later:
                raise _damaged(f"line {number} of {FILE} is damaged, and line {later[0]} after it is whole")
            break
        if _kind(body).seq != number:
            raise _damaged(f"line {number} of {FILE} holds change {_kind(body).seq}: lines are missing or stand twice")
        entries.append(_entry(body, number))
        digest.update(body)
        size += len(line) + 1
    return Manifest(tuple(entries), digest.hexdigest()[:16] if entries else "", size, len(raw) - size)


def append(log: Path, manifest: Manifest, entry: ImportEntry) -> Manifest:
    """Write one line behind those of `manifest` and return when the disk has confirmed it. Needs the store's lock.

    What a crash left behind the last whole line is set aside first. Raises StoreError with code `unconfirmed` when the
    disk refused in the middle: then only a fresh look at the file tells whether the line is there.
    """
    if entry.seq != manifest.position + 1:
        raise ValueError(f"change {entry.seq} cannot follow change {manifest.position}")
    path = log / FILE
    line = checked.seal(msgspec.json.encode(entry)) + b"\n"
    with disk.explained(path):
        set_aside(log, manifest)
        fresh = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            if os.fstat(descriptor).st_size != manifest.size:
                raise StoreError(f"{FILE} changed under the writer", hint="run the command again", path=str(path))
            disk.write_all(descriptor, line)
            disk.sync(descriptor)
            if fresh:
                disk.sync_folder(log)
        except OSError as error:
            _take_back(descriptor, manifest.size)
            explained = disk.explain(error, path)
            explained.code = "unconfirmed"
            raise explained from error
        finally:
            os.close(descriptor)
    return parse(content(log))


def set_aside(log: Path, manifest: Manifest) -> Path | None:
    """Move the bytes behind the last whole line into a file of their own, where doctor finds them."""
    if not manifest.torn:
        return None
    path = log / FILE
    with disk.explained(path):
        raw = path.read_bytes()
        aside = log / f"{TORN}{_next_torn(log)}"
        disk.write_synced(aside, raw[manifest.size :])
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.ftruncate(descriptor, manifest.size)
            disk.sync(descriptor)
        finally:
            os.close(descriptor)
    return aside


def _take_back(descriptor: int, size: int) -> None:
    try:
        os.ftruncate(descriptor, size)
    except OSError:
        # The disk refuses this too; the reader of the file will see a whole line or a torn one.
        return


def _next_torn(log: Path) -> int:
    numbers = (path.name.removeprefix(TORN) for path in log.glob(f"{TORN}*"))
    return 1 + max((int(number) for number in numbers if number.isdigit()), default=0)


def _damaged(message: str) -> StoreError:
    hint = Said("refusals.doctor_or_backup")
    return StoreError(message, hint=hint, code="manifest_damaged", path=f"log/{FILE}")


def _kind(body: bytes) -> _Kind:
    try:
        return msgspec.json.decode(body, type=_Kind)
    except msgspec.MsgspecError:
        return _Kind(seq=-1, kind="")


def _entry(body: bytes, number: int) -> ImportEntry:
    try:
        return msgspec.json.decode(body, type=ImportEntry)
    except msgspec.MsgspecError as error:
        raise StoreFormat(
            f"line {number} of {FILE} holds a change ({_kind(body).kind!r}) that this version does not know: {error}",
            hint="a newer afterclick wrote it: use that one",
            path=f"log/{FILE}",
        ) from None
