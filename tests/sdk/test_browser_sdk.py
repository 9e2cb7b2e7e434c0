"""Segment's browser SDK in headless Chromium sends through faults, over a reload and from settings of the collector."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.browser]
EVENTS = 12
_INLINE = """
<script src="sdk/index.js"></script>
<script>
  window.analytics = AnalyticsNext.AnalyticsBrowser.load(
    {{ writeKey: "{key}", cdnURL: location.origin + "/sdk",
       cdnSettings: {{ integrations: {{ "Segment.io": {{ apiKey: "{key}" }} }} }} }},
    {{ integrations: {{ "Segment.io": {{ apiHost: "{host}/v1", protocol: "http" }} }} }});
  window.say = n => analytics.track("Product Added", {{ n: "web" + n, price: 20000, currency: "KRW" }});
</script>"""
_FROM_SETTINGS = """
<script src="sdk/index.js"></script>
<script>
  window.analytics = AnalyticsNext.AnalyticsBrowser.load({{ writeKey: "{key}", cdnURL: "http://{host}" }});
  window.say = n => analytics.track("Product Added", {{ n: "web" + n }});
</script>"""


def until(found: Callable[[], bool], seconds: float = 45) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found():
            return True
        time.sleep(0.25)
    return found()


def wanted(count: int) -> Counter[str]:
    return Counter(f"web{number}" for number in range(count))


def test_segment_browser_through_faults(shop, site, browser):
    proxy = shop.faulty(["500", "lost", "429", "cut", "503"])
    context = browser.new_context()
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(site(_INLINE.format(key=shop.key, host=proxy.host)))
    page.evaluate("analytics.page('Docs', 'Home')")
    page.evaluate("analytics.identify('user_1', { email: 'kim@example.com' })")
    for number in range(EVENTS):
        page.evaluate(f"say({number})")
    assert until(lambda: set(shop.numbered("web")) == set(wanted(EVENTS))), shop.numbered("web")
    # A retry that is still under way must not count anything twice.
    time.sleep(3)
    assert shop.numbered("web") == wanted(EVENTS)
    assert {"POST 500", "POST lost", "POST 429", "POST cut", "POST 503"} <= set(proxy.seen)
    assert not faults
    context.close()


def test_segment_browser_keeps_its_events_over_a_reload_and_a_restart(shop, site, browser):
    proxy = shop.faulty()
    context = browser.new_context()
    page = context.new_page()
    address = site(_INLINE.format(key=shop.key, host=proxy.host))
    page.goto(address)
    page.evaluate("say(0)")
    assert until(lambda: set(shop.numbered("web")) == {"web0"})
    shop.served.kill()
    for number in range(1, 5):
        page.evaluate(f"say({number})")
    page.wait_for_timeout(500)
    page.reload()
    page.wait_for_timeout(300)
    shop.served.start()
    page.reload()
    assert until(lambda: set(shop.numbered("web")) == set(wanted(5))), shop.numbered("web")
    time.sleep(2)
    assert shop.numbered("web") == wanted(5)
    context.close()


def test_segment_browser_takes_its_settings_from_the_collector_and_sends_batches(shop, site, browser):
    proxy = shop.faulty()
    context = browser.new_context()
    page = context.new_page()
    posts: list[str] = []
    page.on("request", lambda asked: posts.append(asked.url) if asked.method == "POST" else None)
    page.goto(site(_FROM_SETTINGS.format(key=shop.key, host=f"127.0.0.1:{shop.served.port}")))
    for number in range(EVENTS):
        page.evaluate(f"say({number})")
    assert until(lambda: set(shop.numbered("web")) == set(wanted(EVENTS))), (posts, shop.numbered("web"))
    assert shop.numbered("web") == wanted(EVENTS)
    # Twelve events in a few batches: the settings ask for them.
    assert 1 <= len(posts) <= 4, posts
    assert proxy.seen == Counter()
    context.close()
