"""Personas of whole stores: planted kinds come back, whatever the order of arrival; every number opens its people."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import JourneyMap, Kpi, Personas, StageDiscovery
from afterclick.analyse.measures import measures
from afterclick.analyse.scope import scope_of
from afterclick.core.errors import NotEnoughData, SpecError
from afterclick.learn.personas.clusters import adjusted_rand
from afterclick.learn.personas.portraits import local_hours
from support.planted import KINDS, planted
from support.shop import Shop

WHOLE = {"range": "all"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory):
    shop, truth = planted()
    with shop.open(tmp_path_factory.mktemp("planted") / "store", currency="KRW", timezone="Asia/Seoul") as workspace:
        yield workspace, truth


def members(workspace: afterclick.Workspace, result: afterclick.Result) -> dict[str, int]:
    """The persona of each visitor, by the id their events carry."""
    found = {}
    for row in result.frame.to_pylist():
        people = result.people(f"persona={row['persona']}").table()
        found |= {name.removeprefix("a:"): row["persona"] for name in people["visitor"].to_pylist()}
    return found


def test_planted_kinds_of_visitors_are_found(opened) -> None:
    workspace, truth = opened
    result = workspace.ask(Personas(**WHOLE))
    found = members(workspace, result)
    assert found.keys() == truth.keys()
    kinds = [list(KINDS).index(truth[who]) for who in truth]
    agreed = adjusted_rand(np.array(kinds), np.array([found[who] for who in truth]), np.ones(len(truth)))
    assert agreed >= 0.8
    assert result.figures["personas"] == len(KINDS)
    assert result.figures["stable"]
    names = " | ".join(result.frame["name"].to_pylist())
    assert all(word in names for word in ("Article Read", "Products Searched", "Checkout Started"))


def test_every_number_is_the_length_of_its_list(opened) -> None:
    workspace, _ = opened
    result = workspace.ask(Personas(**WHOLE))
    rows = result.frame.to_pylist()
    for row in rows:
        head = f"persona={row['persona']}"
        assert len(result.people(head)) == row["visitors"]
        assert len(result.people(f"{head};part=buyers")) == row["buyers"]
        assert len(result.people(f"{head};part=path")) == row["path_visitors"]
        for by in ("channel", "hour"):
            if row[by]:
                assert len(result.people(f"{head};{by}={row[by]}")) == row[f"{by}_visitors"]
    for row in result.parts["behaviours"].to_pylist():
        assert len(result.people(f"persona={row['persona']};behaviour={row['behaviour']}")) == row["visitors"]
        assert row["low"] <= row["lift"] <= row["high"]
    assert sum(row["visitors"] for row in rows) == result.figures["visitors"] == len(result.people("visitors"))
    assert sum(row["revenue_rate"] for row in rows) == pytest.approx(1)
    told = [(row["persona"], row["rank"]) for row in result.parts["behaviours"].to_pylist() if row["rank"]]
    assert len(told) == len(set(told))
    assert all(result.sentence(lang) and all(note.say(lang) for note in result.notes) for lang in ("en", "ko"))


def test_the_order_of_arrival_changes_nothing(opened, tmp_path: Path) -> None:
    workspace, _ = opened
    shop, _ = planted()
    random.Random(4).shuffle(shop.events)
    with shop.open(tmp_path / "store", currency="KRW", timezone="Asia/Seoul") as other:
        one, again = (each.ask(Personas(**WHOLE)) for each in (workspace, other))
        assert one.frame.to_pylist() == again.frame.to_pylist()
        assert one.parts["behaviours"].to_pylist() == again.parts["behaviours"].to_pylist()
        assert members(workspace, one) == members(other, again)


def test_imports_in_parts_and_another_clock_change_nothing(opened, tmp_path: Path, monkeypatch) -> None:
    workspace, _ = opened
    shop, _ = planted()
    monkeypatch.setenv("TZ", "America/St_Johns")
    with Shop().open(tmp_path / "store", currency="KRW", timezone="Asia/Seoul") as other:
        for part in range(4):
            other.append([event for event in shop.events if hash(event.occurred_at) % 4 == part])
        for question in (Personas(**WHOLE), StageDiscovery(**WHOLE)):
            one, again = (each.ask(question).to_dict() for each in (workspace, other))
            assert one["data"] == again["data"]
            assert one["parts"] == again["parts"]


def test_hours_are_those_of_the_sites_clock_on_the_day_it_changes(tmp_path: Path) -> None:
    """Berlin, 29 March 2026: 02:00 becomes 03:00."""
    shop = Shop()
    for number, hour in enumerate((0, 1, 2)):
        shop.add(f"v{number}", f"87d{hour}h30m", "Page Viewed")
    with shop.open(tmp_path / "store", timezone="Europe/Berlin") as workspace:
        scope = scope_of(workspace.context(), Personas(**WHOLE))
        m = measures(scope, scope.period)
        assert local_hours(m.sessions.start_at, m).tolist() == [1, 3, 4]


def test_every_question_can_be_asked_of_one_persona(opened) -> None:
    workspace, _ = opened
    for asked in ({}, {"groups": 3, "seed": 5}):
        rows = workspace.ask(Personas(**asked, **WHOLE)).frame.to_pylist()
        for row in rows:
            figures = workspace.ask(Kpi(segment=(row["segment"],), compare="none", **WHOLE)).figures
            assert (figures["visitors"], figures["orders"], figures["revenue"]) == (
                row["visitors"], row["orders"], row["revenue"],
            )  # fmt: skip
            one = workspace.ask(JourneyMap(segment=(row["segment"],), barriers="off", compare="none", **WHOLE))
            assert one.figures["visitors"] == row["visitors"]
    for wrong in ("persona:9", "persona:x", "persona:"):
        with pytest.raises(SpecError, match="no persona"):
            workspace.ask(Kpi(segment=(wrong,), **WHOLE))
    with pytest.raises(SpecError):
        workspace.ask(Kpi(segment=("persona:1?groups=99",), **WHOLE))


def test_a_number_of_groups_can_be_asked_for_and_is_judged(opened) -> None:
    workspace, _ = opened
    asked = workspace.ask(Personas(groups=7, **WHOLE))
    assert asked.figures["personas"] == 7
    assert [row["groups"] for row in asked.parts["tried"].to_pylist()] == [7]
    assert (asked.figures["stable"] is False) == ("personas_unstable" in [note.code for note in asked.notes])
    with pytest.raises(SpecError, match="one group"):
        Personas(groups=1)


def test_the_same_question_is_answered_the_same(opened) -> None:
    workspace, _ = opened
    one = workspace.ask(Personas(seed=9, **WHOLE)).frame.to_pylist()
    workspace.context().forget()
    assert workspace.ask(Personas(seed=9, **WHOLE)).frame.to_pylist() == one


def test_visitors_alike_are_no_personas(tmp_path: Path) -> None:
    shop = Shop()
    rng = np.random.default_rng(2)
    for number in range(150):
        for place in range(int(rng.geometric(0.4))):
            shop.add(f"v{number}", f"{number * 10 + place}m", "Page Viewed", url="https://shop.example/a")
    with shop.open(tmp_path / "store") as workspace:
        result = workspace.ask(Personas(**WHOLE))
    assert result.figures["personas"] == 0
    assert [note.code for note in result.notes] == ["personas_none"]
    assert "No stable personas" in result.sentence()


@pytest.mark.parametrize("visitors", [1, 5, 70])
def test_little_is_answered_with_notes(tmp_path: Path, visitors: int) -> None:
    shop = Shop()
    for number in range(visitors):
        shop.add(f"v{number}", "0", "Page Viewed", url="https://shop.example/a")
    with shop.open(tmp_path / "store") as workspace:
        result = workspace.ask(Personas(**WHOLE))
        assert result.frame.num_rows == 0
        assert [note.code for note in result.notes] == ["personas_few" if visitors < 60 else "personas_none"]
        assert workspace.ask(Personas(range="2030-01-01..2030-01-02")).figures["visitors"] == 0


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    with Shop().open(tmp_path / "store") as workspace, pytest.raises(NotEnoughData):
        workspace.ask(Personas())


def test_mixed_currencies_leave_money_out(tmp_path: Path) -> None:
    shop, _ = planted(each=30)
    for number, currency in enumerate(("USD", "EUR")):
        shop.add("v0003", f"29d{number}m", "Order Completed", revenue=10, currency=currency, order_id=f"m{number}")
    with shop.open(tmp_path / "store") as workspace:
        result = workspace.ask(Personas(groups=4, **WHOLE))
    assert result.frame["revenue"].to_pylist() == [None] * 4
    assert "mixed_currencies" in [note.code for note in result.notes]


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**31))
def test_any_seed_gives_every_visitor_one_persona(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    shop, truth = planted(each=20)
    with shop.open(tmp_path_factory.mktemp("seed") / "store") as workspace:
        result = workspace.ask(Personas(groups=3, seed=seed, **WHOLE))
        assert members(workspace, result).keys() == truth.keys()
        assert sum(result.frame["visitors"].to_pylist()) == len(truth)
