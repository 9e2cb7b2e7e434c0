"""Mounts the forgetful disk for as long as a trial needs it, and says why where it cannot be."""

from __future__ import annotations

import contextlib
import ctypes.util
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from afterclick.app.prove.faults.forgetful_disk import Plan
from afterclick.core import clock
from afterclick.core.errors import AfterclickError

_DEVICE: Final = Path("/dev/fuse")
_HINT: Final = "pip install mfusepy; install libfuse 3; /dev/fuse must be readable and writable"
_PATIENCE: Final = 10.0


def missing() -> Literal["", "no_fuse", "no_mfusepy"]:
    """What keeps such a disk from being mounted here, empty if nothing does; the names are those of texts."""
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return "no_fuse"
    library = os.environ.get("FUSE_LIBRARY_PATH") or ctypes.util.find_library("fuse3")
    return "" if library and importlib.util.find_spec("mfusepy") is not None else "no_mfusepy"


class Mounted:
    """A forgetful disk at `folder`; what a power cut leaves lies in `left`."""

    def __init__(self, folder: Path, left: Path) -> None:
        self.folder = folder
        self.left = left

    def order(self, order: str) -> None:
        """Let something go wrong: one of the orders of `forgetful_disk`."""
        # The disk hears the name and answers with an error.
        with contextlib.suppress(OSError):
            (self.folder / order).touch()


@contextlib.contextmanager
def mounted(plan: Plan, work: Path) -> Iterator[Mounted]:
    """A disk that fails as planned, with everything in a folder of its own under `work`; unmounted at the end.

    Raises AfterclickError if it cannot be mounted.
    """
    reason = missing()
    if reason:
        raise AfterclickError(f"a power cut cannot be tried here: {reason}", hint=_HINT)
    place = Path(tempfile.mkdtemp(prefix="disk-", dir=work))
    folder, left = place / "mount", place / "left"
    folder.mkdir()
    module = "afterclick.app.prove.faults.forgetful_disk"
    command = [sys.executable, "-P", "-m", module, str(folder), str(left), msgspec.json.encode(plan).decode()]
    with (place / "log").open("w+b") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - this very Python
        try:
            _await(folder, server, place / "log")
            yield Mounted(folder, left)
        finally:
            _unmount(folder, server)
            shutil.rmtree(folder, ignore_errors=True)


def _await(folder: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    until = clock.ticks() + _PATIENCE
    while not folder.is_mount():
        if server.poll() is not None or clock.ticks() > until:
            said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise AfterclickError(f"the disk of the trial could not be mounted: {said[0][:200]}")
        time.sleep(0.02)


def _unmount(folder: Path, server: subprocess.Popen[bytes]) -> None:
    for command in (["umount", "-l", str(folder)], ["fusermount3", "-uz", str(folder)]):
        if shutil.which(command[0]) and not subprocess.run(command, capture_output=True, check=False).returncode:  # noqa: S603
            break
    try:
        # Who was cut off in the middle may keep a file open for ever.
        server.wait(0.5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
