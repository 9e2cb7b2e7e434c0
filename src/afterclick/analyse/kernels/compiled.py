"""One source, two speeds: a kernel runs as plain Python on few rows and compiled on many, never waiting on a first use.

Compiling costs seconds once per machine; it happens in a background thread (`warm`) and is cached on disk. While a
kernel is not ready, fewer than `WAIT_ROWS` rows run as plain Python, which is sooner than waiting for the compiler.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

WAIT_ROWS = 1_000_000

_ALL: list[Kernel] = []
_COMPILING = threading.RLock()


class Kernel:
    """A pure function over arrays. Read-only arrays are its inputs, writable ones its outputs.

    `helpers` are the plain functions it calls; `example` gives tiny arguments of the real types, for warming up.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        helpers: tuple[Callable[..., Any], ...],
        example: Callable[[], tuple[Any, ...]],
    ) -> None:
        self.plain = function
        self.helpers = helpers
        self.example = example
        self._fast: Callable[..., Any] | None = None
        self.ready = False
        _ALL.append(self)

    def __call__(self, *arguments: Any, rows: int) -> Any:
        """Run over `rows` rows in whichever form answers sooner."""
        if self.runs_plain(rows):
            return self.plain(*[_as_list(argument) for argument in arguments])
        return self.fast()(*arguments)

    def runs_plain(self, rows: int) -> bool:
        """Would so many rows run as plain Python now? Few always while nothing is compiled, a million never."""
        return not self.ready and rows < WAIT_ROWS

    def parts(self, rows: int) -> int:
        """Into how many spans of visitors the work is best cut: plain Python gains nothing from threads."""
        return 1 if self.runs_plain(rows) else workers() * 4

    def fast(self) -> Callable[..., Any]:
        """The compiled function, compiled now if it is not yet."""
        if self._fast is None:
            with _COMPILING:
                if self._fast is None:
                    numba = _numba()
                    for helper in self.helpers:
                        numba.extending.register_jitable(helper)
                    self._fast = numba.njit(cache=_cache_folder() is not None, nogil=True)(self.plain)
        return self._fast

    def warm(self) -> None:
        """Compile for the types of the example, or load that from the cache."""
        with _COMPILING:
            self.fast()(*self.example())
            self.ready = True


def kernel(
    *helpers: Callable[..., Any], example: Callable[[], tuple[Any, ...]]
) -> Callable[[Callable[..., Any]], Kernel]:
    """Declare a fold; see `Kernel`."""
    return lambda function: Kernel(function, helpers, example)


def warm() -> None:
    """Make every kernel ready; a second or so when cached, a few when not."""
    for one in _ALL:
        one.warm()


@cache
def warm_in_background() -> threading.Thread:
    """Start `warm` beside the work, once, and return its thread; questions meanwhile run plain."""
    thread = threading.Thread(target=warm, name="afterclick-compile", daemon=True)
    thread.start()
    return thread


def workers() -> int:
    """How many threads fold side by side."""
    return max(1, min(os.cpu_count() or 1, int(os.environ.get("AFTERCLICK_THREADS", "8"))))


@cache
def pool() -> ThreadPoolExecutor:
    """The small pool in which compiled kernels run (they release the interpreter lock)."""
    return ThreadPoolExecutor(workers(), thread_name_prefix="afterclick-fold")


def _as_list(argument: Any) -> Any:
    if isinstance(argument, np.ndarray) and not argument.flags.writeable and argument.ndim == 1:
        return argument.tolist()
    return argument


@cache
def _cache_folder() -> Path | None:
    # numba's own search fails at import time where neither the package nor the home can be written.
    wanted = os.environ.get("AFTERCLICK_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    for base in (Path(wanted), Path(tempfile.gettempdir()) / f"afterclick-{os.getuid()}"):
        folder = base / "afterclick" / "kernels"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


@cache
def _numba() -> Any:
    import numba
    import numba.extending

    folder = _cache_folder()
    if folder is not None:
        numba.config.CACHE_DIR = str(folder)
    return numba
