"""Stages proposed from whole stores: in order, as rules that the store takes, with people behind them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

import afterclick
from afterclick import JourneyMap, StageDiscovery
from afterclick.core.errors import NotEnoughData, SpecError
from afterclick.store.definitions import Definitions
from support.shop import Shop

WHOLE = {"range": "all"}
WAYS = (
    ("Story Read", "Story Shared", "Story Saved", "Film Seen"),
    ("Item Seen", "Item Compared", "Item Turned", "Size Asked"),
    ("Bag Filled", "Bag Seen", "Bag Sorted", "Coupon Typed"),
    ("Deal Made", "Deal Rated", "Deal Told", "Box Opened"),
)
"""Four states with the events each shows."""


def journeys(visitors: int = 240, seed: int = 3) -> Shop:
    """Visitors who pass through the four states in order and stop somewhere."""
    rng = np.random.default_rng(seed)
    shop = Shop()
    for number in range(visitors):
        minute = number * 60
        for names in WAYS[: int(rng.integers(1, 5))]:
            for event in rng.choice(names, size=int(rng.integers(3, 8))):
                shop.add(f"v{number:04d}", f"{minute}m", str(event))
                minute += 1
    return shop


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory):
    with journeys().open(tmp_path_factory.mktemp("stages") / "store") as workspace:
        yield workspace


def test_the_states_that_were_planted_are_proposed_in_their_order(opened: afterclick.Workspace) -> None:
    result = opened.ask(StageDiscovery(states=4, **WHOLE))
    rows = result.frame.to_pylist()
    assert [set(row["enter"].split(", ")) for row in rows] == [set(names) for names in WAYS]
    assert [row["position"] for row in rows] == [1, 2, 3, 4]
    assert result.figures["fit_rate"] > 0.95
    assert result.figures["fit_low"] <= result.figures["fit_rate"] <= result.figures["fit_high"]
    assert result.figures["forward_rate"] == 1
    assert [row["states"] for row in result.parts["tried"].to_pylist() if row["chosen"]] == [result.figures["states"]]
    assert 0 < result.figures["explained_rate"] < 1


def test_without_a_number_the_states_with_the_least_bic_are_taken(opened: afterclick.Workspace) -> None:
    result = opened.ask(StageDiscovery(**WHOLE))
    tried = result.parts["tried"].to_pylist()
    assert [row["states"] for row in tried] == [3, 4, 5, 6, 7]
    assert min(tried, key=lambda row: row["bic"])["states"] == result.figures["states"]
    order = [name for names in WAYS for name in names]
    first = [min(order.index(step) for step in row["enter"].split(", ")) for row in result.frame.to_pylist()]
    assert [number // 4 for number in first] == sorted(number // 4 for number in first)


def test_the_proposal_is_what_a_store_takes(opened: afterclick.Workspace, tmp_path: Path) -> None:
    result = opened.ask(StageDiscovery(**WHOLE))
    taken = Definitions.from_toml(result.figures["toml"]).stages
    assert [stage.name for stage in taken] == result.frame["stage"].to_pylist()
    with journeys().open(tmp_path / "store") as other:
        other.define(stages=[{"name": stage.name, "enter": list(stage.enter)} for stage in taken])
        entered = other.ask(JourneyMap(barriers="off", **WHOLE)).frame["entered"].to_pylist()
    assert entered == result.frame["visitors"].to_pylist()


def test_every_number_is_the_length_of_its_list(opened: afterclick.Workspace) -> None:
    result = opened.ask(StageDiscovery(**WHOLE))
    for row in result.frame.to_pylist():
        assert len(result.people(f"stage={row['stage']}")) == row["visitors"]
    assert len(result.people("visitors")) == result.figures["visitors"] == 240


def test_the_order_of_arrival_changes_nothing(opened: afterclick.Workspace, tmp_path: Path) -> None:
    shop = journeys()
    random.Random(2).shuffle(shop.events)
    with shop.open(tmp_path / "store") as other:
        one, again = (each.ask(StageDiscovery(**WHOLE)) for each in (opened, other))
        assert one.to_dict()["data"] == again.to_dict()["data"]
        assert one.figures == again.figures
        assert {name: table.to_pylist() for name, table in one.parts.items()} == {
            name: table.to_pylist() for name, table in again.parts.items()
        }


def test_moves_and_typical_behaviours_are_shares(opened: afterclick.Workspace) -> None:
    result = opened.ask(StageDiscovery(states=4, **WHOLE))
    moves = result.parts["moves"].to_pylist()
    for stage in result.frame["stage"].to_pylist():
        assert sum(row["probability_rate"] for row in moves if row["from_stage"] == stage) == pytest.approx(1)
    assert all(0 <= row["here_rate"] <= 1 + 1e-9 for row in result.parts["typical"].to_pylist())


def test_pages_are_named_by_their_group_and_twins_count_once(tmp_path: Path) -> None:
    shop = Shop()
    for number in range(90):
        for place, page in enumerate(("", "item/7", "cart")):
            shop.add(f"v{number}", f"{number * 10 + place}m", "Page Viewed", url=f"https://shop.example/{page}")
            if page.startswith("item"):
                shop.add(f"v{number}", f"{number * 10 + place}m", "Product Viewed", url=f"https://shop.example/{page}")
    with shop.open(tmp_path / "store") as workspace:
        result = workspace.ask(StageDiscovery(states=3, **WHOLE))
        stages = Definitions.from_toml(result.figures["toml"]).stages
        rows = result.frame["visitors"].to_pylist()
        workspace.define(stages=[{"name": stage.name, "enter": list(stage.enter)} for stage in stages])
        assert workspace.ask(JourneyMap(barriers="off", **WHOLE)).frame["entered"].to_pylist() == rows == [90, 90, 90]
    assert [stage.enter for stage in stages] == [
        ('Page Viewed[page_group == "/"]',), ("Product Viewed",), ('Page Viewed[page_group == "/cart"]',),
    ]  # fmt: skip


def test_too_little_is_answered_with_notes(tmp_path: Path) -> None:
    shop = Shop()
    for number in range(80):
        shop.add(f"v{number}", f"{number}m", "Page Viewed")
    with shop.open(tmp_path / "store") as workspace:
        result = workspace.ask(StageDiscovery(**WHOLE))
        none = workspace.ask(StageDiscovery(range="2030-01-01..2030-01-02"))
    assert (result.frame.num_rows, result.figures["toml"], result.figures["fit_rate"]) == (0, "", None)
    assert [note.code for note in result.notes] == ["discover_few"]
    assert none.figures["visitors"] == 0
    assert all(each.sentence(lang) for each in (result, none) for lang in ("en", "ko"))


def test_one_instant_and_strange_names(tmp_path: Path) -> None:
    shop = Shop()
    for number in range(90):
        for event in ('a "quoted" [name]', "다음 단계!", "third\\"):
            shop.add(f"v{number}", "0", event)
    with shop.open(tmp_path / "store") as workspace:
        result = workspace.ask(StageDiscovery(**WHOLE))
    text = result.figures["toml"]
    assert not text or len(Definitions.from_toml(text).stages) == result.figures["stages"]


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="2 states"):
        StageDiscovery(states=2)
    with Shop().open(tmp_path / "store") as workspace, pytest.raises(NotEnoughData):
        workspace.ask(StageDiscovery())
