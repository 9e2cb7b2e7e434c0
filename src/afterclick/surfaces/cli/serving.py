"""`afterclick serve`: the dashboard of a store, on this machine unless a token guards it."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

import afterclick
from afterclick.analyse.kernels import compiled
from afterclick.surfaces.cli import server
from afterclick.surfaces.cli.options import (
    LOOPBACK,
    colour_option,
    existing_store,
    lang_option,
    port_option,
    store_option,
)
from afterclick.surfaces.cli.screen import Screen
from afterclick.surfaces.web import create_app
from afterclick.surfaces.web.guard import LOCAL_HOSTS


def serve_store(
    path: Path, screen: Screen, *, host: str, port: int, token: str | None = None, browser: bool = False
) -> None:
    """Serve the store at `path` until it is stopped; the address is printed to stdout once it answers."""
    server.check_reach(host, token)
    listener = server.bound(host, port)
    address = server.address_of(listener, host) + "/"

    def ready() -> None:
        screen.show(screen.text("serving", address=address))
        screen.tell(screen.text("stop_serving"))
        if browser:
            webbrowser.open(address)

    compiled.warm_in_background()
    with afterclick.open(path) as shop:
        server.run(create_app(shop, token=token, hosts=None if token else (*LOCAL_HOSTS, host)), listener, ready)


@click.command()
@store_option
@port_option
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on; others need a token.")
@click.option(
    "--token",
    envvar="AFTERCLICK_TOKEN",
    help="What a visitor of the dashboard must know; also $AFTERCLICK_TOKEN.",
)
@click.option("--browser/--no-browser", default=False, help="Open the dashboard in the browser.")
@lang_option
@colour_option
def serve(
    *, store: Path | None, port: int, host: str, token: str | None, browser: bool, lang: str, plain: bool
) -> None:
    """Serve the dashboard and its JSON of a store."""
    serve_store(existing_store(store), Screen.of(lang, plain), host=host, port=port, token=token, browser=browser)
