"""The Retention page: every number opens its people, what is not over is hatched, bars add up, nothing breaks without data."""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import afterclick
from afterclick import Lifecycle, Onboarding, Retention, Stickiness
from afterclick.surfaces.viz import lifecycle, retention, retention_cards
from afterclick.surfaces.viz.voice import Voice
from support.browsing import SIZES, violations
from support.markup import linked, text_of
from support.shop import Shop

HOSTILE = '"><script>alert(1)</script>\u202e'
LINKED = Voice(currency="KRW", zone="UTC", people=lambda cell: f"/?people={cell}")
RANGE = "2026-01-01..2026-01-12"


def returning(folder: Path) -> afterclick.Workspace:
    """Forty visitors who begin in the first twelve days, come back in a pattern, and order; the last day is not over."""
    shop = Shop()
    for number in range(40):
        who, day = f"v{number:02d}", number % 12
        plan = HOSTILE if number % 5 == 0 else ("basic", "plus")[number % 2]
        shop.add(who, f"{day}d9h", "Page Viewed", url="https://shop.example/", plan=plan)
        for later in range(1, 8):
            if (number * later) % (later + 2) == 1:
                shop.add(who, f"{day + later}d9h", "Product Viewed", url="https://shop.example/p")
        if number % 3 == 0:
            shop.add(who, f"{day}d10h", "Order Completed", revenue=1000 + number, order_id=f"a{number}")
            shop.add(who, f"{day + 1 + number % 2}d10h", "Order Completed", revenue=500, order_id=f"b{number}")
    return shop.add("z", "14d12h", "Page Viewed").open(folder, currency="KRW", timezone="UTC")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[afterclick.Workspace]:
    with returning(tmp_path_factory.mktemp("returning") / "s") as opened:
        yield opened


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_without_script_every_card_shows_its_numbers(pages, store, lang):
    page = pages.get("/retention", params={"range": RANGE, "lang": lang, "wait": "1", "by": "plan"}).text
    shown = text_of(page)
    for card in ("headlines", "curve", "cohorts", "groups", "lifecycle", "stickiness", "onboarding", "revenue"):
        assert f'id="card-{card}"' in page
    result = store.ask(Retention(range=RANGE, by="plan"))
    assert result.sentence(lang) in shown
    voice = Voice(lang=lang, currency="KRW", zone="UTC")
    for row in result.frame.to_pylist():
        if row["headline"] and row["retained_rate"] is not None:
            assert voice.rate(row["retained_rate"]) in shown
    for row in store.ask(Onboarding(range=RANGE)).frame.to_pylist():
        if row["until_day"] == 7:
            assert voice.rate(row["reached_rate"]) in shown
    assert "None" not in shown
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
    assert "<script>alert" not in page


def test_the_list_behind_a_mark_is_as_long_as_its_number(pages, store):
    page = pages.get("/retention", params={"range": RANGE, "lang": "en", "wait": "1"}).text
    counts = 0
    for href, text in linked(page)[::9]:
        query = parse_qs(urlsplit(href).query)
        drawn = pages.get("/retention", params={name: values[0] for name, values in query.items()} | {"lang": "en"})
        assert drawn.status_code == 200
        if text.replace(",", "").isdecimal():
            card, cell = query.get("card", [""])[0], query["people"][0]
            asked = {"lifecycle": Lifecycle, "stickiness": Stickiness, "onboarding": Onboarding}.get(card, Retention)
            assert len(store.ask(asked(range=RANGE)).people(cell)) == int(text.replace(",", ""))
            counts += 1
    assert counts > 3


def test_cells_are_shaded_and_what_is_not_over_is_hatched(store):
    markup = retention.cohorts(store.ask(Retention(range=RANGE, compare="none")), LINKED)
    body = markup[markup.index("<tbody>") :]
    assert body.count("<tr>") == 12
    assert len(re.findall(r'<td class="base">', body)) == 12
    assert 'class="open"' in body
    assert "not over for the whole cohort" in markup
    assert "fewer than 30 visitors" in markup
    assert re.search(r'<td class="h7 thin"><a [^>]*href="/\?people=cohort=2026-01-', body)
    rows = store.ask(Retention(range=RANGE, compare="none")).parts["cohorts"].to_pylist()
    hatched = sum(row["incomplete"] and row["period"] != "0" for row in rows)
    assert body.count('class="open"') == hatched == 12


