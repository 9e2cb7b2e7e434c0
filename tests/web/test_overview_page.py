"""The Overview: cards in their own direction, a chart that hides nothing, a change that adds up, lists that filter."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from drawn import HOSTILE
from drawn_figures import FigureShop, ends_result, kpi_result, top_result
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from afterclick.analyse.kpi import Kpi
from afterclick.analyse.landing import Touchpoints
from afterclick.analyse.top import Top
from afterclick.surfaces.viz import metrics, overview
from afterclick.surfaces.viz.barlist import Line, barlist, floating, signed
from afterclick.surfaces.viz.changed import changed
from afterclick.surfaces.viz.lists import lists
from afterclick.surfaces.viz.series import Step, series, ticks
from afterclick.surfaces.viz.spark import trend
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import answers, create_app
from afterclick.surfaces.web.page_overview import TABS
from support.browsing import SIZES, violations

EN = Voice(currency="KRW", zone="Asia/Seoul")
LINKED = Voice(
    currency="KRW", zone="Asia/Seoul", people=lambda cell: f"/?people={cell}", go=lambda changes: f"/?{sorted(changes.items())}"
)

_values = st.none() | st.floats(-1e12, 1e12) | st.integers(0, 10**12)


@pytest.fixture
def figure_shop() -> FigureShop:
    return FigureShop()


@pytest.fixture
def figures(figure_shop: FigureShop) -> Iterator[TestClient]:
    with TestClient(create_app(figure_shop, hosts=("testserver",)), follow_redirects=False) as made:
        yield made


def card(markup: str, metric: str) -> str:
    return next(part for part in markup.split("<li ") if f">{metrics.title(metric, EN)}<" in part)


def sound(svg: str) -> None:
    ET.fromstring(f"<r>{svg}</r>")
    assert "nan" not in svg.lower()
    assert "inf" not in re.sub(r"\binfo", "", svg.lower())
    for width in re.findall(r'\swidth="([^"]*)"', svg):
        assert float(width) >= 0


@given(st.lists(_values, max_size=40), st.integers(0, 5))
def test_a_line_is_sound_for_any_course(values: list[Any], running: int) -> None:
    drawn = trend(values, running=[i >= len(values) - running for i in range(len(values))])
    known = [value for value in values if value is not None]
    assert (drawn is None) == (len(known) < 2)
    if drawn is not None:
        sound(drawn)


@given(st.lists(st.tuples(_values, _values, st.booleans()), max_size=40))
def test_a_chart_is_sound_for_any_course(rows: list[Any]) -> None:
    steps = [Step(str(i), f"day {i}", now, str(now), then, str(then), over) for i, (now, then, over) in enumerate(rows)]
    markup = series(steps, read=lambda value: f"{value:g}", label="visitors", voice=EN)
    sound(markup)
    assert all(f"day {i}: " in markup for i in range(len(rows)))
    for y in re.findall(r"[ML] [-\d.]+ ([-\d.]+)", markup):
        assert -0.02 <= float(y) <= 200.02


@given(st.floats(-1e12, 0), st.floats(0, 1e12))
def test_ticks_cover_are_few_and_hold_zero(low: float, high: float) -> None:
    marks = ticks(low, high)
    assert 2 <= len(marks) <= 7
    assert any(abs(mark) < 1e-9 * max(abs(low), high, 1) for mark in marks)
    assert marks == sorted(marks)
    if high - low > 1e-6:
        assert marks[0] <= low + (high - low) * 1e-6
        assert marks[-1] >= high - (high - low) * 1e-6


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_bars_of_a_sum_stay_on_their_scale(start: float, end: float) -> None:
    svg = floating(start, end, min(start, end, 0.0), max(start, end, 0.0))
    sound(svg)
    sound(signed(end, max(abs(end), 1.0)))
    for x, width in re.findall(r'<rect x="([^"]*)" width="([^"]*)"', svg):
        assert float(x) >= -0.01
        assert float(x) + float(width) <= 100.01


def test_every_figure_has_its_card_and_the_direction_is_its_own() -> None:
    markup = overview.figures(kpi_result(Kpi()), LINKED)
    assert markup.count("<li ") == 11
    assert 'class="delta good"' in card(markup, "bounce_rate")
    assert "−2.89 pt" in card(markup, "bounce_rate")
    assert 'class="delta bad"' in card(markup, "aov")
    assert 'class="delta flat"' in card(markup, "new_visitor_rate")
    assert "people=bounced" in card(markup, "bounce_rate")
    assert "182,340" in card(markup, "visitors")
    assert "₩442,411,200" in markup


def test_a_change_within_noise_is_grey_and_says_so() -> None:
    result = kpi_result(Kpi())
    row = next(row for row in result.frame.to_pylist() if row["metric"] == "bounce_rate")
    near = {**result.figures, "previous": {"bounced": 99_100, "qualifying_sessions": 241_000}}
    quiet = metrics.delta("bounce_rate", {**row, "previous": 0.411, "change": -0.0008}, near, EN)
    loud = metrics.delta("bounce_rate", row, result.figures, EN)
    assert quiet is not None
    assert loud is not None
    assert 'class="delta flat"' in quiet
    assert "within normal variation" in quiet
    assert "within normal variation" not in loud
    fewer = metrics.delta("orders", {"unit": "count", "value": 36.0, "previous": 27.0, "change": 1 / 3}, _orders(36, 27), EN)
    more = metrics.delta("revenue", {"unit": "money", "value": 9.0, "previous": 6.0, "change": 0.5}, _orders(141, 93), EN)
    assert fewer is not None
    assert more is not None
    assert 'class="delta flat"' in fewer
    assert 'class="delta good"' in more


def _orders(now: int, before: int) -> dict[str, Any]:
    return {"orders": now, "previous": {"orders": before}}


def test_what_ads_cost_is_asked_for_where_it_is_not_known() -> None:
    markup = overview.figures(kpi_result(Kpi(), costs=False), EN)
    assert markup.count("afterclick import costs.csv --kind costs") == 2
    assert "1.20%" not in markup


def test_the_clicked_card_drives_the_chart() -> None:
    markup = overview.figures(kpi_result(Kpi()), LINKED, "orders")
    assert markup.count('aria-current="true"') == 1
    assert 'aria-current="true"' in card(markup, "orders")
    chart = overview.chart(kpi_result(Kpi()), LINKED, "orders")
    assert chart is not None
    assert "Orders per day" in chart
    assert "people=interval=3;part=buyers" in chart
    assert overview.chart(kpi_result(Kpi(), costs=False), EN, "roas") is None
    table = overview.chart(kpi_result(Kpi()), EN, "orders", "table")
    assert table is not None
    assert table.count("<tr") == 29


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ("day", "Visitors per day: most on 22 Sep (7,740)"),
        ("week", "Visitors per week: most in the week of 22 Sep (7,740)"),
        ("month", "Visitors per month: most in Sep (7,740)"),
        ("hour", "Visitors per hour: most at 00:00 (7,740)"),
    ],
)
def test_intervals_are_called_by_their_names(interval: str, said: str) -> None:
    result = kpi_result(Kpi())
    result.figures["interval"] = interval
    chart = overview.chart(result, EN)
    assert chart is not None
    assert said in chart


def test_bars_of_the_change_begin_where_the_one_before_ended() -> None:
    markup = changed(kpi_result(Kpi()), LINKED)
    assert markup is not None
    assert "₩122M more" in markup
    rows = [
        [float(value) for value in found]
        for found in re.findall(r'<rect x="([\d.]+)" width="([\d.]+)"', markup.partition('class="effects"')[0])
    ]
    before, visitors, conversion, aov, now = rows
    assert visitors[0] == pytest.approx(before[1], abs=0.02)
    assert conversion[0] == pytest.approx(visitors[0] + visitors[1], abs=0.02)
    assert aov[0] + aov[1] == pytest.approx(conversion[0] + conversion[1], abs=0.02)
    assert now[1] == pytest.approx(aov[0], abs=0.02)
    assert math.isclose(now[1] / before[1], 442_411_200 / 320_439_063, rel_tol=1e-3)


def test_contributors_filter_and_open_their_buyers() -> None:
    asked: dict[str, Any] = {"where": ('channel == "email"',)}
    markup = changed(kpi_result(Kpi(**asked)), LINKED)
    assert markup is not None
    assert "channel == &quot;email&quot;" in markup
    assert "people=dimension=source;value=naver" in markup
    assert "dimension=channel;value=(other)" not in markup
    assert changed(kpi_result(Kpi(compare="none")), EN) is None


def test_a_list_shows_ten_filters_by_name_and_keeps_the_rest_in_its_table() -> None:
    asked: dict[str, Any] = {"of": "source"}
    markup = lists(top_result(Top(**asked)), LINKED, "sources", ("sources", "products"))
    bars, _, table = markup.partition("<details")
    assert bars.count("<li") == 10
    assert table.count("<tr") == 13
    assert "source == &quot;naver&quot;" in bars
    assert "No source" in bars
    assert 'people=source=naver"' in bars
    assert bars.count('aria-current="true"') == 1


def test_products_of_one_name_are_told_apart() -> None:
    asked: dict[str, Any] = {"of": "product"}
    bars = lists(top_result(Top(**asked)), LINKED, "products", TABS).partition("<details")[0]
    assert "소프트 라운드 니트 (knit-001)" in bars
    assert "소프트 라운드 니트 (outer-001)" in bars


def test_pages_and_words_are_parts_of_the_answer_about_touchpoints() -> None:
    asked = ends_result(Touchpoints())
    voice = msgspec.structs.replace(LINKED, to=lambda page, fields: f"/{page}?{fields['name']}")
    landings = lists(asked, voice, "landing", TABS)
    assert 'href="/touchpoint?/event/autumn"' in landings
    assert "people=landing=/event/autumn" in landings
    assert "41.0%" in landings.partition("<details")[2]
    exits = lists(asked, LINKED, "exit", TABS)
    assert "people=exit=/cart" in exits
    assert "No page" in exits
    words = lists(asked, LINKED, "terms", TABS)
    assert "term == \\&quot;니트" in words or "term == &quot;니트&quot;" in words
    assert "people=word=typed:니트" in words
    assert words.count("term == ") == 1


@given(st.lists(st.tuples(st.sampled_from(HOSTILE), st.integers(0, 10**12)), max_size=12))
def test_names_of_strangers_stay_text(rows: list[tuple[str, int]]) -> None:
    lines = [Line(name, float(n), str(n), f"source={name[:40]}", "a == 1") for name, n in rows]
    markup = barlist(lines, head="Source", figure="Visitors", voice=EN)
    assert "<script" not in markup
    assert markup.count("<li") == len(rows)


def test_a_page_without_script_shows_every_number_and_each_tab(figures: TestClient, figure_shop: FigureShop) -> None:
    for tab, text in (("sources", "naver"), ("campaigns", "autumn_sale"), ("products", "소프트"), ("devices", "Phone")):
        page = figures.get(f"/overview?tab={tab}&lang=en&wait=1").text
        assert text in page
        for number in ("182,340", "241,008", "41.0%", "2.25%", "4,104", "₩107.8K", "₩442.4M", "3.21×", "₩41.3K"):
            assert number in page
    assert {spec.key_word for spec in figure_shop.asked} == {"kpi", "top"}


def test_metric_and_tab_are_kept_and_change_no_question(figures: TestClient, figure_shop: FigureShop) -> None:
    page = figures.get("/overview?metric=orders&tab=products&lang=en&wait=1").text
    assert 'href="/overview?metric=revenue&amp;tab=products&amp;lang=en"' in page
    assert 'href="/overview?tab=products&amp;lang=en"' in page  # visitors are the default
    assert 'href="/overview?metric=orders&amp;tab=devices&amp;lang=en#card-lists"' in page
    assert 'href="/overview?range=7d&amp;metric=orders&amp;tab=products&amp;lang=en"' in page
    assert len([spec for spec in figure_shop.asked if spec.key_word == "kpi"]) == 1
    odd = figures.get("/overview?metric=nope&lang=en&wait=1").text
    assert "nope" in odd
    assert "Visitors per day" in odd


def test_the_page_as_data(figures: TestClient) -> None:
    csv = figures.get("/overview.csv?card=changed").text
    assert "autumn_sale" in csv
    assert figures.get("/overview.csv?card=lists&tab=devices").text.count("\n") == 4
    assert figures.get("/overview.json").json()["spec"]["question"] == "kpi"


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", [{}, {"costs": False}, {"hostile": True}], ids=str)
def test_it_is_clean_in_a_browser(
    serve: Callable[[FigureShop], str], page: Callable[..., Any], axe: str, mode: dict[str, bool], size: str
) -> None:
    root = serve(FigureShop(**mode))
    for lang, theme in itertools.product(("en", "ko"), ("light", "dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}/overview?lang={lang}&theme={theme}")
        tab.get_by_role("heading", level=1).wait_for()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_card_tab_filter_and_people_by_hand(
    serve: Callable[[FigureShop], str], page: Callable[..., Any], script: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However busy the machine is, the cards stand in the page and are not swapped under the hand.
    monkeypatch.setattr(answers, "PATIENCE", 20.0)
    tab = page(java_script_enabled=script)
    tab.goto(serve(FigureShop()) + "/overview?lang=en")
    tab.get_by_role("link", name="Orders", exact=True).click()
    tab.get_by_role("heading", name=re.compile("Orders per day")).wait_for()
    tab.get_by_role("link", name="Products", exact=True).click()
    tab.get_by_text("소프트 라운드 니트").first.wait_for()
    assert "metric=orders" in tab.url
    assert "tab=products" in tab.url
    tab.get_by_role("link", name="Email", exact=True).click()
    tab.get_by_role("list", name="Filters").get_by_text("email", exact=False).wait_for()
    mark = tab.get_by_role("link", name="182,340", exact=True)
    mark.hover()
    tab.wait_for_timeout(200)  # scrolling closes a menu, so the page comes to rest before one opens
    mark.click()
    if script:
        tab.get_by_role("menuitem", name="See these visitors").click()
    tab.get_by_role("dialog").wait_for()
    assert "182,340" in tab.get_by_role("dialog").inner_text()
    assert tab.faults == []
