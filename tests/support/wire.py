"""Requests as SDKs send them, for tests of the wire: built in one line, decoded without a server."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

from afterclick.collect.wire.canonical import Canonical
from afterclick.collect.wire.decode import decode
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.rows import LiveRows
from afterclick.collect.wire.taken import Taken
from afterclick.core import clock
from afterclick.store.definitions import Definitions
from afterclick.store.live.calls import StoredCall
from afterclick.store.tail_rows import TailTable

NOW = 1_789_997_600_000_000
"""2026-09-21T13:33:20Z, when requests arrive."""

CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Safari/537.36"
)


class Everybody:
    """A policy that stores whatever comes."""

    def admit(self, event: Canonical, request: WireRequest) -> Canonical | None:
        return event


def basic(key: str) -> str:
    """The header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def request(
    path: str,
    body: Any = b"",
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    at: int = NOW,
    packed: bool = False,
) -> WireRequest:
    """A request; a body that is no bytes is sent as JSON."""
    where, _, query = path.partition("?")
    sent = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    given = {name.lower(): value for name, value in (headers or {}).items()}
    return WireRequest(method, where, query, given, gzip.compress(sent, mtime=0) if packed else sent, at, "203.0.113.7")


def take(path: str, body: Any = b"", policy: Any = None, **options: Any) -> Taken:
    """What a request brings."""
    return decode(request(path, body, **options), policy or Everybody())


def track(**fields: Any) -> Taken:
    """What one track call of a batch brings."""
    event = {"type": "track", "event": "Thing Done", "messageId": "m-1", "userId": "kim-10", **fields}
    return take("/v1/batch", {"batch": [event]})


def one(taken: Taken) -> Canonical:
    """The only event of a request."""
    assert not taken.refusals, taken.refusals
    assert len(taken.events) == 1
    return taken.events[0].canonical


def codes(taken: Taken) -> list[tuple[int, str, str]]:
    """Place, code and path of what was refused."""
    return [(refusal.index, refusal.code, refusal.path) for refusal in taken.refusals]


def rows(takens: Sequence[Taken], source: str = "web") -> TailTable:
    """The rows that calls become."""
    live = LiveRows()
    try:
        calls = [
            StoredCall(number, NOW, source, tuple(event.body for event in taken.events))
            for number, taken in enumerate(takens, 1)
        ]
        return live(calls, Definitions())
    finally:
        live.close()


def shown(event: Canonical) -> dict[str, Any]:
    """An event as golden files hold it: what it says, instants as ISO text."""
    said = {name: getattr(event, name) for name in event.__struct_fields__ if getattr(event, name)}
    for name in ("original_at", "occurred_at", "received_at", "sent_at"):
        if name in said:
            said[name] = clock.iso(said[name])
    return said
