"""A request whose head is that of the one before is taken without a parser, and nothing of it is read otherwise than by one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from afterclick.surfaces.collector import protocol
from afterclick.surfaces.collector.known_head import known_head
from afterclick.surfaces.collector.protocol import guarded
from afterclick.surfaces.collector.watch import Watch

HEAD = b"POST /v1/track HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\nX-Write-Key: k\r\n\r\n"
PARSED = [(b"host", b"shop.example"), (b"content-length", b"3"), (b"x-write-key", b"k")]


def message(body: bytes, head: bytes = HEAD) -> bytes:
    return head % len(body) + body


class Wire:
    """Stands for a transport: what is written is kept."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Taken:
    """Takes every request and answers it at once with its number."""

    most = 1000

    def __init__(self) -> None:
        self.seen: list[tuple[Any, bytes]] = []
        self.at_once = 0

    def takes(self, method: bytes, url: bytes) -> bool:
        return True

    def asked(self, url: bytes, headers: list[tuple[bytes, bytes]]) -> Any:
        # The length is the one header whose value may differ between requests of one known head.
        return url, tuple((name, value) for name, value in headers if name != b"content-length")

    def offer(self, asked: Any, body: bytes, received_at: int, client: Any, answer: Any) -> None:
        self.seen.append((asked, body))
        answer(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(self.seen))

    def arrived(self, cycle: Any, body: bytes, loop: Any) -> None:
        self.at_once += 1
        cycle.offer(body)

    def too_large(self, asked: Any) -> bytes:
        return b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"


class Line:
    """One connection, fed piece by piece."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.direct, self.wire, watch = Taken(), Wire(), Watch(10)

        async def app(scope: Any, receive: Any, send: Any) -> None: ...

        kind = guarded(watch, self.direct)
        config = uvicorn.Config(app, http=kind, lifespan="off", log_config=None, ws="none")
        config.load()
        self._protocol = kind(config, ServerState(), {}, _loop=loop)
        self._protocol.connection_made(self.wire)  # type: ignore[arg-type]

    def feed(self, *pieces: bytes) -> Line:
        for piece in pieces:
            if not self.wire.closed:
                self._protocol.data_received(piece)
        return self

    @property
    def outcome(self) -> tuple[Any, ...]:
        return self.direct.seen, self.wire.written, self.wire.closed


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def parsed(loop: asyncio.AbstractEventLoop, *pieces: bytes) -> tuple[Any, ...]:
    """What becomes of the pieces where every head goes through the parser."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(protocol, "known_head", lambda *_: None)
        line = Line(loop).feed(*pieces)
    assert not line.direct.at_once
    return line.outcome


def test_the_third_of_equal_heads_needs_no_parser(loop: asyncio.AbstractEventLoop) -> None:
    pieces = [message(b"a" * length) for length in (5, 7, 120, 7, 0)]
    line = Line(loop).feed(*pieces)
    # The first says nothing of how it is kept, the second is noted.
    assert line.direct.at_once == 3
    assert [len(body) for _, body in line.direct.seen] == [5, 7, 120, 7, 0]
    assert line.outcome == parsed(loop, *pieces)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([message(b"abc")[:30], message(b"abc")[30:]], id="in two pieces"),
        pytest.param([message(b"abc") + message(b"de")], id="two at once"),
        pytest.param([message(b"abc") + b"POST /v1", b"/track HTTP/1.1\r\nContent-Length: 0\r\n\r\n"], id="one and a bit"),
        pytest.param([message(b"abcd")[:-1], b"d"], id="its end later"),
        pytest.param([message(b"abc").replace(b" 3", b" +3")], id="a sign"),
        pytest.param([message(b"abc").replace(b" 3", b" 0003")], id="noughts"),
        pytest.param([message(b"abc").replace(b" 3", b" 3 ")], id="a blank"),
        pytest.param([message(b"abc").replace(b" 3", b" 1_1")], id="an underscore"),
        pytest.param([message(b"abc").replace(b" 3", b" \xb3")], id="a raised three"),
        pytest.param([message(b"abc").replace(b" 3", b" ")], id="no digits"),
        pytest.param([message(b"abc").replace(b": k", b": other")], id="another key"),
        pytest.param([message(b"abc").replace(b"/track", b"/page")], id="another address"),
        pytest.param([message(b"abc").replace(b"POST", b"PUT ")], id="another method"),
        pytest.param([message(b"abc").replace(b"Host", b"Content-Length: 3\r\nHost")], id="two lengths"),
        pytest.param([message(b"abc").replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")], id="chunked too"),
        pytest.param([message(b"abc").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")], id="closing"),
        pytest.param([b"\r\n" + message(b"abc")], id="an empty line before"),
        pytest.param([b"\r\n", message(b"abc")], id="an empty line alone"),
        pytest.param([message(b"a" * 1001)], id="too large"),
    ],
)
def test_what_differs_in_more_than_its_length_is_read_as_ever(loop: asyncio.AbstractEventLoop, pieces: list[bytes]) -> None:
    before = [message(b"1"), message(b"22")]
    after = [message(b"4444"), message(b"55555")]
    whole = [*before, *pieces, *after]
    assert Line(loop).feed(*whole).outcome == parsed(loop, *whole)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_request_is_read_as_the_parser_reads_it(loop: asyncio.AbstractEventLoop, seed: int) -> None:
    drawn = random.Random(seed)
    for _ in range(30):
        pieces = [message(b"x" * drawn.randrange(30)) for _ in range(6)]
        damaged = bytearray(pieces[3])
        for _ in range(drawn.randrange(1, 4)):
            place = drawn.randrange(len(damaged))
            damaged[place : place + drawn.randrange(2)] = bytes(drawn.choices(b"\r\n :0123456789aP\0", k=drawn.randrange(3)))
        pieces[3] = bytes(damaged)
        assert Line(loop).feed(*pieces).outcome == parsed(loop, *pieces), pieces[3]


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (HEAD % 3, [*PARSED, (b"more", b"than stands there")]),
        (HEAD.replace(b"POST", b"GET") % 3, PARSED),
        (HEAD.replace(b"Content-Length", b"Content-Lengths") % 3, PARSED),
        (HEAD.replace(b"X-Write-Key: k", b"Transfer-Encoding: chunked") % 3, [*PARSED[:2], (b"transfer-encoding", b"chunked")]),
        (HEAD.replace(b"X-Write-Key: k", b"Expect: 100-continue") % 3, [*PARSED[:2], (b"expect", b"100-continue")]),
        (HEAD.replace(b"X-Write-Key: k", b"Connection: close") % 3, [*PARSED[:2], (b"connection", b"close")]),
        (HEAD.replace(b"Host: shop.example\r\n", b"Host: shop.example\n") % 3, PARSED),
        (HEAD.replace(b"X-Write-Key: k", b"Content-Length: 3") % 3, [*PARSED[:2], (b"content-length", b"3")]),
        (HEAD.replace(b": k", b": " + b"k" * 2048) % 3, PARSED),
        (HEAD[:-2] % 3, PARSED),
    ],
)
def test_such_a_head_is_not_noted(data: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    assert known_head(data, headers, None) is None


def test_a_plain_head_is_noted_whatever_its_length() -> None:
    known = known_head(message(b"abc"), PARSED, "asked")
    assert known is not None
    assert known.asked == "asked"
    assert known.body_of(message(b"another")) == b"another"
    assert known.body_of(message(b"another")[:-1]) is None
    assert known.body_of(b"") is None
