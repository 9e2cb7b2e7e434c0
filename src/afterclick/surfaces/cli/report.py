"""`afterclick report`: cards of the dashboard and text of one's own in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import afterclick
from afterclick.analyse.question import Question
from afterclick.core import i18n
from afterclick.surfaces.cli.options import existing_store, shared_options
from afterclick.surfaces.cli.questions import option, texts
from afterclick.surfaces.cli.screen import Screen

_SCOPE = [option(field, default=False) for field in Question.fields()]


def _with_scope(command: click.Command) -> click.Command:
    """The shared scope, made from the fields of a question, before the options of the output."""
    own = {parameter.name for parameter in command.params}
    command.params[1:1] = [field for field in _SCOPE if field.name not in own]
    return command


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write, .html."
)
@click.option("--pages", default="", help="Pages in order, such as map,channels; else the usual ones. Not with FILE.")
@click.option("--title", default="", help="Title of the report, else the shop's name.")
@click.option("--people", is_flag=True, help="Also list people behind the numbers, ids masked; off by default.")
@shared_options
def report(
    *,
    file: Path | None,
    output: Path,
    pages: str,
    title: str,
    people: bool,
    store: Path | None,
    lang: str,
    plain: bool,
    **scope: Any,
) -> None:
    """Write a report: pages, or what FILE (TOML) lists, as one HTML file that needs no network.

    FILE holds text in Markdown and cards, each with a question or page and the fields of either:

    \b
        title = "September"
        range = "28d"
        text = "Written on **Monday**."
        [[cards]]
        page = "map"
        text = "Mind the close."
        [[cards]]
        question = "funnel"
        steps = ["Product Viewed", "Order Completed"]
    """
    screen = Screen.of(lang, plain)
    given = {name: texts(value) for name, value in scope.items() if texts(value)}
    asked = {"pages": pages, "title": title, "people": people, "lang": _language(file, lang)}
    with afterclick.open(existing_store(store)) as shop:
        made = shop.report(output, file, **asked, **given)
    size = made.stat().st_size
    screen.show(i18n.text(screen.lang, "report.written", path=made, kb=-(-size // 1000)))


def _language(file: Path | None, lang: str) -> str:
    """The language of the command line; a file may name its own, unless --lang was given."""
    context = click.get_current_context()
    chosen = context.get_parameter_source("lang") is click.core.ParameterSource.COMMANDLINE
    return lang if file is None or chosen else ""


report = _with_scope(report)
