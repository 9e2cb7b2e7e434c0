"""The collector as a bare ASGI application: read under a cap and a deadline, offered to the collector, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from afterclick.collect.live.collector import Collector
from afterclick.collect.wire.answers import Answer, refused
from afterclick.collect.wire.limits import BODY_BYTES
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.shape import Shape
from afterclick.collect.wire.special import is_special, special
from afterclick.core import clock
from afterclick.store.access import Access
from afterclick.surfaces import streams
from afterclick.surfaces.collector import cors, routes
from afterclick.surfaces.collector.decisions import Decisions
from afterclick.surfaces.collector.offer_stream import STREAM, OfferStream
from afterclick.surfaces.peer import client_of

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

DEADLINE: Final = 10.0
"""Seconds within which a request must have arrived as a whole."""

_TOO_LARGE: Final = refused(Shape("nothing"), 413, "too_large", f"a body may have {BODY_BYTES} bytes")
_SLOW: Final = refused(Shape(), 408, "too_slow", f"a request must arrive within {DEADLINE:g} seconds")
_CLOSE: Final = (b"connection", b"close")


class Gone(Exception):
    """The sender has left before its request was there as a whole."""


class Sites:
    """Which write keys there are, for the settings that SDKs ask for."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def knows(self, key: str) -> bool:
        """Whether events with this key are taken."""
        return self._access.writer(key) is not None


class CollectorApp:
    """The collecting addresses. Answers anything else with 404; who mounts it asks `routes.methods_of` first."""

    def __init__(self, collector: Collector, access: Access, decisions: Decisions, stream: OfferStream) -> None:
        self._collector = collector
        self._sites = Sites(access)
        self._offers = decisions.offers
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers = scope["headers"]
        if scope["method"] == "OPTIONS":
            # Before everything else: a browser asks without key or cookie.
            await send({"type": "http.response.start", "status": 204, "headers": cors.preflight(headers)})
            await send({"type": "http.response.body", "body": b""})
            return
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        received_at = clock.now()
        methods = routes.methods_of(scope["path"])
        if methods is None or scope["method"] not in methods:
            answer, extra = _misplaced(methods)
            await _answer(send, answer, named, extra)
            return
        if scope["path"] == STREAM:
            await self._told(_request(scope, named, b"", received_at), receive, send)
            return
        try:
            body = await _body(receive, named.get("content-length", ""))
        except Gone:
            return
        if isinstance(body, Answer):
            await _answer(send, body, named, [_CLOSE])
            return
        request = _request(scope, named, body, received_at)
        await _answer(send, await self._taken(request), named)

    async def _taken(self, request: WireRequest) -> Answer:
        if is_special(request.path):
            found = special(request, self._sites)
            if found is not None:
                return found
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def done(answer: Answer) -> None:
            # Whoever waited may have been cancelled.
            if not answered.done():
                answered.set_result(answer)

        self._offers.get(request.path, self._collector.offer)(request, done)
        return await answered

    async def _told(self, request: WireRequest, receive: Receive, send: Send) -> None:
        """A stream to a page, or the answer that there is none."""
        page = self._stream.begin(request)
        asked = dict(request.headers)
        if isinstance(page, Answer):
            await _answer(send, page, asked)
            return
        origin = asked.get("origin")
        allowed = [] if origin is None else cors.answer(origin.encode("latin-1"))
        await send({"type": "http.response.start", "status": 200, "headers": [*streams.HEAD, *allowed]})
        await self._stream.serve(page, receive, send)


def _request(scope: Scope, named: dict[str, str], body: bytes, received_at: int) -> WireRequest:
    query = scope["query_string"].decode("latin-1")
    address = client_of(scope["client"], named)
    return WireRequest(scope["method"], scope["path"], query, named, body, received_at, address)


async def _body(receive: Receive, announced: str) -> bytes | Answer:
    """The body, or the answer to one that is too large or too slow. Raises Gone."""
    if len(announced) > 15 or (announced.isdecimal() and int(announced) > BODY_BYTES):
        return _TOO_LARGE
    try:
        async with asyncio.timeout(DEADLINE):
            message = await receive()
            if message["type"] != "http.request":
                raise Gone
            body: bytes = message.get("body", b"")
            if not message.get("more_body"):
                return body if len(body) <= BODY_BYTES else _TOO_LARGE
            return await _rest(receive, body)
    except TimeoutError:
        return _SLOW


async def _rest(receive: Receive, first: bytes) -> bytes | Answer:
    pieces, size = [first], len(first)
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > BODY_BYTES:
            return _TOO_LARGE
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


def _misplaced(methods: frozenset[str] | None) -> tuple[Answer, cors.Headers]:
    if methods is None:
        return refused(Shape("nothing"), 404, "no_address", "nothing is collected here"), []
    allowed = ", ".join(sorted(methods | {"OPTIONS"}))
    return refused(Shape("nothing"), 405, "bad_method", f"only {allowed}"), [(b"allow", allowed.encode())]


async def _answer(send: Send, answer: Answer, asked: dict[str, str], extra: cors.Headers | None = None) -> None:
    headers = list(answer.headers)
    if answer.status != 204:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    origin = asked.get("origin")
    if origin is not None:
        headers += cors.answer(origin.encode("latin-1"))
    if extra:
        headers += extra
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


