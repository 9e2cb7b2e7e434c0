"""What a machine may set without changing a number: one row per setting, read from `AFTERCLICK_<NAME>`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from afterclick.core.errors import UsageError

PREFIX = "AFTERCLICK_"


class Setting(NamedTuple):
    """A name, what it is when nothing is set (its type is the setting's type), and what it does."""

    name: str
    default: int | str
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.name.upper()


SETTINGS = (
    Setting("store", "", "the store's directory where no --store is given"),
    Setting("port", 8420, "the port the dashboard is served on"),
    Setting("threads", 8, "how many threads work side by side, at most the number of cores"),
    Setting("cache", "", "where compiled kernels and other things that can be made again are kept"),
    Setting(
        "keep_memory", 2000,
        "megabytes of freed memory that a process keeps for its next question, at most an eighth of the machine's (Linux)",
    ),
    Setting("lang", "", "language of sentences and headings: en or ko; empty = the environment's"),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


def text(name: str, environ: Mapping[str, str] | None = None) -> str:
    """The setting as text; a variable that is set to nothing counts as not set."""
    setting = _BY_NAME[name]
    return (os.environ if environ is None else environ).get(setting.variable, "").strip() or str(setting.default)


def number(name: str, environ: Mapping[str, str] | None = None) -> int:
    """The setting as a whole number of at least 1. Raises UsageError that names the variable."""
    given = text(name, environ)
    try:
        value = int(given)
    except ValueError:
        value = 0
    if value < 1:
        variable = _BY_NAME[name].variable
        raise UsageError(
            f"{variable} is {given!r}, not a whole number of at least 1",
            hint=f"unset it or write for example {variable}={_BY_NAME[name].default}",
            path=variable,
        )
    return value


def threads(environ: Mapping[str, str] | None = None) -> int:
    """How many threads to use: the setting, at most the cores of this machine."""
    return min(number("threads", environ), os.cpu_count() or 1)


def cache_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The folder for things that can be made again; it need not exist yet."""
    values = os.environ if environ is None else environ
    if given := text("cache", values):
        return Path(given) / "afterclick"
    if given := values.get("XDG_CACHE_HOME", ""):
        return Path(given) / "afterclick"
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "afterclick"
