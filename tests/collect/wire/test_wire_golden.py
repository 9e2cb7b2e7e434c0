"""Requests in the shape of what the SDKs send (golden/*.json, ids and people made up), and the events they must become."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from afterclick.collect.wire.decode import collects
from afterclick.collect.wire.taken import Taken
from support.wire import rows, shown, take

FILES = sorted((Path(__file__).parent / "golden").glob("*.json"))
HASHED = ("ga4", "matomo")


def requests() -> list[Any]:
    found = []
    for file in FILES:
        document = json.loads(file.read_text(encoding="utf-8"))
        for number, sent in enumerate(document["requests"]):
            found.append(pytest.param(document["sdk"], sent, id=f"{document['sdk']}-{number}"))
    return found


def replayed(sent: dict[str, Any]) -> Taken:
    body = sent["json"] if "json" in sent else sent.get("text", "").encode()
    return take(sent["path"], body, method=sent["method"], headers=sent.get("headers"), packed="packed" in sent)


@pytest.mark.parametrize(("sdk", "sent"), requests())
def test_a_request_of_an_sdk_becomes_these_events(sdk: str, sent: dict[str, Any]) -> None:
    taken = replayed(sent)
    expected = sent["expect"]
    assert collects(sent["method"], sent["path"].partition("?")[0])
    assert (taken.key, taken.shape.dialect) == (expected["key"], expected["dialect"])
    assert [refusal.code for refusal in taken.refusals] == expected["refused"]
    events = [shown(incoming.canonical) for incoming in taken.events]
    if sdk in HASHED:
        # Their ids are hashes of content: what they are is of no matter, that they are is.
        assert all(len(event.pop("event_id")) == 32 for event in events)
        expected = {"events": [{**event} for event in expected["events"]]}
        for event in expected["events"]:
            del event["event_id"]
    assert events == expected["events"]


def test_all_golden_requests_give_the_same_rows_in_any_order_and_any_number() -> None:
    sent = [parameters.values[1] for parameters in requests()]
    assert len(sent) > 20

    def settled(order: list[dict[str, Any]]) -> list[dict[str, Any]]:
        table = rows([replayed(one) for one in order]).table
        kept = {row["event_id"]: row for row in table.to_pylist()}
        return [kept[event_id] for event_id in sorted(kept)]

    plain = settled(sent)
    # 34 events, all with ids of their own.
    assert len(plain) == sum(len(one["expect"]["events"]) for one in sent)
    again = [*sent, *sent]
    random.Random(7).shuffle(again)
    assert settled(again) == plain


def test_no_golden_event_is_refused_on_its_way_into_the_log() -> None:
    found = rows([replayed(parameters.values[1]) for parameters in requests()])
    assert found.rejected == []
    orders = {
        row["order_id"]: row["amount"] for row in found.table.to_pylist() if row["event"] == "Order Completed"
    }
    assert orders == {
        "A-1001": 620_005_000,
        "B-7": 120_000_000,
        "C-1": 450_000_000,
        "D-1": 300_000_000,
        "E-1": 300_000_000,
        "F-1": 300_000_000,
    }
