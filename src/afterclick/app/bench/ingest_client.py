"""Sends requests to a collector from a process of its own: as fast as it answers, or at a rate of its own whatever it does.

`python ingest_client.py '{"port": 8420, ...}'` prints what came of it.
"""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import re
import sys
from collections import deque
from functools import cache
from typing import Any, Final

import msgspec.structs

from afterclick.core import clock

_ID: Final = "0" * 36
_VISITOR: Final = "visitor--"
_PADDING: Final = 930
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to send: `requests` of `events` events over `connections`; `rate` a second, 0 for as fast as it is answered.

    `first` numbers the ids, so that no two runs send the same; the first fifth, 500 at most, is not timed. With `visitors`
    each event is one of so many visitors in turn; `decide` asks for decisions with it.
    """

    port: int
    key: str = ""
    requests: int
    events: int = 1
    connections: int = 64
    rate: float = 0.0
    first: int = 0
    visitors: int = 0
    decide: bool = False

    @property
    def warm(self) -> int:
        """Requests before the clock runs."""
        return min(500, self.requests // 5)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from the first timed request to the last answer, sorted seconds each took from when it was due, refusals."""

    seconds: float
    requests: int
    latencies: list[float]
    refused: int

    def latency(self, share: float) -> float:
        """The latency below which this share of the requests stayed, in seconds."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]

    def thinned(self) -> Sent:
        """The same with no more than 2,000 of the latencies, evenly chosen: what fits into a pipe."""
        count = len(self.latencies)
        kept = [self.latencies[(2 * place + 1) * count // 4000] for place in range(2000)] if count > 2000 else self.latencies
        return msgspec.structs.replace(self, latencies=kept)


def request(order: Order, number: int) -> bytes:
    """One request by its number, about 1.3 kB an event, as a server SDK sends it."""
    if order.visitors:
        head, body = _of_visitors(order.key, order.decide)
        return head + body % (b"%09d" % (number % order.visitors), b"%036d" % number)
    head, body = _template(order.events, order.key)
    first = number * order.events
    return head + body % tuple(b"%036d" % (first + place) for place in range(order.events))


def event(event_id: str) -> dict[str, Any]:
    """An event of about 1.3 kB, as the founders' measurements have it."""
    return {
        "type": "track", "event": "Product Viewed", "messageId": event_id,
        "anonymousId": "f3a4c6a2-5d0c-4a5b-9f3e-7f1c9a1b2c3d", "userId": "u-104223", "timestamp": "2026-11-22T04:05:06.789Z",
        "context": {
            "ip": "203.0.113.7", "library": {"name": "bench", "version": "1"}, "locale": "ko-KR",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
            "page": {"url": "https://shop.example/products/linen-shirt?utm_source=newsletter", "path": "/products/linen-shirt",
                     "referrer": "https://shop.example/", "title": "Linen shirt"},
        },
        "properties": {"product_id": "P-2231", "name": "Linen shirt", "price": 39.5, "currency": "EUR", "quantity": 1,
                       "category": "shirts", "position": 3, "note": "x" * (_PADDING // 2)},
    }  # fmt: skip


_TEMPLATES: dict[tuple[int, str], tuple[bytes, bytes]] = {}


def _template(events: int, key: str) -> tuple[bytes, bytes]:
    if (events, key) not in _TEMPLATES:
        one = msgspec.json.encode(event(_ID)).replace(b"%", b"%%").replace(_ID.encode(), b"%b")
        body = one if events == 1 else b'{"batch":[%b],"sentAt":"2026-11-22T04:05:07.000Z"}' % b",".join([one] * events)
        size = len(body % ((_ID.encode(),) * events))
        basic = base64.b64encode(f"{key}:".encode()).decode()
        head = (
            f"POST /v1/{'track' if events == 1 else 'batch'} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {basic}\r\n"
            f"Content-Type: application/json\r\nUser-Agent: bench\r\nContent-Length: {size}\r\n\r\n"
        )
        _TEMPLATES[events, key] = head.encode(), body
    return _TEMPLATES[events, key]


@cache
def _of_visitors(key: str, decide: bool) -> tuple[bytes, bytes]:
    """A request as a page sends it: whose it is stands around the event, or in it where nothing is asked."""
    one = {name: value for name, value in event(_ID).items() if name not in ("anonymousId", "userId")}
    if decide:
        said = {"writeKey": key, "anonymousId": _VISITOR, "placements": ["cart"], "event": one}
    else:
        said = {"writeKey": key, "anonymousId": _VISITOR, **one}
    body = msgspec.json.encode(said)
    size = len(body)
    body = body.replace(b"%", b"%%").replace(_VISITOR.encode(), b"%b").replace(_ID.encode(), b"%b")
    head = (
        f"POST /v1/{'decide' if decide else 'track'} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
        f"User-Agent: bench\r\nContent-Length: {size}\r\n\r\n"
    )
    return head.encode(), body


class _Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.transport: Any = None
        self.due = 0.0
        self.timed = False
        self._ok = False
        self._left = 0
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._left:
            head, end, body = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                self._head = head
                return
            self._head, data = b"", body
            self._ok = head.startswith(b"HTTP/1.1 200")
            length = _LENGTH.search(head)
            self._left = int(length[1]) if length else 0
        self._left -= len(data)
        if self._left <= 0:
            self._left = 0
            self.run.answered(self, self._ok)

    def connection_lost(self, exc: Exception | None) -> None:
        self.run.lost(exc)


class _Run:
    """Requests in order, by whichever connection is free."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.sent = 0
        self.done = 0
        self.refused = 0
        self.latencies: list[float] = []
        self.began = 0.0
        self.ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.idle: deque[_Connection] = deque()
        self.overdue: deque[float] = deque()

    async def go(self) -> Sent:
        loop = asyncio.get_running_loop()
        for _ in range(self.order.connections):
            _, made = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.order.port)
            self.idle.append(made)
        if self.order.rate:
            pace = asyncio.ensure_future(self._pace())
            end = await self.ended
            await pace
        else:
            while self.idle and self.sent < self.order.requests:
                self._send(self.idle.popleft(), clock.ticks())
            end = await self.ended
        timed = len(self.latencies)
        return Sent(seconds=end - self.began, requests=timed, latencies=sorted(self.latencies), refused=self.refused)

    async def _pace(self) -> None:
        """Send each request when it is due, whether or not the ones before were answered."""
        begun, number = clock.ticks(), 0
        while number < self.order.requests:
            now = clock.ticks()
            while number < self.order.requests and begun + number / self.order.rate <= now:
                due = begun + number / self.order.rate
                if self.idle:
                    self._send(self.idle.popleft(), due)
                else:
                    self.overdue.append(due)
                number += 1
            # No timer is as fine as this: the client has a core of its own, and looks again and again.
            await asyncio.sleep(0)

    def _send(self, connection: _Connection, due: float) -> None:
        connection.due = due
        connection.timed = self.sent >= self.order.warm
        if self.sent == self.order.warm:
            self.began = clock.ticks()
        connection.transport.write(request(self.order, self.order.first + self.sent))
        self.sent += 1

    def answered(self, connection: _Connection, ok: bool) -> None:
        now = clock.ticks()
        self.done += 1
        self.refused += not ok
        if connection.timed:
            self.latencies.append(now - connection.due)
        if self.done == self.order.requests:
            self.ended.set_result(now)
        elif self.overdue:
            self._send(connection, self.overdue.popleft())
        elif not self.order.rate and self.sent < self.order.requests:
            self._send(connection, now)
        else:
            self.idle.append(connection)

    def lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionError("the server closed a connection"))


async def _go(order: Order) -> Sent:
    return await _Run(order).go()


def main(arguments: list[str]) -> bytes:
    """Follow an order given as JSON."""
    order = msgspec.json.decode(arguments[0], type=Order)
    if importlib.util.find_spec("uvloop") is not None:
        uvloop = importlib.import_module("uvloop")
        return msgspec.json.encode(uvloop.run(_go(order)).thinned())
    return msgspec.json.encode(asyncio.run(_go(order)).thinned())


if __name__ == "__main__":
    sys.stdout.buffer.write(main(sys.argv[1:]) + b"\n")
