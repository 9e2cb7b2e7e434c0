"""Serving from the command line: who may reach it, what a taken port says, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

from afterclick.core.errors import AfterclickError, UsageError
from afterclick.surfaces.cli import server


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_no_token(host: str) -> None:
    assert server.is_loopback(host)
    server.check_reach(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "shop.example", "127.0.0.1.example"])
def test_others_need_a_token(host: str) -> None:
    with pytest.raises(UsageError, match="other machines") as caught:
        server.check_reach(host, None)
    assert "--token" in caught.value.hint
    server.check_reach(host, "x" * 24)


def test_a_short_token_is_refused_everywhere() -> None:
    with pytest.raises(UsageError, match="shorter than 16"):
        server.check_reach("127.0.0.1", "secret")


def test_a_taken_port_is_named_with_the_next_step() -> None:
    with server.bound("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(AfterclickError, match=f"port {port} is taken") as caught:
            server.bound("127.0.0.1", port)
    assert f"--port {port + 1}" in caught.value.hint
    assert caught.value.exit_code == 1


def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(UsageError, match=r"192\.0\.2\.1 is no address of this machine"):
        server.bound("192.0.2.1", 8420)


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("0.0.0.0", "http://127.0.0.1:"),
        ("localhost", "http://localhost:"),
    ],
)
def test_address_to_open(host: str, written: str) -> None:
    with server.bound("127.0.0.1", 0) as listener:
        assert server.address_of(listener, host) == f"{written}{listener.getsockname()[1]}"


SERVED = """
import asyncio, sys
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from afterclick.surfaces.cli import server

async def slow(request):
    print("asked", flush=True)
    await asyncio.sleep(0.5)
    return PlainTextResponse("here")

listener = server.bound("127.0.0.1", 0)
port = listener.getsockname()[1]
server.run(Starlette(routes=[Route("/", slow)]), listener, lambda: print(port, flush=True))
print("ended", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_and_ends_gracefully(how: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert process.stdout.readline() == "asked\n"
        process.send_signal(how)
        got = b""
        while chunk := client.recv(4096):
            got += chunk
    assert got.endswith(b"here"), "a request under way is answered before the end"
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "ended\n"), err
    assert "Traceback" not in err
