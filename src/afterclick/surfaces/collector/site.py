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
from afterclick.surfaces.collector.direct import DirectPath
from afterclick.surfaces.web import slim

SCRIPT: Final = "/afterclick.js"
_FAVICON: Final = "/favicon.ico"
_SCRIPT_HEADERS: Final = [
    (b"content-type", b"text/javascript; charset=utf-8"),
    (b"cache-control", b"public, max-age=3600"),
    (b"vary", b"accept-encoding"),
    # Pages of other origins load it, also those that isolate themselves.
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
]

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class SiteApp:
    """The dashboard and the collector of one store, started and ended together."""

    def __init__(self, live: LiveSite, dashboard: App) -> None:
        self._live = live
        self._dashboard = dashboard
        self._collector = CollectorApp(live.collector, live.access)
        self._script = script()
        self._packed = gzip.compress(self._script, 9, mtime=0)
        self.direct = DirectPath(live.collector)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the server."""
        if scope["type"] == "lifespan":
            await self._life(scope, receive, send)
        elif scope["type"] == "http" and routes.methods_of(scope["path"]) is not None:
            await self._collector(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] in (SCRIPT, _FAVICON):
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
        if scope["path"] == SCRIPT:
            packed = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
            body = self._packed if packed else self._script
            status, headers = 200, [*_SCRIPT_HEADERS, (b"content-length", b"%d" % len(body))]
            headers += [(b"content-encoding", b"gzip")] if packed else []
        else:
            body, status, headers = b"", 204, []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def script() -> bytes:
    """The browser script of `GET /afterclick.js`."""
    text: Any = (resources.files("afterclick.surfaces.collector") / "static" / "afterclick.js").read_text("utf-8")
    return slim.javascript(text).encode()