def test_bars_of_the_life_cycle_add_up_above_and_below_zero(store):
    result = store.ask(Lifecycle(range=RANGE))
    markup = lifecycle.lifecycle(result, LINKED, "chart")
    blocks = re.findall(r'<path class="(\w+)[^"]*" d="M ([\d.]+) ([\d.]+) h 8 V ([\d.]+)', markup)
    height: dict[tuple[int, bool], float] = {}
    for part, x, above, below in blocks:
        place = int(float(x) // 10), part == "dormant"
        assert float(below) >= float(above)
        height[place] = height.get(place, 0.0) + float(below) - float(above)
    rows = result.frame.to_pylist()
    unit = height[0, False] / rows[0]["active"]
    for i, row in enumerate(rows):
        assert height.get((i, False), 0.0) == pytest.approx(unit * row["active"], abs=0.1)
        assert height.get((i, True), 0.0) == pytest.approx(unit * row["dormant"], abs=0.1)


def test_the_band_lies_around_the_curve_and_inside_the_chart(store):
    markup = retention.curve(store.ask(Retention(range=RANGE)), LINKED, "chart")
    [band] = re.findall(r'class="band" d="([^"]+)"', markup)
    heights = [float(number) for number in re.findall(r"[\d.]+ ([\d.]+)", band)]
    assert heights
    assert 0 <= min(heights) <= max(heights) <= 200
    table = retention.curve(store.ask(Retention(range=RANGE)), LINKED, "table")
    assert "<table" in table
    assert "95% interval" in table


def test_change_within_noise_is_grey_and_a_missing_period_says_why(store):
    markup = retention.headlines(store.ask(Retention(range="2026-01-06..2026-01-12")), LINKED)
    assert 'class="delta' in markup
    assert "no cohort has had the time yet" in markup
    alone = retention.headlines(store.ask(Retention(range=RANGE, compare="none")), LINKED)
    assert 'class="delta' not in alone


def test_revenue_says_what_is_missing(store, tmp_path):
    spent = store.ask(Retention(range=RANGE, compare="none").spent())
    drawn = retention_cards.revenue(spent, LINKED, "table")
    assert "₩3,500" in drawn, "seven of the fourteen buyers order again on the next day"
    assert "24.5%" in drawn
    assert Retention(measure="revenue").spent() is None
    shop = Shop().add("a", "0d", "Page Viewed").add("a", "1d", "Page Viewed").add("a", "4d", "Page Viewed")
    with shop.open(tmp_path / "s") as opened:
        drawn = retention_cards.revenue(opened.ask(Retention(range="all", compare="none").spent()), LINKED, "chart")
    assert "there is no revenue to compare with" in drawn


@pytest.mark.parametrize(
    "query",
    ["range=2025-01-01..2025-01-05", "range=all&interval=month", "start=Nothing", "count=x", "interval=0,1-3&by=plan"],
)
def test_no_address_breaks_the_page(pages, query):
    for lang in ("en", "ko"):
        answer = pages.get(f"/retention?{query}&wait=1&lang={lang}")
        assert answer.status_code == 200
        assert "NaN" not in answer.text
        assert "{" not in text_of(answer.text[answer.text.index("<main") : answer.text.index("</main")])


def test_csv_and_json_are_the_answers(pages, store):
    given = pages.get("/retention.json", params={"range": RANGE, "card": "cohorts"}).json()
    expected = store.ask(Retention(range=RANGE))
    assert given["data"] == json.loads(expected.to_json())["data"]
    lines = pages.get("/retention.csv", params={"range": RANGE, "card": "cohorts"}).text.splitlines()
    assert lines[0].lstrip("﻿").startswith("cohort,")
    assert len(lines) == 1 + expected.parts["cohorts"].num_rows


def test_a_fortnight_fits_the_budget(pages):
    answer = pages.get("/retention", params={"range": RANGE, "wait": "1"})
    assert len(gzip.compress(answer.content)) < 60_000


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_it_is_clean_in_a_browser(
    store: afterclick.Workspace, serve: Callable[[Any], str], page: Callable[..., Any], axe: str, size: str
) -> None:
    root = serve(store)
    for lang, theme in itertools.product(("en", "ko"), ("light", "dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}/retention?lang={lang}&theme={theme}&range={RANGE}&by=plan&wait=1")
        tab.get_by_role("heading", level=1).wait_for()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()
