"""Case 102: whatever is sent to whatever collecting address, nothing fails, and every event is accounted for."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import random
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from afterclick.surfaces.collector import routes
from support.served import Served, basic, served

SECONDS = 2.0
"""How long each way is tried; a night run sets more."""

PATHS = [
    *sorted(routes.EXACT), "/v1/pixel/track", "/v1/projects/k/settings", "/array/k/config", "/v1/zzz", "/api/s/x",
]  # fmt: skip
METHODS = ["POST", "POST", "POST", "POST", "GET", "HEAD", "PUT", "OPTIONS"]
LEAVES: list[Any] = [
    None, True, 0, -1, 1e308, 2**63, 2**70, "", "x" * 300, "\x00", "é\u202e", "null", "undefined", [], {}, ["x", 1], "\ud7ff",
    "2026-09-01T00:00:00Z", "0001-01-01T00:00:00Z", -62135596800, 1e18, "a@b.example", "4111 1111 1111 1111", "1,299",
    {"a": {"b": [1]}},
]  # fmt: skip
NAMES = [
    "type", "event", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "properties", "context", "traits", "batch",
    "writeKey", "api_key", "distinct_id", "uuid", "previousId", "$set", "events", "client_id", "data", "schema", "e", "eid",
    "name", "params", "requests", "token_auth", "idsite", "action_name", "__proto__", "", "a.b", "originalTimestamp", "consent",
]  # fmt: skip


@pytest.fixture(scope="module", params=["direct", "asgi"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("fuzz") / "shop", direct=request.param == "direct") as one:
        yield one


def value(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.random()
    if depth > 3 or kind < 0.4:
        return dice.choice(LEAVES)
    if kind < 0.8:
        return {dice.choice(NAMES): value(dice, depth + 1) for _ in range(dice.randrange(6))}
    return [value(dice, depth + 1) for _ in range(dice.randrange(4))]


def event(dice: random.Random) -> dict[str, Any]:
    good = {"type": dice.choice(["track", "page", "identify", "alias", "group", "screen"]), "event": "Fuzzed", "userId": "u1"}
    return good | {dice.choice(NAMES): value(dice) for _ in range(dice.randrange(5))}


def body(dice: random.Random, key: str) -> bytes:
    shapes = [event(dice), {"batch": [event(dice) for _ in range(dice.randrange(4))]}, value(dice), [event(dice)]]
    made = dice.choice(shapes)
    if isinstance(made, dict) and dice.random() < 0.4:
        made |= {dice.choice(["writeKey", "api_key"]): key}
    text = json.dumps(made, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    kind = dice.random()
    if kind < 0.1:
        text = gzip.compress(text)
    elif kind < 0.15:
        text = zlib.compress(text)
    elif kind < 0.2:
        text = b"data=" + base64.b64encode(text)
    elif kind < 0.3 and text:
        at = dice.randrange(len(text))
        text = text[:at] + dice.randbytes(dice.randrange(4)) + text[at + dice.randrange(3) :]
    elif kind < 0.35:
        text = text[: dice.randrange(len(text) + 1)]
    return text


def test_case_102_nothing_fails_and_accepted_and_rejected_are_what_was_sent(shop: Served) -> None:
    dice = random.Random(102)
    told = received = 0
    asked: dict[int, int] = {}
    begun, balance = time.monotonic(), shop.live.tail.balance()
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=20)
    while time.monotonic() - begun < SECONDS:
        path, method = dice.choice(PATHS), dice.choice(METHODS)
        data = base64.b64encode(body(dice, shop.key)).decode()
        query = dice.choice(["", "", f"?data={data}", "?idsite=%zz&aid=%7f", f"?writeKey={shop.key}"])
        headers = {"content-type": dice.choice(["application/json", "text/plain", "x"])}
        if dice.random() < 0.8:
            headers["authorization"] = dice.choice([basic(shop.key), f"Bearer {shop.key}", "Basic", "Basic %%%", basic("k")])
        if dice.random() < 0.2:
            headers[dice.choice(["content-encoding", "origin", "x-write-key", "sentat", "x-forwarded-for"])] = dice.choice(
                ["gzip", "br", "null", shop.key, "\xff\xfe", "zstd"]
            )
        sent = body(dice, shop.key) if method in ("POST", "PUT") else None
        connection.request(method, path + query, sent, {name: text.encode("latin-1") for name, text in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        asked[answer.status] = asked.get(answer.status, 0) + 1
        assert answer.status < 500, (method, path, query, headers, sent)
        if answer.status == 200 and b'"accepted"' in content:
            counts = json.loads(content)
            assert len(counts["errors"]) == min(counts["rejected"], 100)
            told += counts["accepted"] + counts["duplicates"] + counts["rejected"]
    connection.close()
    after = shop.live.tail.balance()
    received = after.received - balance.received
    assert after.received == after.stored + after.duplicates + after.rejected
    assert received >= told > 20
    assert asked.get(200, 0) > 50
    assert '"server"' not in shop.log.getvalue(), "no exception was written down"
