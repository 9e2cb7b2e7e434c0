"""A whole server in this process, on a free port: store, collector and dashboard, as `afterclick serve` runs them."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import afterclick
from afterclick.app.live import LiveSite
from afterclick.collect.live.journal import Journal
from afterclick.collect.live.waiting import Limits
from afterclick.store.access import Access
from afterclick.surfaces.cli import server
from afterclick.surfaces.cli.serving import _State
from afterclick.surfaces.collector.site import SiteApp
from afterclick.surfaces.web import create_app


class Reply(NamedTuple):
    """An answer: status, headers with names in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """The server under test with its first key and token."""

    def __init__(self, live: LiveSite, port: int, key: str, owner: str, log: StringIO) -> None:
        self.live = live
        self.port = port
        self.key = key
        self.owner = owner
        self.log = log

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, method: str, path: str, body: bytes | str | Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            sent = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
            connection.request(method, path, sent, dict(headers or {}))
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, named, answer.read())
        finally:
            connection.close()

    def send(self, path: str, body: Any, key: str | None = None, **headers: str) -> Reply:
        """A POST with the write key in Basic, as most SDKs show it."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, body, {"authorization": basic(self.key if key is None else key), **told})

    def track(self, message_id: str, event: str = "Signed Up", **more: Any) -> Reply:
        return self.send("/v1/track", {"type": "track", "event": event, "userId": "u1", "messageId": message_id, **more})

    def raw(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


@contextmanager
def served(
    folder: Path, *, limits: Limits | None = None, tokens: bool = False, rate: int = 0, direct: bool = True
) -> Iterator[Served]:
    """Serve the store in `folder`, made if it is not there; its first key has this rate (0 = no limit).

    `direct`: events go past ASGI, as `afterclick serve` lets them.
    """
    log = StringIO()
    access = Access(folder) if folder.exists() else None
    with afterclick.open(folder, write=True, create=True) as shop:
        access = access or Access(folder)
        key = access.make("write", source="test", rate=rate).secret
        owner = access.make("owner").secret
        live = LiveSite(shop, access, Journal(log), limits=limits or Limits())
        hosts = None if tokens else ("127.0.0.1",)
        dashboard = create_app(
            shop, hosts=hosts, access=access if tokens else None, feed=live.feed, tail=live.reader, collecting=_State(live)
        )
        listener = server.bound("127.0.0.1", 0)
        port = listener.getsockname()[1]
        ready, running = threading.Event(), []
        site = SiteApp(live, dashboard)

        def leaving() -> None:
            dashboard.state.live.close()
            site.offers.close()

        thread = threading.Thread(
            target=server.run,
            args=(site, listener, ready.set),
            kwargs={
                "leaving": leaving,
                "made": running.append,
                "journal": live.journal,
                "direct": site.direct if direct else None,
            },
        )
        thread.start()
        try:
            assert ready.wait(20)
            yield Served(live, port, key, owner, log)
        finally:
            leaving()
            running[0].end()
            thread.join(30)
            assert not thread.is_alive()
