"""The command group: it knows its commands by name and imports one only when it is asked for."""

from __future__ import annotations

import errno
import importlib
import sys
from typing import Any

import click

from afterclick.core.errors import AfterclickError, nearest
from afterclick.surfaces.cli.commands import COMMANDS, QUESTIONS, SECTIONS, Entry
from afterclick.surfaces.cli.failure import Failure, refuse_platform

_HERE = "afterclick.surfaces.cli"


class Commands(click.Group):
    """A group that lists its commands from a table and turns errors into what, why and the next command."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Every command in the order of the help."""
        return [name for section in SECTIONS for name, _ in _entries(section)]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name in QUESTIONS:
            made: click.Command = _found(f"{_HERE}.questions:command")(_found(QUESTIONS[cmd_name].place))
            return made
        if cmd_name in COMMANDS:
            found: click.Command = _found(f"{_HERE}.{COMMANDS[cmd_name].place}")
            return found
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a mistyped name is answered with the nearest one."""
        name = args[0] if args else ""
        known = self.list_commands(ctx)
        if name and not name.startswith("-") and name not in known:
            hint = nearest(name, known) or "`afterclick --help` lists the commands"
            raise click.UsageError(f"there is no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under their headings, without importing any of them."""
        for section in SECTIONS:
            with formatter.section(section):
                formatter.write_dl([(name, entry.help) for name, entry in _entries(section)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what afterclick raises on purpose is shown without a traceback."""
        try:
            return super().invoke(ctx)
        except AfterclickError as error:
            raise Failure(error, _language(ctx)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            raise Failure(AfterclickError(_what(error), hint=_next(error)), _language(ctx)) from error


def _language(ctx: click.Context) -> str:
    # What listing the commands need not import.
    from afterclick.surfaces.cli.options import language_of  # noqa: PLC0415

    return language_of(ctx)


def _entries(section: str) -> list[tuple[str, Entry]]:
    return [(name, entry) for name, entry in {**QUESTIONS, **COMMANDS}.items() if entry.section == section]


def _found(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _what(error: OSError) -> str:
    place = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{place}"


def _next(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "free some space and run the command again; what was acknowledged is kept"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "give yourself the right to read and write there, or name another folder with --store"
    return "look at the path, then run the command again"


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="`afterclick demo` is the quickest look; `afterclick COMMAND --help` explains a command.",
)
@click.version_option(package_name="afterclick", message="afterclick %(version)s")
def group() -> None:
    """What happens after the click: where visitors come from, how far they get and where they leave."""


def main() -> None:
    """Run the command line; never returns."""
    refuse_platform(sys.platform)
    group.main(prog_name="afterclick")
