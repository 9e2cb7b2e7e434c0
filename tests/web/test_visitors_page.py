"""The list of visitors and the page of one: pages without gaps, whole ids only, masked, stitches with their undo."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest

import afterclick
from afterclick import Kpi, Visitor, Visitors
from afterclick.surfaces.viz import visitor, visitors
from afterclick.surfaces.viz.voice import Voice
from support.browsing import SIZES, violations
from support.markup import text_of
from support.visited import MAIL, visited

ALL = {"range": "all", "compare": "none"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[afterclick.Workspace]:
    with visited(tmp_path_factory.mktemp("visited") / "s") as opened:
        yield opened


def listed(markup: str) -> list[str]:
    return re.findall(r'href="/visitor/([^"?]+)', markup)


@pytest.mark.parametrize("sort", ["last_seen", "revenue"])
def test_following_next_meets_every_visitor_once(pages, store, sort):
    seen, address = [], f"/visitors?range=all&sort={sort}&wait=1"
    for _ in range(5):
        markup = pages.get(address).text
        seen += listed(markup)
        following = re.search(r'href="([^"]*cursor=[^"]*)"[^>]*rel="next"', markup)
        if not following:
            break
        address = unescape(following[1]) + "&wait=1"
    count = store.ask(Kpi(**ALL)).figures["visitors"]
    assert len(seen) == len(set(seen)) == count > 50


def test_the_search_is_a_form_that_keeps_the_scope_and_finds_by_id_and_by_e_mail(pages):
    markup = pages.get("/visitors?range=all&lang=ko").text
    form = markup[markup.index('class="find"') :]
    assert 'name="range" value="all"' in form[: form.index("</form>")]
    for search in ("v000", "u1", MAIL):
        found = pages.get("/visitors", params={"range": "all", "search": search, "wait": "1"}).text
        assert listed(found) == ["a%3Av000"]
        # What was typed stands in the field and in the command to copy; the answer itself is masked.
        assert MAIL not in text_of(found[found.index('class="finding"') : found.index('class="foot"')])
    nobody = pages.get("/visitors", params={"range": "all", "search": "v00", "wait": "1", "lang": "en"}).text
    assert listed(nobody) == []
    assert "No visitor has this id." in text_of(nobody)


def test_one_visitor_has_a_page_with_ids_reasons_undo_and_timeline(pages, store):
    one = store.ask(Visitor(id="w000"))
    shown = text_of(pages.get("/visitor/w000?wait=1").text)
    assert one.figures["ids"] == 4
    assert "ki…@mail.example" in shown
    assert "afterclick unlink a:v000 u:u1" in shown
    assert "the user id was sent from this device" in shown
    for row in one.frame.to_pylist():
        assert f"Session {row['session']}" in shown
    assert "Coupon Denied" in shown
    assert "error" in shown
    assert MAIL not in shown


def test_a_bad_cursor_an_unknown_id_and_no_id_are_no_failures(pages):
    assert pages.get("/visitors?cursor=zzz&range=all").status_code == 200
    unknown = pages.get("/visitor/nobody-knows?wait=1")
    assert unknown.status_code == 200
    assert "no event carries the id" in text_of(unknown.text)
    start = pages.get("/visitor?wait=1&range=all")
    assert start.status_code == 200
    assert "a%3Av000" in start.text


def test_json_is_the_answer_and_holds_no_e_mail(pages, store):
    answer = pages.get("/visitors.json", params={"range": "all", "compare": "none", "sort": "orders"})
    assert MAIL not in answer.text
    given = answer.json()
    given = given.get("list", given)
    expected = store.ask(Visitors(sort="orders", **ALL)).frame["visitor"].to_pylist()
    assert [row["visitor"] for row in given["data"]] == expected
    assert MAIL not in pages.get("/visitor.json", params={"id": "v000"}).text
    assert MAIL not in pages.get("/visitors.csv", params={"range": "all"}).text


def test_views_draw_without_links_too(store):
    every, one = store.ask(Visitors(**ALL)), store.ask(Visitor(id="v000"))
    for lang in ("en", "ko"):
        voice = Voice(lang=lang, currency="KRW", zone="Asia/Seoul")
        drawn = [visitors.listed(every, voice), visitor.summary(one, voice), visitor.timeline(one, voice)]
        for markup in [*drawn, visitor.ids(one, voice), visitor.stitches(one, voice)]:
            assert markup
            assert "href" not in markup
            assert "None" not in text_of(markup)
    widths = [float(wide) for wide in re.findall(r'<rect[^>]*\swidth="([\d.]+)"', visitor.summary(one, Voice()))]
    assert widths
    assert sum(widths) <= 100


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/visitors?range=all&", "/visitor/v000?", "/visitors?search=nobody&"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_is_clean_in_a_browser(
    serve: Callable[[Any], str], page: Callable[..., Any], axe: str, store: Any, path: str, size: str
) -> None:
    root = serve(store)
    for lang, theme in itertools.product(("en", "ko"), ("light", "dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}{path}lang={lang}&theme={theme}&wait=1")
        tab.get_by_role("heading", level=1).wait_for()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()
