"""ClickHouse embedded (chdb), and any other peer, in an environment of its own: none is a dependency of afterclick."""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from afterclick.analyse.context import Context
from afterclick.analyse.funnel import Funnel
from afterclick.analyse.scope import scope_of
from afterclick.core import settings, spans
from afterclick.core.errors import AfterclickError
from afterclick.store.columns import Flag

_SIDE = Path(__file__).with_name("clickhouse_side.py")


def environment(package: str = "chdb", requirements: Sequence[str] = ()) -> Path | None:
    """A Python that has a package, made in the cache folder where it is not there yet; None where it cannot be had.

    `requirements` are what pip is told to install where the newest of everything does not run together.
    """
    folder = settings.cache_folder() / f"bench-{package}"
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            venv.create(folder, with_pip=True, clear=True)
        if not _has(python, package):
            options = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
            wanted = requirements or (package,)
            subprocess.run([python, "-m", "pip", "install", *options, *wanted], capture_output=True, check=True)  # noqa: S603 - the Python just made
    except (OSError, subprocess.CalledProcessError):
        return None
    return python if _has(python, package) else None


def _has(python: Path, package: str) -> bool:
    # The import of a peer may tell its makers; only its presence is asked.
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    tried = subprocess.run([python, "-I", "-c", code], capture_output=True, check=False)  # noqa: S603
    return tried.returncode == 0


class Given(NamedTuple):
    """The rows as Parquet, the event codes of the steps, the window in microseconds, and the names of all events."""

    rows: Path
    steps: list[int]
    within: int
    events: tuple[str, ...] = ()


def handed_over(context: Context, funnel: Funnel, folder: Path) -> Given:
    """The rows of all visitors as they are told apart here: visitor, at, event, bot. ClickHouse need not stitch."""
    scope = scope_of(context, funnel)
    columns = {name: context.column(name) for name in ("device", "at", "name", "flags")}
    known = columns["device"] >= 0
    device, at, name, flags = (values[known] for values in columns.values())
    canonical = context.names()[0]
    events = sorted(set(canonical))
    code_of = np.array([events.index(text) for text in canonical], np.uint16)
    table = pa.table(
        {
            "visitor": scope.labels.of(device, at).astype(np.uint32),
            "at": at.astype(np.uint64),
            "event": code_of[name],
            "bot": (flags & int(Flag.BOT)).astype(np.uint8),
        }
    )
    path = folder / "handed-over.parquet"
    pq.write_table(table, path)
    return Given(path, [events.index(step.event) for step in funnel.parsed()], spans.micros(funnel.within), tuple(events))


class Aside:
    """A process of another Python that says a line when it has the rows, then answers each line of its input."""

    def __init__(self, python: Path, side: Path, job: dict[str, Any], hint: str) -> None:
        self._name, self._hint = side.stem.removesuffix("_side"), hint
        self._process = subprocess.Popen(  # noqa: S603 - the Python the caller named, with our own file
            [python, "-I", str(side), json.dumps(job)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.ready = self._line()

    def ask(self, what: str = "ask") -> dict[str, Any]:
        """Ask once; `what` is the line it reads, of a side that answers several questions."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, said = self._process.communicate()
            last = said.strip().splitlines()[-1:] or ["it said nothing"]
            raise AfterclickError(f"{self._name} did not answer: {last[0]}", hint=self._hint)
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.communicate()


class ClickHouse:
    """A process with the rows loaded and the quickest way to ask found; it waits for questions.

    `version`, `form` (the table that answered soonest), `levels` (visitors by the steps they reached; after a question).
    """

    def __init__(self, python: Path, given: Given, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        job = {"file": str(given.rows), "folder": str(folder), "steps": given.steps, "within": given.within}
        self.levels: dict[int, int] = {}
        self._aside = Aside(python, _SIDE, job, "leave it out: --no-chdb")
        self.version, self.form = str(self._aside.ready["version"]), str(self._aside.ready["form"])

    def ask(self) -> float:
        """Ask once; returns the seconds it took there."""
        answer = self._aside.ask()
        self.levels = {int(level): int(count) for level, count in answer["levels"]}
        return float(answer["seconds"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._aside.close()
