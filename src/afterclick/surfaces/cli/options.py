"""The options that many commands share: which store, which language, colour or none."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from afterclick.core import i18n, settings
from afterclick.core.errors import UsageError
from afterclick.core.said import Said

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_LANG = "afterclick.lang"
LOOPBACK = "127.0.0.1"
"""Where the dashboard is served unless told otherwise: only this machine reaches it."""


def store_option(command: Decorated) -> Decorated:
    """`--store DIR`, else the variable AFTERCLICK_STORE, else the working directory where it is a store."""
    return click.option(
        "--store",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        help="The store's directory; else $AFTERCLICK_STORE, else the working directory if it is a store.",
    )(command)


def lang_option(command: Decorated) -> Decorated:
    """`--lang en|ko`, else the language of the environment."""
    return click.option(
        "--lang",
        type=click.Choice(i18n.languages()),
        default=environment_language,
        show_default=False,
        callback=_remembered,
        help="Language of sentences, headings and numbers, else $AFTERCLICK_LANG, else that of $LANG.",
    )(command)


def colour_option(command: Decorated) -> Decorated:
    """`--no-color`: also the variable NO_COLOR, and any output that is no terminal."""
    return click.option("--no-color", "plain", is_flag=True, help="No colour; the same as NO_COLOR=1.")(command)


def shared_options(command: Decorated) -> Decorated:
    """The three above, in this order in the help."""
    return store_option(lang_option(colour_option(command)))


def _remembered(ctx: click.Context, _option: click.Parameter, lang: str) -> str:
    """The language stays with the run, so that what fails in it is told in it."""
    ctx.meta[_LANG] = lang
    return lang


def language_of(ctx: click.Context) -> str:
    """The language a run was asked in; that of the environment where its command takes none."""
    return str(ctx.meta.get(_LANG) or environment_language())


def environment_language() -> str:
    """What AFTERCLICK_LANG names, else the first that is set of LC_ALL, LC_MESSAGES, LANG; else English."""
    named = settings.text("lang")
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        named = named or os.environ.get(name, "")
    short = named.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return short if short in i18n.languages() else i18n.languages()[0]


def port_option(command: Decorated) -> Decorated:
    """`--port N`, else the variable AFTERCLICK_PORT, else 8420."""
    return click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=lambda: settings.number("port"),
        show_default=False,
        help="Port of the dashboard, else $AFTERCLICK_PORT, else 8420; 0 takes a free one.",
    )(command)


def dashboard() -> str:
    """The address at which `afterclick serve` answers on this machine, without a slash at its end."""
    return f"http://{LOOPBACK}:{settings.number('port')}"


def is_store(path: Path) -> bool:
    """Whether the directory is a store of any format."""
    return (path / "log" / "format").is_file()


def named_store(given: Path | None) -> Path | None:
    """The directory that the option or the variable names."""
    return given or (Path(settings.text("store")) if settings.text("store") else None)


def existing_store(given: Path | None) -> Path:
    """The store to read. Raises UsageError, with the command that makes one, where there is none."""
    path = named_store(given)
    if is_store(path or Path()):
        return path or Path()
    make = Said("refusals.make_store")
    if path is None:
        raise UsageError(Said("refusals.no_store_here", path=str(Path.cwd())), hint=Said("refusals.add_store_or", make=make))
    if path.exists():
        raise UsageError(Said("refusals.is_no_store", path=str(path)), hint=make)
    raise UsageError(Said("refusals.no_store_there", path=str(path)), hint=make)


def store_words(given: Path | None) -> str:
    """How the next command names the same store: ` --store DIR`, or nothing where none had to be given."""
    return f" --store {shlex.quote(str(given))}" if given else ""


def format_option(*forms: str) -> Callable[[Decorated], Decorated]:
    """`--format`, one of these; the first is the default."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True, help="Form of the answer."
    )
