"""Requests that bring events, straight from the parser to the collector, and answers as the bytes that are sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final

from afterclick.collect.live.collector import Collector
from afterclick.collect.wire.answers import Answer, refused
from afterclick.collect.wire.limits import BODY_BYTES
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.special import is_special
from afterclick.surfaces.collector import cors, routes
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


class DirectPath:
    """The collecting addresses that take a POST, as the protocol asks for them."""

    most = BODY_BYTES

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._names: dict[bytes, str] = {}

    def takes(self, method: bytes, url: bytes) -> bool:
        """Whether the request brings events."""
        return method == b"POST" and (url in _PATHS or url.partition(b"?")[0] in _PATHS)

    def offer(
        self,
        url: bytes,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        received_at: int,
        client: tuple[str, int] | None,
        answer: Callable[[bytes], None],
    ) -> None:
        """Take a whole request."""
        path, query = _PATHS.get(url), ""
        if path is None:
            raw, _, asked = url.partition(b"?")
            # A fragment is never sent by who means well.
            path, query = _PATHS[raw], asked.partition(b"#")[0].decode("latin-1")
        named = self._named(headers)
        request = WireRequest("POST", path, query, named, body, received_at, client_of(client, named))
        self._collector.offer(request, partial(_tell, answer, named.get("origin")))

    def too_large(self, _url: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The answer to a body of more than `most` bytes, which nothing of is read."""
        shape = Shape() if _url.startswith((b"/v1/", b"/b", b"/api/s/")) else Shape("nothing")
        found = refused(shape, 413, "too_large", f"a body may have {BODY_BYTES} bytes")
        return told(found, self._named(headers).get("origin"))

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
