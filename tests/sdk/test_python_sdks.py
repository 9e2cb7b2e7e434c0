"""The real Python SDKs send through 500s, 429s, lost answers and a kill -9 of the server: every event is counted once."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

pytestmark = pytest.mark.slow
EVENTS = 30


def once(prefix: str) -> Counter[str]:
    return Counter(f"{prefix}{number}" for number in range(EVENTS))


def finished(client) -> None:
    """Flushed, as a program does before it ends; an SDK that cannot get rid of its events would hang here."""
    thread = threading.Thread(target=lambda: (client.flush(), client.join()), daemon=True)
    thread.start()
    thread.join(90)
    assert not thread.is_alive(), "the SDK never got rid of its events"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_segment_python(shop, packed):
    from segment.analytics.client import Client

    proxy = shop.faulty(["500", "lost", "429", "cut", "503"])
    failed = []
    client = Client(
        shop.key, host=proxy.address, gzip=packed, upload_size=5, upload_interval=0.1,
        on_error=lambda *said: failed.append(said),
    )  # fmt: skip
    client.identify("user_1", {"email": "kim@example.com", "n": "seg0"})
    for number in range(1, EVENTS):
        client.track("user_1", "Product Added", {"n": f"seg{number}", "price": 20000}, anonymous_id="anon_1")
    finished(client)
    assert not failed
    assert {"POST 500", "POST lost", "POST 429", "POST cut", "POST 503"} <= set(proxy.seen)
    assert shop.numbered("seg") == once("seg")


def test_segment_python_over_a_restart(shop):
    from segment.analytics.client import Client

    proxy = shop.faulty()
    client = Client(shop.key, host=proxy.address, upload_size=5, upload_interval=0.05)
    for number in range(EVENTS):
        client.track("user_1", "Product Added", {"n": f"seg{number}"})
        if number == EVENTS // 2:
            shop.restart()
    finished(client)
    assert shop.numbered("seg") == once("seg")


def test_rudderstack_python(shop):
    from rudderstack.analytics.client import Client

    proxy = shop.faulty(["500", "lost", "429", "cut"])
    failed = []
    client = Client(
        shop.key, host=proxy.address, upload_size=5, upload_interval=0.1, on_error=lambda *said: failed.append(said)
    )
    client.identify("user_1", {"email": "kim@example.com", "n": "rud0"})
    for number in range(1, EVENTS):
        client.track("user_1", "Order Completed", {"n": f"rud{number}", "order_id": f"o{number}", "revenue": 100})
    finished(client)
    assert not failed
    assert "POST lost" in proxy.seen
    assert shop.numbered("rud") == once("rud")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_posthog_python(shop, packed):
    from posthog import Posthog

    proxy = shop.faulty(["503", "lost"])
    failed = []
    client = Posthog(
        shop.key, host=proxy.address, gzip=packed, flush_at=10, flush_interval=0.1, max_retries=5,
        on_error=lambda *said: failed.append(said), disable_geoip=True,
    )  # fmt: skip
    for number in range(EVENTS):
        client.capture("Product Viewed", distinct_id="user_1", properties={"n": f"hog{number}"})
    finished(client)
    assert not failed
    assert "POST lost" in proxy.seen
    assert shop.numbered("hog") == once("hog")
