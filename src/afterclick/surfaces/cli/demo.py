"""`afterclick demo`: the 30-second path from nothing to a dashboard with an example shop in it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import click

import afterclick
from afterclick.app.demo import Shop, write
from afterclick.core import settings
from afterclick.core.errors import UsageError
from afterclick.surfaces.cli.options import HOST, colour_option, dashboard, is_store, lang_option, store_words
from afterclick.surfaces.cli.progress import Progress
from afterclick.surfaces.cli.screen import Screen
from afterclick.surfaces.cli.serving import serve_store

_FOLDER = "demo-store"


@click.command()
@click.option("--events", type=int, default=100_000, show_default=True, help="Size of the shop, 10000 to 100000000.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=_FOLDER,
    show_default=True,
    help="Where its store is made; a second run uses it again.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=lambda: settings.number("port"),
    show_default="8420, or $AFTERCLICK_PORT",
    help="Port of the dashboard; 0 takes a free one.",
)
@click.option("--browser/--no-browser", default=True, help="Open the dashboard where there is a browser.")
@click.option("--serve/--no-serve", "serving", default=True, help="Serve the dashboard, or only make the store.")
@lang_option
@colour_option
def demo(
    *, events: int, folder: Path, port: int, browser: bool, serving: bool, lang: str, plain: bool
) -> None:
    """Make an example shop, import it and open its dashboard."""
    screen = Screen.of(lang, plain)
    _make(Shop(events=events), folder, screen)
    screen.show("", f"{screen.text('next')} afterclick map{store_words(folder)}", "")
    if serving:
        serve_store(folder, screen, host=HOST, port=port, browser=browser and _has_browser())
    else:
        screen.show(screen.text("serve_later", command=f"afterclick serve{store_words(folder)}", address=dashboard() + "/"))
