"""A Result that shows itself: the card of the dashboard, plain text, files, figures for other libraries."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import sys
import types
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from drawn import HOSTILE, data_result, journey_result
from hypothesis import given
from hypothesis import strategies as st

import afterclick
from afterclick.app import questions
from afterclick.core import result as results
from afterclick.core.errors import AfterclickError, UsageError
from afterclick.core.result import Result
from afterclick.surfaces import presenting
from afterclick.surfaces.viz import notebook, plain, styles
from afterclick.surfaces.viz.journey import journey
from afterclick.surfaces.viz.plotly_figure import drawn
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import openapi
from support import demo_store

Open = Callable[..., Any]


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFTERCLICK_LANG", raising=False)
    presenting.register()


@pytest.fixture(scope="module")
def demo() -> Iterator[afterclick.Workspace]:
    with afterclick.open(demo_store.folder()) as opened:
        yield opened


def answer(demo: afterclick.Workspace, kind: type[Any]) -> Result:
    """The answer to the example of a question; where that names one visitor, to the first there is."""
    spec = openapi.example(kind)
    needs = [field.name for field in kind.fields() if field.required]
    if needs == ["id"]:
        known = demo.ask(afterclick.JourneyMap()).people("visitors").table(0, 1)["visitor"][0].as_py()
        spec = msgspec.structs.replace(spec, id=known)
    return demo.ask(spec)


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("kind", questions.ALL, ids=lambda kind: kind.key_word)
def test_every_answer_has_a_small_scoped_card_without_script(
    demo: afterclick.Workspace, kind: type[Any], lang: str
) -> None:
    made = answer(demo, kind).html(lang, prefix="t1")
    assert len(made.encode()) < 60_000
    tags = Tags(made)
    assert "script" not in tags.tags
    assert {"style", "src"}.isdisjoint(name for name, _ in tags.attributes)
    assert not any(name.startswith("on") for name, _ in tags.attributes)
    assert all(value.startswith("#") for name, value in tags.attributes if name == "href")
    assert made.startswith(f'<div class="ac note" lang="{lang}">')
    assert not re.search(r"url\((?!#)|@import", made)


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("result", [journey_result(hostile=True), data_result(hostile=True)], ids=["map", "data"])
def test_strings_of_strangers_are_text(result: Result, lang: str) -> None:
    for made in (result.html(lang), result.svg(lang)):
        assert "<script>alert" not in made
        assert len(made.encode()) < notebook.LIMIT
    tags = Tags(result.html(lang))
    assert "script" not in tags.tags
    assert not any(name.startswith("on") for name, _ in tags.attributes)
    ET.fromstring(result.svg(lang))
    assert not any(unicodedata.category(sign) in ("Cc", "Cf") and sign != "\n" for sign in result.text(lang))


def test_the_card_is_the_one_of_the_page() -> None:
    result = journey_result()
    page = journey(result, Voice(currency="KRW", zone="Asia/Seoul", prefix="t"), "chart")
    assert str(page) in result.html("en", prefix="t")


def test_a_question_without_a_page_shows_its_table(demo: afterclick.Workspace) -> None:
    result = demo.ask(afterclick.Doctor())
    assert presenting.draws(afterclick.Doctor) == ((), {})
    made = result.html("en")
    assert "<table" in made
    assert result.sentence("en") in made


def test_ids_begin_with_the_prefix_and_two_prefixes_share_none() -> None:
    one, two = (re.findall(r'\sid="([^"]*)"', journey_result().html("en", prefix=name)) for name in ("n1", "n2"))
    assert one
    assert all(name.startswith("n1") for name in one)
    assert not set(one) & set(two)


def test_a_card_that_is_too_large_becomes_tables_and_then_fewer_rows() -> None:
    result = data_result()
    long = result.frame.slice(0, 1).to_pylist()[0] | {"raw_names": "x" * 150, "event": "y" * 150}
    result.frame = type(result.frame).from_pylist([long] * 400, schema=result.frame.schema)
    voice = notebook.voice_of(result, "en")
    big = notebook.card(result, voice, [lambda *_: notebook.bare(result, voice, rows=400)], ())
    assert len(big.encode()) <= notebook.LIMIT
    assert re.search(r"and 3\d\d more rows", big)


def test_the_bundle_has_html_and_text(demo: afterclick.Workspace) -> None:
    result = demo.ask(afterclick.Channels())
    bundle = result._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/html"] == result._repr_html_() == result.html()
    assert result.sentence() in bundle["text/plain"]
    assert set(result._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert set(result._repr_mimebundle_(exclude={"text/plain"})) == {"text/html"}


def test_the_language_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERCLICK_LANG", "ko")
    assert "여정" in journey_result().html()
    assert 'lang="en"' in journey_result().html("en")
    monkeypatch.setenv("AFTERCLICK_LANG", "xx")
    assert 'lang="en"' in journey_result().html()


def test_columns_of_text_are_in_line_whatever_their_letters() -> None:
    shown = journey_result().text("ko").splitlines()
    rows = shown[2:7]
    ends = {
        plain.width(row[: row.index(number) + len(number)])
        for row, number in zip(rows[1:4], ("182,340", "41,938", "10,412"), strict=True)
    }
    assert len(ends) == 1
    assert "리드 전환" in rows[2]


@given(st.text(max_size=80))
def test_a_cell_of_text_stays_on_its_line_and_in_its_width(text: str) -> None:
    short = plain._short(text)
    assert plain.width(short) <= 40
    assert not any(unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") for sign in short)


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("kind", questions.ALL, ids=lambda kind: kind.key_word)
def test_every_svg_stands_alone(demo: afterclick.Workspace, kind: type[Any], lang: str) -> None:
    result = answer(demo, kind)
    made = result.svg(lang)
    root = ET.fromstring(made)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme" in made
    for unknown in ("var(", "light-dark(", "foreignObject", "href", "NaN"):
        assert unknown not in made
    assert root.get("aria-label") == result.sentence(lang)
    assert float(root.get("height", "0")) > 60


def test_the_svg_of_the_map_has_its_numbers() -> None:
    shown = "".join(ET.fromstring(journey_result().svg("en")).itertext())
    for number in ("182,340", "41,938", "10,412", "3,829", "135,016"):
        assert number in shown


def test_bars_are_as_long_as_their_numbers(demo: afterclick.Workspace) -> None:
    result = demo.ask(afterclick.Channels())
    bars = [float(width) for width in re.findall(r'class="fill"[^>]*?width="([\d.]+)"', result.svg("en"))]
    counts = result.frame["visitors"].to_pylist()[: len(bars)]
    assert len(bars) == min(20, result.frame.num_rows)
    top = max(bars)
    for bar, count in zip(bars, counts, strict=True):
        assert bar == pytest.approx(max(1.0, count / max(counts) * top), abs=0.02) or not count


def test_files_by_their_ending(tmp_path: Path, demo: afterclick.Workspace) -> None:
    result = demo.ask(afterclick.Channels())
    assert result.save(tmp_path / "a.json").read_text("utf-8") == result.to_json()
    rows = list(csv.reader(io.StringIO(result.save(str(tmp_path / "a.csv")).read_text("utf-8-sig"), newline="")))
    assert rows[0] == result.frame.column_names
    assert len(rows) == result.frame.num_rows + 1
    ET.fromstring(result.save(tmp_path / "a.SVG").read_text("utf-8"))
    page = result.save(tmp_path / "a.html", lang="ko").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert '<html lang="ko">' in page
    for name in ("a.png", "a"):
        with pytest.raises(UsageError, match="ending") as caught:
            result.save(tmp_path / name)
        assert ".csv" in caught.value.hint
        assert not (tmp_path / name).exists()


def test_no_cell_of_a_saved_csv_is_a_formula(tmp_path: Path) -> None:
    text = data_result(hostile=True).save(tmp_path / "h.csv").read_text("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert any(HOSTILE[7] in cell for cell in cells)
    assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for cell in cells)


def test_the_policy_of_a_saved_page_allows_its_styles_and_nothing_else(tmp_path: Path) -> None:
    page = journey_result().save(tmp_path / "m.html").read_text("utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    hashes = [
        base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        for style in re.findall(r"<style>(.*?)</style>", page, re.S)
    ]
    assert len(hashes) == 2
    said = policy[1].replace("&#x27;", "'")
    assert said.startswith("default-src 'none'; style-src " + " ".join(f"'sha256-{each}'" for each in hashes))
    assert "script" not in said


def test_polars_and_plotly_are_imported_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    result = journey_result()
    for name, call, hint in (
        ("polars", result.to_polars, "afterclick[polars]"),
        ("plotly.graph_objects", result.to_plotly, "pip install plotly"),
    ):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(AfterclickError, match="not installed") as caught:
            call()
        assert hint in caught.value.hint


def test_polars_gets_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("polars")
    module.from_arrow = lambda frame: ("polars", frame)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "polars", module)
    result = journey_result()
    assert result.to_polars() == ("polars", result.frame)


def test_plotly_gets_the_figures_of_the_frame(monkeypatch: pytest.MonkeyPatch, demo: afterclick.Workspace) -> None:
    package, module = types.ModuleType("plotly"), types.ModuleType("plotly.graph_objects")
    module.Figure = lambda given: given  # type: ignore[attr-defined]
    package.graph_objects = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "plotly", package)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", module)
    result = journey_result()
    made = result.to_plotly("ko")
    stacked = [sum(values) for values in zip(*(trace["y"] for trace in made["data"]), strict=True)]
    assert stacked == result.frame["entered"].to_pylist()
    assert made["data"][0]["x"][1] == "리드 전환"
    assert made["layout"]["title"]["text"] == result.sentence("ko")
    channels = demo.ask(afterclick.Channels())
    bars = channels.to_plotly("en")["data"][0]
    assert bars["x"] == channels.frame["visitors"].to_pylist()
    assert len(bars["y"]) == channels.frame.num_rows
    json.dumps(bars)


def test_labels_for_plotly_hold_no_tags() -> None:
    made = json.dumps(drawn(data_result(hostile=True), Voice()))
    assert "<script>" not in made
    assert "&lt;script&gt;" in made


def test_the_address_is_that_of_the_dashboard() -> None:
    assert journey_result().url() == "http://127.0.0.1:8420/"
    assert journey_result(afterclick.JourneyMap(range="7d")).url("ko") == "http://127.0.0.1:8420/?range=7d&lang=ko"


def test_without_a_surface_a_result_still_says_its_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_PRESENTERS", {})
    result = journey_result(hostile=True)
    assert result._repr_html_().startswith("<p>")
    assert result._repr_mimebundle_()["text/plain"] == repr(result)
    with pytest.raises(AfterclickError, match="svg"):
        result.svg()


def test_styles_keep_only_what_a_card_wears() -> None:
    css = ".ac{--a:1}\n/* x } */.ac .on{a:b}.ac .off{a:b}.ac :is(.off,.on) p,.ac .off i{c:d}@media print{.ac .off{a:b}}"
    kept = styles.used(css, '<p class="on">')
    assert kept == ".ac{--a:1}\n.ac .on{a:b}\n.ac :is(.off,.on) p{c:d}"
    assert styles.used(css, "") == ".ac{--a:1}\n.ac :is(.off,.on) p{c:d}"
    for broken in ("a{b", "a}b{", "a{b}c"):
        with pytest.raises(ValueError, match="braces"):
            list(styles.rules(broken))


def test_the_palette_is_read_from_the_stylesheet() -> None:
    assert styles.palette()["s0"] == ("#1d4dac", "#3a93ee")
    assert all(re.fullmatch(r"#[0-9a-f]{6}", colour) for pair in styles.palette().values() for colour in pair)


@pytest.mark.browser
@pytest.mark.parametrize("kind", questions.ALL, ids=lambda kind: kind.key_word)
def test_the_kept_styles_draw_the_same_card(
    demo: afterclick.Workspace, page: Open, kind: type[Any], tmp_path: Path
) -> None:
    made = answer(demo, kind).html("ko")
    whole = re.sub(r"<style>.*?</style>", lambda _: f"<style>{styles.stylesheet()}</style>", made, flags=re.S)
    shots = []
    for text in (made, whole):
        tab = page(viewport={"width": 1100, "height": 800})
        tab.set_content(text)
        shots.append(tab.screenshot(full_page=True))
    assert shots[0] == shots[1]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_saved_card_opens_without_network(page: Open, axe: str, tmp_path: Path, scheme: str) -> None:
    for result in (journey_result(), journey_result(hostile=True), data_result(hostile=True)):
        file = result.save(tmp_path / "card.html", lang="ko")
        tab = page(offline=True, color_scheme=scheme)
        tab.goto(file.as_uri())
        dark = tab.evaluate("getComputedStyle(document.querySelector('.ac')).backgroundColor")
        assert dark == ("rgb(15, 18, 22)" if scheme == "dark" else "rgb(246, 247, 249)")
        assert tab.requested == [file.as_uri()]
        assert tab.faults == []
        plain_tab = page(offline=True, bypass_csp=True, color_scheme=scheme)
        plain_tab.goto(file.as_uri())
        plain_tab.evaluate(axe)
        found = plain_tab.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
        # A card stands in the notebook's own outline, so it has no first heading of its own.
        assert [each["id"] for each in found if each["id"] != "page-has-heading-one"] == []


@pytest.mark.browser
def test_two_cards_on_one_page_keep_their_own_ids(page: Open) -> None:
    cards = journey_result().html("en", prefix="n1") + journey_result().html("en", prefix="n2")
    tab = page()
    tab.set_content(cards)
    ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)) > 4
