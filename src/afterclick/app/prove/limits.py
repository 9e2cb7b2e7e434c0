"""Bounded: bombs, slow clients, floods and streams that nobody reads, while a good client goes on being served."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from afterclick.app.prove import stored, traffic
from afterclick.app.prove.proof import Check, Proof, Tell, check, step
from afterclick.app.prove.sender import Ledger, Sender
from afterclick.app.prove.served import Served, memory
from afterclick.core import clock
from afterclick.store.access import Access

_BEGIN: Final = 1_750_000_000_000_000
_MB: Final = 1 << 20
_ANSWERS: Final = frozenset({200, 400, 401, 408, 413, 429})
_CLOSED_WITHIN_S: Final = 15.0
_GROWS_BY: Final = 300 * _MB
_QUICK_S: Final = 2.0


def prove(seed: int, folder: Path, tell: Tell, *, half_open: int = 300, streams: int = 100) -> Proof:
    """Attack a server in every way at once and one after the other; what it acknowledged must be there afterwards."""
    began = clock.ticks()
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger()
    with Served(folder / "shop", folder / "server.log").prepare() as served:
        served.start()
        with _good_client(served, seed, ledger) as slow:
            tell(step("limits_bodies"))
            checks = [_bodies(served)]
            tell(step("limits_slow"))
            checks.append(_slow_clients(served, half_open))
            tell(step("limits_floods"))
            checks.append(_flood(served, seed))
            tell(step("limits_streams"))
            checks.append(_streams(served, streams))
        checks.append(check("limits_good_client", slow, n=len(ledger.acknowledged)))
        code = served.stop()
    broken = stored.lost_or_twice(served.store, ledger.acknowledged, ledger.tried | _flooded(seed))
    checks.append(check("limits_nothing_lost", broken + ([f"ended with {code}"] if code else [])))
    return Proof("limits", seed, tuple(checks), clock.ticks() - began)


@contextmanager
def _good_client(served: Served, seed: int, ledger: Ledger) -> Iterator[list[str]]:
    """Somebody who sends all the while; what it waited for too long, or was refused, is in the list."""
    slow: list[str] = []
    done = threading.Event()

    def run() -> None:
        sender = Sender(served.address, served.key)
        for event in traffic.events(seed, 5_000, begin=_BEGIN):
            reply = sender.send([event])
            ledger.note([event], reply)
            if reply.status != 200 or reply.seconds > _QUICK_S:
                slow.append(f"{reply.status} after {reply.seconds:.1f} s")
            if done.wait(0.02):
                break
        sender.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield slow
    finally:
        done.set()
        thread.join()


def bodies() -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """Hostile bodies by name, with their headers."""
    good = b'{"batch":[{"type":"track","event":"E","userId":"limits","messageId":"limits-1"}]}'
    packed = {"Content-Encoding": "gzip"}
    bomb = _bomb(1024)
    yield "a gzip bomb of 1 GB", bomb, packed
    yield "a gzip bomb that does not say so", bomb, {"Content-Type": "text/plain"}
    yield "gzip in gzip", gzip.compress(bomb), packed
    yield "half a gzip stream", gzip.compress(good)[:-9], packed
    yield "a zlib bomb", _bomb(512, zlib.MAX_WBITS), {"Content-Encoding": "deflate"}
    yield "text that says it is gzip", good, packed
    yield "arrays 1,000,000 deep", b"[" * 1_000_000, {}
    yield "objects 100,000 deep", b'{"batch":[{"type":"track","event":"E","properties":' + b'{"a":' * 100_000, {}
    keys = b",".join(b'"k%d":1' % number for number in range(300_000))
    yield "300,000 keys", b'{"batch":[{"type":"track","event":"E","userId":"u","properties":{' + keys + b"}}]}", {}
    yield "a number of 100,000 digits", good.replace(b'"limits-1"', b"9" * 100_000), {}
    yield "a name of 3 MB", good.replace(b'"E"', b'"' + b"x" * 3 * _MB + b'"'), {}
    yield "100,000 events", b'{"batch":[' + b",".join([b'{"type":"track"}'] * 100_000) + b"]}", {}
    yield "8 MB of spaces", b" " * 8 * _MB, {}
    yield "NaN", good.replace(b'"limits-1"', b"NaN"), {}
    yield "bytes that are no text", bytes(range(256)) * 100, {}
    yield "a lone surrogate", good.replace(b'"E"', b'"\\ud800"'), {}
    yield "nothing", b"", {}


def _bomb(megabytes: int, wbits: int = 31) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join([*(packer.compress(bytes(_MB)) for _ in range(megabytes)), packer.flush()])


def _bodies(served: Served) -> Check:
    broken, tries = [], 0
    before = memory(served.pid)
    for name, body, headers in bodies():
        sender = Sender(served.address, served.key)
        reply = sender.post("/v1/batch", body, headers)
        sender.close()
        tries += 1
        # A body that is refused before it is read may end as a closed connection: no answer, but no harm either.
        if reply.status not in _ANSWERS and not (reply.status == 0 and len(body) > 4 * _MB and served.running):
            broken.append(f"{name}: {reply.status}")
        elif reply.seconds > _QUICK_S:
            broken.append(f"{name}: {reply.seconds:.1f} s")
    grown = memory(served.pid) - before
    if grown > _GROWS_BY:
        broken.append(f"memory grew by {grown // _MB} MB")
    return check("limits_bodies", broken, n=tries, grown=max(0, grown) // _MB)


def _slow_clients(served: Served, half_open: int) -> Check:
    """Half heads, stalled and dribbled bodies, all at once: each must be closed, and nobody else may wait for it."""
    head = b"POST /v1/batch HTTP/1.1\r\nHost: x\r\n"
    kinds: dict[str, tuple[bytes, bytes]] = {
        "silence": (b"", b""),
        "half a head": (head, b""),
        "a head that drips": (head, b"X-A: b\r\n"),
        "a stalled body": (head + b"Content-Length: 100000\r\n\r\nabc", b""),
        "a body that drips": (head + b"Content-Length: 100000\r\n\r\n", b" "),
    }
    crowd = [_connected(served, head) for _ in range(half_open)]
    try:
        with ThreadPoolExecutor(len(kinds)) as pool:
            found = list(pool.map(lambda kind: _closed_after(served, *kind), kinds.values()))
    finally:
        for one in crowd:
            one.close()
    broken = [
        f"{name}: still open after {seconds:.0f} s"
        for name, seconds in zip(kinds, found, strict=True) if seconds > _CLOSED_WITHIN_S
    ]  # fmt: skip
    return check("limits_slow", broken, n=len(kinds), half_open=half_open, seconds=round(max(found), 1))


def _connected(served: Served, sent: bytes) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", served.port), timeout=10)
    if sent:
        found.sendall(sent)
    return found


def _closed_after(served: Served, sent: bytes, drip: bytes) -> float:
    """Seconds until the server is done with a client that sends this, then `drip` twice a second."""
    began = clock.ticks()
    with _connected(served, sent) as connection:
        connection.settimeout(0.5)
        while (seconds := clock.ticks() - began) < _CLOSED_WITHIN_S + 5:
            try:
                if drip:
                    connection.sendall(drip)
                if not connection.recv(1 << 16):
                    return seconds
            except TimeoutError:
                continue
            except OSError:
                return seconds
    return _CLOSED_WITHIN_S + 5


def _flood_events(seed: int) -> list[dict[str, object]]:
    return traffic.events(seed + 1, 400, begin=_BEGIN)


def _flooded(seed: int) -> set[str]:
    return {str(event["messageId"]) for event in _flood_events(seed)} | {"limits-1"}


def _flood(served: Served, seed: int) -> Check:
    """A key that may send 20 events a second sends all it can: it is told to wait, in whole seconds."""
    made = Access(served.store).make("write", source="flood", rate=20)
    events = _flood_events(seed)
    answers: dict[int, int] = {}
    waits: list[str] = []
    _known(served, made.secret)
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        for event in events:
            status, headers = _asked(connection, made.secret, json.dumps({"batch": [event]}).encode())
            answers[status] = answers.get(status, 0) + 1
            if status == 429 and not headers.get("retry-after", "").isdigit():
                waits.append(f"Retry-After: {headers.get('retry-after')!r}")
    broken = [f"answered {status}" for status in answers if status not in (200, 429)] + waits
    broken += [] if answers.get(429) else ["never told to wait"]
    broken += [] if answers.get(200) else ["never heard at all"]
    return check("limits_flood", broken, sent=len(events), waited=answers.get(429, 0))


def _known(served: Served, key: str) -> None:
    """Wait until the server has heard of a key that was made just now."""
    until = clock.ticks() + 10
    while clock.ticks() < until:
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
            if _asked(connection, key, b'{"batch":[]}')[0] != 401:
                return
        time.sleep(0.2)


def _asked(connection: socket.socket, key: str, body: bytes) -> tuple[int, dict[str, str]]:
    head = f"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(1 << 16)
        if not part:
            return 0, {}
        got += part
    first, _, rest = got.partition(b"\r\n\r\n")
    lines = first.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    while len(rest) < int(headers.get("content-length", 0)):
        rest += connection.recv(1 << 16)
    return int(lines[0].split()[1]), headers


def _streams(served: Served, streams: int) -> Check:
    """Streams of the live page that are opened and never read: memory stays, and others are served."""
    before = memory(served.pid)
    ask = b"GET /live/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
    opened = [_connected(served, ask) for _ in range(streams)]
    sender, broken = Sender(served.address, served.key), []
    events = traffic.events(7, 2_000, begin=_BEGIN)
    told = 0
    for at in range(0, len(events), 20):
        reply = sender.send([{**event, "messageId": "limits-1"} for event in events[at : at + 20]])
        told += reply.status == 200
        if reply.seconds > _QUICK_S:
            broken.append(f"a batch took {reply.seconds:.1f} s")
    sender.close()
    grown = memory(served.pid) - before
    if grown > _GROWS_BY:
        broken.append(f"memory grew by {grown // _MB} MB")
    for one in opened:
        one.close()
    broken += [] if told else ["no batch was taken"]
    return check("limits_streams", broken, streams=streams, grown=max(0, grown) // _MB)
