"""One source, two speeds: a kernel runs as plain Python on few rows and compiled on many, never waiting on a first use.

Compiling costs seconds once per machine; it happens in a process of its own (`warm_in_background`) and is cached on
disk. While a kernel is not ready, fewer than `WAIT_ROWS` rows run as plain Python, which is sooner than waiting.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels import holding
from afterclick.analyse.kernels.memory import keep_memory
from afterclick.core import clock

index = np.uintp
"""An index that cannot be negative: compiled code need not ask then whether it counts from the end, which can cost half."""

WAIT_ROWS: Final = 1_000_000
_QUIET, _PATIENCE = 0.75, 10.0
"""Seconds without a plain kernel before the compiler is brought into this process, and seconds to wait for them."""

_ALL: list[Kernel] = []
_KNOWN: set[Callable[..., Any]] = set()
_COMPILING = threading.RLock()
_ENDING = threading.Event()


class Kernel:
    """A pure function over arrays. Read-only arrays are its inputs, writable ones its outputs.

    `helpers` are the plain functions it calls; `example` gives tiny arguments of the real types, for warming up. With
    `inlined` the helpers are compiled into each place that calls them: a call that hands over many arrays costs more than
    the little it does, and compiling takes longer. `vector` does the same with numpy and passing arrays: what few rows are
    run with before the kernel is compiled; where it gives NotImplemented, plain Python does it.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        helpers: tuple[Callable[..., Any], ...],
        example: Callable[[], tuple[Any, ...]],
        inlined: bool = False,
        vector: Callable[..., Any] | None = None,
    ) -> None:
        self.plain = function
        self.vector = vector
        self.helpers = helpers
        self.inlined = inlined
        self.example = example
        self._fast: Callable[..., Any] | None = None
        self.ready = False
        _ALL.append(self)

    def __call__(self, *arguments: Any, rows: int) -> Any:
        """Run over `rows` rows in whichever form answers sooner."""
        if self.runs_plain(rows):
            _Quiet.since = clock.ticks()
            try:
                found = NotImplemented if self.vector is None else self.vector(*arguments)
                if found is not NotImplemented:
                    return found
                return self.plain(*[_plainly(argument) for argument in arguments])
            finally:
                _Quiet.since = clock.ticks()
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
                        # Several kernels may share a helper; the compiler hears of it once.
                        if helper not in _KNOWN:
                            _KNOWN.add(helper)
                            inlined = any(one.inlined for one in _ALL if helper in one.helpers)
                            numba.extending.register_jitable(forceinline=inlined)(helper)
                    self._fast = numba.njit(cache=_cache_folder() is not None, nogil=True)(self.plain)
        return self._fast

    def warm(self) -> None:
        """Compile for the types of the example, or load that from the cache."""
        with _COMPILING:
            self.fast()(*self.example())
            self.ready = True


def kernel(
    *helpers: Callable[..., Any],
    example: Callable[[], tuple[Any, ...]],
    inlined: bool = False,
    vector: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Kernel]:
    """Declare a fold; see `Kernel`."""
    return lambda function: Kernel(function, helpers, example, inlined, vector)


class _Quiet:
    """When a kernel last ran plain."""

    since = 0.0


def warm() -> None:
    """Make every kernel ready; a second or so when cached, many when not."""
    keep_memory()
    for one in _ALL:
        one.warm()
    _note_cached()


@cache
def warm_in_background() -> threading.Thread:
    """Start to make every kernel ready beside the work, once, and return the thread; questions meanwhile run plain.

    What is not cached yet is compiled in a process of its own, since the compiler would take turns with the answers here.
    Loading it into this process takes half a second of the interpreter and waits until no question runs.
    """
    keep_memory()
    thread = threading.Thread(target=_warm_beside, name="afterclick-compile", daemon=True)
    thread.start()
    # The compiler is no Python: it would go on while the process takes down what it stands on, and crash it at its end.
    atexit.register(_end)
    return thread


def _end() -> None:
    """Begin no further kernel, and wait for the one at work."""
    _ENDING.set()
    with _COMPILING:
        pass


def _warm_beside() -> None:
    _Quiet.since = max(_Quiet.since, clock.ticks())
    folder = _cache_folder()
    if folder is not None and not _stamp(folder).exists():
        # Whoever starts a dashboard looks at it at once, and a small machine has no core to spare then.
        _wait_for_quiet()
        _compile_elsewhere()
    for one in _ALL:
        _wait_for_quiet()
        with _COMPILING:
            if _ENDING.is_set():
                return
            one.warm()
    _note_cached()


def _wait_for_quiet() -> None:
    latest = clock.ticks() + _PATIENCE
    while not _ENDING.is_set() and clock.ticks() < min(latest, _Quiet.since + _QUIET):
        time.sleep(0.05)


def _compile_elsewhere() -> None:
    # An application that embeds Python is not started a second time.
    if not Path(sys.executable or "").name.startswith(("python", "pypy")):
        return
    command = [sys.executable, "-P", "-m", "afterclick.analyse.kernels.warming", *_modules()]
    with contextlib.suppress(OSError):
        # What it could not do is done here; its words would stand between the lines of the command that started it.
        subprocess.run(  # noqa: S603 - this very Python, with names of our own modules
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )


def _modules() -> list[str]:
    """The modules of all kernels known so far."""
    return sorted({one.plain.__module__ for one in _ALL})


def _note_cached() -> None:
    folder = _cache_folder()
    if folder is not None:
        with contextlib.suppress(OSError):
            _stamp(folder).touch()


def _stamp(folder: Path) -> Path:
    """The file that says that these kernels were compiled for this machine by this compiler."""
    return folder / f"compiled-{_digest()[:16]}"


def workers() -> int:
    """How many threads fold side by side."""
    return max(1, min(os.cpu_count() or 1, int(os.environ.get("AFTERCLICK_THREADS", "8"))))


@cache
def pool() -> ThreadPoolExecutor:
    """The small pool in which compiled kernels run (they release the interpreter lock)."""
    return ThreadPoolExecutor(workers(), thread_name_prefix="afterclick-fold")


def _plainly(argument: Any) -> Any:
    """What plain Python reads and writes fastest: a list for an input, a view of the same memory for an output."""
    if isinstance(argument, np.ndarray) and argument.ndim == 1:
        return argument.data if argument.flags.writeable else argument.tolist()
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
    holding.register(numba)
    if folder is not None:
        # numba asks the file of a kernel whether it changed, and not those of its helpers: their digest is the folder.
        numba.config.CACHE_DIR = str(folder / _digest()[:16])
    return numba


@cache
def _digest() -> str:
    """Of everything the compiled form depends on: the sources of kernels and helpers, the compiler, the machine."""
    digest = hashlib.sha256(f"{sys.version} {metadata.version('numba')} {platform.machine()}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
