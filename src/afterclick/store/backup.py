"""Copies a store while others write to it: a whole prefix of what was acknowledged, which is a store itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from afterclick.core.errors import StoreError, UsageError
from afterclick.core.said import Said
from afterclick.store import disk, layout, lock, log, manifest, rejects
from afterclick.store.live import copying, database, mark
from afterclick.store.manifest import Manifest

Progress = Callable[[str, int, int], object]

_MADE_AGAIN: Final = frozenset({"projection", "models"})
_OTHERWISE: Final = frozenset(
    {
        "log", lock.NAME, mark.FILE, database.FILE, database.WAL, database.SHM,
        *(name + end for name in (layout.ACTS, layout.STATES) for end in ("", "-wal", "-shm")),
    }
)  # fmt: skip
_TRIES: Final = 20
_CHUNK: Final = 4 << 20


class Copied(NamedTuple):
    """A copy that was made: rows in segments, the last call of the tail, files, bytes; `damaged` names files that were
    damaged already."""

    rows: int
    position: int
    files: int
    bytes: int
    damaged: tuple[str, ...]


class _Moved(Exception):
    """A segment that the manifest named has been merged or rewritten meanwhile."""


def back_up(store: Path, target: Path, progress: Progress = lambda *_: None) -> Copied:
    """Copy the store to `target`, a folder that is empty or not there; it has its name only once it is whole and synced.

    Needs no lock. What can be made again (projection, models) is left out. Raises UsageError for a target that is not
    empty or lies inside the store, StoreError for what the disk refuses.
    """
    layout.check(store)
    target = Path(os.path.abspath(target))
    _check_target(store, target)
    unfinished = target.with_name(target.name + disk.TEMPORARY)
    with disk.explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            for _ in range(_TRIES):
                shutil.rmtree(unfinished, ignore_errors=True)
                # Nobody else may look into a copy before its files have the rights of the store's own.
                unfinished.mkdir(mode=0o700)
                try:
                    copied = _copy(store, unfinished, progress)
                except _Moved:
                    continue
                unfinished.chmod(stat.S_IMODE(store.stat().st_mode))
                disk.settle(unfinished, target)
                return copied
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    raise StoreError(Said("refusals.copy_too_fast"), hint=Said("refusals.try_again"), path=str(store), code="busy")


def _check_target(store: Path, target: Path) -> None:
    inside = target.resolve().is_relative_to(store.resolve())
    with disk.explained(target):
        if inside or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
            raise UsageError(
                Said(
                    "refusals.target_inside", target=target
                ) if inside else Said("refusals.target_taken", target=str(target)),
                hint=Said("refusals.name_new_folder"),
                path=str(target),
            )


def _copy(store: Path, target: Path, progress: Progress) -> Copied:
    work = _Work(store, target)
    work.copy_acts()
    raw, state, position = _one_moment(store, target)
    rows, done = sum(segment.rows for segment in state.segments), 0
    for name in _beside(store):
        work.copy(name)
    folder = Path("log") / rejects.FOLDER
    (target / folder).mkdir(parents=True)
    # The wrong bytes of a file that is damaged are worth more than none.
    for segment in state.segments:
        work.copy(Path("log") / f"{segment.name}{log.SUFFIX}", segment.sha256)
        done += segment.rows
        progress(segment.name, done, rows)
    for entry in state.entries:
        kept = state.rejects_of(entry)
        if kept is not None:
            work.copy(folder / kept.file, kept.sha256)
    if raw:
        work.write(Path("log") / manifest.FILE, raw)
    work.write(Path("log") / layout.FILE, b"%d\n" % layout.FORMAT)
    work.sync()
    return Copied(rows, position, work.files, work.bytes, tuple(work.damaged))


def _one_moment(store: Path, target: Path) -> tuple[bytes, Manifest, int]:
    """Lines of the manifest, what they say, and the last call of the copied tail, which begins no later than they end."""
    raw = manifest.content(store / "log")
    state = manifest.parse(raw)
    tail = copying.copy(store, target)
    if tail.sealed_seq > state.live_seq:
        # Sealed between the two looks: those calls would be in neither.
        raise _Moved
    return raw[: state.size], state, tail.last_seq


def _beside(store: Path) -> Iterator[Path]:
    """Files beside log and tail that nothing can make again: settings, keys, tombstones, lists, boards, alerts."""
    for folder, folders, files in os.walk(store):
        here = Path(folder).relative_to(store)
        if here == Path():
            folders[:] = sorted(set(folders) - _MADE_AGAIN - _OTHERWISE)
        for name in sorted(set(files) - _OTHERWISE if here == Path() else files):
            path = store / here / name
            if not name.endswith(disk.TEMPORARY) and path.is_file() and not path.is_symlink():
                yield here / name


class _Work:
    """The copying of files, with what was copied so far."""

    def __init__(self, store: Path, target: Path) -> None:
        self.files = 0
        self.bytes = 0
        self.damaged: list[str] = []
        self._store = store
        self._target = target

    def copy(self, name: Path, sha256: str = "") -> None:
        """One file with its rights, synced. Raises _Moved where a file that should be there is not."""
        place = self._target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            source = os.open(self._store / name, os.O_RDONLY)
        except FileNotFoundError:
            if sha256 and self._standing(name):
                self.damaged.append(str(name))
                return
            if sha256:
                raise _Moved from None
            # A list or a board that was deleted a moment ago.
            return
        digest = hashlib.sha256()
        try:
            mode = stat.S_IMODE(os.fstat(source).st_mode)
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            try:
                while chunk := os.read(source, _CHUNK):
                    disk.write_all(descriptor, chunk)
                    digest.update(chunk)
                    self.bytes += len(chunk)
                disk.sync(descriptor)
            finally:
                os.close(descriptor)
        finally:
            os.close(source)
        self.files += 1
        if sha256 and digest.hexdigest() != sha256:
            self.damaged.append(str(name))

    def copy_acts(self) -> None:
        """What waits to be sent. Before the tail: all it was told of is in the copied log; told again it counts once."""
        if (self._store / layout.ACTS).exists():
            self.bytes += copying.copy_database(self._store / layout.ACTS, self._target / layout.ACTS)
            self.files += 1

    def write(self, name: Path, content: bytes) -> None:
        """One file of these bytes."""
        disk.write_synced(self._target / name, content)
        self.files += 1
        self.bytes += len(content)

    def sync(self) -> None:
        """Make the names last."""
        for folder, _, _ in os.walk(self._target):
            disk.sync_folder(Path(folder))

    def _standing(self, name: Path) -> bool:
        """Does the manifest of now still count on this file?"""
        return name.name in manifest.read(self._store / "log").files
