"""A newcomer's first minutes with the example shop, by what stands on the screen: from the worst barrier to a report."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

import afterclick
from afterclick.analyse.barriers import Barriers
from afterclick.app.demo import Shop, write
from afterclick.app.demo.shop import CURRENCY, ZONE
from afterclick.core import i18n
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import create_app

EVENTS = 450_000
PATIENCE = 60_000
"""Milliseconds for answers that are computed for the first time on a machine that is busy."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An example shop in which barriers can be told from chance."""
    path = tmp_path_factory.mktemp("newcomer")
    export = write(Shop(events=EVENTS), path / "export")
    with afterclick.open(path / "store", write=True, create=True) as opened:
        opened.import_files([export], source="example shop")
        opened.define(timezone=ZONE, currency=CURRENCY)
    return path / "store"


@pytest.fixture
def store(folder: Path) -> Iterator[afterclick.Workspace]:
    with afterclick.open(folder) as opened:
        yield opened


def figures(text: str) -> int:
    """The whole number in a text: `4,303 visitors` is 4303."""
    return int(re.sub(r"\D", "", text))


class Newcomer:
    """Reads and clicks what is visible, in one language."""

    def __init__(self, tab: Any, lang: str) -> None:
        self.tab = tab
        self.lang = lang

    def say(self, name: str, **params: Any) -> str:
        """What the catalogue writes on the screen."""
        said = i18n.text(self.lang, name, currency=CURRENCY, **params)
        return said[:1].upper() + said[1:]

    def settled(self) -> None:
        """Until nothing is counted any more."""
        self.tab.get_by_text(self.say("frame.loading")).first.wait_for(state="hidden", timeout=PATIENCE)
        self.tab.locator("[data-src]").first.wait_for(state="detached", timeout=PATIENCE)

    def open_menu(self, words: str) -> None:
        self.tab.locator("summary:visible", has_text=words).first.click()

    def worst(self) -> tuple[str, str, str]:
        """The barrier that stands first: its name, its money a month, who met it."""
        card = self.tab.get_by_role("article").filter(has=self.tab.get_by_role("heading", name=re.compile(r"^1\. ")))
        name = card.get_by_role("heading").inner_text().removeprefix("1. ")
        money = card.get_by_text(re.compile(r"₩|원")).first.inner_text()
        people = card.get_by_role("link", name=re.compile(r"^방문자|visitors?$")).inner_text()
        return name, money, people

    def count_in_drawer(self, people: str) -> int:
        """How many visitors stand behind a number, as the drawer says and as its pages hold them."""
        link = self.tab.get_by_role("link", name=people, exact=True).first
        link.scroll_into_view_if_needed()
        self.tab.wait_for_timeout(300)  # a menu closes when the page scrolls
        link.click()
        self.tab.get_by_role("menuitem", name=self.say("frame.mark_people")).click()
        dialog = self.tab.get_by_role("dialog")
        dialog.wait_for(timeout=PATIENCE)
        shown = figures(dialog.locator("p.n").inner_text())
        listed = dialog.get_by_role("row").count() - 1
        assert listed == min(50, shown)
        dialog.get_by_role("link", name=self.say("drawer.close"), exact=True).first.click()
        dialog.wait_for(state="detached")
        return shown


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_first_minutes(
    serve: Callable[[Any], str], page: Callable[..., Any], store: afterclick.Workspace, tmp_path: Path, lang: str
) -> None:
    tab = page(accept_downloads=True, locale=lang)
    me = Newcomer(tab, lang)
    voice = Voice(lang=lang, currency=CURRENCY)

    # Open: the language is the browser's.
    tab.goto(serve(store) + "/")
    tab.get_by_role("heading", level=1, name=me.say("map.title")).wait_for()
    me.settled()

    # Name the worst barrier and its money.
    name, money, people = me.worst()
    truth = store.ask(Barriers())
    first = truth.frame.to_pylist()[0]
    assert (name, money) == (first["name"], voice.money(first["at_risk"]))
    assert first["rank"] == 1
    tab.get_by_text(voice.money(truth.figures["at_risk"])).first.wait_for()

    # See its people.
    met = len(truth.people(f"barrier={first['key']};part=met"))
    assert me.count_in_drawer(people) == figures(people) == first["visitors"] == met

    # Filter to mobile.
    me.open_menu(me.say("frame.filter"))
    tab.get_by_label(me.say("frame.filter_field")).select_option("device_type")
    tab.get_by_role("textbox", name=me.say("frame.filter_value"), exact=True).fill("mobile")
    tab.get_by_role("button", name=me.say("frame.filter_add")).click()
    tab.wait_for_url("**where=device_type**")
    me.settled()
    mobile = store.ask(Barriers(where=('device_type == "mobile"',)))
    best = mobile.frame.to_pylist()[0]
    name, money, people = me.worst()
    assert (name, money, figures(people)) == (best["name"], voice.money(best["at_risk"]), best["visitors"])
    assert best["visitors"] != first["visitors"]

    # Compare with the previous period.
    shown = afterclick.JourneyMap(where=('device_type == "mobile"',), barriers="off")
    before = store.ask(shown).figures["previous"]["visitors"]
    me.open_menu(me.say("frame.vs_prev"))
    tab.get_by_role("link", name=me.say("compare.none"), exact=True).click()
    tab.wait_for_url("**compare=none**")
    me.settled()
    was = tab.get_by_text(re.compile(voice.number(before)))
    assert was.count() == 0
    me.open_menu(me.say("frame.vs_none"))
    tab.get_by_role("link", name=me.say("compare.prev"), exact=True).click()
    was.first.wait_for(timeout=PATIENCE)
    me.settled()

    # Export the report.
    me.open_menu(me.say("frame.export"))
    with tab.expect_download(timeout=PATIENCE) as caught:
        tab.get_by_role("link", name="HTML", exact=True).click()
    file = tmp_path / caught.value.suggested_filename
    caught.value.save_as(file)
    assert file.suffix == ".html"
    assert tab.faults == []

    # It opens without a network.
    alone = page()
    alone.context.set_offline(True)
    alone.goto(file.as_uri())
    for words in (name, money, people, me.say("map.title"), me.say("barriers.actions")):
        alone.get_by_text(words).first.wait_for()
    assert [url for url in alone.requested if not url.startswith(("file:", "data:"))] == []
    assert alone.faults == []


