"""Outbound calls cannot reach the inside of the network: every disguise of an inner address is tried at the one door."""

from __future__ import annotations

import http.server
import ipaddress
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest import mock

from afterclick.act.outbound import call
from afterclick.act.outbound.call import Receipt
from afterclick.app.prove.proof import Check, Proof, Tell, check, step
from afterclick.core import clock
from afterclick.core.errors import UsageError

_INNER: Final = (
    "127.0.0.1", "127.255.255.254", "0.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.88.99.1", "198.18.0.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
)  # fmt: skip
_OUTER: Final = "1.1.1.1"


def prove(seed: int, tell: Tell) -> Proof:
    """Try addresses by number, in disguise, by name, by a name that changes its mind, and by redirect."""
    began = clock.ticks()
    rng = random.Random(seed)  # noqa: S311 - cases, not secrets
    checks = []
    for name, one in (("ssrf_numbers", _numbers), ("ssrf_names", _names), ("ssrf_rebinding", _rebinding)):
        tell(step(name))
        checks.append(one(name, rng))
    tell(step("ssrf_redirects"))
    checks.append(_redirects("ssrf_redirects"))
    return Proof("ssrf", seed, tuple(checks), clock.ticks() - began)


def disguises(address: str) -> list[str]:
    """Other spellings under which common software reaches an address."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        return [f"[{found}]", f"[{found.exploded}]"]
    number = int(found)
    high, low = number >> 16, number & 0xFFFF
    parts = str(found).split(".")
    return [
        str(found), f"{found}.", str(number), hex(number), oct(number).replace("0o", "0"),
        ".".join(hex(int(part)) for part in parts), ".".join(f"0{int(part):o}" for part in parts),
        f"{parts[0]}.{int(parts[1]) << 16 | low}", "。".join(parts), ".".join(_circled(part) for part in parts),
        f"[::ffff:{found}]", f"[::{found}]", f"[64:ff9b::{high:x}:{low:x}]", f"[64:ff9b:1::{high:x}:{low:x}]",
        f"[2002:{high:x}:{low:x}::]", f"[2001:0:{high:x}:{low:x}::1]", f"good.example@{found}", f"{found}\\@good.example",
        f"good.example\r\nHost: {found}",
    ]  # fmt: skip


def _circled(digits: str) -> str:
    return "".join(chr(0x245F + int(digit)) if digit != "0" else "\u24ea" for digit in digits)


def _numbers(name: str, rng: random.Random) -> Check:
    inner = [*_INNER, *(f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}" for _ in range(20))]
    urls = [f"https://{host}{path}" for one in inner for host in disguises(one) for path in ("/", ":8443/x")]
    urls += [f"{scheme}://good.example/" for scheme in ("http", "file", "gopher", "ftp", "dict", "")]
    urls += [f"https://good.example:{port}/" for port in (22, 25, 110, 2375, 3306, 5432, 6379, 9200, 11211)]
    urls += ["https://localhost/", "https://intranet/", "https://db.internal/", "https://printer.local/"]
    return check(name, [url for url in urls if not _refused(url, [_OUTER])], n=len(urls))


def _names(name: str, rng: random.Random) -> Check:
    broken = []
    for address in _INNER:
        answers = [_OUTER, address]
        rng.shuffle(answers)
        broken += [f"{address} among {answers}"] if not _refused("https://good.example/", answers) else []
        broken += [address] if not _refused("https://good.example/", [address]) else []
    return check(name, broken, n=2 * len(_INNER))


def _rebinding(name: str, rng: random.Random) -> Check:
    """A name that is public when it is checked and inner right after."""
    broken, tries = [], 0
    for address in rng.sample(_INNER, 10):
        opened: list[str] = []
        answers = iter([[_OUTER], *[[address]] * 9])

        def connect(where: tuple[str, int], *_: object, opened: list[str] = opened, **__: object) -> socket.socket:
            opened.append(where[0])
            raise ConnectionRefusedError

        tries += 1
        with mock.patch.object(socket, "create_connection", connect):
            call.post("https://good.example/", b"", {}, resolve=lambda *_, answers=answers: next(answers))
        if opened != [_OUTER]:
            broken.append(f"{address}: the socket opened to {opened}")
    return check(name, broken, n=tries)


def _redirects(name: str) -> Check:
    broken, tries = [], 0
    with _redirecting() as (port, reached):
        for status in (301, 302, 303, 307, 308):
            tries += 1
            receipt: Receipt = call.post(f"http://localhost:{port}/{status}", b"", {}, inside=[f"localhost:{port}"])
            if receipt.status != status or receipt.delivered:
                broken.append(f"{status} was taken for {receipt.status}")
        if "/inside" in reached:
            broken.append("the address behind the redirect was called")
    return check(name, broken, n=tries)


def _refused(url: str, answers: list[str]) -> bool:
    """Is the door shut before a socket opens?"""
    with mock.patch.object(socket, "create_connection", side_effect=AssertionError("a socket was opened")):
        try:
            call.post(url, b"", {}, resolve=lambda *_: answers)
        except UsageError:
            return True
        except AssertionError:
            return False
    return False


@contextmanager
def _redirecting() -> Iterator[tuple[int, list[str]]]:
    reached: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reached.append(self.path)
            status = int(self.path.strip("/")) if self.path != "/inside" else 200
            self.send_response(status)
            self.send_header("Location", f"http://127.0.0.1:{self.connection.getsockname()[1]}/inside")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the names are http.server's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nobody listens."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], reached
    finally:
        server.shutdown()
        server.server_close()
