"""The Personas page: cards with their people, a map of each, what visitors lean to, stages with the lines to paste."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

import afterclick
from afterclick import Affinities, Personas, StageDiscovery
from afterclick.surfaces.viz import affinities, discovery, personas
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import create_app
from support.browsing import SIZES, violations
from support.markup import words_of
from support.planted import planted
from support.shop import Shop

WHOLE = {"range": "all"}
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[afterclick.Workspace]:
    shop, truth = planted(each=40)
    for number, who in enumerate(list(truth)[:60]):
        for minute in range(3):
            category = HOSTILE if number % 3 else "knit"
            product = {"category": category, "product_id": f"p{number}", "price": number + 1}
            shop.add(who, f"29d{number}m{minute}s", "Product Viewed", **product)
    with shop.open(tmp_path_factory.mktemp("personas") / "s", currency="KRW", timezone="Asia/Seoul") as opened:
        yield opened


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("view", ["chart", "table"])
def test_every_number_stands_on_the_page_without_script(pages, store, lang, view) -> None:
    markup = pages.get(f"/personas?range=all&lang={lang}&view={view}&wait=1").text
    said = words_of(markup)
    found = store.ask(Personas(**WHOLE))
    for row in found.frame.to_pylist():
        assert f"{row['visitors']:,}" in said
        assert f"{row['buyers']:,}" in said
    for row in store.ask(Affinities(**WHOLE)).frame.to_pylist():
        assert f"{row['leading']:,}" in said
    stages = store.ask(StageDiscovery(**WHOLE))
    for row in stages.frame.to_pylist():
        assert row["stage"] in said
    assert ("stages = [" in said) == bool(stages.figures["toml"])
    assert "<script>alert" not in markup


def test_marks_lead_to_as_many_people_as_they_say(pages, store) -> None:
    markup = pages.get("/personas?range=all&lang=en&wait=1").text
    links = re.findall(r'href="(/personas\?[^"]*people=[^"]*)"[^>]*>(?:<[^>]*>)*([\d,]+)(?:</[^>]*>)*</a>', markup)
    assert len(links) > 10
    for href, shown in links[:12]:
        drawer = words_of(pages.get(unescape(href)).text)
        assert f"{shown} visitors" in drawer or f"{shown} visitor" in drawer


def test_each_persona_has_a_map_of_its_own(pages, store) -> None:
    markup = pages.get("/personas?range=all&lang=en&wait=1").text
    links = [unescape(href) for href in re.findall(r'href="(/\?[^"]*segment=persona[^"]*)"', markup)]
    rows = store.ask(Personas(**WHOLE)).frame.to_pylist()
    assert len(links) == len(rows)
    for href, row in zip(links, rows, strict=True):
        assert f"{row['visitors']:,}" in words_of(pages.get(href + "&wait=1").text)


def test_leanings_are_chosen_by_tabs(pages) -> None:
    said = words_of(pages.get("/personas?range=all&lean=price&lang=ko&wait=1").text)
    assert "중간 가격대" in said
    assert "20원까지" in said
    none = words_of(pages.get("/personas?range=all&lean=brand&lang=en&wait=1").text)
    assert "Nothing here tells the brand of a product" in none


def test_the_page_of_a_visitor_says_what_they_lean_to(pages, store) -> None:
    known = store.ask(Affinities(**WHOLE)).people("category=knit;part=leading").table(0, 1)["visitor"][0].as_py()
    said = words_of(pages.get(f"/visitor/{known}?lang=en&wait=1").text)
    assert "Leans to these categories" in said
    assert "Leans to knit most: 100.0% of the strength of 3 signals" in said
    assert "Leans to these prices" in said
    assert "brands" not in said


def test_a_persona_stands_beside_everyone_else(pages, store) -> None:
    markup = pages.get("/personas?range=all&lang=en&wait=1").text
    link = unescape(re.findall(r'href="(/segments\?[^"]*rule=persona[^"]*)"', markup)[0])
    row = store.ask(Personas(**WHOLE)).frame.to_pylist()[0]
    assert f"{row['visitors']:,}" in words_of(pages.get(link + "&wait=1").text)


def test_no_stable_personas_say_what_to_do(tmp_path) -> None:
    shop = Shop()
    for number in range(70):
        shop.add(f"v{number}", f"{number}m", "Page Viewed", url="https://shop.example/a")
    with shop.open(tmp_path / "store") as opened:
        with TestClient(create_app(opened, hosts=("testserver",))) as client:
            said = words_of(client.get("/personas?range=all&lang=en&wait=1").text)
        few = personas.personas(opened.ask(Personas(range="2030-01-01..2030-01-02")), Voice(), "chart")
    assert "No stable personas among 70 visitors" in said
    assert "Look at 91 days" in said
    assert "takes 60 visitors" in words_of(few)


def test_cards_are_plain_without_links(store) -> None:
    for draw, question in (
        (personas.personas, Personas(**WHOLE)), (affinities.affinities, Affinities(of="price", **WHOLE)),
        (discovery.discovery, StageDiscovery(**WHOLE)),
    ):  # fmt: skip
        for view in ("chart", "table"):
            markup = draw(store.ask(question), Voice(currency="KRW"), view)
            assert "<a " not in markup
            assert len(markup) < 60_000


def test_the_same_card_stands_in_a_notebook(store) -> None:
    for question in (Personas(**WHOLE), Affinities(**WHOLE), StageDiscovery(**WHOLE)):
        assert "<table" in store.ask(question).html()


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_it_is_clean_in_a_browser(
    serve: Callable[[Any], str], page: Callable[..., Any], axe: str, store: afterclick.Workspace, size: str
) -> None:
    root = serve(store)
    # Every pair of language and theme at one of the sizes.
    for lang, theme in (("en", "light"), ("ko", "dark")) if size == "wide" else (("en", "dark"), ("ko", "light")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}/personas?range=all&lang={lang}&theme={theme}&wait=1")
        tab.get_by_role("heading", level=1).wait_for()
        tab.evaluate("document.querySelectorAll('details.more').forEach((each) => { each.open = true })")
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert all(url.startswith((root, "data:")) for url in tab.requested)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()
