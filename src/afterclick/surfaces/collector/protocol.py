"""HTTP connections that defend themselves: nobody may hold one open with half a head or a body that never ends."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from afterclick.surfaces.collector import watch as limits
from afterclick.surfaces.collector.direct_cycle import Direct, DirectCycle
from afterclick.surfaces.collector.known_head import KnownHead, known_head
from afterclick.surfaces.collector.watch import Watch

_HEAD: Final = 0
_BODY: Final = 1
_BETWEEN: Final = 2

_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_INVALID: Final = "Invalid HTTP request received."
_HOP: Final = frozenset({b"connection", b"upgrade", b"http2-settings"})
_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Guarded(HttpToolsProtocol):
    """uvicorn's protocol with a deadline on the head, one on the whole request, and one on the reading of answers.

    Requests that bring events are answered by the protocol itself: between the parser and the collector there is no task,
    no queue of messages and no copy. All others go the usual way, in order.
    """

    watch: Watch
    direct: Direct | None = None
    _one_too_many = False
    _going_on = False
    _known: KnownHead | None = None
    _fresh = b""
    """Bytes that begin with a request, until its head is read."""
    held = 0
    _stage = _told = _HEAD
    """Where the parser stands, and where the watch was told that it stands: a request that comes whole is not watched."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection, or one too many."""
        if len(self.connections) >= self.watch.most:
            self.watch.turned_away += 1
            transport.write(_FULL)
            transport.close()
            # What uvicorn would look at when the connection is lost.
            self.transport = transport
            self._one_too_many = True
            return
        super().connection_made(transport)
        self.watch.begins(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited of it any more."""
        self._forgotten()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a connection that is served."""
        if self._one_too_many:
            return
        watch, before = self.watch, self.cycle
        idle_since = watch.idle.pop(self, watch.at)
        if self._stage == _BETWEEN:
            known: KnownHead | None = self._known
            if known is not None and before.response_complete:
                body = known.body_of(data)
                if body is not None and self._again(known, body):
                    return
            self._fresh = data
        self._parse(data)
        self._fresh = b""
        stage = self._stage
        if stage != self._told:
            self._tell(stage)
        elif stage == _BETWEEN and self.cycle is before:
            # Line ends before a request begin none, and must not keep the connection for ever.
            watch.idle[self] = idle_since
            if watch.at - idle_since > limits.IDLE_S:
                self.transport.close()

    def _again(self, known: KnownHead, body: bytes) -> bool:
        """Take a whole request with the head of the one before; the parser waits for the first byte of a request as it did."""
        direct = self.direct
        if direct is None or len(body) > direct.most:
            return False
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        cycle = DirectCycle(self, direct, known.asked, keep_alive=True, started=True)
        self.cycle = cycle  # type: ignore[assignment] # what the protocol asks of a cycle, this one has
        cycle.whole(body)
        return True

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._stage = _HEAD
        self.held = 0
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """The head is there."""
        if self._offers_upgrade():
            return
        self._stage = _BODY
        direct = self.direct
        if direct is None or not direct.takes(self.parser.get_method(), self.url):
            self._ordinary()
            return
        before: Any = self.cycle
        version = self.parser.get_http_version()
        keep = version != "1.0" and self.parser.should_keep_alive()
        asked = direct.asked(self.url, self.headers)
        if self._fresh:
            self._known = known_head(self._fresh, self.headers, asked) if keep and version == "1.1" else None
            self._fresh = b""
        cycle = DirectCycle(self, direct, asked, keep_alive=keep, started=before is None or before.response_complete)
        cycle.begin()
        self.cycle = cycle  # type: ignore[assignment] # what the protocol asks of a cycle, this one has
        if not cycle.started:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, _no_app))  # type: ignore[arg-type]
        elif self.expect_100_continue:
            self.transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        self.held += len(body)
        cycle: Any = self.cycle
        if type(cycle) is DirectCycle:
            cycle.add(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is there."""
        if self._offers_upgrade():
            return
        self._stage = _BETWEEN
        cycle: Any = self.cycle
        if type(cycle) is DirectCycle:
            cycle.more_body = False
            cycle.go()
        else:
            super().on_message_complete()

    def pause_writing(self) -> None:
        """The other end does not read: nothing more is read of it either."""
        self.watch.deaf[self] = self.watch.at
        self.flow.pause_reading()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It reads again."""
        self.watch.deaf.pop(self, None)
        self.flow.resume_reading()
        super().resume_writing()

    def give_up(self) -> None:
        """Close for slowness, with a word where none was said yet."""
        cycle: Any = self.cycle
        if (cycle is None or cycle.response_complete or not cycle.response_started) and not self.flow.write_paused:
            self.transport.write(_SLOW)
            self.transport.close()
        else:
            # What it does not read would be flushed for ever.
            self.transport.abort()

    def answered(self) -> None:
        """A direct cycle has been answered: what uvicorn does then, but without a timer for each request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._go_on()
            return
        self._read_on()
        if self._stage == _BETWEEN:
            self.watch.idle[self] = self.watch.at

    def on_response_complete(self) -> None:
        """Another cycle has been answered."""
        if not self.pipeline:
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self._go_on()

    def _go_on(self) -> None:
        """Start what was sent before its turn; what is answered on the spot makes way for the next. Nothing more is read before
        the last of them has begun: who never waits for an answer would fill the memory.
        """
        if self._going_on:
            return
        self._going_on = True
        try:
            while self.pipeline and not self.transport.is_closing():
                cycle, app = self.pipeline.pop()
                if not self.pipeline:
                    self._read_on()
                self._start_asgi_task(cycle, app)
                if not cycle.response_complete:
                    return
        finally:
            self._going_on = False

    def _read_on(self) -> None:
        flow = self.flow
        if flow.read_paused and not flow.write_paused:
            flow.resume_reading()

    def _parse(self, data: bytes) -> None:
        """What uvicorn does, but for a sender who offers another protocol: it is read as if it had not, with its body."""
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offered:
                data = self._plain_head() + data[offered.args[0] :]
            except httptools.HttpParserError:
                self.logger.warning(_INVALID)
                self.send_400_response(_INVALID)
                return
            else:
                return

    def _offers_upgrade(self) -> bool:
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != b"CONNECT"

    def _plain_head(self) -> bytes:
        """The head that was read, without the offer; nothing of one to be a tunnel."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.transport.close()
            return b""
        closes = any(name == b"connection" and b"close" in value.lower() for name, value in self.headers)
        lines = [b"%s: %s\r\n" % pair for pair in self.headers if pair[0] not in _HOP]
        first = b"%s %s HTTP/%s\r\n" % (method, self.url, self.parser.get_http_version().encode())
        # The one that was made an offer takes what follows for the other protocol.
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"".join((first, *lines, b"connection: close\r\n" if closes else b"", b"\r\n"))

    def _ordinary(self) -> None:
        """Go uvicorn's way with the head that is there; its scope is made here, since events have no use for one."""
        url, headers, expected = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expected
        self.scope["headers"] = headers
        super().on_headers_complete()

    def _tell(self, stage: int) -> None:
        """Let the watch know that something is awaited, or no more."""
        watch = self.watch
        since = watch.heads.pop(self, watch.at)
        watch.bodies.pop(self, None)
        if stage == _HEAD:
            watch.begins(self)
        elif stage == _BODY:
            watch.bodies[self] = since
        self._told = stage

    def own_lines(self) -> bytes:
        """Header lines that stand on every answer, such as the date."""
        return self.watch.own(self.server_state.default_headers)

    def hang_up(self) -> None:
        """Close in peace."""
        self.transport.close()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if type(cycle) is DirectCycle:
            cycle.started = True
            cycle.go()
        else:
            super()._start_asgi_task(cycle, app)

    def _forgotten(self) -> None:
        watch = self.watch
        for table in (watch.heads, watch.bodies, watch.idle, watch.deaf):
            table.pop(self, None)


async def _no_app(*_: object) -> None:
    """What a direct cycle is queued with; it is never called."""


def guarded(watch: Watch, direct: Direct | None = None) -> type[Guarded]:
    """The protocol class of a server whose connections this watch looks at, and whose events go to `direct`."""
    return type("GuardedConnection", (Guarded,), {"watch": watch, "direct": direct})
