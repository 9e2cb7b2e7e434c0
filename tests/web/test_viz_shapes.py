"""Properties of the drawings: escaped, conserved, never negative, whatever the input."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from drawn import HOSTILE, STAGES, data_result, journey_result
from hypothesis import given
from hypothesis import strategies as st

from afterclick.core.result import Result
from afterclick.surfaces.viz import styles
from afterclick.surfaces.viz.bars import bar, spark
from afterclick.surfaces.viz.curve import HEIGHT as CURVE_HEIGHT
from afterclick.surfaces.viz.curve import Point, curve
from afterclick.surfaces.viz.holdings import CARDS
from afterclick.surfaces.viz.journey import journey
from afterclick.surfaces.viz.markup import Html, el, number, said, text
from afterclick.surfaces.viz.river import FALL, HEIGHT, Reach, river
from afterclick.surfaces.viz.scales import power, round_up, smooth
from afterclick.surfaces.viz.voice import Voice

KOREAN = Voice(lang="ko", currency="KRW", zone="Asia/Seoul")
LINKED = Voice(currency="KRW", zone="Asia/Seoul", people=lambda cell: f"/?people={cell}", go=lambda changes: "/?x=1")

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_counts = st.integers(0, 10**12)


def coordinates(svg: str) -> list[float]:
    return [float(n) for d in re.findall(r' d="([^"]*)"', svg) for n in _NUMBER.findall(d)]


@st.composite
def reaches(draw: st.DrawFn) -> list[Reach]:
    made = []
    for _ in range(draw(st.integers(0, 7))):
        onward, still, lost = draw(_counts), draw(_counts), draw(_counts)
        made.append(Reach(onward + still + lost, onward, still, lost, draw(st.none() | _counts)))
    return made


@given(reaches(), st.integers(0, 6))
def test_river_is_well_formed_and_stays_inside(stages: list[Reach], loop: int) -> None:
    svg = river(stages, label="visitors", prefix="t", loop_to=loop if loop < len(stages) - 1 else None)
    ET.fromstring(svg)
    assert "nan" not in svg.lower()
    assert "inf" not in svg.lower()
    assert all(0 <= n <= max(FALL, 100 * max(1, len(stages))) + 4 for n in coordinates(svg))


@given(_counts, _counts)
def test_power_scale_orders_like_the_counts(a: int, b: int) -> None:
    largest = max(a, b, 1)
    assert (power(a, largest, HEIGHT) <= power(b, largest, HEIGHT)) or a > b
    assert power(largest, largest, HEIGHT) == pytest.approx(HEIGHT)
    assert power(0, largest, HEIGHT) == 0


def test_what_goes_on_open_and_lost_fill_the_end_of_the_ribbon() -> None:
    svg = river([Reach(100, 25, 24, 51), Reach(25, 0, 25, 0)], label="", prefix="t")
    whole, kept, stays = HEIGHT, power(25, 100, HEIGHT), power(49, 100, HEIGHT)
    paths = re.findall(r' d="([^"]*)"', svg)
    assert paths[0] == f"M 0 0 H 72 V {number(whole)} H 0 Z"
    assert f"M 71.5 {number(kept)} H 94 V {number(stays)}" in paths[1]
    assert paths[3].startswith(f"M 72 {number(stays)} C")
    assert f"72 {number(whole)} Z" in paths[3]


rates = st.none() | st.floats(0, 1)


@given(st.lists(rates, max_size=28))
def test_curve_stays_inside_and_turns_at_its_points_only(given_rates: list[float | None]) -> None:
    points = [Point(i / 4 + 0.125, rate, i % 3 == 0) for i, rate in enumerate(given_rates)]
    svg = curve(points, columns=7, label="exit rate")
    ET.fromstring(svg)
    assert all(0 <= n <= 700.1 for n in coordinates(svg))


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.floats(0, CURVE_HEIGHT)), min_size=2, max_size=30, unique_by=lambda p: p[0]
    )
)
def test_the_smooth_line_never_overshoots(points: list[tuple[float, float]]) -> None:
    points = sorted(points)
    numbers = [float(n) for n in _NUMBER.findall(smooth(points))]
    ys = [y for _, y in points]
    assert all(min(ys) - 0.01 <= y <= max(ys) + 0.01 for y in numbers[1::2])


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=False))
def test_bar_is_never_negative_nor_longer_than_its_track(value: float, largest: float) -> None:
    if math.isnan(value):
        value = 0.0
    width = re.findall(r'<rect width="([^"]*)"', bar(value, largest))[-1]
    assert 0 <= float(width) <= 100


@given(st.lists(st.integers(0, 10**15), max_size=400))
def test_spark_draws_at_most_120_columns(values: list[int]) -> None:
    svg = spark(values, label="x")
    ET.fromstring(svg)
    assert svg.count("<path") <= 121
    assert all(0 <= n <= 120.9 for n in coordinates(svg))


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 1.0), (0.61, 0.8), (0.41, 0.5), (0.2, 0.2), (1, 1.0), (float("nan"), 1.0)]
)
def test_round_up(value: float, expected: float) -> None:
    assert round_up(value) == pytest.approx(expected)


@given(st.text())
def test_any_text_is_escaped(value: str) -> None:
    made = el("p", {"title": value, "data-x": value}, value, said(value))
    assert "<p " in made
    assert made.count("<") == 4  # p, bdi and their ends
    ET.fromstring(made)


@pytest.mark.parametrize(
    "attrs",
    [
        {"style": "x"},
        {"onclick": "x"},
        {"a b": "x"},
        {"href": "javascript:alert(1)"},
        {"href": " java\nscript:1"},
        {"src": "data:x"},
    ],
)
def test_what_a_policy_would_block_is_not_written(attrs: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"not written|may lead"):
        el("a", attrs)


def test_markup_passes_once() -> None:
    assert text(Html("<b>")) == "<b>"
    assert el("p", {"class": None, "hidden": True, "id": False}, [1, 2.5, None, ["<"]]) == "<p hidden>12.5&lt;</p>"


class Tags(HTMLParser):
    """Elements and attributes as a browser would see them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


