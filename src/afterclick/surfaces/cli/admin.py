"""`afterclick doctor`, `rebuild` and `backup`: whether a store is in order, its projection made anew, a copy of it."""

from __future__ import annotations

from pathlib import Path

import click

import afterclick
from afterclick.core import i18n
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


@click.command()
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@shared_options
def backup(*, target: Path, store: Path | None, lang: str, plain: bool) -> None:
    """Copy a store to a new folder while a server collects into it."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        progress = Progress(screen)
        copied = shop.backup(target, progress)
        seconds = progress.end()
    params = {"rows": copied.rows, "files": copied.files, "size": copied.bytes / 1e6, "seconds": f"{seconds:.1f}"}
    screen.show(i18n.text(lang, "backup.done", folder=str(target), **params))
    if copied.damaged:
        screen.show(i18n.text(lang, "backup.damaged", n=len(copied.damaged)), *(f"    {name}" for name in copied.damaged))
        click.get_current_context().exit(1)
