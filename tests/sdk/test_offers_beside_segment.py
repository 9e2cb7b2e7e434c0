"""Offers beside Segment's own browser SDK: its events decide, our script knows its visitor and shows what comes of them."""

from __future__ import annotations

import time

import pytest

from support import offers
from support.browsing import VISITOR
from support.offers import deciding

pytestmark = [pytest.mark.slow, pytest.mark.browser]
_PAGE = """
<main><h1>Basket</h1><div data-afterclick-slot="cart" id="slot"></div></main>
<script src="sdk/index.js"></script>
<script>
  window.analytics = AnalyticsNext.AnalyticsBrowser.load(
    {{ writeKey: "{key}", cdnURL: location.origin + "/sdk",
       cdnSettings: {{ integrations: {{ "Segment.io": {{ apiKey: "{key}" }} }} }} }},
    {{ integrations: {{ "Segment.io": {{ apiHost: "{host}/v1", protocol: "http" }} }} }});
  analytics.page();
  window.add = (id, price) => analytics.track("Product Added", {{ product_id: id, price, quantity: 1, currency: "KRW" }});
</script>
<script async src="http://{host}/afterclick.js" data-key="{key}" data-page="off"></script>"""


def wait(page, true):
    ends = time.monotonic() + 60
    while not (found := true()):
        assert time.monotonic() < ends
        page.wait_for_timeout(50)
    return found


def test_a_basket_told_by_segment_is_answered_in_the_slot(tmp_path, site, browser):
    with deciding(tmp_path / "shop") as shop:
        # A headless browser says that it is one, and nothing is decided for machines.
        context = browser.new_context(user_agent=VISITOR)
        page = context.new_page()
        page.set_default_timeout(60_000)
        faults: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(site(_PAGE.format(key=shop.key, host=f"127.0.0.1:{shop.port}")))
        page.evaluate("add('a', 12000)")
        wait(page, lambda: page.evaluate("localStorage.getItem('ajs_anonymous_id')"))
        page.evaluate("dispatchEvent(new Event('online'))")
        wait(page, lambda: any("/v1/stream" in url for url in asked))
        visitor = page.evaluate("JSON.parse(localStorage.getItem('ajs_anonymous_id'))")
        assert f"anonymousId={visitor}" in next(url for url in asked if "/v1/stream" in url)
        assert page.locator("[data-afterclick]").count() == 0
        page.evaluate("add('b', 9000)")
        message = page.locator("#slot .slot")
        message.wait_for()
        wait(page, lambda: "9,000" in message.inner_text())
        # Told by the visitor's own id, and once.
        offers.until(lambda: shop.live.deciding.decider.report["free-shipping"].get("shown") == 1)
        assert offers.decide(shop, visitor)["decisions"] == []
        assert page.evaluate("localStorage.getItem('afterclick.id')") is None
        assert not faults
        context.close()
