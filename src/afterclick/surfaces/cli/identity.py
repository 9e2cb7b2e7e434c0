"""`afterclick link` and `unlink`: what a person knows about ids, dated and reversible."""

from __future__ import annotations

from pathlib import Path

import click

import afterclick
from afterclick.surfaces.cli.options import existing_store, shared_options
from afterclick.surfaces.cli.screen import Screen


def _say(first: str, second: str, *, store: Path | None, lang: str, plain: bool, undo: bool) -> None:
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store), write=True) as shop:
        if undo:
            shop.unlink(first, second)
        else:
            shop.link(first, second)
    screen.show(screen.text("unlinked" if undo else "linked", first=first, second=second))


@click.command()
@click.argument("first")
@click.argument("second")
@shared_options
def link(*, first: str, second: str, store: Path | None, lang: str, plain: bool) -> None:
    """Say that two ids are the same visitor."""
    _say(first, second, store=store, lang=lang, plain=plain, undo=False)


@click.command()
@click.argument("first")
@click.argument("second")
@shared_options
def unlink(*, first: str, second: str, store: Path | None, lang: str, plain: bool) -> None:
    """Take such a link back, or forbid one that was found."""
    _say(first, second, store=store, lang=lang, plain=plain, undo=True)
