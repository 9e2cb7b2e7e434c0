"""ClickHouse embedded (chdb), in an environment of its own: nothing of it is a dependency of afterclick."""

from __future__ import annotations

import json
import subprocess
import venv
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


def environment() -> Path | None:
    """A Python that has chdb, made in the cache folder where it is not there yet; None where it cannot be had."""
    folder = settings.cache_folder() / "bench-chdb"
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            venv.create(folder, with_pip=True, clear=True)
        if not _has_chdb(python):
            options = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
            subprocess.run([python, "-m", "pip", "install", *options, "chdb"], capture_output=True, check=True)  # noqa: S603 - the Python just made
    except (OSError, subprocess.CalledProcessError):
        return None
    return python if _has_chdb(python) else None


def _has_chdb(python: Path) -> bool:
    tried = subprocess.run([python, "-I", "-c", "import chdb"], capture_output=True, check=False)  # noqa: S603
    return tried.returncode == 0


class Given(NamedTuple):
    """The rows as Parquet, the event codes of the steps, the window in microseconds."""

    rows: Path
    steps: list[int]
    within: int


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
    return Given(path, [events.index(step.event) for step in funnel.parsed()], spans.micros(funnel.within))


class ClickHouse:
    """A process with the rows loaded and the quickest way to ask found; it waits for questions.

    `version`, `form` (the table that answered soonest), `levels` (visitors by the steps they reached; after a question).
    """

    def __init__(self, python: Path, given: Given, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        job = json.dumps({"file": str(given.rows), "folder": str(folder), "steps": given.steps, "within": given.within})
        self.levels: dict[int, int] = {}
        self._process = subprocess.Popen(  # noqa: S603 - the Python the caller named, with our own file
            [python, "-I", str(_SIDE), job], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        ready = self._line()
        self.version, self.form = str(ready["version"]), str(ready["form"])

    def ask(self) -> float:
        """Ask once; returns the seconds it took there."""
        assert self._process.stdin is not None
        self._process.stdin.write("ask\n")
        self._process.stdin.flush()
        answer = self._line()
        self.levels = {int(level): int(count) for level, count in answer["levels"]}
        return float(answer["seconds"])

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, said = self._process.communicate()
            last = said.strip().splitlines()[-1:] or ["it said nothing"]
            raise AfterclickError(f"chdb did not answer: {last[0]}", hint="leave it out: --no-chdb")
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.communicate()
