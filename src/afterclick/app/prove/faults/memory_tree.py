"""Files in memory that remember what a sync has confirmed, and what a power cut would leave of them."""

from __future__ import annotations

import errno
import random
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final, Literal

Survival = Literal["drop", "prefix", "zeros", "sectors"]
Naming = Literal["journal", "posix"]
SURVIVALS: Final[tuple[Survival, ...]] = ("drop", "prefix", "zeros", "sectors")
NAMINGS: Final[tuple[Naming, ...]] = ("journal", "posix")
_SECTOR: Final = 512
_PAGE: Final = 4096
_ROOT: Final = "/"


class Content:
    """One file: `now` is what programs see, `synced` what the disk has confirmed.

    `failed` are pages whose sync failed: they count as clean, so no later sync writes them, only a new write does.
    """

    def __init__(self, mode: int = 0o644) -> None:
        self.mode = mode
        self.now = bytearray()
        self.synced = b""
        self.failed: set[int] = set()

    def write(self, piece: bytes, offset: int) -> int:
        """Put bytes at a place; a gap before it reads as zeros."""
        if len(self.now) < offset:
            self.now.extend(bytes(offset - len(self.now)))
        self.now[offset : offset + len(piece)] = piece
        if piece:
            self.failed.difference_update(range(offset // _PAGE, (offset + len(piece) - 1) // _PAGE + 1))
        return len(piece)

    def resize(self, size: int) -> None:
        """Cut it off, or let it grow by zeros."""
        del self.now[size:]
        self.now.extend(bytes(size - len(self.now)))

    def sync(self) -> None:
        """What is there is confirmed, but for pages whose sync failed before."""
        confirmed = bytearray(self.now)
        for start in (page * _PAGE for page in self.failed):
            there = len(confirmed[start : start + _PAGE])
            confirmed[start : start + _PAGE] = self.synced[start : start + _PAGE].ljust(there, b"\0")
        self.synced = bytes(confirmed)

    def fail_sync(self) -> None:
        """A sync failed: the pages that waited for it are forgotten by the system, as Linux does."""
        starts = range(0, len(self.now), _PAGE)
        self.failed |= {s // _PAGE for s in starts if self.now[s : s + _PAGE] != self.synced[s : s + _PAGE]}

    def survivor(self, survival: Survival, chance: random.Random) -> bytes:
        """What a power cut may leave."""
        now, synced = bytes(self.now), self.synced
        if survival == "prefix" and len(now) > len(synced):
            return synced + now[len(synced) : chance.randint(len(synced), len(now))]
        if survival == "zeros":
            return synced.ljust(len(now), b"\0")
        if survival == "sectors":
            return b"".join(
                now[start : start + _SECTOR]
                if chance.random() < 0.5
                else synced[start : start + _SECTOR].ljust(len(now[start : start + _SECTOR]), b"\0")
                for start in range(0, len(now), _SECTOR)
            )
        return synced


class Tree:
    """Folders (None) and files by path, and the names a disk has confirmed.

    `journal`: any sync makes all earlier changes of names last, as ext4 and xfs do; `posix`: that of the folder alone.
    `size`: bytes in all before the disk is full, 0 for no end.
    """

    def __init__(self, survival: Survival, naming: Naming, chance: random.Random, size: int = 0) -> None:
        self.survival: Survival = survival
        self.naming: Naming = naming
        self.size = size
        self.names: dict[str, Content | None] = {_ROOT: None}
        self._confirmed: dict[str, Content | None] = {_ROOT: None}
        self._chance = chance

    @property
    def used(self) -> int:
        """Bytes of all files."""
        return sum(len(one.now) for one in self.names.values() if one)

    def find(self, path: str) -> Content | None:
        """The file, None for a folder. Raises FileNotFoundError."""
        if path not in self.names:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return self.names[path]

    def file(self, path: str) -> Content:
        """The file. Raises FileNotFoundError, IsADirectoryError."""
        found = self.find(path)
        if found is None:
            raise IsADirectoryError(errno.EISDIR, "a folder", path)
        return found

    def inside(self, folder: str) -> list[str]:
        """Paths of what lies directly in a folder."""
        return [path for path in self.names if path != _ROOT and _parent(path) == folder]

    def write(self, path: str, piece: bytes, offset: int) -> int:
        """Write to a file; raises OSError with ENOSPC when the disk is full."""
        content = self.file(path)
        grown = max(0, offset + len(piece) - len(content.now))
        if self.size and grown and self.used + grown > self.size:
            raise OSError(errno.ENOSPC, "no space left", path)
        return content.write(piece, offset)

    def sync(self, path: str) -> None:
        """Confirm a file or a folder."""
        content = self.find(path)
        if content is not None:
            content.sync()
        if self.naming == "journal":
            self._confirmed = dict(self.names)
        elif content is None:
            _confirm(path, self._confirmed, self.names)

    def rename(self, old: str, new: str) -> None:
        """Give a file or a folder another name, in place of what had it."""
        self.find(old)
        if self.names.get(new) is not None:
            del self.names[new]
        for path in [path for path in self.names if path == old or path.startswith(old + _ROOT)]:
            self.names[new + path[len(old) :]] = self.names.pop(path)

    def cut(self, target: Path) -> None:
        """Write what a power cut leaves under `target`."""
        names = dict(self._confirmed)
        if self.survival != "drop":
            # Some folders had what waited written out anyway.
            for folder in [path for path, content in self.names.items() if content is None]:
                if self._chance.random() < 0.5:
                    _confirm(folder, names, self.names)
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(names):
            content = names[path]
            if path == _ROOT or not (target / _parent(path)[1:]).is_dir():
                continue
            place = target / path[1:]
            if content is None:
                place.mkdir(exist_ok=True)
            else:
                place.write_bytes(content.survivor(self.survival, self._chance))
                place.chmod(content.mode)


def _confirm(folder: str, names: dict[str, Content | None], now: Mapping[str, Content | None]) -> None:
    """In `names` the folder's entries become those of `now`."""
    for path in [path for path in {*names, *now} if path != _ROOT and _parent(path) == folder]:
        if path in now:
            names[path] = now[path]
        else:
            names.pop(path, None)


def _parent(path: str) -> str:
    return str(PurePosixPath(path).parent)