@pytest.fixture
def client(store: afterclick.Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(store, hosts=("testserver",))) as made:
        yield made


@pytest.mark.parametrize("view", ["chart", "table"])
def test_every_count_of_barriers_is_the_length_of_its_list(
    client: TestClient, store: afterclick.Workspace, view: str
) -> None:
    key = store.ask(Barriers()).frame["key"][0].as_py()
    body = client.get("/", params={"lang": "en", "wait": "1", "why": key, "view": view}).text
    asked = {"risk": Barriers(), "barriers": Barriers(), "why": Barriers(why=key)}
    seen: dict[str, int] = {}
    for href, label in re.findall(r'<a class="[^"]*" href="([^"]+)"[^>]*data-people[^>]*>(.*?)</a>', body, re.S):
        query = parse_qs(urlsplit(html.unescape(href)).query)
        card, cell = query.get("card", [""])[0], query["people"][0]
        if card not in asked:
            continue
        people = store.ask(asked[card]).people(cell)
        text = re.sub(r"<[^>]*>", "", label)
        if "₩" not in text:
            assert figures(text) == len(people), (cell, text)
        assert len(people) > 0
        seen[card] = seen.get(card, 0) + 1
    assert set(seen) == set(asked)
    assert seen["barriers"] > 8
    assert seen["why"] > 8


def test_money_at_risk_is_its_own_formula(store: afterclick.Workspace) -> None:
    found = store.ask(Barriers())
    rows = [row for row in found.frame.to_pylist() if row["rank"]]
    assert len(rows) >= 2
    for row in rows:
        short = row["expected_rate"] * row["expected_aov"] - row["met_rate"] * (row["met_aov"] or 0.0)
        risk = row["visits"] * short / (1 - row["spilled_rate"]) * 30 / 28
        assert float(row["at_risk"]) == pytest.approx(risk, rel=1e-4)
        assert row["own_at_risk"] <= row["at_risk"] <= row["at_risk_high"]
    assert sum(row["own_at_risk"] for row in rows) == pytest.approx(found.figures["at_risk"], abs=1)
    worst, rate = found.figures["worst_stage"], found.figures["worst_stage_rate"]
    assert float(found.figures["stages"][worst] / found.figures["at_risk"]) == pytest.approx(rate, abs=1e-4)
    assert worst in found.figures["stage_order"]


def test_why_compares_each_visitor_once(store: afterclick.Workspace) -> None:
    for row in store.ask(Barriers()).frame.to_pylist()[:3]:
        found = store.ask(Barriers(why=row["key"]))
        both = found.figures["why_went_on"] + found.figures["why_did_not"]
        assert 0 < both <= row["visitors"]
        for each in found.parts["why"].to_pylist():
            assert each["with_n"] + each["without_n"] == both
        assert len(found.people("why=went_on")) == found.figures["why_went_on"]


def test_a_map_in_a_notebook_has_its_barriers(store: afterclick.Workspace) -> None:
    found = store.ask(afterclick.JourneyMap(why="error:Coupon Denied"))
    first = found.parts["barriers"].to_pylist()[0]
    assert "why" in found.parts
    for lang, word in (("en", "Revenue at risk"), ("ko", "위험 매출")):
        card = found.html(lang)
        assert word in card
        assert html.escape(str(first["name"])) in card
        assert Voice(lang=lang, currency=CURRENCY).money(first["at_risk"]) in card or "<table" in card
        assert len(card.encode()) <= 60_000
