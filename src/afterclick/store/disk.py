"""The few things the store asks of the disk, in one place: what must last is synced, every refusal gets a sentence."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from afterclick.core.errors import AfterclickError, StoreError
from afterclick.core.said import Said

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


def discard(path: Path) -> None:
    """Remove a file that no line names; what cannot be removed the next writer removes."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def explain(error: OSError, path: Path) -> StoreError:
    """The store's error for what the system said."""
    said = error.strerror or str(error)
    if error.errno in _FULL:
        return StoreError(
            Said("refusals.disk_full", name=path.name), hint=Said("refusals.free_space"),
            path=str(path), code="disk_full",
        )  # fmt: skip
    if error.errno in _REFUSED:
        refused = StoreError(
            Said("refusals.cannot_write", name=path.name, said=said), hint=Said("refusals.write_access"),
            path=str(path), code="no_access",
        )  # fmt: skip
        refused.exit_code = 2
        return refused
    message = Said("refusals.disk_refused", name=path.name, said=said)
    return StoreError(message, hint=Said("refusals.run_doctor"), path=str(path), code="disk")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Within the block what the system refuses becomes a StoreError about `path`."""
    try:
        yield
    except AfterclickError:
        raise
    except OSError as error:
        raise explain(error, path) from error
