"""Requests that bring events, straight from the parser to the collector, and answers as the bytes that are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

from afterclick.collect.live.collector import Collector
from afterclick.collect.wire.answers import Answer, refused
from afterclick.collect.wire.credentials import key_of
from afterclick.collect.wire.limits import BODY_BYTES
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.special import is_special
from afterclick.surfaces.collector import cors, routes
from afterclick.surfaces.collector.decisions import Decisions
from afterclick.surfaces.collector.direct_cycle import DirectCycle
from afterclick.surfaces.peer import client_of

_PATHS: Final = {
    path.encode(): path for path, methods in routes.EXACT.items() if "POST" in methods and not is_special(path)
}
_STATUS: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus if status.value >= 200
}
_KNOWN_NAMES: Final = 512
_KNOWN_HEADS: Final = 64
_heads: dict[tuple[int, object], bytes] = {}
"""Heads of answers as they are sent; there are few, and the table is bounded."""


class Asked(NamedTuple):
    """What the head of a request says: address, headers by their names in lower case, the key as far as it stands there."""

    path: str
    query: str
    named: dict[str, str]
    key: str
    origin: str | None


class DirectPath:
    """The collecting addresses that take a POST, as the protocol asks for them."""

    most = BODY_BYTES

    def __init__(self, collector: Collector, decisions: Decisions) -> None:
        self._collector = collector
        self._offers = decisions.offers
        self._names: dict[bytes, str] = {}
        self._arrived: list[tuple[DirectCycle, bytes]] = []

    def takes(self, method: bytes, url: bytes) -> bool:
        """Whether the request brings events."""
        return method == b"POST" and (url in _PATHS or url.partition(b"?")[0] in _PATHS)

    def asked(self, url: bytes, headers: list[tuple[bytes, bytes]]) -> Asked:
        """What a head says of the request it belongs to."""
        path, query = _PATHS.get(url), ""
        if path is None:
            raw, _, said = url.partition(b"?")
            # A fragment is never sent by who means well.
            path, query = _PATHS[raw], said.partition(b"#")[0].decode("latin-1")
        named = self._named(headers)
        key = key_of(WireRequest("POST", path, query, named, b"", 0))
        return Asked(path, query, named, key, named.get("origin"))

    def offer(
        self,
        asked: Asked,
        body: bytes,
        received_at: int,
        client: tuple[str, int] | None,
        answer: Callable[[bytes], None],
    ) -> None:
        """Take a whole request."""
        path, query, named, key, origin = asked
        request = WireRequest("POST", path, query, named, body, received_at, client_of(client, named), key)
        self._offers.get(path, self._collector.offer)(request, partial(_tell, answer, origin))

    def arrived(self, cycle: DirectCycle, body: bytes, loop: asyncio.AbstractEventLoop) -> None:
        """Have it offered with all others that have come by now: one after the other they are read twice as fast as between
        calls of the system, and the disk is asked once for all.
        """
        if not self._arrived:
            loop.call_soon(self._offer_all)
        self._arrived.append((cycle, body))

    def _offer_all(self) -> None:
        arrived, self._arrived = self._arrived, []
        with self._collector.together():
            for cycle, body in arrived:
                cycle.offer(body)

    def too_large(self, asked: Asked) -> bytes:
        """The answer to a body of more than `most` bytes, which nothing of is read."""
        shape = Shape() if asked.path.startswith(("/v1/", "/b", "/api/s/")) else Shape("nothing")
        found = refused(shape, 413, "too_large", f"a body may have {BODY_BYTES} bytes")
        return told(found, asked.origin)

    def _named(self, headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
        known = self._names
        return {known.get(name) or self._new(name): value.decode("latin-1") for name, value in headers}

    def _new(self, name: bytes) -> str:
        text = name.decode("latin-1")
        if len(self._names) < _KNOWN_NAMES:
            self._names[name] = text
        return text


def _tell(answer: Callable[[bytes], None], origin: str | None, found: Answer) -> None:
    answer(told(found, origin))


def told(answer: Answer, origin: str | None) -> bytes:
    """Status line, headers, the empty line and the body."""
    head = _heads.get((answer.status, answer.headers))
    if head is None:
        head = _STATUS[answer.status] + b"".join([b"%s: %s\r\n" % pair for pair in answer.headers])
        if len(_heads) < _KNOWN_HEADS:
            _heads[answer.status, answer.headers] = head
    length = b"" if answer.status == 204 else b"content-length: %d\r\n" % len(answer.body)
    if origin is None:
        return b"%s%s\r\n%s" % (head, length, answer.body)
    allowed = b"".join([b"%s: %s\r\n" % pair for pair in cors.answer(origin.encode("latin-1"))])
    return b"%s%s%s\r\n%s" % (head, length, allowed, answer.body)
