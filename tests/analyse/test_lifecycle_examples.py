"""Life cycle, stickiness and onboarding by hand: the identities, first intervals ever, days not over, newcomers left out."""

from __future__ import annotations

import pytest

from afterclick import Lifecycle, Onboarding, Stickiness
from afterclick.core.errors import SpecError
from support.shop import Shop

ALL = {"range": "all", "compare": "none"}
PARTS = ("new", "returning", "resurrecting", "dormant")


def shop_of(days, until):
    """Visitors active at ten on some days; somebody else closes the last one with another event."""
    shop = Shop()
    for visitor, active in days.items():
        for day in active:
            shop.add(visitor, f"{day}d10h", "Active")
    return shop.add("clock", f"{until}d23h59m59.999999s", "Tick")


@pytest.fixture
def week(tmp_path):
    days = {"v1": (0, 1, 7), "v2": (0, 8), "v3": (0,), "v4": (1, 8)}
    with shop_of(days, 8).open(tmp_path / "store") as opened:
        yield opened


def by_day(result):
    return {row["interval"][-2:]: row for row in result.frame.to_pylist()}


def test_life_cycle_of_the_example(week):
    result = week.ask(Lifecycle(start="Active", **ALL))
    found = {day: tuple(row[part] for part in PARTS) for day, row in by_day(result).items()}
    assert found["01"] == (3, 0, 0, 0)
    assert found["02"] == (1, 1, 0, 2)
    assert found["03"] == (0, 0, 0, 2)
    assert found["08"] == (0, 0, 1, 0)
    assert found["09"] == (0, 0, 2, 1)
    assert not any(row["incomplete"] for row in result.frame.to_pylist())
    assert result.sentence() == (
        "On 9 Jan 2026, 2 visitors came new or came back after a pause, and 1 of the day before did not come"
    )
    assert result.figures["won_per_lost"] == 7 / 5


def test_both_identities_of_the_life_cycle(week):
    for interval in ("day", "week", "month"):
        before = None
        for row in week.ask(Lifecycle(interval=interval, **ALL)).frame.to_pylist():
            assert row["active"] == row["new"] + row["returning"] + row["resurrecting"]
            assert row["returning"] + row["dormant"] == row["active_before"]
            assert before is None or row["active_before"] == before
            before = row["active"]


def test_new_is_first_ever_and_never_first_in_the_window(week):
    found = by_day(week.ask(Lifecycle(start="Active", range="2026-01-02..2026-01-09", compare="none")))
    assert found["02"]["new"] == 1
    assert (found["02"]["returning"], found["02"]["dormant"]) == (1, 2), "it looks back behind the range"
    assert sum(row["new"] for row in found.values()) == 1


def test_weeks_are_whole_where_the_range_cuts_them(week):
    result = week.ask(Lifecycle(start="Active", interval="week", range="2026-01-07..2026-01-09", compare="none"))
    rows = result.frame.to_pylist()
    # The week of Monday 5 January; that of 29 December has everybody for the first time.
    assert [(row["interval"], row["active"], row["new"], row["returning"], row["dormant"]) for row in rows] == [
        ("2026-01-05", 3, 0, 3, 1)
    ]
    assert rows[0]["incomplete"]
    assert {"lifecycle_whole", "lifecycle_incomplete"} <= {note.code for note in result.notes}


def test_every_part_opens_its_people(week):
    result = week.ask(Lifecycle(start="Active", **ALL))
    for row in result.frame.to_pylist():
        for part in ("active", *PARTS):
            assert len(result.people(f"interval={row['interval']};part={part}")) == row[part]
    sticky = week.ask(Stickiness(start="Active", **ALL))
    for row in sticky.frame.to_pylist():
        assert len(sticky.people(f"intervals={row['intervals']}")) == row["visitors"]
        assert len(sticky.people(f"intervals={row['intervals']};part=at_least")) == row["or_more"]
    assert len(sticky.people("part=monthly")) == sticky.figures["monthly_visitors"]
    for found in (result, sticky):
        for cell in found.cells():
            assert found.people(cell).text.say("en") != found.people(cell).text.say("ko")


def test_histogram_of_active_days(week):
    rows = week.ask(Stickiness(start="Active", **ALL)).frame.to_pylist()
    assert [(row["intervals"], row["visitors"], row["or_more"]) for row in rows] == [(1, 1, 4), (2, 2, 3), (3, 1, 1)]
    assert rows[1]["share_rate"] == 0.5
    assert rows[1]["low_rate"] < 0.5 < rows[1]["high_rate"]


def test_dau_mau_is_mean_daily_visitors_of_those_of_30_days(tmp_path):
    days = {"old": (0, 20), "a": range(10, 40), "b": (15, 16, 17), "c": (39,)}
    with shop_of(days, 39).open(tmp_path / "store") as opened:
        figures = opened.ask(Stickiness(start="Active", **ALL)).figures
        assert (figures["days"], figures["monthly_visitors"]) == (30, 4)
        assert figures["daily_visitors"] == pytest.approx((1 + 30 + 3 + 1) / 30)
        assert figures["dau_mau_rate"] == pytest.approx(35 / 30 / 4)
        assert figures["low_rate"] <= figures["dau_mau_rate"] <= figures["high_rate"]
        short = opened.ask(Stickiness(start="Active", range="7d"))
        assert short.figures["dau_mau_rate"] == figures["dau_mau_rate"], "the 30 days do not end with the range's first"


