"""The touchpoint page: what it shows is in the answer, both sides add up, every number opens its people, names are safe."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

import afterclick
from afterclick import Touchpoint, Touchpoints
from afterclick.surfaces.viz import friction, touchpoint, touchpoints
from afterclick.surfaces.viz.voice import Voice
from support.browsing import SIZES, violations
from support.markup import text_of
from support.visited import HOSTILE, visited

EN = Voice(currency="KRW", zone="Asia/Seoul")
ALL = {"range": "all", "compare": "none"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[afterclick.Workspace]:
    with visited(tmp_path_factory.mktemp("visited") / "s") as opened:
        yield opened


def test_one_touchpoint_shows_its_figures_both_sides_and_what_friction_is_made_of(pages, store):
    found = store.ask(Touchpoint(name="/cart", **ALL))
    shown = text_of(
        pages.get("/touchpoint", params={"name": "/cart", "range": "all", "compare": "none", "wait": "1"}).text
    )
    figures = found.figures
    assert found.sentence() in shown
    for name in ("visitors", "sessions", "views"):
        assert f" {figures[name]} " in shown
    for row in found.frame.to_pylist():
        if row["type"] == "page":
            assert row["touchpoint"] in shown
    assert "Coupon Denied" not in found.frame["touchpoint"].to_pylist()
    points = sum(row["points"] for row in found.parts["friction"].to_pylist())
    assert f" {round(points)} " in shown
    assert "0.4 × exit rate" in shown
    assert "Observed" in shown


def test_the_json_and_the_csv_of_the_page_are_the_answer(pages, store):
    found = store.ask(Touchpoint(name="/items/*", **ALL))
    asked = {"name": "/items/*", "range": "all", "compare": "none"}
    given = pages.get("/touchpoint.json", params={**asked, "card": "sides"}).json()
    given = given.get("sides", given)
    assert given["data"] == found.frame.to_pylist()
    lines = pages.get("/touchpoint.csv", params={**asked, "card": "friction"}).text.removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert [row["part"] for row in rows] == [row["part"] for row in found.parts["friction"].to_pylist()]


@pytest.mark.parametrize("name", ["/cart", "/items/*", "Product Viewed", "Coupon Denied", HOSTILE])
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_names_with_slashes_stars_and_markup_have_a_page(pages, name, lang):
    answer = pages.get("/touchpoint", params={"name": name, "range": "all", "lang": lang, "wait": "1"})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    inner = pages.get(f"/touchpoint/{quote(name, safe='')}", params={"range": "all", "lang": lang, "wait": "1"})
    assert inner.status_code == 200
    assert 'role="alert"' not in inner.text


def test_an_unknown_touchpoint_is_an_error_of_its_cards_that_names_the_nearest(pages):
    answer = pages.get("/touchpoint", params={"name": "/card", "range": "all", "wait": "1"})
    assert answer.status_code == 200
    assert "there is no touchpoint" in text_of(answer.text)
    assert "/cart" in text_of(answer.text)


def test_without_a_name_all_touchpoints_stand_there_and_lead_to_their_pages(pages, store):
    every = store.ask(Touchpoints(**ALL))
    markup = pages.get("/touchpoint", params={"range": "all", "compare": "none", "wait": "1"}).text
    shown = text_of(markup)
    for row in every.frame.to_pylist():
        assert row["touchpoint"] in shown
    assert every.sentence() in shown
    assert "니트" in shown
    assert "/touchpoint/%2Fcart" in markup
    assert "with Product Viewed" in shown


def test_every_marked_number_opens_as_many_people(pages, store):
    found = store.ask(Touchpoint(name="/cart", **ALL))
    cells: list[tuple[str, int]] = []
    voice = Voice(currency="KRW", people=lambda cell: f"/?people={quote(cell)}")
    for draw in (touchpoint.sides, touchpoint.channels, touchpoint.words, touchpoint.beside):
        markup = str(draw(found, voice) or "")
        cells += [
            (cell, int(number.replace(",", "")))
            for cell, number in re.findall(r'href="/\?people=([^"]+)"[^>]*>([\d,]+)<', markup)
        ]
    assert len(cells) >= 4
    for cell, number in cells:
        assert len(found.people(unquote(unescape(cell)))) == number


def test_the_drawer_says_who_and_leads_to_each_visitor(pages):
    asked = {"name": "/cart", "range": "all", "compare": "none", "people": "errors"}
    markup = pages.get("/touchpoint", params=asked).text
    assert "visitors with an error or a retry at /cart" in text_of(markup)
    assert "/visitor/a%3Av000" in markup


def test_views_draw_without_links_too(store):
    found, every = store.ask(Touchpoint(name="/cart", **ALL)), store.ask(Touchpoints(**ALL))
    for lang in ("en", "ko"):
        voice = Voice(lang=lang, currency="KRW")
        drawn = [touchpoint.summary(found, voice), touchpoint.sides(found, voice), friction.made_of(found, voice)]
        drawn += [
            touchpoints.everything(every, voice),
            touchpoints.landings(every, voice),
            touchpoints.exits(every, voice),
        ]
        for markup in drawn:
            assert markup
            assert "href" not in markup
            assert "None" not in text_of(markup)
            assert "nan" not in text_of(markup).lower()


def test_a_touchpoint_nobody_met_draws_no_empty_cards(store):
    quiet = store.ask(Touchpoint(name="/cart", range="2025-01-01..2025-01-31"))
    assert "No session met /cart" in touchpoint.summary(quiet, EN)
    for draw in (touchpoint.sides, touchpoint.channels, touchpoint.words, touchpoint.beside, friction.made_of):
        assert draw(quiet, EN) is None


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/touchpoint?range=all&", "/touchpoint?name=/cart&range=all&"])
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


def test_the_store_of_these_tests_is_the_one_described(store: afterclick.Workspace, tmp_path: Path) -> None:
    assert store.ask(Touchpoint(name="/items/*", **ALL)).figures["twin"] == "Product Viewed"
    assert store.ask(Touchpoint(name="/cart", **ALL)).figures["sessions"] == 15
