"""The Value page: every number opens its people, shades and dots follow the figures, nothing breaks without buyers."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

import afterclick
from afterclick import Repeat, Rfm, Value
from afterclick.surfaces.viz import repeat, rfm, value_foreseen
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import create_app
from support.browsing import SIZES, violations
from support.buyers import shop_of_buyers
from support.markup import linked, text_of
from support.shop import Shop

HOSTILE = '"><script>alert(1)</script>\u202e'
LINKED = Voice(currency="USD", zone="UTC", people=lambda cell: f"/?people={cell}")
CARDS = {"headlines": Value, "rfm": Rfm, "names": Rfm, "distribution": Value, "winning": Value, "repeat": Repeat,
         "alive": Value, "months": Value, "calibration": Value}  # fmt: skip
SCOPE = {"range": "all"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[afterclick.Workspace]:
    shop = shop_of_buyers()
    shop.add("odd", "5d", "Page Viewed", url="https://shop.example/?utm_source=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&utm_medium=odd")
    shop.add("odd", "5d1m", "Order Completed", order_id=HOSTILE, revenue=10)
    with shop.open(tmp_path_factory.mktemp("value") / "s", currency="USD", timezone="UTC") as opened:
        yield opened


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_without_script_every_card_shows_its_numbers(pages, store, lang):
    page = pages.get("/value", params={**SCOPE, "lang": lang, "wait": "1"}).text
    shown = text_of(page)
    for card in CARDS:
        assert f'id="card-{card}"' in page
    found = store.ask(Value(**SCOPE))
    voice = Voice(lang=lang, currency="USD", zone="UTC")
    for question in (found, store.ask(Rfm(**SCOPE)), store.ask(Repeat(**SCOPE))):
        assert question.sentence(lang) in shown
    for name in ("clv", "clv_mean", "newcomer_clv", "cac"):
        assert voice.money(found.figures[name]) in shown
    for row in found.parts["months"].to_pylist():
        assert voice.money(row["cumulated"]) in shown
    for row in found.parts["calibration"].to_pylist():
        assert voice.number(row["expected"]) in shown
    assert "None" not in shown
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
    assert "<script>alert" not in page


def test_the_list_behind_a_mark_is_as_long_as_its_number(pages, store):
    page = pages.get("/value", params={**SCOPE, "lang": "en", "wait": "1"}).text
    counts = 0
    for href, text in linked(page)[::7]:
        query = parse_qs(urlsplit(href).query)
        drawn = pages.get("/value", params={name: values[0] for name, values in query.items()} | {"lang": "en"})
        assert drawn.status_code == 200
        if text.replace(",", "").isdecimal():
            asked = CARDS[query.get("card", ["headlines"])[0]]
            assert len(store.ask(asked(**SCOPE)).people(query["people"][0])) == int(text.replace(",", ""))
            counts += 1
    assert counts > 5


def test_the_heat_table_is_shaded_by_money(store):
    result = store.ask(Rfm(**SCOPE))
    markup = rfm.rfm(result, LINKED)
    body = markup[markup.index("<tbody>") :]
    assert body.count("<tr>") == 5
    assert len(re.findall(r"<td", body)) == 25
    best = max(result.frame.to_pylist(), key=lambda row: row["revenue"])
    assert f'<td class="h7"><a class="num" href="/?people=R{best["recency"]}F{best["frequency"]}"' in body
    filled = sum(row["customers"] > 0 for row in result.frame.to_pylist())
    assert len(re.findall(r'<td class="h\d">', body)) == filled
    listed = rfm.rfm(result, LINKED, "table")
    assert listed.count("<tr>") == 26


def test_the_model_stands_beside_what_came(store):
    result = store.ask(Value(**SCOPE))
    markup = value_foreseen.calibration(result, LINKED)
    rows = result.parts["calibration"].to_pylist()
    assert markup.count('class="dots"') == markup.count('class="want"') == len(rows)
    places = [float(x) for x in re.findall(r'class="want" d="M ([\d.]+) ', markup)]
    assert all(2 <= x <= 98 for x in places)
    assert places == sorted(places), "who came more often before is expected more often"
    assert value_foreseen.calibration(store.ask(Value(holdout="off", **SCOPE)), LINKED) is None


def test_the_curve_of_the_second_order_never_falls(store):
    result = store.ask(Repeat(**SCOPE))
    rates = [row["again_rate"] for row in result.parts["curve"].to_pylist() if row["order"] == 2]
    assert rates == sorted(rates)
    assert 'class="band"' in repeat.repeat(result, LINKED)
    assert "<table" in repeat.repeat(result, LINKED, "table")


@pytest.mark.parametrize(
    "query",
    ["range=2025-01-01..2025-01-05", "model=bg&horizon=60mo", "model=pareto&horizon=ever", "horizon=ever", "by=campaign",
     "model=bgbb&holdout=off", "margin=0&discount_rate=9&model=x", "touch=first&holdout=1d"],
)  # fmt: skip
def test_no_address_breaks_the_page(pages, query):
    for lang in ("en", "ko"):
        answer = pages.get(f"/value?{query}&wait=1&lang={lang}")
        assert answer.status_code == 200
        assert "NaN" not in answer.text
        assert "{" not in text_of(answer.text[answer.text.index("<main") : answer.text.index("</main")])


def test_too_few_buyers_and_none(tmp_path):
    few = Shop()
    for number in range(30):
        few.add(f"v{number}", f"{number}h", "Order Completed", order_id=str(number), revenue=5)
    none = Shop().add("v", "0", "Page Viewed", url="https://shop.example/")
    for name, made, said in (("few", few, "it takes 50 such buyers"), ("none", none, "none in this range")):
        with made.open(tmp_path / name) as shop, TestClient(create_app(shop, hosts=("testserver",))) as client:
            answer = client.get("/value?range=all&wait=1&lang=en")
            assert answer.status_code == 200
            assert said.lower() in text_of(answer.text).lower() or name == "none"
            assert "NaN" not in answer.text


def test_csv_and_json_are_the_answers(pages, store):
    given = pages.get("/value.json", params={**SCOPE, "card": "winning"}).json()
    expected = store.ask(Value(**SCOPE))
    assert given["data"] == json.loads(expected.to_json())["data"]
    lines = pages.get("/value.csv", params={**SCOPE, "card": "months"}).text.splitlines()
    assert lines[0].lstrip("﻿").startswith("month,")
    assert len(lines) == 13


def test_it_fits_the_budget(pages):
    answer = pages.get("/value", params={**SCOPE, "wait": "1"})
    assert len(gzip.compress(answer.content)) < 60_000


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_it_is_clean_in_a_browser(
    store: afterclick.Workspace, serve: Callable[[Any], str], page: Callable[..., Any], axe: str, size: str
) -> None:
    root = serve(store)
    for lang, theme in itertools.product(("en", "ko"), ("light", "dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}/value?lang={lang}&theme={theme}&range=all&wait=1")
        tab.get_by_role("heading", level=1).wait_for()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()
