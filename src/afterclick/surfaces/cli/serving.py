"""`afterclick serve`: the dashboard of a store and the collector that fills it, on this machine unless tokens guard it."""

from __future__ import annotations

import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import afterclick
from afterclick.act.secrets import Secrets
from afterclick.act.unsubscribe import Tokens
from afterclick.analyse.kernels import compiled
from afterclick.app.live import LiveSite
from afterclick.app.opting_out import collector
from afterclick.app.workspace import Workspace
from afterclick.collect.live.journal import Journal
from afterclick.core import i18n
from afterclick.core.errors import StoreError, StoreLocked
from afterclick.core.said import Said
from afterclick.store.access import Access, Made
from afterclick.store.live.reader import TailReader
from afterclick.surfaces.cli import server
from afterclick.surfaces.cli.options import (
    LOOPBACK,
    colour_option,
    existing_store,
    is_store,
    lang_option,
    named_store,
    port_option,
    store_option,
)
from afterclick.surfaces.cli.screen import Screen
from afterclick.surfaces.collector import metrics
from afterclick.surfaces.collector.site import SiteApp
from afterclick.surfaces.web import create_app
from afterclick.surfaces.web.guard import LOCAL_HOSTS
from afterclick.surfaces.web.unsubscribe_route import UnsubscribeRoute

_LEAVE_S = 2.0


def serve_store(
    path: Path,
    screen: Screen,
    *,
    host: str,
    port: int,
    token: str | None = None,
    browser: bool = False,
    tokens: bool = False,
    collect: bool = True,
) -> None:
    """Serve the store at `path` until it is stopped; the address is printed to stdout once it answers.

    With `collect` this process is the store's writer, and an empty store is made where there is none. `tokens` wants a
    token even on this machine, as any other address does.
    """
    access = Access(path)
    fresh = not is_store(path)
    server.check_reach(host, token, access.guarded())
    listener = server.bound(host, port)
    address = server.address_of(listener, host)
    guarded = tokens or token is not None or not server.is_loopback(host)
    hosts = None if guarded else (*LOCAL_HOSTS, host)
    compiled.warm_in_background()
    try:
        with _opened(path, collect) as shop:
            first = access.first() if collect else []
            faces: dict[str, Any] = {"token": token, "hosts": hosts, "access": access if guarded else None}
            ready = _announcing(screen, address, first, guarded=guarded, browser=browser, collect=collect)
            if fresh:
                screen.show(i18n.text(screen.lang, "access.fresh", path=str(path)))
            if collect:
                _collect(shop, access, faces, listener, ready)
            else:
                app = create_app(shop, **faces, tail=TailReader(path))
                server.run(app, listener, ready, leaving=app.state.live.close)
    finally:
        listener.close()
    # A question may still be computing in a thread; nobody waits for its answer.
    server.leave_within(_LEAVE_S)


def _opened(path: Path, collect: bool) -> Workspace:
    try:
        return afterclick.open(path, write=collect, create=collect)
    except StoreLocked as error:
        raise StoreLocked(
            error.said,
            hint=Said("refusals.serve_read_only"),
            path=error.path,
        ) from None


def _collect(
    shop: Workspace, access: Access, faces: dict[str, Any], listener: socket.socket, ready: Callable[[], None]
) -> None:
    """Serve both faces. Raises StoreError where the disk failed so that nothing can be stored any more."""
    journal = Journal(sys.stderr)
    live = LiveSite(shop, access, journal)
    state, links = _State(live), _opting_out(shop, live)
    dashboard = create_app(
        shop, **faces, feed=live.feed, tail=live.reader, collecting=state, opting_out=links,
        firing=lambda: live.deciding.decider.report,
    )  # fmt: skip

    def made(running: server.Server) -> None:
        live.on_broken = running.end

    site = SiteApp(live, dashboard)
    # Requests that reach it before its last connection is closed are still taken.
    def leaving() -> None:
        dashboard.state.live.close()
        site.offers.close()

    server.run(site, listener, ready, leaving=leaving, made=made, journal=journal, direct=site.direct)
    if live.broken.is_set():
        raise StoreError(
            Said("refusals.disk_failed_twice"),
            hint=Said("refusals.look_at_disk"),
            code="tail_broken",
        )


