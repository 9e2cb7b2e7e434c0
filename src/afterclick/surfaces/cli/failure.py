"""How the command line fails: what happened, why, and the next command to type, on stderr."""

from __future__ import annotations

import sys
from typing import IO, Any

import click

from afterclick.core.errors import AfterclickError, UsageError
from afterclick.core.said import Said


class Failure(click.ClickException):
    """An AfterclickError as click shows it, in a language; the exit code is the error's own."""

    def __init__(self, error: AfterclickError, lang: str = "en") -> None:
        message = error.say(lang)
        super().__init__(message)
        self.error = error
        self._lang = lang

    @property
    def exit_code(self) -> int:  # type: ignore[override] # click reads it from the instance
        """The error's own: 1 failed, 2 wrong use, 3 no data."""
        return self.error.exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        """`Error: what and why`, then `Next: what to do`."""
        name = self.error.path.removeprefix("$.")
        field = "--" + name.replace("_", "-") if name.isidentifier() else name
        named = not name or name in self.message
        said = self.message if named else f"{field}: {self.message}"
        failed, following = (Said(name).say(self._lang) for name in ("cli.failed", "cli.next"))
        width = max(len(failed), len(following))
        click.echo(f"{failed:<{width}} {said}", file=file, err=file is None)
        if hint := self.error.advise(self._lang):
            click.echo(f"{following:<{width}} {hint}", file=file, err=file is None)


def refuse_platform(platform: str) -> None:
    """Exit with 2 where the store's lock does not exist: Windows until it has one of its own."""
    if platform in ("win32", "cygwin"):
        error = UsageError(
            "afterclick does not run on Windows yet: the lock of a store needs Linux or macOS",
            hint="install WSL (`wsl --install` in PowerShell), then install and run afterclick inside it",
        )
        Failure(error).show()
        sys.exit(error.exit_code)
