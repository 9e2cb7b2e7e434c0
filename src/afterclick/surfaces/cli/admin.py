"""`afterclick doctor` and `rebuild`: whether a store is in order, and its projection made anew."""

from __future__ import annotations

from pathlib import Path

import click

import afterclick
from afterclick.surfaces.cli import render
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options
from afterclick.surfaces.cli.progress import Progress
from afterclick.surfaces.cli.screen import Screen


@click.command()
@format_option("table", "json", "csv", "md")
@shared_options
def doctor(*, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """Check a store and name what in its data deserves a look."""
    with afterclick.open(existing_store(store)) as shop:
        render.result(shop.doctor(), Screen.of(lang, plain), form)


@click.command()
@shared_options
def rebuild(*, store: Path | None, lang: str, plain: bool) -> None:
    """Derive the projection again from the log."""
    screen = Screen.of(lang, plain)
    screen.tell(screen.text("rebuilding"))
    with afterclick.open(existing_store(store), write=True) as shop:
        progress = Progress(screen)
        shop.rebuild(progress)
        seconds = progress.end()
        screen.show(screen.text("rebuilt", seconds=f"{seconds:.1f}", events=shop.info()["rows"]))
