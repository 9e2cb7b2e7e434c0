"""`afterclick demo`: the 30-second path from nothing to a dashboard with an example shop in it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import click
import msgspec

import afterclick
from afterclick.app.demo import Shop, write
from afterclick.app.demo.shop import CURRENCY, HOST, ZONE
from afterclick.app.demo.voices import write_voices
from afterclick.core.errors import UsageError
from afterclick.core.said import Said
from afterclick.surfaces.cli.options import (
    LOOPBACK,
    colour_option,
    dashboard,
    is_store,
    lang_option,
    port_option,
    store_words,
)
from afterclick.surfaces.cli.progress import Progress
from afterclick.surfaces.cli.screen import Screen
from afterclick.surfaces.cli.serving import serve_store

_FOLDER = "demo-store"
_NAMES = {"en": "Hanbit Fashion", "ko": "한빛패션"}


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
@port_option
@click.option("--browser/--no-browser", default=True, help="Open the dashboard where there is a browser.")
@click.option("--serve/--no-serve", "serving", default=True, help="Serve the dashboard, or only make the store.")
@lang_option
@colour_option
def demo(*, events: int, folder: Path, port: int, browser: bool, serving: bool, lang: str, plain: bool) -> None:
    """Make an example shop, import it and open its dashboard."""
    screen = Screen.of(lang, plain)
    _make(Shop(events=events), folder, screen)
    screen.show("", f"{screen.text('next')} afterclick map{store_words(folder)}", "")
    if serving:
        # The commands of the tour write to the store beside it, so this server does not collect.
        serve_store(folder, screen, host=LOOPBACK, port=port, browser=browser and _has_browser(), collect=False)
    else:
        screen.show(
            screen.text("serve_later", command=f"afterclick serve{store_words(folder)}", address=dashboard() + "/")
        )


def _make(shop: Shop, folder: Path, screen: Screen) -> None:
    """The store of the example shop, made unless it is there with this many events."""
    held = _events_in(folder)
    if held:
        _check_size(held, shop.events, folder)
        screen.tell(screen.text("shop_reused", path=folder))
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the store and not in the system's temporary folder: a large shop is gigabytes.
    with tempfile.TemporaryDirectory(prefix=".afterclick-demo-", dir=folder.parent) as temporary:
        screen.tell(screen.text("shop_writing", events=shop.events))
        progress = Progress(screen)
        export = write(shop, Path(temporary), lambda rows: progress("", rows, shop.events))
        progress.end()
        screen.tell(screen.text("shop_importing"))
        with afterclick.open(folder, write=True, create=True) as opened:
            own = {"name": _NAMES[screen.lang], "timezone": ZONE, "currency": CURRENCY, "language": screen.lang}
            definitions = msgspec.structs.replace(
                opened.store.definitions, **own, own_domains=(HOST.partition("//")[2],), example=True
            )
            opened.store.save_definitions(definitions)
            progress = Progress(screen)
            opened.import_files([export], source="example shop", progress=progress)
            progress.end()
            feedback, programme = write_voices(shop, Path(temporary))
            opened.import_files([feedback], source="example surveys", kind="feedback")
            opened.import_files([programme], source="example programme")
            screen.tell(screen.text("shop_ready", path=folder, events=opened.info()["rows"]))


def _events_in(folder: Path) -> int:
    """Events of the example shop in this folder; 0 where it is yet to be made. Raises UsageError for other folders."""
    if is_store(folder):
        with afterclick.open(folder) as opened:
            info = opened.info()
        if info["rows"] and not info["example"]:
            raise UsageError(Said("refusals.own_store", folder=str(folder)), hint=Said("refusals.other_folder"))
        return int(info["rows"])
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(Said("refusals.other_files", folder=str(folder)), hint=Said("refusals.other_folder"))
    return 0


def _check_size(held: int, wanted: int, folder: Path) -> None:
    # The generator reaches the size that was asked for within 1 %, and surveys and the programme come on top with as much.
    if abs(held - wanted) > wanted * 0.03:
        raise UsageError(
            Said("refusals.other_example", folder=str(folder), held=held, wanted=wanted),
            hint=Said("refusals.look_at_example", held=held),
        )


def _has_browser() -> bool:
    """Whether a window can open here: not over ssh, not in a container without a screen."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
