"""A file system that forgets what was not synced: `python -m afterclick.app.prove.faults.forgetful_disk MOUNT LEFT '{}'`.

Needs /dev/fuse, libfuse 3 and the package mfusepy. Touching an order in it is heard: `.CUT` cuts the power now, `.CUT-7` at
the seventh sync from now, `.EIO` lets the next sync fail, `.BROKEN` all from now on, `.FULL` fills the disk, `.ROOM` makes
room again.
"""

from __future__ import annotations

import errno
import importlib
import os
import random
import re
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from afterclick.app.prove.faults.memory_tree import Content, Naming, Survival, Tree
from afterclick.core import clock

_ORDER: Final = re.compile(r"/\.(CUT|EIO|BROKEN|FULL|ROOM)(?:-(\d+))?")
_BLOCK: Final = 4096


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong: the power at the sync number `cut_at`, one sync at `eio_at` and `eio_count` from there, 0 for
    never; `size` bytes fill the disk, 0 for no end.
    """

    survival: Survival = "drop"
    naming: Naming = "journal"
    cut_at: int = 0
    eio_at: int = 0
    eio_count: int = 1
    size: int = 0
    seed: int = 0


class Disk:
    """What the disk does with each call, apart from how the system hands them over."""

    def __init__(self, plan: Plan, left: Path) -> None:
        self.plan = plan
        self.tree = Tree(plan.survival, plan.naming, random.Random(plan.seed), plan.size)  # noqa: S311 - repeatable faults
        self.syncs = 0
        self.is_cut = False
        self._cut_at = plan.cut_at
        self._failing = range(plan.eio_at, plan.eio_at + plan.eio_count) if plan.eio_at else range(0)
        self._left = left
        self._mutex = threading.RLock()

    def do(self, work: Callable[[Tree], Any]) -> Any:
        """Run one call on the files; after the power cut every one fails."""
        with self._mutex:
            if self.is_cut:
                raise OSError(errno.EIO, "the power is cut")
            return work(self.tree)

    def sync(self, path: str) -> None:
        """One sync, which may be the one where it goes wrong."""
        with self._mutex:
            self.syncs += 1
            if self.syncs == self._cut_at:
                self.cut()
            if self.is_cut:
                raise OSError(errno.EIO, "the power is cut")
            if self.syncs in self._failing:
                content = self.tree.find(path)
                if content is not None:
                    content.fail_sync()
                raise OSError(errno.EIO, "this sync fails")
            self.tree.sync(path)

    def cut(self) -> None:
        """The power is gone: what survives is written out, and nothing works any more."""
        with self._mutex:
            if not self.is_cut:
                self.is_cut = True
                self.tree.cut(self._left)

    def told(self, path: str) -> bool:
        """Is this name an order to the disk rather than a file? Then it was followed."""
        found = _ORDER.fullmatch(path)
        if found is None:
            return False
        with self._mutex:
            place = self.syncs + int(found[2] or 1)
            match found[1]:
                case "CUT" if found[2]:
                    self._cut_at = place
                case "CUT":
                    self.cut()
                case "EIO":
                    self._failing = range(place, place + 1)
                case "BROKEN":
                    self._failing = range(place, sys.maxsize)
                case "FULL":
                    self.tree.size = max(1, self.tree.used)
                case "ROOM":
                    self.tree.size = 0
            return True


class _Calls:
    """The calls of the system in the words of mfusepy."""

    use_ns = True

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._begun = clock.now() * 1000

    def _attributes(self, content: Content | None) -> dict[str, int]:
        size = 0 if content is None else len(content.now)
        mode = stat.S_IFDIR | 0o755 if content is None else stat.S_IFREG | content.mode
        times = dict.fromkeys(("st_mtime", "st_ctime", "st_atime"), self._begun)
        return {"st_mode": mode, "st_nlink": 1, "st_size": size, "st_uid": os.getuid(), "st_gid": os.getgid(), **times}

    def getattr(self, path: str, *_: Any) -> dict[str, int]:
        if path == "/":
            return self._attributes(None)
        return self._attributes(self._disk.do(lambda tree: tree.find(path)))

    def readdir(self, path: str, *_: Any) -> list[str]:
        return [".", "..", *(os.path.basename(one) for one in self._disk.do(lambda tree: tree.inside(path)))]

    def create(self, path: str, mode: int, *_: Any) -> int:
        if self._disk.told(path):
            raise OSError(errno.EIO, "heard")
        self._disk.do(lambda tree: tree.names.__setitem__(path, Content(mode & 0o777)))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        content = self._disk.do(lambda tree: tree.find(path))
        if content is not None:
            content.mode = mode & 0o777
        return 0

    def mkdir(self, path: str, *_: Any) -> int:
        self._disk.do(lambda tree: tree.names.__setitem__(path, None))
        return 0

    def open(self, path: str, *_: Any) -> int:
        self._disk.do(lambda tree: tree.find(path))
        return 0

    def read(self, path: str, size: int, offset: int, *_: Any) -> bytes:
        return bytes(self._disk.do(lambda tree: tree.file(path).now[offset : offset + size]))

    def write(self, path: str, data: bytes, offset: int, *_: Any) -> int:
        return int(self._disk.do(lambda tree: tree.write(path, data, offset)))

    def truncate(self, path: str, length: int, *_: Any) -> int:
        self._disk.do(lambda tree: tree.file(path).resize(length))
        return 0

    def fsync(self, path: str, *_: Any) -> int:
        self._disk.sync(path)
        return 0

    fsyncdir = fsync

    def unlink(self, path: str) -> int:
        self._disk.do(lambda tree: tree.names.pop(path))
        return 0

    rmdir = unlink

    def rename(self, old: str, new: str, *_: Any) -> int:
        self._disk.do(lambda tree: tree.rename(old, new))
        return 0

    def statfs(self, *_: Any) -> dict[str, int]:
        size = self._disk.tree.size
        free = max(0, size - self._disk.tree.used) // _BLOCK if size else 1 << 19
        sizes = {"f_bsize": _BLOCK, "f_frsize": _BLOCK, "f_blocks": 1 << 20}
        return {**sizes, "f_bfree": free, "f_bavail": free, "f_namemax": 255}

    def _nothing(self, *_: Any) -> int:
        return 0

    chown = flush = release = utimens = _nothing


def _operations(disk: Disk) -> Any:
    """The library, which only who mounts the disk needs to have, and the calls as it wants them."""
    fuse = importlib.import_module("mfusepy")
    return fuse, type("Operations", (_Calls, fuse.Operations), {})(disk)


def main(arguments: list[str]) -> None:
    """Mount and stay until unmounted."""
    mount, left, plan = arguments
    disk = Disk(msgspec.json.decode(plan, type=Plan), Path(left))
    fuse, operations = _operations(disk)
    fuse.FUSE(operations, mount, foreground=True, nothreads=False, allow_other=False)


if __name__ == "__main__":
    main(sys.argv[1:])
