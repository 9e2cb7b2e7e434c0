"""Every recorded request of a real SDK, played against a served store: answered as its SDK wants, in any order, twice."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from afterclick.app.prove import stored
from afterclick.app.prove.served import Served
from afterclick.collect.wire.credentials import key_of
from afterclick.collect.wire.decode import collects, decode
from afterclick.collect.wire.request import WireRequest
from afterclick.core import clock
from afterclick.store.access import Grant
from support.development_data import data_folder
from support.wire import Everybody

pytestmark = [pytest.mark.real, pytest.mark.slow]
NO_LIVE_ENDPOINT = ("mixpanel", "amplitude")


def requests() -> Iterator[tuple[str, dict[str, Any], bytes]]:
    folder = data_folder(".").resolve().parent / "captures"
    for file in sorted(folder.glob("*.json")):
        document = json.loads(file.read_text("utf-8"))
        if document["scenario"].startswith(NO_LIVE_ENDPOINT):
            continue
        for one in document["requests"]:
            body = b""
            if "json" in one:
                body = json.dumps(one["json"], ensure_ascii=False, separators=(",", ":")).encode()
            elif "text" in one:
                body = one["text"].encode()
            yield f"{document['scenario']} #{one['n']}", one, gzip.compress(body, mtime=0) if one["packed"] else body


def key(one: dict[str, Any], body: bytes) -> str:
    path, _, query = one["path"].partition("?")
    headers = {name.lower(): value for name, value in one["headers"]}
    asked = WireRequest(one["method"], path, query, headers, body, clock.now())
    return decode(asked, Everybody()).key if collects(one["method"], path) else key_of(asked)


def admit(served: Served, keys: set[str]) -> None:
    """Write keys of the captures into the store's access file."""
    path = served.store / "access.json"
    content = json.loads(path.read_text("utf-8"))
    for number, secret in enumerate(sorted(keys)):
        grant = Grant(id=f"capture{number}", role="write", digest=hashlib.sha256(secret.encode()).hexdigest(), source="web")
        content["grants"].append(msgspec.to_builtins(grant))
    path.write_text(json.dumps(content), "utf-8")


def problems(one: dict[str, Any], status: int, headers: dict[str, str]) -> Iterator[str]:
    """What an SDK could not live with."""
    asked = {name.lower(): value for name, value in one["headers"]}
    origin = asked.get("origin")
    if one["method"] == "OPTIONS":
        if not 200 <= status < 300:
            yield f"the preflight got {status}"
        allowed = {name.strip().lower() for name in headers.get("access-control-allow-headers", "").split(",")}
        wanted = {name.strip().lower() for name in asked.get("access-control-request-headers", "").split(",")}
        if missing := wanted - allowed - {""}:
            yield f"not allowed: {sorted(missing)}"
    elif status != 200 and not (one["method"] == "GET" and status == 204):
        yield f"answered {status}"
    if origin and headers.get("access-control-allow-origin") != origin:
        yield "the origin is not echoed"
    if origin and one["method"] != "OPTIONS" and "retry-after" not in headers.get("access-control-expose-headers", "").lower():
        yield "Retry-After is not exposed"


def played(folder: Path, todo: list[tuple[str, dict[str, Any], bytes]]) -> Counter[str]:
    """The event ids of a fresh store to which all of it was sent."""
    folder.mkdir()
    with Served(folder / "shop", folder / "server.log").prepare() as served:
        admit(served, {found for _, one, body in todo if (found := key(one, body))})
        served.start()
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
        faults = []
        for name, one, body in todo:
            connection.request(one["method"], one["path"], body or None, dict(one["headers"]))
            answer = connection.getresponse()
            said = answer.read()
            headers = {field.lower(): value for field, value in answer.getheaders()}
            faults += [f"{name}: {fault}: {said[:200]!r}" for fault in problems(one, answer.status, headers)]
        connection.close()
        assert not faults, "\n".join(faults)
        served.stop()
    assert [one.code for one in stored.rejects(folder / "shop")] == []
    return stored.ids(folder / "shop")


def test_all_captures_in_order_shuffled_and_twice_give_the_same_events(tmp_path):
    todo = list(requests())
    assert len(todo) > 130
    first = played(tmp_path / "once", todo)
    assert set(first.values()) == {1}
    assert len(first) > 100
    mixed = [*todo, *todo]
    random.Random(7).shuffle(mixed)
    assert played(tmp_path / "twice", mixed) == first
