"""What a figure depends on besides the code: processor, memory, versions. Nothing that tells whose machine it is."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import msgspec

_MATTER = ("afterclick", "duckdb", "numba", "numpy", "pyarrow")


class Machine(msgspec.Struct, frozen=True):
    """A machine and the versions on it."""

    system: str
    processor: str
    cores: int
    memory_gb: int
    versions: dict[str, str]


def machine() -> Machine:
    """This machine."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gb=round(pages / 2**30),
        versions={"Python": platform.python_version(), **{name: metadata.version(name) for name in _MATTER}},
    )


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor()
