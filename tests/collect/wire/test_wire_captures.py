"""Every recorded request of a real SDK: read, answered, and the same whatever the order and however often."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from afterclick.collect.wire import canonical
from afterclick.collect.wire.answers import Outcome, answer
from afterclick.collect.wire.decode import collects, decode
from afterclick.collect.wire.request import WireRequest
from afterclick.collect.wire.special import is_special, special
from afterclick.collect.wire.taken import Taken
from afterclick.core import clock
from support.development_data import data_folder
from support.wire import Everybody, rows

pytestmark = pytest.mark.real

NO_LIVE_ENDPOINT = ("mixpanel", "amplitude")


class Anybody:
    def knows(self, key: str) -> bool:
        return key != ""


def captured(folder: Path) -> Iterator[tuple[str, dict[str, Any], WireRequest]]:
    for file in sorted(folder.glob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["scenario"].startswith(NO_LIVE_ENDPOINT):
            continue
        for sent in document["requests"]:
            if sent["method"] == "OPTIONS":
                continue
            body = b""
            if "json" in sent:
                body = json.dumps(sent["json"], ensure_ascii=False, separators=(",", ":")).encode()
            elif "text" in sent:
                body = sent["text"].encode()
            path, _, query = sent["path"].partition("?")
            at = clock.from_datetime(datetime.fromisoformat(sent["received_at"]))
            headers = {name.lower(): value for name, value in sent["headers"]}
            packed = gzip.compress(body, mtime=0) if sent["packed"] else body
            yield document["scenario"], sent, WireRequest(sent["method"], path, query, headers, packed, at)


@pytest.fixture(scope="module")
def requests() -> list[tuple[str, dict[str, Any], WireRequest]]:
    folder = data_folder(".").resolve().parent / "captures"
    if not folder.is_dir():
        pytest.skip("there are no captures beside the development data")
    return list(captured(folder))


@pytest.fixture(scope="module")
def takens(requests: list[tuple[str, dict[str, Any], WireRequest]]) -> list[tuple[str, Taken]]:
    return [
        (scenario, decode(request, Everybody()))
        for scenario, _, request in requests
        if collects(request.method, request.path)
    ]


def test_every_request_is_answered_as_its_sdk_wants(requests: list[tuple[str, dict[str, Any], WireRequest]]) -> None:
    assert len(requests) > 90
    for scenario, sent, request in requests:
        where = f"{scenario} {sent['n']}"
        if is_special(request.path):
            found = special(request, Anybody())
            assert found is not None, where
            assert found.status == 200, where
            continue
        taken = decode(request, Everybody())
        assert taken.key, where
        assert taken.events, where
        assert not taken.refusals, where
        told = answer(taken.shape, Outcome(len(taken.events)))
        assert told.status == 200 or (request.method == "GET" and told.status == 204), where


def test_retries_bring_the_same_ids_with_the_same_content(takens: list[tuple[str, Taken]]) -> None:
    contents: dict[str, int] = {}
    for _, taken in takens:
        for incoming in taken.events:
            assert contents.setdefault(incoming.canonical.event_id, incoming.content) == incoming.content
    events = sum(len(taken.events) for _, taken in takens)
    assert events - len(contents) >= 10, "the recordings hold retries"


def test_any_order_and_any_repetition_gives_the_same_rows(takens: list[tuple[str, Taken]]) -> None:
    def settled(order: list[Taken]) -> list[dict[str, Any]]:
        made = rows(order)
        assert made.rejected == []
        # A retry has clocks of its own; what it says is the same.
        clocks = {"received_at", "sent_at", "occurred_at"}
        kept = {row["event_id"]: {k: v for k, v in row.items() if k not in clocks} for row in made.table.to_pylist()}
        return [kept[event_id] for event_id in sorted(kept)]

    plain = [taken for _, taken in takens]
    again = [*plain, *plain]
    random.Random(3).shuffle(again)
    assert settled(again) == settled(plain)


def test_a_corrected_time_is_within_a_second_of_every_retry(takens: list[tuple[str, Taken]]) -> None:
    times: dict[str, list[int]] = {}
    for _, taken in takens:
        for incoming in taken.events:
            event = incoming.canonical
            times.setdefault(event.event_id, []).append(event.occurred_at)
            assert canonical.DECODER.decode(incoming.body) == event
    late = max(max(found) - min(found) for found in times.values() if len(found) > 1)
    assert late < 1_000_000
