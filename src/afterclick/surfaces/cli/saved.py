"""`afterclick saved`: the questions saved under a name: list them, ask one again, delete one."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

import afterclick
from afterclick.core.errors import UsageError, nearest
from afterclick.core.said import Said
from afterclick.surfaces.cli import render
from afterclick.surfaces.cli.addresses import address
from afterclick.surfaces.cli.options import existing_store, format_option, shared_options, store_words
from afterclick.surfaces.cli.screen import Screen


@click.group()
def saved() -> None:
    """List, ask again and delete the questions saved under a name."""


@saved.command("list")
@format_option("table", "json")
@shared_options
def list_saved(*, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """List the saved questions: name, kind, address on the dashboard."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        found = shop.saved()
    if form == "json":
        rows = [{"name": name, **spec.to_dict()} for name, spec in found.items()]
        screen.write(msgspec.json.encode(rows).decode())
        return
    if not found:
        screen.show(screen.text("saved_none"))
        return
    headings = [screen.text(f"saved_{name}") for name in ("name", "question", "address")]
    rows_shown = [[name, spec.key_word, address(spec, screen.lang)] for name, spec in found.items()]
    screen.table(headings, rows_shown, [True, True, True])
    screen.show("", screen.text("next"), f"  afterclick saved show NAME{store_words(store)}")


@saved.command("show")
@click.argument("name")
@format_option("table", "json", "csv", "md", "python")
@shared_options
def show_saved(*, name: str, form: str, store: Path | None, lang: str, plain: bool) -> None:
    """Ask a saved question again and print its answer."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        found = shop.saved()
        if name not in found:
            hint = nearest(name, found) or Said("refusals.saved_list", store=store_words(store))
            raise UsageError(screen.text("saved_unknown", name=name), hint=hint)
        if form == "python":
            screen.write(render.python_call(found[name], store or Path()))
        else:
            render.result(shop.ask(found[name]), screen, form)


@saved.command("delete")
@click.argument("name")
@shared_options
def delete_saved(*, name: str, store: Path | None, lang: str, plain: bool) -> None:
    """Delete a saved question; the store's events are not touched."""
    screen = Screen.of(lang, plain)
    with afterclick.open(existing_store(store)) as shop:
        shop.unsave(name)
    screen.show(screen.text("saved_deleted", name=name))
