"""The Channels page: one row each, judged by its own aim, what is missing is named, what is not matched is listed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from drawn_figures import FigureShop, channels_result
from starlette.testclient import TestClient

from afterclick.analyse.channels import Channels
from afterclick.surfaces.viz import channels, metrics
from afterclick.surfaces.viz.voice import Voice
from afterclick.surfaces.web import create_app
from support.browsing import SIZES, violations

EN = Voice(currency="KRW", zone="Asia/Seoul")
LINKED = Voice(
    currency="KRW", zone="Asia/Seoul", people=lambda cell: f"/?people={cell}", go=lambda changes: f"/?{sorted(changes.items())}"
)


@pytest.fixture
def figure_shop() -> FigureShop:
    return FigureShop()


@pytest.fixture
def figures(figure_shop: FigureShop) -> Iterator[TestClient]:
    with TestClient(create_app(figure_shop, hosts=("testserver",)), follow_redirects=False) as made:
        yield made


def row(markup: str, name: str) -> str:
    return next(part for part in markup.split("<tr>") if f">{name}<" in part)


def test_each_channel_is_judged_by_its_own_aim() -> None:
    markup = channels.channels(channels_result(Channels()), LINKED)
    paid, free, loyal = (row(markup, name) for name in ("Paid search", "Organic search", "Email"))
    assert paid.count("<strong>₩41.3K</strong>") == 2  # under its aim, and in the column of that figure
    assert "<strong>611</strong>" in free
    assert "people=channel=organic_search;part=new_buyers" in free
    assert "Loyalty" in loyal
    assert "<strong>41.2%</strong>" in loyal
    assert ">Earned<" in free


def test_a_row_opens_its_people_and_can_be_filtered_by() -> None:
    asked: dict[str, Any] = {"where": ('device_type == "mobile"',)}
    markup = channels.channels(channels_result(Channels(**asked)), LINKED)
    email = row(markup, "Email")
    assert 'people=channel=email"' in email
    assert "people=channel=email;part=buyers" in email
    assert "people=channel=email;part=bounced" in email
    tiles = channels.media(channels_result(Channels(by="media")), LINKED)
    assert tiles is not None
    assert "media == &quot;paid&quot;" in tiles or "media == \\&quot;paid" in tiles
    assert "30.9%" not in tiles


def test_without_costs_their_columns_give_way_to_how_to_bring_them() -> None:
    markup = channels.channels(channels_result(Channels(), costs=False), EN)
    assert "afterclick import costs.csv --kind costs" in markup
    assert f">{metrics.title('roas', EN)}</th>" not in markup
    with_costs = channels.channels(channels_result(Channels()), EN)
    assert "afterclick import" not in with_costs
    assert f">{metrics.title('roas', EN)}</th>" in with_costs


def test_what_is_not_matched_is_listed_only_where_there_is_any() -> None:
    with_costs, without = channels_result(Channels()), channels_result(Channels(), costs=False)
    costs = channels.unmatched_costs(with_costs, EN)
    traffic = channels.unmatched_traffic(with_costs, EN)
    assert costs is not None
    assert traffic is not None
    assert "tiktok" in costs
    assert "₩804K" in costs
    assert "No campaign" in traffic
    assert channels.unmatched_costs(without, EN) is None
    assert channels.unmatched_traffic(without, EN) is None


def test_a_change_within_noise_is_grey() -> None:
    email = row(channels.channels(channels_result(Channels()), EN), "Email")
    assert 'class="delta good"' in email  # 12,004 sessions after 10,803
    assert 'class="delta flat"' in email  # revenue of as many orders as before


def test_without_a_comparison_no_change_is_shown() -> None:
    assert 'class="delta' in channels.channels(channels_result(Channels()), EN)
    assert 'class="delta' not in channels.channels(channels_result(Channels(compare="none")), EN)


def test_columns_can_be_chosen(figures: TestClient) -> None:
    page = figures.get("/channels?columns=ads&lang=en&wait=1").text
    heads = page.partition("<thead>")[2].partition("</thead>")[0]
    assert metrics.title("roas", EN) in heads
    assert metrics.title("bounce_rate", EN) not in heads
    assert 'href="/channels?columns=sales&amp;lang=en"' in page
    assert 'href="/channels?lang=en"' in page


def test_the_page_without_script_shows_every_row(figures: TestClient, figure_shop: FigureShop) -> None:
    page = figures.get("/channels?lang=en&wait=1").text
    for number in ("61,204", "52,880", "1,402", "₩151M", "₩31M", "4.87×", "3.10%", "28.5%", "₩804K", "₩401K"):
        assert number in page
    assert {spec.to_dict()["by"] for spec in figure_shop.asked} == {"media", "channel"}
    grouped = figures.get("/channels?by=media&lang=ko&wait=1").text
    assert "획득" in grouped
    assert figures.get("/channels.csv?card=unmatched_costs").text.startswith("\ufeff") or "tiktok" in figures.get(
        "/channels.csv?card=unmatched_costs"
    ).text


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", [{}, {"costs": False}, {"hostile": True}], ids=str)
def test_it_is_clean_in_a_browser(
    serve: Callable[[FigureShop], str], page: Callable[..., Any], axe: str, mode: dict[str, bool], size: str
) -> None:
    root = serve(FigureShop(**mode))
    for lang, theme in itertools.product(("en", "ko"), ("light", "dark")):
        tab = page(viewport=SIZES[size], bypass_csp=True)
        tab.goto(f"{root}/channels?lang={lang}&theme={theme}")
        tab.get_by_role("heading", level=1).wait_for()
        assert violations(tab, axe) == []
        assert tab.faults == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.context.close()
