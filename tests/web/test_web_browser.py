"""The pages in a real browser: looks, keys, drawer, no script, no request elsewhere, nothing axe would object to."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from drawn import FakeShop

from afterclick.core import i18n
from support.browsing import SIZES, violations

pytestmark = pytest.mark.browser

Serve = Callable[[FakeShop], str]
Open = Callable[..., Any]



@pytest.mark.parametrize(
    "path", ["/?", "/data?", "/?view=table&", "/?people=buyers&", "/?range=nope&where=channel+%3D%3D+%22email%22&"]
)
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_clean(serve: Serve, page: Open, axe: str, path: str, size: str) -> None:
    root = serve(FakeShop())
    for lang, theme in itertools.product(("en", "ko"), ("light", "dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}{path}lang={lang}&theme={theme}")
        tab.get_by_role("heading", level=1).wait_for()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert all(url.startswith((root, "data:")) for url in tab.requested)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_open_menus_are_clean(serve: Serve, page: Open, axe: str, size: str) -> None:
    tab = page(viewport=SIZES[size], bypass_csp=True)
    tab.goto(serve(FakeShop()) + "/?lang=ko&theme=dark&where=channel+%3D%3D+%22email%22")
    for menu in tab.locator("details.menu:visible, details.why").all():
        menu.locator(":scope > summary").click()
        assert violations(tab, axe) == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = menu.locator(".pane, .pop").bounding_box()
        assert box["x"] >= -1
        assert box["x"] + box["width"] <= SIZES[size]["width"] + 1
        tab.keyboard.press("Escape")
    assert tab.faults == []


@pytest.mark.parametrize(
    "shop",
    [{"hostile": True}, {"empty": True}, {"stages": tuple("ABCDEFG")}, {"stages": ("See", "Try", "Buy")}],
    ids=str,
)
def test_odd_shops_are_clean_too(serve: Serve, page: Open, axe: str, shop: dict[str, Any]) -> None:
    root = serve(FakeShop(**shop))
    for path, size in itertools.product(("/", "/data"), SIZES):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(root + path)
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_first_page_takes_few_requests(serve: Serve, page: Open) -> None:
    tab = page()
    tab.goto(serve(FakeShop()), wait_until="networkidle")
    assert len([url for url in tab.requested if not url.startswith("data:")]) <= 4


def test_keys_change_the_range_and_the_address(serve: Serve, page: Open) -> None:
    shop = FakeShop()
    tab = page()
    tab.goto(serve(shop) + "/?lang=en")
    tab.keyboard.press("w")
    tab.wait_for_url("**/?range=7d&lang=en")
    tab.get_by_text("Last 7 days").first.wait_for()
    tab.keyboard.press("x")
    tab.wait_for_url("**/?range=7d&compare=none&lang=en")
    tab.go_back()
    tab.wait_for_url("**/?range=7d&lang=en")
    tab.get_by_text("Vs previous period").first.wait_for()
    assert tab.faults == []
    assert {spec.range for spec in shop.asked} == {"28d", "7d"}


def test_keys_are_off_while_typing_and_can_be_turned_off(serve: Serve, page: Open) -> None:
    tab = page()
    tab.goto(serve(FakeShop()) + "/?lang=en")
    tab.locator("summary", has_text="Filter").click()
    tab.get_by_role("textbox", name="Value").press_sequentially("wade")
    assert tab.url.endswith("/?lang=en")
    tab.keyboard.press("Escape")
    tab.get_by_label("Help", exact=True).click()
    tab.get_by_role("button", name="Turn single keys off").click()
    tab.keyboard.press("Escape")
    tab.keyboard.press("a")
    tab.wait_for_timeout(200)
    assert tab.url.endswith("/?lang=en")


def test_the_drawer_opens_pages_and_closes_by_keyboard(serve: Serve, page: Open) -> None:
    tab = page()
    tab.goto(serve(FakeShop()) + "/?lang=en")
    mark = tab.get_by_role("link", name="3,829", exact=True)
    mark.focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.textContent") == "See these visitors"
    tab.keyboard.press("Enter")
    dialog = tab.get_by_role("dialog")
    dialog.wait_for()
    assert "people=stage%3DDelight" in tab.url
    assert tab.evaluate("document.querySelector('#drawer').matches(':modal')")
    tab.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert tab.url.endswith("/?lang=en")
    assert tab.evaluate("document.activeElement.textContent") == "3,829"
    tab.get_by_role("link", name="2.25%").click()
    tab.get_by_role("menuitem", name="See these visitors").click()
    tab.get_by_text("1–50 of 3,829").wait_for()
    tab.get_by_role("link", name="Next →").click()
    tab.get_by_text("51–100 of 3,829").wait_for()
    assert "page=2" in tab.url
    assert tab.faults == []


def test_a_filter_is_added_and_removed(serve: Serve, page: Open) -> None:
    shop = FakeShop()
    tab = page()
    tab.goto(serve(shop) + "/?lang=en")
    tab.locator("summary", has_text="Filter").click()
    tab.get_by_label("Property").select_option("source")
    tab.get_by_role("textbox", name="Value").fill("naver")
    tab.get_by_role("button", name="Add").click()
    tab.get_by_text("source is naver").first.wait_for()
    assert shop.asked[-1].where == ('source == "naver"',)
    tab.get_by_label("Remove filter: source is naver").click()
    tab.wait_for_url("**/?lang=en")
    assert tab.faults == []


def test_a_custom_range_by_form(serve: Serve, page: Open) -> None:
    tab = page()
    tab.goto(serve(FakeShop()) + "/?lang=en")
    tab.locator("summary", has_text="Last 28 days").click()
    tab.get_by_label("From").first.fill("2026-09-01")
    tab.get_by_label("To", exact=True).first.fill("2026-09-07")
    tab.get_by_role("button", name="Apply").first.click()
    tab.wait_for_url("**range=2026-09-01..2026-09-07**")
    tab.locator("summary", has_text="1–7 Sep").wait_for()


def test_slow_answers_come_into_their_place(serve: Serve, page: Open) -> None:
    shop = FakeShop()
    shop.gate = threading.Event()
    tab = page()
    tab.goto(serve(shop) + "/?lang=en")
    tab.get_by_text("Still counting").first.wait_for()
    shop.gate.set()
    tab.get_by_text("612 back to Close").wait_for()
    assert tab.faults == []
    assert sorted(spec.key_word for spec in shop.asked) == ["barriers", "feedback", "map"]


def test_theme_and_language_stay(serve: Serve, page: Open) -> None:
    root = serve(FakeShop())
    tab = page()
    tab.goto(root + "/?lang=en")
    tab.get_by_label("Light or dark").click()
    tab.get_by_role("link", name="Dark", exact=True).click()
    tab.locator("html[data-theme=dark]").wait_for()
    dark = tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert dark == "rgb(15, 18, 22)"
    tab.goto(root + "/data")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"


def test_tooltips_say_what_stands_behind_a_number(serve: Serve, page: Open) -> None:
    tab = page()
    tab.goto(serve(FakeShop()) + "/?lang=en")
    tab.get_by_role("link", name="41,938", exact=True).hover()
    tab.locator("#tip").wait_for()
    assert "skipped this stage: 1,204" in tab.locator("#tip").text_content()
    tab.mouse.move(5, 5)
    tab.locator("#tip").wait_for(state="detached")


def test_without_script_everything_is_there(serve: Serve, page: Open) -> None:
    shop = FakeShop()
    root = serve(shop)
    tab = page(java_script_enabled=False)
    tab.goto(root + "/?lang=en")
    for shown in ("₩442.4M", "135,016 leave", "612 back to Close"):
        tab.get_by_text(shown).first.wait_for()
    tab.locator("summary", has_text="Last 28 days").click()
    tab.get_by_role("link", name="Last 7 days").click()
    assert tab.url.endswith("/?range=7d&lang=en")
    tab.get_by_role("link", name="3,829", exact=True).click()
    tab.get_by_text("1–50 of", exact=False).first.wait_for()
    tab.get_by_role("link", name="Next →").click()
    assert "page=2" in tab.url
    tab.get_by_role("link", name="Close", exact=True).click()
    assert "people" not in tab.url
    shop.gate = threading.Event()
    tab.goto(root + "/?lang=en&range=91d")
    threading.Timer(0.5, shop.gate.set).start()
    tab.get_by_role("link", name="Wait for the answer").first.click()
    tab.get_by_text("135,016 leave").wait_for()


def test_text_grows_with_the_reader(serve: Serve, page: Open) -> None:
    tab = page(viewport={"width": 720, "height": 450})
    tab.goto(serve(FakeShop()) + "/?lang=ko")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = tab.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.textContent.trim() && e.getClientRects().length)"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 11


def test_longer_words_overflow_nowhere(serve: Serve, page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language whose words are 40% longer, without the words that may break."""
    say = i18n.text

    def longer(lang: str, name: str, /, **params: Any) -> str:
        said = say(lang, name, **params)
        return said + "·" + "x" * (2 * len(said) // 5)

    monkeypatch.setattr(i18n, "text", longer)
    root = serve(FakeShop())
    for path, size in itertools.product(("/", "/data", "/?view=table"), SIZES):
        tab = page(viewport=SIZES[size])
        tab.goto(root + path)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, size)
        out = tab.evaluate(
            "[...document.querySelectorAll('.figure, .chevron, .cell, .tiles > div')]"
            ".filter(e => e.scrollWidth > e.clientWidth + 1)"
            ".map(e => e.className + ' ' + e.textContent.slice(0, 60))"
        )
        assert out == [], (path, size)
