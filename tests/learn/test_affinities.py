"""Affinities: the worked strengths, equal to the naive count, anonymous visitors, three signals, every number's people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Affinities
from afterclick.core import spans
from afterclick.core.errors import NotEnoughData, SpecError
from afterclick.learn.affinities.strengths import BASKET, ORDER, UNIT, VIEW, Weights, strengths
from support.naive_learning import affinities
from support.shop import DAY0, Shop

WHOLE = {"range": "all"}
HOST = "https://shop.example"


def strength(action: int, days: float, *, found: bool = False) -> float:
    age = np.array([round(days * spans.DAY)])
    return float(strengths(Weights(), np.array([action]), np.array([found]), age)[0] / UNIT)


def test_yesterdays_view_from_the_main_page() -> None:
    assert round(strength(VIEW, 1), 6) == 0.951695


def test_yesterdays_view_from_a_search() -> None:
    assert round(strength(VIEW, 1, found=True), 6) == 1.427543


def test_a_basket_seven_days_ago() -> None:
    assert round(strength(BASKET, 7), 6) == 2.121320


def test_an_order_28_days_ago() -> None:
    assert strength(ORDER, 28) == 1.25


def worked(folder: Path) -> afterclick.Workspace:
    """The four worked signals of one anonymous visitor, the last event being at the end of day 40."""
    shop = Shop()
    end = DAY0 + 40 * spans.DAY

    def ago(days: int) -> int:
        return end - days * spans.DAY

    # Each of its own visit: a main page leads to the first view, a search to the second.
    shop.add("v", ago(1) - 3_000_000, "Page Viewed", url=f"{HOST}/")
    shop.add("v", ago(1), "Product Viewed", category="main", product_id="p1")
    shop.add("v", ago(2) - 3_000_000, "Products Searched", query="x")
    shop.add("v", ago(2), "Product Viewed", category="search", product_id="p2")
    shop.add("v", ago(7), "Product Added", category="basket", product_id="p3")
    shop.add("v", ago(28), "Order Completed", product_id="p4", category="order", revenue=5, order_id="o")
    shop.add("v", end, "Page Viewed", url=f"{HOST}/")
    return shop.open(folder, currency="KRW")


def test_the_worked_signals_in_a_store(tmp_path: Path) -> None:
    with worked(tmp_path / "store") as workspace:
        result = workspace.ask(Affinities(**WHOLE))
    found = {row["value"]: round(row["strength"], 6) for row in result.frame.to_pylist()}
    assert found["main"] == 0.951695
    assert found["search"] == round(1.5 * 2 ** (-2 / 14), 6)
    assert found["basket"] == 2.121320
    assert found["order"] == 1.25


def test_shares_of_one_visitor_add_up(tmp_path: Path) -> None:
    with worked(tmp_path / "store") as workspace:
        one = workspace.ask(Affinities(visitor="v", **WHOLE))
        assert sum(one.frame["share_rate"].to_pylist()) == pytest.approx(1)
        assert one.figures["signals"] == 4
        assert [row["value"] for row in one.frame.to_pylist() if row["leading"]] == ["basket"]
        assert "basket" in one.sentence()
        with pytest.raises(SpecError, match="no event carries"):
            workspace.ask(Affinities(visitor="nobody", **WHOLE))


actions = st.sampled_from(["view", "wish", "basket", "list", "home", "search"])
rows = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 60 * 24 * 20), actions, st.sampled_from(["knit", "bag", "shoes"])),
    min_size=1, max_size=40, unique_by=lambda row: (row[0], row[1]),
)  # fmt: skip
NAMES = {
    "view": "Product Viewed", "wish": "Product Added to Wishlist", "basket": "Product Added", "list": "Product List Viewed",
    "search": "Products Searched", "home": "Page Viewed",
}  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(rows, st.randoms())
def test_equal_to_the_naive_count(tmp_path_factory: pytest.TempPathFactory, made: list, random: object) -> None:
    events = [(who, DAY0 + minute * spans.MINUTE, what, value) for who, minute, what, value in made]
    shop = Shop()
    for who, at, what, value in random.sample(events, len(events)):  # type: ignore[attr-defined]
        more = {"query": value} if what == "search" else {} if what == "home" else {"category": value}
        shop.add(who, at, NAMES[what], url=f"{HOST}/" if what == "home" else f"{HOST}/p", **more)
    named = {value for _, _, what, value in events if what in ("view", "wish", "basket", "list")}
    # A list is no signal of its own, and a word names a category only where there is one.
    naive = affinities(
        [(who, at, what, value if what != "search" or value in named else None) for who, at, what, value in events],
        max(at for _, at, _, _ in events),
    )
    shown = {who: own for who, own in naive.items() if sum(count for _, count in own.values()) >= 3}
    with shop.open(tmp_path_factory.mktemp("naive") / "store") as workspace:
        result = workspace.ask(Affinities(**WHOLE))
        for row in result.frame.to_pylist():
            people = result.people(f"category={row['value']}").table()["visitor"].to_pylist()
            assert {name.removeprefix("a:") for name in people} == {who for who in shown if row["value"] in shown[who]}
            own = [shown[who][row["value"]] for who in shown if row["value"] in shown[who]]
            assert row["strength"] == pytest.approx(sum(value for value, _ in own), rel=1e-7)
            assert row["signals"] == sum(count for _, count in own)
            assert len(result.people(f"category={row['value']};part=leading")) == row["leading"]
        assert result.figures["visitors"] == len(shown) == len(result.people("visitors"))
        assert {row["value"] for row in result.frame.to_pylist()} == {value for own in shown.values() for value in own}
        for who, own in shown.items():
            one = workspace.ask(Affinities(visitor=who, **WHOLE)).frame.to_pylist()
            whole = sum(value for value, _ in own.values())
            assert {row["value"]: row["share_rate"] for row in one} == pytest.approx(
                {value: found / whole for value, (found, _) in own.items()}
            )


def test_products_are_known_by_other_events_of_them(tmp_path: Path) -> None:
    shop = Shop()
    shop.add(None, "0", "Product Updated", product_id="p1", category="knit", brand="Noma", price=30)
    for number in range(3):
        shop.add("v", f"{number}h", "Product Viewed", product_id="p1")
    with shop.open(tmp_path / "store") as workspace:
        for of, value in (("category", "knit"), ("brand", "Noma")):
            found = workspace.ask(Affinities(of=of, **WHOLE)).frame.to_pylist()
            assert [(row["value"], row["views"], row["visitors"]) for row in found] == [(value, 3, 1)]


def test_price_levels_are_thirds_of_the_products(tmp_path: Path) -> None:
    shop = Shop()
    for number in range(9):
        shop.add("v", f"{number}m", "Product Viewed", product_id=f"p{number}", price=10.0 * (number + 1))
    shop.add("w", "1h", "Product Viewed", product_id="p8", price=90.0)
    with shop.open(tmp_path / "store", currency="KRW") as workspace:
        result = workspace.ask(Affinities(of="price", **WHOLE))
    rows = {row["value"]: row for row in result.frame.to_pylist()}
    assert {name: row["views"] for name, row in rows.items()} == {"low": 3, "middle": 3, "high": 3}
    assert (rows["low"]["up_to"], rows["middle"]["up_to"], rows["high"]["up_to"]) == (30, 60, None)
    assert result.figures["too_few"] == 1


def test_without_signals_it_says_what_is_missing(tmp_path: Path) -> None:
    shop = Shop().add("v", "0", "Page Viewed").add("v", "1m", "Product Viewed", category="knit")
    with shop.open(tmp_path / "store") as workspace:
        few = workspace.ask(Affinities(**WHOLE))
        unknown = workspace.ask(Affinities(of="brand", **WHOLE))
        one = workspace.ask(Affinities(visitor="v", **WHOLE))
    assert few.frame.num_rows == unknown.frame.num_rows == one.frame.num_rows == 0
    assert few.figures["too_few"] == 1
    assert "affinities_unknown" in [note.code for note in unknown.notes]
    assert "1 signal" in one.sentence()
    assert all(each.sentence(lang) for each in (few, unknown, one) for lang in ("en", "ko"))


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    with Shop().open(tmp_path / "store") as workspace, pytest.raises(NotEnoughData):
        workspace.ask(Affinities())
