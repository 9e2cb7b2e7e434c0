"""How the command line fails: what happened, why, and the next command to type, on stderr."""

from __future__ import annotations

import sys
from typing import IO, Any

import click

from afterclick.core.errors import AfterclickError, UsageError


class Failure(click.ClickException):
    """An AfterclickError as click shows it; the exit code is the error's own."""

    def __init__(self, error: AfterclickError) -> None:
        super().__init__(error.message)
        self.error = error

    @property
    def exit_code(self) -> int:  # type: ignore[override] # click reads it from the instance
        """The error's own: 1 failed, 2 wrong use, 3 no data."""
        return self.error.exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        """`Error: what and why`, then `Next: what to do`."""
        name = self.error.path.removeprefix("$.")
        field = "--" + name.replace("_", "-") if name.isidentifier() else name
        named = not name or name in self.error.message
        click.echo(f"Error: {'' if named else field + ': '}{self.error.message}", file=file, err=file is None)
        if self.error.hint:
            click.echo(f"Next:  {self.error.hint}", file=file, err=file is None)


def refuse_platform(platform: str) -> None:
    """Exit with 2 where the store's lock does not exist: Windows until it has one of its own."""
    if platform in ("win32", "cygwin"):
        error = UsageError(
            "afterclick does not run on Windows yet: the lock of a store needs Linux or macOS",
            hint="install WSL (`wsl --install` in PowerShell), then install and run afterclick inside it",
        )
        Failure(error).show()
        sys.exit(error.exit_code)
