"""Case 31 and its kin: clients that never end what they began are closed, and others are served meanwhile."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from afterclick.collect.wire.limits import BODY_BYTES
from afterclick.surfaces.collector import watch
from support.served import Served, basic, served

HEAD_S, REQUEST_S, IDLE_S, DEAF_S = 0.6, 1.2, 1.2, 1.0
LATE_S = 5.0
"""What a machine that does other things may be late; without the deadline a connection stays for longer."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "HEAD_S", HEAD_S)
        patch.setattr(watch, "REQUEST_S", REQUEST_S)
        patch.setattr(watch, "IDLE_S", IDLE_S)
        patch.setattr(watch, "DEAF_S", DEAF_S)
        patch.setattr(watch, "_SWEEP_S", 0.1)
        with served(tmp_path_factory.mktemp("slow") / "shop") as one:
            yield one


def head(shop: Served, path: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {basic(shop.key)}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def closed_after(client: socket.socket) -> tuple[float, bytes]:
    """Seconds until the server closes, and what it said before."""
    begun, said = time.monotonic(), b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(4096):
            said += piece
    return time.monotonic() - begun, said


def test_case_31_half_a_head_is_closed_by_the_deadline(shop: Served) -> None:
    for started in (b"", b"POST /v1/batch HTTP/1.1\r\nHost: a\r\n", b"\r\n"):
        with shop.raw() as client:
            client.sendall(started)
            seconds, said = closed_after(client)
        assert seconds < HEAD_S + LATE_S
        assert said.startswith(b"HTTP/1.1 408 ")


def test_case_31_bytes_now_and_then_do_not_begin_the_wait_anew(shop: Served) -> None:
    with shop.raw() as client:
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for byte in b"GET / HTTP/1.1\r\nX-" + b"a" * 200:
                client.sendall(bytes([byte]))
                time.sleep(0.05)
        assert time.monotonic() - begun < HEAD_S + LATE_S


@pytest.mark.parametrize("path", ["/v1/batch", "/saved"])
def test_case_31_a_stalled_body_is_closed_by_the_deadline(shop: Served, path: str) -> None:
    with shop.raw() as client:
        client.sendall(head(shop, path, 100_000) + b"abc")
        seconds, _ = closed_after(client)
    assert seconds < REQUEST_S + LATE_S


def test_case_31_a_dribbled_body_is_closed_by_the_deadline(shop: Served) -> None:
    with shop.raw() as client:
        client.sendall(head(shop, "/v1/batch", 100_000))
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - begun < REQUEST_S + 2 * LATE_S:
                client.sendall(b" ")
                time.sleep(0.05)
        assert time.monotonic() - begun < REQUEST_S + LATE_S


@pytest.mark.parametrize("way", ["asgi", "direct"])
def test_case_31_line_ends_do_not_keep_an_idle_connection_open(shop: Served, way: str) -> None:
    with shop.raw() as client:
        if way == "asgi":
            client.sendall(b"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        else:
            client.sendall(head(shop, "/v1/batch", 12) + b'{"batch":[]}')
        assert client.recv(4096).startswith(b"HTTP/1.1 20")
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - begun < IDLE_S + 2 * LATE_S:
                client.sendall(b"\r\n")
                time.sleep(0.1)
        assert time.monotonic() - begun < IDLE_S + LATE_S


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(shop: Served) -> None:
    with shop.raw() as idle, shop.raw() as busy:
        for i in range(8):
            body = json.dumps({"event": "Busy", "userId": "u1", "messageId": f"busy-{i}"}).encode()
            busy.sendall(head(shop, "/v1/track", len(body)) + body)
            assert busy.recv(4096).startswith(b"HTTP/1.1 200")
            if i == 0:
                idle.sendall(head(shop, "/v1/track", len(body)) + body)
                assert idle.recv(4096).startswith(b"HTTP/1.1 200")
            time.sleep(0.2)
        assert idle.recv(4096) == b""


def test_case_31_good_clients_are_served_while_hundreds_hold_half_a_head(shop: Served) -> None:
    before = shop.live.tail.position
    with contextlib.ExitStack() as stack:
        for _ in range(watch.HALF_HEADS + 150):
            client = stack.enter_context(shop.raw())
            client.sendall(b"POST /v1/batch HTTP/1.1\r\n")
        slowest = 0.0
        for i in range(20):
            begun = time.monotonic()
            assert shop.track(f"among-{i}").status == 200
            slowest = max(slowest, time.monotonic() - begun)
    assert slowest < LATE_S
    assert shop.live.tail.position == before + 20


def test_case_31_a_body_far_over_the_limit_is_refused_early_and_not_held(shop: Served) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabyte, sent = b"x" * (1 << 20), 0
    with shop.raw() as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(head(shop, "/v1/batch", 200 << 20))
            for _ in range(200):
                client.sendall(megabyte)
                sent += 1
        with contextlib.suppress(ConnectionError):
            said = client.recv(4096)
            assert said == b"" or said.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 400 "))
    assert sent < 100
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 40 << 10


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_400_where_sdks_read_413_as_try_again(shop: Served, chunked: bool) -> None:
    body = b" " * (BODY_BYTES + 10)
    with shop.raw() as client:
        if chunked:
            client.sendall(
                b"POST /v1/batch HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body)
            )
        else:
            client.sendall(head(shop, "/v1/batch", len(body)))
        with contextlib.suppress(ConnectionError):
            client.sendall(body)
        _, said = closed_after(client)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"too_large"' in said


def test_requests_in_one_go_are_answered_in_order_whatever_way_they_take(shop: Served) -> None:
    def event(name: str) -> bytes:
        body = json.dumps({"event": "Pipelined", "userId": "u1", "messageId": name}).encode()
        return head(shop, "/v1/track", len(body)) + body

    other = b"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    wrong = b"GET /v1/track HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    last = b"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with shop.raw() as client:
        client.sendall(event("p1") + other + event("p2") + event("p2") + wrong + event("p3") + last)
        _, said = closed_after(client)
    statuses = [piece[:3].decode() for piece in said.split(b"HTTP/1.1 ")[1:]]
    assert statuses == ["200", "204", "200", "200", "405", "200", "204"]
    assert said.count(b'"duplicates":1') == 1


def test_a_thousand_requests_in_one_go_are_all_answered(shop: Served) -> None:
    body = json.dumps({"event": "First", "userId": "u1", "messageId": "first-of-many"}).encode()
    nobody = b"POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    last = b"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with shop.raw() as client:
        # The first waits for the disk; all others are answered in the moment it is stored.
        client.sendall(head(shop, "/v1/track", len(body)) + body + nobody * 1000 + last)
        _, said = closed_after(client)
    statuses = [piece[:3].decode() for piece in said.split(b"HTTP/1.1 ")[1:]]
    assert statuses == ["200", *["400"] * 1000, "204"]
    assert shop.track("after-the-thousand").status == 200


@pytest.mark.parametrize(
    "offer",
    [
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
        b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    ],
)
def test_an_offer_of_another_protocol_is_declined_and_nothing_lost_by_it(shop: Served, offer: bytes) -> None:
    name = f"offered-{len(offer)}"
    body = json.dumps({"event": "Offered", "userId": "u1", "messageId": name}).encode()
    first = head(shop, "/v1/track", len(body))[:-2] + offer + b"\r\n" + body
    other = b"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\n" + offer + b"\r\n"
    again = head(shop, "/v1/track", len(body))[:-2] + offer.replace(b"Connection: ", b"Connection: close, ") + b"\r\n" + body
    whole = first + other + again
    for step in (len(whole), 7):
        with shop.raw() as client:
            for at in range(0, len(whole), step):
                client.sendall(whole[at : at + step])
            _, said = closed_after(client)
        assert [piece[:3] for piece in said.split(b"HTTP/1.1 ")[1:]] == [b"200", b"204", b"200"]
        assert b'"duplicates":1' in said


def test_a_tunnel_is_refused(shop: Served) -> None:
    with shop.raw() as client:
        client.sendall(b"CONNECT other.example:443 HTTP/1.1\r\nHost: other.example\r\n\r\nmore")
        _, said = closed_after(client)
    assert b" 200 " not in said
    assert shop.track("after-the-tunnel").status == 200


def test_an_answer_is_asked_for_before_a_large_body_is_sent(shop: Served) -> None:
    body = json.dumps({"event": "Expected", "userId": "u1", "messageId": "expected"}).encode()
    with shop.raw() as client:
        client.sendall(head(shop, "/v1/track", len(body))[:-2] + b"Expect: 100-continue\r\n\r\n")
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_who_does_not_read_answers_is_dropped(shop: Served) -> None:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.settimeout(10)
    client.connect(("127.0.0.1", shop.port))
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 50
    with client:
        client.sendall(asked)
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            time.sleep(0.2)
            try:
                client.sendall(b"GET / HTTP/1.1\r\n")
            except OSError:
                break
        else:
            pytest.fail("still open")
    assert shop.track("after-the-deaf").status == 200


def test_one_connection_too_many_is_told_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afterclick.surfaces.cli.server.most_connections", lambda: 4)
    with served(tmp_path / "shop") as few, contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(few.raw()).sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(0.2)
        with few.raw() as client:
            _, said = closed_after(client)
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 2" in said


@pytest.mark.parametrize("path", ["/v1/batch", "/flags/"])
def test_bodies_that_never_end_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(watch, "REQUEST_S", 60.0)
    monkeypatch.setattr(watch, "HELD_BYTES", 3 << 20)
    monkeypatch.setattr(watch, "_SWEEP_S", 0.1)
    with served(tmp_path / "shop") as shop, shop.raw() as large, shop.raw() as small:
        small.sendall(head(shop, "/v1/batch", 1000) + b"{")
        large.sendall(head(shop, path, BODY_BYTES) + b"x" * (BODY_BYTES - 1))
        _, said = closed_after(large)
        assert said.startswith(b"HTTP/1.1 408 ")
        body = json.dumps({"event": "Slow", "userId": "u1", "messageId": "slow"}).encode().ljust(1000)
        small.sendall(body[1:])
        assert small.recv(4096).startswith(b"HTTP/1.1 200 "), "the others go on"