def _opting_out(shop: Workspace, live: LiveSite) -> UnsubscribeRoute:
    """The page that links in messages lead to."""
    path = shop.store.path
    return UnsubscribeRoute(
        Tokens.reader(Secrets(path)),
        collector(path, live.emitter.emit),
        lambda: shop.store.definitions.delivery.sender,
    )


class _State:
    """The collector's state as the dashboard's server tells it."""

    def __init__(self, live: LiveSite) -> None:
        self._live = live

    def health(self) -> tuple[bool, dict[str, Any]]:
        return self._live.health()

    def metrics(self) -> str:
        return metrics.text(self._live.collector.counts, self._live.health()[1])


def _announcing(
    screen: Screen, address: str, first: list[Made], *, guarded: bool, browser: bool, collect: bool
) -> Callable[[], None]:
    def say(name: str, **params: str) -> None:
        screen.show(i18n.text(screen.lang, f"access.{name}", **params))

    def ready() -> None:
        screen.show(screen.text("serving", address=address + "/"))
        for made in first:
            say(f"key_{made.grant.role}", secret=made.secret)
        if first:
            # The snippets stand in public pages: never an owner's token in them.
            key = next((made.secret for made in first if made.grant.role == "write"), "YOUR_WRITE_KEY")
            say("once")
            screen.show("")
            say("connect")
            screen.show(*(f"  {line}" for line in connecting(address, key)), "")
        elif collect:
            screen.tell(i18n.text(screen.lang, "access.connect_later", address=address))
        if guarded:
            screen.tell(i18n.text(screen.lang, "access.wanted", address=address + "/"))
        screen.tell(screen.text("stop_serving"))
        if browser:
            # A browser that must be started first is waited for.
            threading.Thread(target=webbrowser.open, args=(address + "/",), daemon=True).start()

    return ready


def connecting(address: str, key: str) -> list[str]:
    """How SDKs are pointed at this server, in the words of each."""
    return [
        f"""curl -u {key}: {address}/v1/track -d '{{"type":"track","event":"Signed Up","userId":"u1"}}'""",
        f'<script async src="{address}/afterclick.js" data-key="{key}"></script>',
        f"Segment, Python:   Client('{key}', host='{address}')",
        f"PostHog, Python:   Posthog('{key}', host='{address}')",
    ]


@click.command()
@store_option
@port_option
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on; others need a token.")
@click.option(
    "--token",
    envvar="AFTERCLICK_TOKEN",
    help="A further owner's token, what a visitor of the dashboard must know; also $AFTERCLICK_TOKEN.",
)
@click.option("--tokens", is_flag=True, help="Want a token of this store (afterclick keys) even on this machine.")
@click.option("--read-only", is_flag=True, help="Serve the dashboard alone: another process may write to the store.")
@click.option("--browser/--no-browser", default=False, help="Open the dashboard in the browser.")
@lang_option
@colour_option
def serve(
    *,
    store: Path | None,
    port: int,
    host: str,
    token: str | None,
    tokens: bool,
    read_only: bool,
    browser: bool,
    lang: str,
    plain: bool,
) -> None:
    """Serve the dashboard and its JSON of a store, and collect what SDKs send to it."""
    screen = Screen.of(lang, plain)
    path = (None if read_only else named_store(store)) or existing_store(store)
    if read_only:
        screen.tell(i18n.text(lang, "access.read_only"))
    serve_store(
        path,
        screen,
        host=host,
        port=port,
        token=token,
        browser=browser,
        tokens=tokens,
        collect=not read_only,
    )
