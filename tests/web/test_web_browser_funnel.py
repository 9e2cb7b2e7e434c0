"""The Funnels page and the click menu in a real browser, over a real store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from drawn import FakeShop
from test_web_funnel import QUERY, _fill

import afterclick
from support.browsing import SIZES, violations
from support.shop import Shop

pytestmark = pytest.mark.browser

Serve = Callable[[Any], str]
Open = Callable[..., Any]
ASKED = "/funnel?" + urlencode(QUERY, doseq=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("funnel") / "store"
    with _fill(Shop()).open(path, name="Shop", currency="KRW"):
        return path


@pytest.fixture
def store(folder: Path) -> Iterator[afterclick.Workspace]:
    with afterclick.open(folder) as opened:
        yield opened
        for name in list(opened.saved()):
            opened.unsave(name)


@pytest.mark.parametrize("path", [f"{ASKED}&by=device_type", "/funnel?range=all", f"{ASKED}&view=table"])
@pytest.mark.parametrize("size", SIZES)
def test_the_funnel_is_clean(
    serve: Serve, page: Open, axe: str, store: afterclick.Workspace, path: str, size: str
) -> None:
    root = serve(store)
    for lang, theme in itertools.product(("en", "ko"), ("light", "dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}{path}&lang={lang}&theme={theme}&wait=1")
        for fold in tab.locator("#answer details, details.ask, details.shelf").all():
            fold.evaluate("each => { each.open = true }")
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert all(url.startswith((root, "data:")) for url in tab.requested)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()


def test_the_menu_of_a_mark(serve: Serve, page: Open, axe: str, store: afterclick.Workspace) -> None:
    tab = page(bypass_csp=True)
    tab.goto(serve(store) + f"{ASKED}&by=device_type&lang=en&wait=1")
    mark = tab.locator("#card-breakdown").get_by_role("link").first
    count = mark.text_content()
    # The scroll of the focus is told of behind the key; one that moves nothing leaves the menu open.
    mark.evaluate("each => { each.focus(); each.click(); window.dispatchEvent(new Event('scroll')) }")
    menu = tab.get_by_role("menu")
    menu.wait_for()
    tab.evaluate("document.body.style.minHeight = '4000px'; scrollTo(0, scrollY > 200 ? 0 : 400)")
    menu.wait_for(state="detached")
    mark.focus()
    tab.keyboard.press("Enter")
    menu.wait_for()
    assert violations(tab, axe) == []
    assert menu.get_by_role("menuitem").first.text_content() == "See these visitors"
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate("document.activeElement.textContent") == "Filter by this"
    tab.keyboard.press("Escape")
    menu.wait_for(state="detached")
    assert mark.evaluate("each => each === document.activeElement")
    mark.click()
    menu.get_by_role("menuitem", name="See these visitors").click()
    tab.get_by_role("dialog").wait_for()
    assert tab.locator("#drawer .n").text_content().startswith(f"{count} visitors")
    tab.keyboard.press("Escape")
    tab.get_by_role("dialog").wait_for(state="detached")
    mark.click()
    menu.get_by_role("menuitem", name="Leave this out").click()
    tab.get_by_label("Remove filter").first.wait_for()
    assert "where=%21%28device_type" in tab.url
    assert tab.faults == []


def test_a_mark_opens_its_funnel(serve: Serve, page: Open) -> None:
    tab = page()
    tab.goto(serve(FakeShop()) + "/?lang=en")
    tab.locator("a.tp").nth(5).click()
    item = tab.get_by_role("menuitem", name="Open in funnel")
    assert item.get_attribute("href") == "/funnel?lang=en&steps=Signed+Up&steps=Order+Completed"
    tab.mouse.click(700, 5)
    tab.get_by_role("menu").wait_for(state="detached")


def test_a_card_becomes_a_picture(serve: Serve, page: Open, store: afterclick.Workspace, tmp_path: Path) -> None:
    tab = page(accept_downloads=True)
    tab.goto(serve(store) + f"{ASKED}&lang=en&wait=1")
    width = tab.locator("#card-steps").bounding_box()["width"]
    tab.locator("summary", has_text="Export").click()
    with tab.expect_download() as caught:
        tab.get_by_role("button", name="Steps", exact=True).click()
    assert caught.value.suggested_filename == "afterclick-steps.png"
    caught.value.save_as(tmp_path / "card.png")
    content = (tmp_path / "card.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(content[16:20], "big") == int(2 * width)
    assert len(content) > 20_000
    assert tab.faults == []


def test_a_question_is_saved_and_deleted_by_hand(serve: Serve, page: Open, store: afterclick.Workspace) -> None:
    tab = page()
    tab.goto(serve(store) + f"{ASKED}&lang=en&wait=1")
    tab.locator("details.shelf > summary").click()
    tab.locator(".shelf").get_by_label("Name").fill("Mine")
    tab.get_by_role("button", name="Save this question").click()
    tab.locator(".shelf").get_by_role("link", name="Mine").wait_for()
    assert list(store.saved()) == ["Mine"]
    tab.get_by_label("Delete Mine").click()
    tab.get_by_text("Only the saved question goes").wait_for()
    tab.locator(".shelf").get_by_role("button", name="Delete").click()
    tab.get_by_text("Nothing saved here yet").wait_for(state="attached")
    assert store.saved() == {}
    assert tab.faults == []


def test_keys_of_the_frame(serve: Serve, page: Open, store: afterclick.Workspace) -> None:
    tab = page()
    tab.goto(serve(store) + f"{ASKED}&lang=en&wait=1")
    tab.keyboard.press("ArrowLeft")
    tab.wait_for_url("**range=2026-01-01..2026-01-14**")
    tab.keyboard.press("k")
    tab.wait_for_url("**view=table**")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.name") == "filter_field"
    tab.keyboard.press("Escape")
    tab.keyboard.press("c")
    assert tab.evaluate("document.activeElement.type") == "date"
    tab.keyboard.press("Escape")
    tab.keyboard.press("?")
    tab.get_by_role("button", name="Turn single keys off").wait_for()
    tab.keyboard.press("Escape")
    tab.keyboard.press("g")
    tab.keyboard.press("j")
    tab.get_by_role("heading", level=1, name="Journey map").wait_for()
    assert tab.evaluate("getComputedStyle(document.querySelector('.equation')).display") == "grid"
    assert tab.faults == []


def test_the_funnel_works_without_script(serve: Serve, page: Open, store: afterclick.Workspace) -> None:
    root = serve(store)
    tab = page(java_script_enabled=False)
    tab.goto(root + "/funnel?lang=en&range=all&wait=1")
    tab.locator(".suggest a").first.click()
    tab.goto(tab.url + "&wait=1")
    tab.get_by_role("heading", name="Steps").wait_for()
    tab.locator("details.ask > summary").click()
    tab.get_by_label("Move down: Step 1").click()
    assert tab.url.index("Product+Viewed") < tab.url.index("Page+Viewed")
    tab.goto(root + ASKED + "&lang=en&wait=1")
    tab.locator("#card-steps a.n").nth(1).click()
    tab.get_by_text("80 visitors", exact=False).first.wait_for()
    tab.get_by_role("link", name="Close", exact=True).click()
    tab.goto(tab.url + "&wait=1")
    tab.locator("#card-steps").get_by_role("link", name="Why? After").first.click()
    assert "why=" in tab.url
