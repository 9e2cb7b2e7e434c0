"""Segment's SDK for Node sends through faults: every event is counted once."""

from __future__ import annotations

from collections import Counter

import pytest

pytestmark = pytest.mark.slow
EVENTS = 30


def test_segment_node(shop, node):
    proxy = shop.faulty(["500", "lost", "429", "cut"])
    assert "sent" in node("segment_node.mjs", proxy.address, shop.key, str(EVENTS))
    assert {"POST 500", "POST lost", "POST 429", "POST cut"} <= set(proxy.seen)
    assert shop.numbered("nod") == Counter(f"nod{number}" for number in range(EVENTS))
