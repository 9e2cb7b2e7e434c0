"""Memory that a question gave back stays with the process, up to a bound, for the next question.

The columns of a fold are tens of megabytes each, which the C library takes from the system and gives back at once. Where
the system takes its time over fresh pages (virtual machines that hand idle memory to their host do), a funnel over 10 M
rows took 115 ms right after another and 265 ms after two idle seconds; with the memory kept it took 70 ms in both.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import Final

from afterclick.core import settings

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_MAX: Final = -4
_MEGABYTE: Final = 1 << 20


def give_back() -> None:
    """Hand what is free to the system now, however little it is: over a very large store memory counts more than time."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


@cache
def keep_memory() -> bool:
    """Let freed memory stay with the process, once; False where the C library is not one that can be told so (glibc)."""
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    tell = getattr(library, "mallopt", None)
    if tell is None or not hasattr(library, "gnu_get_libc_version"):
        return False
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    bound = min(settings.number("keep_memory") * _MEGABYTE, 2000 * _MEGABYTE, machine // 8)
    return bool(tell(_MMAP_MAX, 0) and tell(_TRIM_THRESHOLD, bound) and tell(_TOP_PAD, min(bound, 64 * _MEGABYTE)))
