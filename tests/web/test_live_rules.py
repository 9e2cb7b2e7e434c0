"""Rules on the Live page: how often each fires now, and one visitor followed through all that are on."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import afterclick
from afterclick.app import automation_recipes
from afterclick.app.automation_print import fingerprint
from afterclick.collect.live.feed import Feed
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import clock
from afterclick.surfaces.viz import live_rules
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import create_app
from afterclick.surfaces.web.live_stream import Look
from support.browsing import violations
from support.shop import Shop

COUNTS = {
    "Quiet": {"fired": 0},
    "Offer <b>": {"fired": 12, "shown": 9, "held_out": 2, "suppressed.cap": 1, "clicked": 3},
    "Gap": {"fired": 40, "shown": 40},
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[afterclick.Workspace]:
    made = Shop()
    for page in range(3):
        made.add("v1", f"{page}m", "Page Viewed", url=f"https://shop.example/{page}?utm_source=naver&utm_medium=cpc")
    made.add("v1", "4m", "Product Added", product_id="p", price=12000, quantity=1)
    with made.open(tmp_path / "store", currency="KRW") as opened:
        yield opened


def switch_on(store: afterclick.Workspace, name: str) -> None:
    desk = store.automations
    made = desk.put(automation_recipes.draft(name, {}, lang="en", languages=("en",), currency="KRW"))
    desk.note_tested("rule", made.name, fingerprint(made))
    desk.switch_on("rule", made.name)


def test_the_busiest_rule_stands_first_and_those_that_did_nothing_nowhere() -> None:
    for lang in ("en", "ko"):
        shown = live_rules.firing(COUNTS, {"Gap": "12.0%"}, Voice(lang=lang))
        rows = re.findall(r"<tr>(.*?)</tr>", shown, re.S)[1:]
        cells = [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)] for row in rows]
        assert cells == [["Gap", "40", "40", "0", "0", "12.0%"], ["Offer &lt;b&gt;", "12", "9", "3", "3", "–"]]
    assert "No rule has fired" in live_rules.firing({"Quiet": {"fired": 0}}, {}, Voice())


def test_a_visitor_is_followed_without_script(store: afterclick.Workspace) -> None:
    with TestClient(create_app(store, feed=Feed(), hosts=("testserver",))) as pages:
        assert 'name="who"' not in pages.get("/live").text, "no rule is on"
        switch_on(store, "sign_up")
        switch_on(store, "shipping")
        assert 'name="who"' in pages.get("/live").text
        en = pages.get("/live", params={"who": "v1", "lang": "en"}).text
        assert "3 of 4" in en
        assert "12,000 of 20,000" in en
        assert en.index("Sign-up offer") < en.index("Free-shipping gap"), "the one nearest to firing comes first"
        assert "4 중 3" in pages.get("/live", params={"who": "v1", "lang": "ko"}).text
        missing = pages.get("/live", params={"who": '"><script>x</script>', "lang": "en"}).text
        assert "no visitor has the id" in missing
        assert "<script>x" not in missing


def test_visitors_seen_last_are_offered_to_be_followed(store: afterclick.Workspace) -> None:
    switch_on(store, "shipping")
    feed, now = Feed(), clock.now()
    seen = [Canonical(event_id=f"e{i}", type="track", event="Thing", anonymous_id=f"v{i % 7}", occurred_at=now, received_at=now)
            for i in range(14)]  # fmt: skip
    feed.take(seen, at=now, source="web")
    with TestClient(create_app(store, feed=feed, hosts=("testserver",))) as pages:
        shown = pages.get("/live", params={"lang": "en"}).text
        links = re.findall(r'href="(/live\?[^"]*who=[^"]*)#card-trace"', shown)
        assert [link.partition("who=")[2].partition("&")[0] for link in links] == [f"a%3Av{i}" for i in (6, 5, 4, 3, 2)]
        followed = pages.get(html.unescape(next(link for link in links if "v2" in link))).text
        assert "no visitor has the id" in followed, "it has sent nothing that is in the store yet"


def test_rules_that_fire_have_a_card_of_their_own(store: afterclick.Workspace) -> None:
    switch_on(store, "shipping")
    app = create_app(store, feed=Feed(), firing=lambda: COUNTS, hosts=("testserver",))
    shown = live_rules.firing(COUNTS, {}, Voice(lang="en"))
    with TestClient(app) as pages:
        look: Any = app.state.live
        assert pages.get("/live").status_code == 200
        cards = look._source.cards(Look("en", "chart"))
    assert cards["rules"] == shown


@pytest.mark.browser
def test_the_traced_page_is_clean(store: afterclick.Workspace, serve: Any, page: Any, axe: str) -> None:
    switch_on(store, "sign_up")
    root = serve(store)
    for lang, theme, width in (("en", "light", 1440), ("ko", "dark", 390)):
        tab = page(viewport={"width": width, "height": 900}, bypass_csp=True)
        tab.goto(f"{root}/live?lang={lang}&theme={theme}&who=v1")
        tab.locator(".rules-traced").wait_for()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()