def test_a_young_store_says_how_many_days_it_has(week):
    result = week.ask(Stickiness(start="Active", **ALL))
    assert (result.figures["days"], result.figures["dau_mau_rate"]) == (9, pytest.approx(8 / 9 / 4))
    assert "stickiness_young" in {note.code for note in result.notes}


@pytest.fixture
def newcomers(tmp_path):
    shop = Shop()
    shop.add("a", "0d9h", "Sign Up").add("a", "0d10h", "Product Added").add("a", "3d", "Order Completed", revenue=5)
    shop.add("b", "0d9h", "Product Added").add("b", "0d10h", "Sign Up").add("b", "7d23h", "Product Added")
    shop.add("c", "1d9h", "Sign Up").add("c", "9d", "Product Added")
    shop.add("late", "4d", "Sign Up").add("late", "4d1h", "Product Added")
    with shop.add("clock", "10d10h", "Tick").open(tmp_path / "store") as opened:
        yield opened


def test_share_of_newcomers_who_reach_each_event_by_day_n(newcomers):
    asked = Onboarding(start="Sign Up", steps=("Product Added", "Order Completed"), days=7, **ALL)
    result = newcomers.ask(asked)
    rows = {(row["event"], row["until_day"]): row for row in result.frame.to_pylist()}
    added = [rows["Product Added", day]["visitors"] for day in range(8)]
    assert added == [1, 1, 1, 1, 1, 1, 1, 2], "b added before signing up, then on day 7; c came too late"
    assert [rows["Order Completed", day]["visitors"] for day in (2, 3, 7)] == [0, 1, 1]
    last = rows["Product Added", 7]
    assert (last["newcomers"], last["reached_rate"]) == (3, pytest.approx(2 / 3))
    assert last["low_rate"] < 2 / 3 < last["high_rate"]
    assert [(row["steps"], row["visitors"]) for row in result.parts["progress"].to_pylist()] == [
        (0, 1),
        (1, 1),
        (2, 1),
    ]
    assert result.figures["left_out"] == 1, "the last day of `late` is not over"
    assert "onboarding_waiting" in {note.code for note in result.notes}


def test_the_first_day_alone(newcomers):
    asked = Onboarding(start="Sign Up", steps=("Product Added",), days=0, **ALL)
    rows = newcomers.ask(asked).frame.to_pylist()
    assert [(row["until_day"], row["newcomers"], row["visitors"]) for row in rows] == [(0, 4, 2)]


def test_every_cell_of_onboarding_opens_its_people(newcomers):
    result = newcomers.ask(Onboarding(start="Sign Up", steps=("Product Added", "Order Completed"), **ALL))
    for row in result.frame.to_pylist():
        cell = f"event={row['event']};day={row['until_day']}"
        assert len(result.people(cell)) == row["visitors"]
        assert len(result.people(cell + ";part=away")) == row["newcomers"] - row["visitors"]
    for row in result.parts["progress"].to_pylist():
        assert len(result.people(f"steps={row['steps']}")) == row["visitors"]
    assert len(result.people("part=newcomers")) == result.figures["newcomers"]
    for cell in result.cells():
        assert result.people(cell).text.say("en") != result.people(cell).text.say("ko")


def test_the_very_first_event_may_be_the_one_to_reach(tmp_path):
    shop = Shop().add("a", "0d", "Product Viewed").add("a", "9d", "Product Added").add("z", "20d", "Tick")
    with shop.open(tmp_path / "store") as opened:
        result = opened.ask(Onboarding(range="2026-01-01..2026-01-02", compare="none"))
    rows = {(row["event"], row["until_day"]): row["visitors"] for row in result.frame.to_pylist()}
    assert (rows["Product Viewed", 0], rows["Product Added", 7]) == (1, 0)
    assert "Order Completed" not in {event for event, _ in rows}, "what the store does not hold is not asked for"


@pytest.mark.parametrize(
    ("kind", "fields", "path"),
    [
        (Onboarding, {"steps": ("A", "A")}, "steps"), (Onboarding, {"steps": ("A?",)}, "steps"),
        (Onboarding, {"days": -1}, "days"), (Lifecycle, {"start": "A!"}, "start"), (Stickiness, {"start": ""}, "start"),
        (Lifecycle, {"interval": "hour"}, "interval"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(kind, fields, path):
    with pytest.raises(SpecError) as caught:
        kind(**fields)
    assert caught.value.path == path


@pytest.mark.parametrize("kind", [Lifecycle, Stickiness, Onboarding])
def test_next_to_nothing_gives_nulls_and_says_so(tmp_path, kind):
    with Shop().add("a", "0d", "Active").open(tmp_path / "one") as opened:
        for fields in (
            ALL,
            {"range": "2025-01-01..2025-01-09"},
            {"range": "2025-01-01..2025-01-09", "start": "Active"},
        ):
            result = opened.ask(kind(**fields))
            for text in (result.to_json(), result.to_json("ko"), result.sentence()):
                assert not any(word in text.lower() for word in ("nan", "infinity", "{unit"))
            assert not any(
                value is not None and value < 0 for value in result.figures.values() if isinstance(value, float)
            )
    assert result.sentence() != result.sentence("ko")
