"""Case 102 from the other side: requests that SDKs really send, damaged a little, against a server in a process of its own."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import json
import os
import random
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import afterclick
from afterclick.app.prove.served import memory
from afterclick.store import traffic
from afterclick.store.access import Access
from support.serving import Serving, serving

SECONDS = float(os.environ.get("AFTERCLICK_FUZZ_SECONDS", "3"))
"""How long; a night run sets 600."""
GROWTH = 64 << 20
GOLDEN = sorted((Path(__file__).parents[1] / "collect" / "wire" / "golden").glob("*.json"))
TOKENS = (b"null", b"[]", b"{}", b"1e999", b"-0", b'"', b"\\ud800", b"\x00", b"\xff", b"9" * 400, b"[" * 200, b"\xef\xbb\xbf")
COUNTS = ("accepted", "duplicates", "rejected")


def basic(key: str) -> str:
    return base64.b64encode(f"{key}:".encode()).decode()


def goldens(key: str) -> list[tuple[str, str, dict[str, str], bytes, bool]]:
    """Method, path, headers, body and whether it is packed, each with a key of this server."""
    found = []
    for file in GOLDEN:
        for sent in json.loads(file.read_text(encoding="utf-8"))["requests"]:
            old = sent["expect"]["key"]
            body = json.dumps(sent["json"], ensure_ascii=False) if "json" in sent else sent.get("text", "")
            changed = json.dumps([sent["path"], sent.get("headers") or {}, body])
            if old:
                changed = changed.replace(basic(old), basic(key)).replace(old, key)
            path, headers, body = json.loads(changed)
            headers.setdefault("x-write-key", key)
            found.append((sent["method"], path, headers, body.encode(), "packed" in sent))
    assert len(found) > 20
    return found


def damaged(dice: random.Random, content: bytes) -> bytes:
    """A few bytes flipped, cut, doubled, moved or put in."""
    for _ in range(dice.choice((0, 1, 1, 2, 5))):
        at, size = dice.randrange(len(content) + 1), dice.randrange(1, 12)
        kind = dice.randrange(6)
        if kind == 0 and content:
            at %= len(content)
            content = content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :]
        elif kind == 1:
            content = content[:at] + content[at + size :]
        elif kind == 2:
            content = content[:at] + content[at : at + 40] * size + content[at:]
        elif kind == 3:
            content = content[:at] + dice.choice(TOKENS) + content[at:]
        elif kind == 4:
            content = content[:at] + dice.randbytes(size) + content[at + size :]
        elif dice.random() < 0.3:
            content = content[:at]
    return content


class Fuzzed:
    """What came of it: answers by status, and events as the answers count them."""

    def __init__(self, server: Serving, seed: int) -> None:
        self.statuses: Counter[int] = Counter()
        self.told: Counter[str] = Counter()
        self._server = server
        self._dice = random.Random(seed)
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)

    def run(self, requests: list[tuple[str, str, dict[str, str], bytes, bool]], seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            method, path, headers, body, packed = self._dice.choice(requests)
            body = damaged(self._dice, body)
            if packed:
                body = damaged(self._dice, gzip.compress(body)) if self._dice.random() < 0.3 else gzip.compress(body)
            if self._dice.random() < 0.2:
                path = quote(damaged(self._dice, path.encode()), safe="/?&=%+:")
                path = path if path.startswith("/") else "/" + path
            self._send(method, path, headers, body)

    def close(self) -> None:
        self._connection.close()

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        self._connection.request(method, path, body if method == "POST" else None, dict(headers))
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status < 500, (answer.status, method, path, body[:500])
        self.statuses[answer.status] += 1
        told: Any = json.loads(content) if content[:1] == b"{" and answer.status == 200 else {}
        if set(COUNTS) <= told.keys():
            assert len(told["errors"]) == min(told["rejected"], 100)
            self.told.update({name: told[name] for name in COUNTS})


def test_case_102_requests_of_sdks_damaged_a_little_are_all_accounted_for_in_flat_memory(tmp_path: Path) -> None:
    store = tmp_path / "shop"
    afterclick.open(store, write=True, create=True).close()
    key = Access(store).make("write", source="fuzz", rate=0).secret
    with serving(store) as server:
        requests = goldens(key)
        with contextlib.closing(Fuzzed(server, 102)) as fuzzed:
            fuzzed.run(requests, SECONDS / 2)
            held = memory(server.process.pid)
            fuzzed.run(requests, SECONDS / 2)
            grown = memory(server.process.pid) - held
        status, content = server.ask("GET", "/healthz")
        balance = json.loads(content)["balance"]
        assert status == 200
        assert [line for line in server.log if line["what"] in ("server", "failed")] == []
        assert server.end() == 0
    assert balance["received"] == balance["stored"] + balance["duplicates"] + balance["rejected"]
    assert balance["received"] >= sum(fuzzed.told.values()) > 50
    assert fuzzed.statuses[200] > 50
    assert fuzzed.statuses[400] > 0
    assert grown < GROWTH, f"{grown >> 20} MB more after {sum(fuzzed.statuses.values())} requests"
    with afterclick.open(store) as shop:
        snapshot = shop.store.snapshot()
        # What the items of an order add up to comes to light when rows are made: a dead letter then, as in an import.
        late = [one for batch in snapshot.tail.batches for one in batch.rejected]
        assert {(one.code, one.path) for one in late} <= {("bad_amount", "properties"), ("bad_amount", "price")}
        assert all(one.original for one in late)
        assert snapshot.rows + len(late) == balance["stored"]
        assert traffic.unaccounted(snapshot) == 0
