"""The Attribution page: models side by side on one scale, the rule as a sentence, people behind each dot, machines apart."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

import afterclick
from afterclick import Attribution
from afterclick.surfaces.viz import attribution, attribution_cards
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import create_app
from support.browsing import SIZES, violations
from support.markup import words_of
from support.shop import DAY0, Shop

WHOLE = {"range": "all", "compare": "none"}
HOSTILE = '"><script>alert(1)</script>'
HOUR = 3600 * 10**6
SOURCES = (
    "?utm_source=naver&utm_medium=cpc&utm_campaign=autumn", "?utm_source=crm&utm_medium=email", "",
    "?utm_source=instagram&utm_medium=social",
)  # fmt: skip


def drawn(costs: bool) -> Shop:
    rng, shop = random.Random(4), Shop()
    for visitor in range(120):
        at = DAY0 + rng.randrange(24 * 24) * HOUR
        for _ in range(rng.choice([1, 1, 2, 3])):
            shop.add(f"v{visitor}", at, "Page Viewed", url="https://shop.example/" + rng.choice(SOURCES), device="mobile")
            if rng.random() < 0.2:
                machine = {"machine": "yes"} if rng.random() < 0.4 else {}
                channel = HOSTILE if rng.random() < 0.3 else "email"
                shop.add(f"v{visitor}", at + HOUR, "Message Opened", channel=channel, message_id=f"m{visitor}", **machine)
            at += rng.randrange(2, 60) * HOUR
        if rng.random() < 0.4:
            money = rng.randrange(10, 90) * 1000
            shop.add(f"v{visitor}", at, "Order Completed", order_id=f"o{visitor}", revenue=money, currency="KRW")
    for day in range(24 if costs else 0):
        shop.add(None, DAY0 + (24 * day + 12) * HOUR, "Ad Cost Reported", revenue=3000, impressions=900, clicks=40,
                 url="https://shop.example/" + SOURCES[0])  # fmt: skip
    return shop


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[afterclick.Workspace]:
    with drawn(costs=True).open(tmp_path_factory.mktemp("attribution") / "s", currency="KRW") as opened:
        yield opened


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_number_stands_on_the_page_without_script(pages, store, lang) -> None:
    answer = store.ask(Attribution(action=("opened", "clicked"), touch="linear", range="all"))
    address = f"/attribution?range=all&action=opened&action=clicked&touch=linear&lang={lang}&wait=1"
    markup, full = pages.get(address).text, pages.get(address + "&view=table").text
    said, table = words_of(markup), words_of(full)
    voice = Voice(lang=lang, currency="KRW")
    whole = answer.figures["revenue"]
    for row in answer.frame.to_pylist():
        for model in ("linear", "first", "markov"):
            assert voice.rate(float(row[f"{model}_revenue"] / whole)) in said
        for model in answer.about["models"]:
            assert voice.money_full(row[f"{model}_revenue"]) in table
    for row in answer.parts["removal"].to_pylist():
        assert voice.rate(row["effect_rate"]) in said
    [opened] = answer.parts["messages"].to_pylist()
    assert words_of(markup.split('id="card-messages"')[1]).count(f" {opened['machine']} ") >= 1
    assert "<script>alert" not in markup + full


def test_marks_lead_to_as_many_people_as_stand_behind_them(pages, store) -> None:
    answer = store.ask(Attribution(range="all"))
    models = {(row["value"], row["model"]): row["buyers"] for row in answer.parts["models"].to_pylist()}
    markup = pages.get("/attribution?range=all&lang=en&wait=1").text
    links = {unescape(href) for href in re.findall(r'href="(/attribution\?[^"]*people=[^"#]*)', markup)}
    counted = 0
    for href in sorted(links):
        cell = re.search(r"people=channel%3D([^%&]+)%3Bmodel%3D(\w+)", href)
        if cell and (cell[1], cell[2]) in models and counted < 6:
            counted += 1
            n = models[cell[1], cell[2]]
            assert f"{n} visitor{'s' if n > 1 else ''}" in words_of(pages.get(href).text)
    assert counted == 6


def test_the_rule_is_a_sentence_of_choices_that_keeps_the_scope(pages) -> None:
    markup = pages.get("/attribution?range=all&touch=j&action=clicked&action=visited&lang=en&wait=1").text
    form = markup.split('class="rule-line"')[1].split("</form>")[0]
    assert re.findall(r'<select name="(\w+)"', form) == ["within", "scope", "touch", "by"]
    assert re.findall(r'name="action" value="(\w+)" checked', form) == ["clicked", "visited"]
    assert '<option value="j" selected>' in form
    assert 'type="hidden" name="range" value="all"' in form
    assert 'name="touch"' not in form.split("<select")[0]


def test_any_touch_says_that_it_adds_up_to_more(pages) -> None:
    said = words_of(pages.get("/attribution?range=all&touch=any&within=any&action=visited&lang=en&wait=1").text)
    found = re.search(r"([\d.]+)% of the revenue: any touch adds up to more than all of it", said)
    assert found
    assert float(found[1]) > 100


def test_models_are_chosen_and_intervals_are_said(pages) -> None:
    data = pages.get("/attribution?range=all&models=data&lang=en&wait=1").text
    assert "95% interval" in data
    assert words_of(data).count("Markov") >= 1
    rules = words_of(pages.get("/attribution?range=all&models=rules&lang=en&wait=1").text)
    for name in ("Time decay", "Inverse J", "Any touch", "Last paid or campaign touch"):
        assert name in rules


def test_without_costs_the_page_says_what_would_bring_roas(tmp_path) -> None:
    with (
        drawn(costs=False).open(tmp_path / "s", currency="KRW") as opened,
        TestClient(create_app(opened, hosts=("testserver",))) as client,
    ):
        said = words_of(client.get("/attribution?range=all&lang=en&wait=1").text)
        empty = words_of(client.get("/attribution?range=2025-01-01..2025-01-02&lang=en&wait=1").text)
    assert "afterclick import costs.csv --kind costs" in said
    assert "ROAS" in said
    assert "No conversion" in empty


def test_cards_are_plain_without_links(store) -> None:
    answer = store.ask(Attribution(**WHOLE))
    for draw in (attribution.credit, *(lambda r, v, _view, f=f: f(r, v) for f in
                 (attribution_cards.removal, attribution_cards.rates, attribution_cards.messages))):  # fmt: skip
        for view in ("chart", "table"):
            markup = draw(answer, Voice(currency="KRW"), view)
            assert markup
            assert "<a " not in markup
            assert "<form" not in markup
            assert len(markup) < 60_000
    assert attribution_cards.currencies(answer, Voice()) is None
    assert "<table" in answer.html()


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_it_is_clean_in_a_browser(
    serve: Callable[[Any], str], page: Callable[..., Any], axe: str, store: afterclick.Workspace, size: str
) -> None:
    root = serve(store)
    # Every pair of language and theme at one of the sizes.
    for lang, theme in (("en", "light"), ("ko", "dark")) if size == "wide" else (("en", "dark"), ("ko", "light")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}/attribution?range=all&action=opened&action=clicked&lang={lang}&theme={theme}&wait=1")
        tab.get_by_role("heading", level=1).wait_for()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert all(url.startswith((root, "data:")) for url in tab.requested)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()
