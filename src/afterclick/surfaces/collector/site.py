"""One address for both faces: what SDKs send goes to the collector, everything else to the dashboard."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, Final

from afterclick.app.live import LiveSite
from afterclick.surfaces.collector import routes
from afterclick.surfaces.collector.asgi import CollectorApp, Receive, Scope, Send
from afterclick.surfaces.collector.decisions import Decisions
from afterclick.surfaces.collector.direct import DirectPath
from afterclick.surfaces.collector.offer_stream import OfferStream
from afterclick.surfaces.web import slim

SCRIPT: Final = "/afterclick.js"
SHOW: Final = "/afterclick-show.js"
"""Loaded by the script where there is something to show."""
_FAVICON: Final = "/favicon.ico"
_SCRIPT_HEADERS: Final = [
    (b"content-type", b"text/javascript; charset=utf-8"),
    (b"cache-control", b"public, max-age=3600"),
    (b"vary", b"accept-encoding"),
    # Pages of other origins load it, also those that isolate themselves.
    (b"cross-origin-resource-policy", b"cross-origin"),
    # Modules are loaded as data are: only where the answer says that anybody may have it.
    (b"access-control-allow-origin", b"*"),
    (b"x-content-type-options", b"nosniff"),
]

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class SiteApp:
    """The dashboard and the collector of one store, started and ended together."""

    def __init__(self, live: LiveSite, dashboard: App) -> None:
        self._live = live
        self._dashboard = dashboard
        decisions = Decisions(live.collector, live.offering)
        self.offers = OfferStream(live.collector, decisions, live.offering)
        self._collector = CollectorApp(live.collector, live.access, decisions, self.offers)
        self._scripts = {path: _packed(script(path)) for path in (SCRIPT, SHOW)}
        self.direct = DirectPath(live.collector, decisions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the server."""
        if scope["type"] == "lifespan":
            await self._life(scope, receive, send)
        elif scope["type"] == "http" and routes.methods_of(scope["path"]) is not None:
            await self._collector(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] in (SCRIPT, SHOW, _FAVICON):
            await self._file(scope, send)
        else:
            await self._dashboard(scope, receive, send)

    async def _life(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._live.start(asyncio.get_running_loop())
        try:
            await self._dashboard(scope, receive, send)
        finally:
            # Its last answers are given by this loop, so another thread waits for the disk.
            await asyncio.to_thread(self._live.close)

    async def _file(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await send({"type": "http.response.start", "status": 405, "headers": [(b"allow", b"GET, HEAD")]})
            await send({"type": "http.response.body", "body": b""})
            return
        if scope["path"] in self._scripts:
            packed = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
            body = self._scripts[scope["path"]][packed]
            status, headers = 200, [*_SCRIPT_HEADERS, (b"content-length", b"%d" % len(body))]
            headers += [(b"content-encoding", b"gzip")] if packed else []
        else:
            body, status, headers = b"", 204, []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def script(path: str = SCRIPT) -> bytes:
    """The browser script of `GET /afterclick.js`, or the part of it that shows offers."""
    text: Any = (resources.files("afterclick.surfaces.collector") / "static" / path[1:]).read_text("utf-8")
    return slim.javascript(text).encode()


def _packed(body: bytes) -> tuple[bytes, bytes]:
    """A script as it is, and packed."""
    return body, gzip.compress(body, 9, mtime=0)
