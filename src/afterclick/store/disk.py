"""The few things the store asks of the disk, in one place: what must last is synced, every refusal gets a sentence."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from afterclick.core.errors import AfterclickError, StoreError

if sys.platform != "win32":
    import fcntl

TEMPORARY = ".tmp"
"""Suffix of files that are not finished; a writer removes what it finds with it."""

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL = (errno.ENOSPC, errno.EDQUOT)


def sync(descriptor: int) -> None:
    """Return when the disk has confirmed the file. An error is final: after it nothing is known to be stored."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte, however many calls it takes."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def write_synced(path: Path, content: bytes, mode: int = 0o644) -> None:
    """A new or replaced file that is there whole or not at all, and stays; `mode` = who may read it, from its first byte."""
    unfinished = path.with_name(path.name + TEMPORARY)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        write_all(descriptor, content)
        sync(descriptor)
    finally:
        os.close(descriptor)
    settle(unfinished, path)


def settle(unfinished: Path, path: Path) -> None:
    """Give a written and synced file its name, and make the name last."""
    unfinished.replace(path)
    sync_folder(path.parent)


def explain(error: OSError, path: Path) -> StoreError:
    """The store's error for what the system said."""
    said = error.strerror or str(error)
    if error.errno in _FULL:
        return StoreError(
            f"no space is left for {path.name}", hint="free some space and run the same command again",
            path=str(path), code="disk_full",
        )  # fmt: skip
    if error.errno in _REFUSED:
        refused = StoreError(
            f"{path.name} cannot be written: {said}", hint="write access to the store is needed",
            path=str(path), code="no_access",
        )  # fmt: skip
        refused.exit_code = 2
        return refused
    message = f"the disk refused {path.name}: {said}"
    return StoreError(message, hint="run afterclick doctor", path=str(path), code="disk")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Within the block what the system refuses becomes a StoreError about `path`."""
    try:
        yield
    except AfterclickError:
        raise
    except OSError as error:
        raise explain(error, path) from error
