"""Case 102: the JSON API under requests made from its own description: whatever they hold, no failure of the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from starlette.applications import Starlette
from starlette.testclient import TestClient

import afterclick
from afterclick.core.event import Event
from afterclick.surfaces.web import create_app, openapi

EXAMPLES = 5
"""Requests per address and run."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    day = 86_400_000_000
    events = [
        Event(
            event_id=f"e{i}",
            type="track",
            event=("Page Viewed", "Product Viewed", "Order Completed")[i % 3],
            occurred_at=1_788_000_000_000_000 + (i % 40) * day,
            anonymous_id=f"a{i % 9}",
            url=f"https://shop.example/p/{i % 4}",
            order_id=f"o{i}" if i % 3 == 2 else None,
            amount=1000 if i % 3 == 2 else None,
            currency="KRW" if i % 3 == 2 else None,
        )
        for i in range(120)
    ]
    with afterclick.open(tmp_path_factory.mktemp("api") / "shop", write=True, create=True) as shop:
        shop.append(events)
        yield create_app(shop, hosts=("testserver",))


OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(openapi.document()).get_all_operations()]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_case_102_no_request_makes_the_api_fail(app: Starlette, operation: Any) -> None:
    client = TestClient(app, follow_redirects=False)
    asked = []

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        sent = case.as_transport_kwargs()
        answer = client.request(sent["method"], case.formatted_path, params=sent.get("params"))
        asked.append(answer.status_code)
        assert answer.status_code < 500, (str(answer.url), answer.text[:400])
        if answer.status_code >= 400:
            assert {"code", "message"} <= answer.json()["error"].keys()

    ask()
    assert asked
