"""Offers on a real page of a shop in Chromium: rules of a real server, shown safely, told once, usable by everybody."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from afterclick.core import names
from afterclick.store.automations import LiveRule, Show, Words
from afterclick.store.live.reader import TailReader
from afterclick.surfaces.collector import offer_stream
from afterclick.surfaces.collector.site import SCRIPT, SHOW, script
from support import offers
from support.browsing import VISITOR, violations
from support.offers import deciding
from support.served import Served
from support.shop_page import ShopPage, shop_page

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
MESSAGE = "[data-afterclick]"
AD = "/?utm_source=naver&utm_medium=cpc&utm_campaign=spring"
SLOT = "<main><h1>Basket</h1><div class='slot' data-afterclick-slot='cart'></div><p id='below'>Below</p></main>"
HOSTILE = (
    "<p>Hello<script>window.pwned=1</script><img src=x onerror='window.pwned=2'>"
    "<a id=bad href='javascript:window.pwned=3'>a</a><a href='http://evil.example/'>b</a><a href='//evil.example/'>c</a>"
    "<a href='https://ok.example/' onclick='window.pwned=4'>d</a><iframe src='https://evil.example'></iframe>"
    "<svg onload='window.pwned=5'><style>*{background:url(https://evil.example)}</style></svg>"
    "<b style='background-image:url(https://evil.example/x);color:red;position:fixed'>e</b></p>"
)


def simple(name: str, kind: Any, event: str, words: Words | Sequence[Words], **how: Any) -> LiveRule:
    """A rule that shows something whenever an event happens."""
    listed = (words,) if isinstance(words, Words) else tuple(words)
    return LiveRule(
        name=name, state="on", once="ever", on=(event,), when="session.pages >= 0",
        show=Show(kind=kind, words=listed, **how),
    )  # fmt: skip


RULES = (
    *offers.RULES,
    simple("hostile", "banner", "Hostile", Words(title="<img src=x onerror=window.pwned=6>", body=HOSTILE,
           button="<b>Go</b>", url="/safe", image="https://127.0.0.1:9/none.png")),
    simple("coupon", "toast", "Coupon", Words(title="For you", code="SAVE-10")),
    simple("note", "toast", "Note", Words(title="Saved")),
    simple("news", "banner", "News", (Words(lang="en", title="News", body="Read it", button="Read", url="/news"),
           Words(lang="ko", title="소식", body="새 상품이 들어왔습니다.", button="보러 가기", url="/news")), colour="#b3261e"),
    simple("dark", "popup", "Dark", Words(title="Night", body="- one\n- two", button="Fine"), theme="dark"),
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with deciding(tmp_path_factory.mktemp("offers") / "shop", RULES) as one:
        yield one


@pytest.fixture
def here(shop: Served) -> Iterator[ShopPage]:
    with shop_page(shop.address, shop.key) as one:
        yield one


def opened(here: ShopPage, page: Open, path: str = "/", **options: Any) -> Any:
    tab = page(**options)
    tab.set_default_timeout(60_000)
    tab.goto(here.root + path)
    return ready(tab)


def ready(tab: Any) -> Any:
    wait(tab, lambda: tab.evaluate("Boolean(window.afterclick && window.afterclick.track)"))
    return tab


def wait(tab: Any, true: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while not (found := true()):
        assert time.monotonic() < end, tab.faults
        tab.wait_for_timeout(20)
    return found


def track(tab: Any, event: str, **properties: Any) -> None:
    tab.evaluate("([event, properties]) => window.afterclick.track(event, properties)", [event, properties])


def listens(tab: Any) -> None:
    """Until the page hears: what happens then is shown at once."""
    wait(tab, lambda: any("/v1/stream" in url for url in tab.requested))


def stored(shop: Served, *events: str, rule: str = "") -> list[dict[str, Any]]:
    reader = TailReader(shop.live.shop.store.path)
    try:
        found = [json.loads(body) for call in reader.read(0, 1_000_000) for body in call.bodies]
    finally:
        reader.close()
    return [one for one in found if one["event"] in events and one.get("properties", {}).get("rule", "") == rule]


def test_both_files_are_small_and_read_no_html() -> None:
    first, second = (script(path) for path in (SCRIPT, SHOW))
    assert len(gzip.compress(first, 9)) <= 4_000
    assert len(gzip.compress(second, 9)) <= 4_500
    assert not re.search(rb"\beval\b|new Function|innerHTML|insertAdjacent|document\.write|DOMParser|srcdoc", first + second)


def test_a_first_visitor_from_a_portals_ad_sees_the_sign_up_offer_on_the_fourth_page(
    shop: Served, here: ShopPage, page: Open
) -> None:
    before = len(stored(shop, names.MESSAGE_DELIVERED, rule="sign-up"))
    tab = opened(here, page, AD)
    for number in (2, 3):
        wait(tab, lambda: tab.evaluate("!Object.keys(localStorage).some((name) => name.startsWith('afterclick.queue'))"))
        tab.goto(f"{here.root}/page-{number}")
        ready(tab)
    assert tab.locator(MESSAGE).count() == 0
    tab.goto(f"{here.root}/page-4")
    dialog = tab.locator(f"{MESSAGE} dialog")
    dialog.wait_for()
    assert dialog.get_attribute("open") is not None
    assert "Join in" in dialog.inner_text()
    assert tab.locator(f"{MESSAGE} a.go").get_attribute("href").endswith("/join")
    wait(tab, lambda: len(stored(shop, names.MESSAGE_DELIVERED, rule="sign-up")) == before + 1)
    # A page that comes after shows it no more.
    tab.goto(f"{here.root}/page-5")
    ready(tab)
    listens(tab)
    track(tab, "Note")
    tab.locator(f"{MESSAGE} .toast").wait_for()
    assert tab.locator(f"{MESSAGE} dialog").count() == 0
    assert len(stored(shop, names.MESSAGE_DELIVERED, rule="sign-up")) == before + 1
    assert not tab.faults
    assert {url.split("/")[2] for url in tab.requested if url.startswith("http")} <= {
        here.root.removeprefix("http://"), here.host.removeprefix("http://")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("style", "system", "theme"),
    [
        ("body { background: #fff }", "dark", "light"),
        ("html { background: #101418 }", "light", "dark"),
        ("", "dark", "light"),
        ("html { color-scheme: light dark }", "dark", "dark"),
        ("html { color-scheme: light dark }", "light", "light"),
    ],
)
def test_a_message_is_light_on_a_light_page_and_dark_on_a_dark_one(
    shop: Served, here: ShopPage, page: Open, style: str, system: str, theme: str
) -> None:
    here.style = style
    tab = opened(here, page, color_scheme=system)
    listens(tab)
    track(tab, "News")
    tab.locator(f"{MESSAGE} .banner").wait_for()
    assert tab.locator(MESSAGE).get_attribute("data-theme") == theme


@pytest.mark.parametrize(("width", "in_one_row"), [(1280, True), (390, False)])
def test_a_banner_is_one_row_where_there_is_room(
    shop: Served, here: ShopPage, page: Open, width: int, in_one_row: bool
) -> None:
    tab = opened(here, page, viewport={"width": width, "height": 844}, reduced_motion="reduce")
    listens(tab)
    track(tab, "News")
    tab.locator(f"{MESSAGE} .banner .go").wait_for()
    text, go = (tab.locator(f"{MESSAGE} .banner {one}").bounding_box() for one in (".text", ".go"))
    assert (go["y"] < text["y"] + text["height"]) is in_one_row


def test_a_picture_that_is_not_there_leaves_no_gap(shop: Served, here: ShopPage, page: Open) -> None:
    tab = opened(here, page)
    listens(tab)
    track(tab, "Hostile")
    tab.locator(f"{MESSAGE} .banner .go").wait_for()
    wait(tab, lambda: tab.locator(f"{MESSAGE} .picture").count() == 0)


def test_a_browser_that_calls_itself_headless_is_shown_nothing(shop: Served, here: ShopPage, page: Open) -> None:
    tab = opened(here, page, user_agent=f"{VISITOR} HeadlessChrome/140.0.0.0")
    listens(tab)
    track(tab, "News", crawled=1)

    def crawled() -> bool:
        return any(one.get("properties", {}).get("crawled") for one in stored(shop, "News"))

    wait(tab, crawled)
    other = opened(here, page)
    listens(other)
    track(other, "News")
    other.locator(f"{MESSAGE} .banner").wait_for()
    assert tab.locator(MESSAGE).count() == 0


def test_a_basket_of_21000_is_told_the_9000_that_are_missing_without_moving_the_page(
    shop: Served, here: ShopPage, page: Open
) -> None:
    here.body = SLOT
    tab = opened(here, page)
    tab.evaluate(
        "() => { window.moved = 0; new PerformanceObserver((list) => { for (const one of list.getEntries()) window.moved +="
        " one.value; }).observe({ type: 'layout-shift', buffered: true }); }"
    )
    below = tab.locator("#below").bounding_box()
    track(tab, "Product Added", product_id="a", price=12_000, quantity=1, currency="KRW")
    listens(tab)
    assert tab.locator(MESSAGE).count() == 0
    track(tab, "Product Added", product_id="b", price=9_000, quantity=1, currency="KRW")
    message = tab.locator("[data-afterclick-slot] .slot")
    message.wait_for()
    wait(tab, lambda: "9,000" in message.inner_text())
    assert tab.locator("#below").bounding_box() == below
    assert tab.evaluate("window.moved") == 0
    wait(tab, lambda: stored(shop, names.MESSAGE_DELIVERED, rule="free-shipping"))
    tab.locator(f"{MESSAGE} .x").click()
    wait(tab, lambda: stored(shop, names.MESSAGE_DISMISSED, rule="free-shipping"))
    assert tab.locator("#below").bounding_box() == below
    assert not tab.faults


def test_case_89_nothing_of_hostile_content_runs_or_leads_away(shop: Served, here: ShopPage, page: Open) -> None:
    # A page that would let inline code run, so that it is us who must not.
    here.policy = f"script-src {here.host} 'unsafe-inline' 'unsafe-eval'; img-src"
    tab = opened(here, page)
    track(tab, "Hostile")
    box = tab.locator(f"{MESSAGE} .banner")
    box.wait_for()
    tab.locator(f"{MESSAGE} .go").wait_for()
    assert "<img src=x onerror" in box.inner_text()
    assert tab.locator(f"{MESSAGE} .go").inner_text() == "<b>Go</b>"
    root = f"document.querySelector('{MESSAGE}').shadowRoot"
    hrefs = tab.evaluate(f"[...{root}.querySelectorAll('a')].map((one) => one.getAttribute('href'))")
    assert [href for href in hrefs if href] == ["https://ok.example/", here.root + "/safe"]
    tags = tab.evaluate(f"[...{root}.querySelectorAll('*')].map((one) => one.localName)")
    assert not {"script", "iframe", "svg", "style", "object", "embed"} & set(tags)
    attributes = tab.evaluate(f"[...{root}.querySelectorAll('*')].flatMap((one) => one.getAttributeNames())")
    assert not [name for name in attributes if name.startswith("on")]
    for link in tab.locator(f"{MESSAGE} .text a").all():
        link.evaluate("(one) => { one.addEventListener('click', (event) => event.preventDefault()); one.click(); }")
    tab.wait_for_timeout(200)
    assert tab.evaluate("window.pwned") is None
    assert not [url for url in tab.requested if "evil" in url]


def test_case_89_the_page_does_not_rely_on_the_server(here: ShopPage, page: Open) -> None:
    here.policy = f"script-src {here.host} 'nonce-t' 'unsafe-inline'; img-src"
    tab = opened(here, page)
    nodes = [
        ["script", {}, "window.pwned=1"], ["img", {"src": "javascript:window.pwned=2", "onerror": "window.pwned=3"}],
        ["a", {"href": "JaVaScRiPt:window.pwned=4", "onclick": "window.pwned=5"}, "x"], ["style", {}, "*{color:red}"],
        ["a", {"href": "data:text/html,<script>window.pwned=6</script>"}, "y"], "<b onclick=window.pwned=7>z</b>",
        ["p", {"style": "background:url(https://evil.example)", "srcdoc": "x", "is": "x"}, ["iframe", {"src": "https://evil.example"}]],
        ["form", {"action": "https://evil.example"}, ["input", {"autofocus": "", "onfocus": "window.pwned=8"}]],
    ]  # fmt: skip
    content = {"title": "T", "body": nodes, "button": "Go", "url": "javascript:window.pwned=9", "image": "javascript:1",
               "colour": "red;background:url(https://evil.example)", "theme": "light"}  # fmt: skip
    told = tab.evaluate(
        "([url, content]) => import(url).then((module) => { const told = []; module.show({ action_id: 'x', kind: 'banner',"
        " placement: '', ttl: '60s', content }, (state) => told.push(state)); return told; })",
        [here.host + SHOW, content],
    )
    assert told == []
    tab.locator(f"{MESSAGE} .go").wait_for()
    root = f"document.querySelector('{MESSAGE}').shadowRoot"
    tags = tab.evaluate(f"[...{root}.querySelectorAll('*')].map((one) => one.localName)")
    assert not {"script", "style", "iframe", "form", "input"} & set(tags)
    assert tab.evaluate(f"[...{root}.querySelectorAll('a')].map((one) => one.getAttribute('href')).filter(Boolean)") == []
    tab.evaluate(f"for (const one of {root}.querySelectorAll('a, img, button.go')) one.click()")
    tab.wait_for_timeout(200)
    assert tab.evaluate("window.pwned") is None
    assert not [url for url in tab.requested if "evil" in url]


@pytest.mark.parametrize(("lang", "size"), [("en", "desktop"), ("ko", "phone"), ("ar", "phone")])
def test_messages_are_clean_for_axe(shop: Served, here: ShopPage, page: Open, axe: str, lang: str, size: str) -> None:
    here.lang, here.dir = lang, "rtl" if lang == "ar" else "ltr"
    here.policy = f"script-src {here.host} 'unsafe-inline' 'unsafe-eval'; img-src"
    view = {"width": 390, "height": 844} if size == "phone" else {"width": 1280, "height": 800}
    scheme = "dark" if lang == "ko" else "light"
    tab = opened(here, page, viewport=view, color_scheme=scheme, reduced_motion="reduce", locale=lang)
    for event, where in (("News", ".banner .go"), ("Coupon", ".toast .copy"), ("Dark", "dialog .go")):
        track(tab, event)
        tab.locator(f"{MESSAGE} {where}").wait_for()
        assert violations(tab, axe) == []
        inside = tab.evaluate(
            f"[...document.querySelectorAll('{MESSAGE}')].every((one) => {{ const box = one.shadowRoot.querySelector('.box')"
            ".getBoundingClientRect(); return box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight + 1; })"
        )
        assert inside
    closing = {"en": "Close", "ko": "닫기", "ar": "إغلاق"}[lang]
    assert tab.locator(f"{MESSAGE} dialog .x").get_attribute("aria-label") == closing
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_popup_holds_the_keyboard_and_escape_gives_it_back(shop: Served, here: ShopPage, page: Open) -> None:
    here.body = "<main><h1>Shop</h1><button id='before'>Before</button><a href='#x'>x</a></main>"
    tab = opened(here, page)
    before = len(stored(shop, names.MESSAGE_DISMISSED, rule="dark"))
    tab.locator("#before").focus()
    track(tab, "Dark")
    tab.locator(f"{MESSAGE} dialog .go").wait_for()
    focused = "document.activeElement.shadowRoot?.activeElement?.className || document.activeElement.id"
    seen = set()
    for _ in range(6):
        tab.keyboard.press("Tab")
        seen.add(tab.evaluate(focused))
    assert {"go", "x"} <= seen
    assert "before" not in seen
    tab.keyboard.press("Escape")
    wait(tab, lambda: tab.locator(MESSAGE).count() == 0)
    assert tab.evaluate("document.activeElement.id") == "before"
    wait(tab, lambda: len(stored(shop, names.MESSAGE_DISMISSED, rule="dark")) == before + 1)


def test_a_toast_is_announced_and_does_not_take_the_focus(shop: Served, here: ShopPage, page: Open) -> None:
    here.body = "<main><h1>Shop</h1><button id='before'>Before</button></main>"
    tab = opened(here, page)
    tab.locator("#before").focus()
    track(tab, "Note")
    toast = tab.locator(f"{MESSAGE} .toast")
    toast.wait_for()
    tab.locator(f"{MESSAGE} .x").wait_for()
    assert toast.evaluate("(one) => one.closest('[aria-live]').getAttribute('aria-live')") == "polite"
    assert tab.evaluate("document.activeElement.id") == "before"


def test_a_coupon_is_copied_and_counts_as_a_click(shop: Served, here: ShopPage, page: Open) -> None:
    tab = opened(here, page, permissions=["clipboard-read", "clipboard-write"])
    before = len(stored(shop, names.MESSAGE_CLICKED, rule="coupon"))
    track(tab, "Coupon")
    copy = tab.locator(f"{MESSAGE} .copy")
    copy.wait_for()
    copy.click()
    wait(tab, lambda: tab.locator(f"{MESSAGE} .said").inner_text() == "Copied")
    assert tab.evaluate("navigator.clipboard.readText()") == "SAVE-10"
    copy.click()
    wait(tab, lambda: len(stored(shop, names.MESSAGE_CLICKED, rule="coupon")) == before + 1)


def test_a_click_is_told_though_the_page_goes(shop: Served, here: ShopPage, page: Open) -> None:
    tab = opened(here, page, AD)
    before = len(stored(shop, names.MESSAGE_CLICKED, rule="sign-up"))
    for number in (2, 3, 4):
        wait(tab, lambda: tab.evaluate("!Object.keys(localStorage).some((name) => name.startsWith('afterclick.queue'))"))
        tab.goto(f"{here.root}/page-{number}")
        ready(tab)
    tab.locator(f"{MESSAGE} dialog a.go").wait_for()
    tab.locator(f"{MESSAGE} dialog a.go").click()
    tab.wait_for_url("**/join")
    wait(tab, lambda: len(stored(shop, names.MESSAGE_CLICKED, rule="sign-up")) == before + 1)


def test_without_a_stream_the_page_asks(
    shop: Served, here: ShopPage, page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offer_stream, "MOST_STREAMS", 0)
    tab = opened(here, page)
    track(tab, "News")
    wait(tab, lambda: any("/v1/decide" in url for url in tab.requested))
    tab.locator(f"{MESSAGE} .banner").wait_for()
    wait(tab, lambda: stored(shop, names.MESSAGE_DELIVERED, rule="news"))


def test_a_denied_consent_ends_it(here: ShopPage, page: Open) -> None:
    here.attributes = "data-consent='required'"
    tab = opened(here, page)
    track(tab, "News")
    tab.wait_for_timeout(300)
    assert not [url for url in tab.requested if "/v1/" in url]
    tab.evaluate("window.afterclick.consent('granted')")
    tab.locator(f"{MESSAGE} .banner").wait_for()
    tab.evaluate("window.afterclick.consent('denied')")
    asked = len(tab.requested)
    track(tab, "Note")
    tab.wait_for_timeout(500)
    assert [url for url in tab.requested[asked:] if "/v1/stream" in url or "/v1/decide" in url] == []


def test_a_hidden_page_holds_no_stream(shop: Served, here: ShopPage, page: Open, tmp_path: Path) -> None:
    tab = opened(here, page)
    listens(tab)
    wait(tab, shop.live.offering.anything)
    tab.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true });"
        " window.away = true; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    asked = len([url for url in tab.requested if "/v1/stream" in url])
    track(tab, "Note")
    tab.wait_for_timeout(300)
    assert tab.locator(MESSAGE).count() == 0
    tab.evaluate("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')); }")
    tab.locator(f"{MESSAGE} .toast").wait_for()
    assert len([url for url in tab.requested if "/v1/stream" in url]) == asked + 1
