"""The Paths page: columns add up, what it shows is in the answer, every number opens its people, menus set fields."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import quote, unquote

import pytest

import afterclick
from afterclick import Paths, SearchTerms, Transitions
from afterclick.surfaces.viz import flows
from afterclick.surfaces.viz import paths as drawn
from afterclick.surfaces.viz.voice import Voice
from support.browsing import SIZES, violations
from support.markup import text_of
from support.visited import HOSTILE, visited

ALL = {"range": "all", "compare": "none"}
CARDS = (drawn.columns, drawn.whole)
MOVES = (drawn.moves, drawn.loops, drawn.nodes)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[afterclick.Workspace]:
    with visited(tmp_path_factory.mktemp("visited") / "s") as opened:
        yield opened


def test_the_page_shows_columns_whole_paths_moves_and_searches(pages, store):
    found = store.ask(Paths(**ALL))
    markup = pages.get("/paths", params={**ALL, "lang": "en", "wait": "1"}).text
    shown = " ".join(text_of(markup).split())
    assert found.sentence() in shown
    assert store.ask(Transitions(unit="visitors", **ALL)).sentence() in shown
    assert store.ask(SearchTerms(**ALL)).sentence() in shown
    heads = found.parts["heads"].to_pylist()
    for head in heads:
        assert f"= {head['here']} here + {head['over']} over" in shown
    assert "Arrived by" in shown
    assert "니트" in shown
    assert 'href="/touchpoint?range=all' in markup
    assert "<script>alert" not in markup


def test_the_columns_of_the_drawing_are_equally_high(store):
    found = store.ask(Paths(**ALL))
    markup = str(flows.flows(found, found.frame.to_pylist(), Voice()))
    high: dict[float, float] = {}
    for x, height in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="12" height="([\d.]+)"', markup):
        high[float(x)] = high.get(float(x), 0.0) + float(height)
    assert len(high) == 6
    assert all(abs(total - flows.HEIGHT) < 4 for total in high.values())
    assert "nan" not in markup.lower()


def test_every_marked_number_opens_as_many_people(store):
    voice = Voice(currency="KRW", people=lambda cell: f"/?people={quote(cell)}")
    answers = (
        [(draw, store.ask(Paths(**ALL)), view) for draw in CARDS for view in ("chart", "table")]
        + [(draw, store.ask(Transitions(**ALL)), "chart") for draw in MOVES]
        + [(drawn.searches, store.ask(SearchTerms(**ALL)), "chart")]
    )
    count = 0
    for draw, found, view in answers:
        markup = str(draw(found, voice, view) or "")
        for cell, number in re.findall(r'href="/\?people=([^"]+)"[^>]*>([\d,]+)<', markup):
            assert len(found.people(unquote(unescape(cell)))) == int(number.replace(",", "")), cell
            count += 1
    assert count > 40


@pytest.mark.parametrize("extra", [{}, {"end": "/cart"}, {"start": "/home", "end": "/cart"}, {"unit": "sessions"}])
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_kind_of_path_is_drawn_without_links_too(store, extra, lang):
    found = store.ask(Paths(against="previous" if not extra else "", **extra, **ALL))
    voice = Voice(lang=lang)
    for draw, view in itertools.product(CARDS, ("chart", "table")):
        markup = str(draw(found, voice, view))
        assert "href" not in markup
        assert "None" not in text_of(markup)


def test_an_empty_range_draws_the_finding_and_no_empty_cards(store):
    nobody = {"range": "2025-01-01..2025-01-31"}
    assert "No path" in str(drawn.columns(store.ask(Paths(**nobody)), Voice()))
    assert drawn.whole(store.ask(Paths(**nobody)), Voice()) is None
    for draw in MOVES:
        assert draw(store.ask(Transitions(**nobody)), Voice()) is None
    assert drawn.searches(store.ask(SearchTerms(**nobody)), Voice()) is None


def test_the_json_and_the_csv_are_the_answer(pages, store):
    found = store.ask(Paths(start="/home", **ALL))
    asked = {**ALL, "start": "/home"}
    given = pages.get("/paths.json", params={**asked, "card": "columns"}).json()
    assert given.get("columns", given)["data"] == found.frame.to_pylist()
    lines = pages.get("/paths.csv", params={**asked, "card": "whole"}).text.removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert [row["path"] for row in rows] == [row["path"] for row in found.parts["paths"].to_pylist()]
    links = pages.get("/paths.csv", params={**asked, "card": "links"})
    assert links.status_code in (200, 422)


def test_the_menu_of_a_step_starts_ends_leaves_out_and_groups(pages):
    markup = pages.get("/paths", params={**ALL, "lang": "en", "wait": "1"}).text
    for words in ("Start here", "End here", "Leave this step out", "Put its folder together"):
        assert words in markup
    assert 'data-start="/items/*"' in markup
    assert 'data-exclude="/items/*"' in markup
    without_script = pages.get("/paths", params={**ALL, "lang": "en", "people": "column=1;touchpoint=/home"}).text
    assert "start=%2Fhome" in without_script
    assert "end=%2Fhome" in without_script
    assert "exclude=%2Fhome" in without_script


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_hostile_names_are_text(pages, lang):
    for extra in ({"of": "events"}, {"start": HOSTILE}, {"group": f"{HOSTILE}*"}):
        answer = pages.get("/paths", params={**ALL, **extra, "lang": lang, "wait": "1"})
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text


def test_an_unknown_start_is_an_error_of_its_cards_that_names_the_nearest(pages):
    answer = pages.get("/paths", params={**ALL, "start": "/cartt", "wait": "1"})
    assert answer.status_code == 200
    assert "there is no touchpoint" in text_of(answer.text)


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/paths?range=all&", "/paths?range=all&end=/cart&against=previous&unit=sessions&"])
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


@pytest.mark.browser
def test_a_step_lights_its_ways_and_its_menu_starts_there(
    serve: Callable[[Any], str], page: Callable[..., Any], store: Any
) -> None:
    tab = page()
    tab.goto(serve(store) + "/paths?range=all&lang=en&wait=1")
    mark = tab.locator(".flows .node", has_text="/home").locator("a").first
    mark.hover()
    assert tab.locator(".flows .way.lit").count() > 0
    mark.click()
    item = tab.get_by_role("menuitem", name="Start here")
    assert "start=%2Fhome" in item.get_attribute("href")
    item.click()
    tab.wait_for_url("**start=%2Fhome**")
    assert tab.faults == []
