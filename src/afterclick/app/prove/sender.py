"""A client that sends and keeps what was acknowledged: an id counts as promised only once a whole 200 has come."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from afterclick.core import clock


class Reply(NamedTuple):
    """What a request came to: status 0 = no whole answer."""

    status: int
    body: dict[str, Any]
    seconds: float


class Sender:
    """One connection to a collector, opened again after every fault. For one thread."""

    def __init__(self, address: str, key: str, timeout_s: float = 15.0) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self.headers = {
            "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
            "Content-Type": "application/json",
        }

    def send(self, events: Sequence[dict[str, Any]], path: str = "/v1/batch") -> Reply:
        """Send one batch; never raises for what the network or the server does."""
        return self.post(path, json.dumps({"batch": list(events)}).encode())

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Reply:
        """One request as it is given."""
        began = clock.ticks()
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
            self._connection.request("POST", path, body, {**self.headers, **(headers or {})})
            answer = self._connection.getresponse()
            content = answer.read()
            told = json.loads(content) if content[:1] == b"{" else {}
            if answer.will_close:
                self.close()
            return Reply(answer.status, told, clock.ticks() - began)
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            return Reply(0, {}, clock.ticks() - began)

    def close(self) -> None:
        """Leave the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Ledger:
    """What was sent and what was acknowledged, by event id. Safe for several threads."""

    def __init__(self) -> None:
        self.acknowledged: set[str] = set()
        self.tried: set[str] = set()
        self.statuses: dict[int, int] = {}
        self._mutex = threading.Lock()

    def note(self, events: Iterable[dict[str, Any]], reply: Reply) -> None:
        """Remember what a batch came to; ids of refused events are not promised."""
        ids = [str(one["messageId"]) for one in events]
        refused = {error.get("index") for error in reply.body.get("errors") or () if isinstance(error, dict)}
        with self._mutex:
            self.tried.update(ids)
            self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
            if reply.status == 200:
                self.acknowledged.update(one for place, one in enumerate(ids) if place not in refused)