@pytest.mark.parametrize("voice", [LINKED, KOREAN])
@pytest.mark.parametrize("view", ["chart", "table"])
def test_hostile_names_stay_text_in_the_map(voice: Voice, view: str) -> None:
    calm, wild = (Tags(journey(journey_result(hostile=hostile), voice, view)) for hostile in (False, True))
    assert set(wild.tags) <= set(calm.tags) | {"small", "code"}
    assert set(wild.attributes) <= set(calm.attributes)


@pytest.mark.parametrize("name", list(CARDS))
def test_hostile_names_stay_text_in_the_data(name: str) -> None:
    made = str(CARDS[name](data_result(hostile=True), LINKED))
    assert "<script" not in made
    assert not {attr for attr in Tags(made).attributes if attr.startswith("on") or attr == "style"}


@pytest.mark.parametrize("names", [("One",), ("A", "B", "C"), tuple("ABCDEFG"), tuple(HOSTILE[:7])])
def test_one_to_seven_stages(names: tuple[str, ...]) -> None:
    made = journey(journey_result(names=names), KOREAN)
    assert made.count('class="chevron') == len(names)
    assert f'class="map n{len(names)}"' in made


def test_nothing_known_is_a_dash_and_never_none() -> None:
    result = journey_result()
    result.figures.update({"revenue": None, "aov": None, "conversion_rate": None, "previous": None, "loop": 0})
    rows = result.frame.to_pylist()
    for row in rows:
        row.update(
            dict.fromkeys(("dwell_seconds", "pages_per_session", "bounce_rate", "exit_rate", "onward_rate"), None)
        )
        row.update(entered=0, onward=0, open=0, lost=0, previous_entered=None)
    import pyarrow as pa

    empty = Result(
        result.spec, pa.Table.from_pylist(rows), sentence=result._sentence, figures=result.figures, about=result.about
    )
    for view in ("chart", "table"):
        made = journey(empty, LINKED, view)
        assert "None" not in made
        assert "nan" not in made.lower()
        assert "–" in made


def test_the_equation_shows_points_for_the_rate_and_factors_that_multiply() -> None:
    made = journey(journey_result(), Voice(currency="KRW"))
    assert "+0.15 pt" in made
    factors = [float(found) for found in re.findall(r"×(\d\.\d+)", made)]
    revenue, *rest = factors
    assert revenue == pytest.approx(math.prod(rest), abs=0.002)


def test_every_figure_of_the_map_is_in_both_views() -> None:
    for view in ("chart", "table"):
        made = journey(journey_result(), Voice(), view)
        for shown in ("182,340", "41,938", "10,412", "3,829", "135,016", "30,011", "6,322", "6,204", "312"):
            assert f">{shown}" in made or f">{shown} " in made or shown in made, (view, shown)


def test_every_rule_of_the_notebook_styles_is_scoped() -> None:
    css = re.sub(r"/\*.*?\*/", "", styles.stylesheet(), flags=re.S)
    for selectors in re.findall(r"([^{}]+)\{[^{}]*\}", css):
        for selector in re.split(r",(?![^(]*\))", selectors.strip()):
            assert ".ac" in selector, selector


def test_own_stages_keep_their_names_and_questions() -> None:
    made = journey(journey_result(names=("See", "Try", "Buy")), KOREAN)
    assert "What do they do?" in made
    assert ">See<" in made
    korean = journey(journey_result(names=STAGES), KOREAN)
    assert "리드 전환" in korean
    assert "How do they find us?" not in korean
