"""`afterclick boards`: saved lists of cards: list, show, make, delete, take back, write as a report."""

from __future__ import annotations

from pathlib import Path

import click

import afterclick
from afterclick.core import i18n
from afterclick.core.spec import kind
from afterclick.store.documents import Board, BoardCard, Goal
from afterclick.surfaces.cli import render
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options
from afterclick.surfaces.cli.screen import Screen

_WORD = "boards"


@click.group()
def boards() -> None:
    """List, show, make and delete boards: saved questions with text and goals."""


@boards.command("list")
@format_option("table", "json", "csv", "md")
@shared_options
def list_boards(*, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """List the boards."""
    _show("", form, store, lang, plain)


@boards.command("show")
@click.argument("name")
@format_option("table", "json", "csv", "md")
@shared_options
def show_board(*, name: str, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """Ask every card of a board anew: its finding, its figure, how far its goal is."""
    _show(name, form, store, lang, plain)


def _show(name: str, form: str, store: Path | None, lang: str, plain: bool) -> None:
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        spec = kind(_WORD).from_texts([("name", name)] if name else [])
        render.result(shop.ask(spec), screen, form)


@boards.command("add")
@click.argument("name")
@click.option("--text", default="", help="What stands before the cards.")
@click.option("--watch", multiple=True, help="Name of an alert to show on it [repeat for more].")
@shared_options
def add_board(*, name: str, text: str, watch: tuple[str, ...], store: Path | None, lang: str, plain: bool) -> None:
    """Make an empty board, or give the one of that name another text."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        known = shop.desk.boards.get(name)
        cards, alerts = (known.cards, known.alerts) if known else ((), ())
        shop.desk.put_board(Board(name=name, text=text, cards=cards, alerts=alerts))
        for alert in watch:
            shop.desk.watch(name, alert)
        _saved(screen, name, len(cards))


@boards.command("card")
@click.argument("name")
@click.option("--question", default="", help="A question as an address or JSON, such as 'kpi?range=7d'; else text alone.")
@click.option("--figure", default="", help="The number that stands large, such as revenue.")
@click.option("--aim", type=float, help="The goal: a value that the figure is to reach.")
@click.option("--at-most", is_flag=True, help="The goal is an upper limit.")
@click.option("--title", default="", help="Title of the card.")
@click.option("--text", default="", help="Text above the answer.")
@shared_options
def add_card(
    *, name: str, question: str, figure: str, aim: float | None, at_most: bool, title: str, text: str,
    store: Path | None, lang: str, plain: bool,
) -> None:  # fmt: skip
    """Put a card at the end of a board."""
    screen = Screen.of(lang, plain)
    goal = None if aim is None else Goal(value=aim, at="most" if at_most else "least")
    with afterclick.open(existing_store(store)) as shop:
        shop.desk.add_card(name, BoardCard(question=question, title=title, text=text, figure=figure, goal=goal))
        _saved(screen, name, len(shop.desk.boards[name].cards))


def _saved(screen: Screen, name: str, cards: int) -> None:
    screen.show(screen.text("board_saved", name=name, cards=cards))


@boards.command("remove")
@click.argument("name")
@click.option("--card", type=click.IntRange(1), help="Only this card, counted from 1.")
@shared_options
def remove_board(*, name: str, card: int | None, store: Path | None, lang: str, plain: bool) -> None:
    """Delete a board, or one of its cards."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        if card:
            shop.desk.drop_card(name, card)
            _saved(screen, name, len(shop.desk.boards[name].cards))
            return
        shop.desk.drop_board(name)
    screen.show(screen.text("board_removed", name=name))


@boards.command("undo")
@shared_options
def undo(*, store: Path | None, lang: str, plain: bool) -> None:
    """Take the last change of boards and alerts back."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        screen.show(screen.text("board_undone", change=shop.desk.undo()))


@boards.command("report")
@click.argument("name")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write, .html."
)
@shared_options
def report_board(*, name: str, output: Path, store: Path | None, lang: str, plain: bool) -> None:
    """Write a board as one HTML file that needs no network."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        made = shop.report(output, pages=_WORD, title=name, lang=screen.lang, name=name)
    size = made.stat().st_size
    screen.show(i18n.text(screen.lang, "report.written", path=made, kb=-(-size // 1000)))
