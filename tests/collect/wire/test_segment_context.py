"""What SDKs tell of the device where a person is identified: by it messages are written and quiet hours kept."""

from __future__ import annotations

from typing import Any

import pytest

from support.wire import take

HOME = {"locale": "ko-KR", "timezone": "Asia/Seoul"}


def identified(traits: dict[str, Any], context: dict[str, Any], kind: str = "identify") -> dict[str, Any]:
    call = {"type": kind, "userId": "u1", "messageId": "m1", "context": context, "writeKey": "k", "event": "E"}
    call["traits" if kind == "identify" else "properties"] = traits
    (incoming,) = take(f"/v1/{kind}", call).events
    return incoming.canonical.properties


@pytest.mark.parametrize(
    ("traits", "context", "expected"),
    [
        ({"plan": "a"}, HOME, {"plan": "a", **HOME}),
        ({"tz": "Europe/Berlin", "language": "de"}, HOME, {"tz": "Europe/Berlin", "language": "de"}),
        ({"timezone": "Europe/Berlin"}, HOME, {"timezone": "Europe/Berlin", "locale": "ko-KR"}),
        ({}, {"locale": 7, "timezone": {"name": "x"}}, {}),
        ({}, {"locale": "x" * 65}, {}),
    ],
)
def test_the_devices_language_and_zone_stand_beside_the_traits(traits, context, expected) -> None:
    assert identified(traits, context) == expected


def test_no_other_call_gets_them() -> None:
    assert identified({"price": 1}, HOME, "track") == {"price": 1}
