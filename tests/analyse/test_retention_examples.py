"""The worked examples of retention, by name, and its edges: clock changes, leap days, brackets, nothing to count."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from afterclick import Retention
from afterclick.core.errors import SpecError
from afterclick.store import snapshot
from afterclick.store.snapshot import Snapshot
from support.shop import Shop

ALL = {"range": "all", "compare": "none"}
DAYS = {"v1": (0, 1, 7), "v2": (0, 8), "v3": (0,), "v4": (1, 8)}
"""The example of SEMANTICS 6: the days on which each visitor was active."""


def example(until="8d23h59m59s"):
    """The example; somebody else closes the last day, so that it is over."""
    shop = Shop()
    for visitor, days in DAYS.items():
        for day in days:
            shop.add(visitor, f"{day}d10h", "Active")
    return shop.add("clock", until.replace("59s", "59.999999s"), "Tick") if until else shop


@pytest.fixture
def asked(tmp_path):
    with example().open(tmp_path / "store") as opened:
        yield lambda **fields: opened.ask(Retention(**{"start": "Active", **ALL, **fields}))


def cells(result):
    return {(row["cohort"][-2:], row["period"]): row for row in result.parts["cohorts"].to_pylist()}


def curve(result):
    return {row["period"]: row for row in result.frame.to_pylist()}


def instant(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def test_cohort_of_day_0_on_or_after_and_rolling(asked):
    on = cells(asked())
    assert (on["01", "1"]["returned"], on["01", "1"]["base"]) == (1, 3)
    seventh = on["01", "7"]
    assert (seventh["returned"], seventh["base"], seventh["size"]) == (1, 3, 3)
    assert (round(seventh["low_rate"], 4), round(seventh["high_rate"], 4)) == (0.0615, 0.7923)
    assert cells(asked(count="on_or_after"))["01", "7"]["retained_rate"] == pytest.approx(2 / 3)
    assert cells(asked(count="rolling"))["01", "7"]["retained_rate"] == pytest.approx(1 / 3)
    assert {on["01", "0"]["retained_rate"], on["02", "0"]["retained_rate"]} == {1.0}


def test_cohort_of_day_1(asked):
    seventh = cells(asked())["02", "7"]
    assert (seventh["returned"], seventh["base"], seventh["incomplete"]) == (1, 1, False)


def test_weighted_and_simple_mean(asked):
    weighted = curve(asked())["7"]
    assert (weighted["returned"], weighted["base"], weighted["retained_rate"]) == (2, 4, 0.5)
    assert curve(asked(mean="simple"))["7"]["retained_rate"] == pytest.approx(2 / 3)


def test_day_8_of_the_cohort_of_day_1_is_incomplete(asked):
    found = cells(asked())
    assert ("02", "8") not in found, "its day has not even begun"
    assert not found["01", "8"]["incomplete"]
    assert curve(asked())["8"]["cohorts"] == 1


def test_day_8_of_day_1_is_shown_hatched_while_it_lasts(tmp_path):
    with example("9d10h").open(tmp_path / "store") as opened:
        result = opened.ask(Retention(start="Active", **ALL))
    assert cells(result)["02", "8"]["incomplete"]
    assert curve(result)["8"]["cohorts"] == 1
    assert "retention_incomplete" in {note.code for note in result.notes}


def test_every_cell_opens_its_people(asked):
    for fields in ({}, {"count": "on_or_after"}, {"cohort": "recurring"}, {"base": "previous"}, {"count": "rolling"}):
        result = asked(**fields)
        for row in result.parts["cohorts"].to_pylist():
            cell = f"cohort={row['cohort']};period={row['period']}"
            assert len(result.people(cell)) == row["returned"]
            assert len(result.people(cell + ";part=away")) == row["base"] - row["returned"]
            assert len(result.people(f"cohort={row['cohort']}")) == row["size"]
        for row in result.frame.to_pylist():
            assert len(result.people(f"period={row['period']}")) == row["visitors"]
        for cell in result.cells():
            assert result.people(cell).text.say("en") != result.people(cell).text.say("ko")
    with pytest.raises(SpecError, match="there is no cell"):
        result.people("cohort=1999-01-01;period=3")


def test_recurring_puts_a_visitor_into_every_cohort(asked):
    found = cells(asked(cohort="recurring"))
    assert (found["01", "0"]["size"], found["02", "0"]["size"], found["08", "0"]["size"]) == (3, 2, 1)
    assert (found["02", "6"]["returned"], found["08", "1"]["returned"]) == (1, 0)
    assert (found["01", "7"]["returned"], found["02", "7"]["returned"]) == (1, 1)


def test_first_ever_looks_beyond_the_range(asked):
    late = asked(range="2026-01-02..2026-01-09")
    assert late.figures["started"] == 1, "only v4 began in the range, though all were active in it"
    recurring = asked(range="2026-01-02..2026-01-09", cohort="recurring")
    assert recurring.figures["started"] == 5


def test_back_is_another_event_strictly_after_the_start(tmp_path):
    shop = Shop()
    shop.add("a", "0d1h", "Order Completed", revenue=5).add("a", "0d1h", "Page Viewed")
    shop.add("b", "0d1h", "Order Completed", revenue=5).add("b", "0d1h1us", "Page Viewed")
    shop.add("c", "0d1h", "Page Viewed").add("c", "0d2h", "Order Completed", revenue=5).add("c", "2d", "Page Viewed")
    with shop.open(tmp_path / "store") as opened:
        for cohort in ("first", "recurring"):
            for interval in ("day", "24h"):
                asked = Retention(start="Order Completed", back="Page Viewed", cohort=cohort, interval=interval, **ALL)
                found = curve(opened.ask(asked))
                assert (found["0"]["returned"], found["0"]["base"]) == (1, 3), (cohort, interval)
                found = cells(opened.ask(asked))
                assert found["01", "1" if interval == "24h" else "2"]["returned"] == 1


def test_blocks_of_24_hours_run_from_the_very_start(tmp_path):
    shop = Shop().add("a", "22h", "Active").add("a", "1d21h59m", "Active").add("a", "2d22h", "Active")
    with shop.add("z", "6d", "Tick").open(tmp_path / "store") as opened:
        blocks = curve(opened.ask(Retention(start="Active", interval="24h", **ALL)))
        days = curve(opened.ask(Retention(start="Active", **ALL)))
    assert [blocks[str(n)]["returned"] for n in range(4)] == [1, 0, 1, 0]
    assert [days[str(n)]["returned"] for n in range(4)] == [1, 1, 1, 0]


def test_brackets_and_day_7_plus_minus_1(asked):
    found = cells(asked(interval="0,1-3,4-7"))
    assert [found["01", name]["returned"] for name in ("0", "1-3", "4-7")] == [3, 1, 1]
    near = cells(asked(interval="0, 1, 7±1"))
    assert (near["01", "6-8"]["returned"], near["01", "6-8"]["incomplete"]) == (2, False)
    assert near["02", "6-8"]["incomplete"]
    assert asked(interval="0,7+-1").frame["period"].to_pylist() == ["0", "6-8"]
    assert cells(asked(interval="0,7±1", count="on_or_after"))["01", "6-8"]["returned"] == 2


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"interval": "3-1"}, "interval"), ({"interval": "0,1-3,3"}, "interval"), ({"interval": "0,1,"}, "interval"),
        ({"interval": "401"}, "interval"), ({"interval": "2±3"}, "interval"), ({"interval": "year"}, "interval"),
        ({"interval": "0,1-3", "periods": 3}, "periods"), ({"start": "Active?"}, "start"), ({"back": "A[x ="}, "back"),
        ({"count": "rolling", "base": "previous"}, "base"), ({"measure": "revenue", "back": "Active"}, "back"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(fields, path):
    with pytest.raises(SpecError) as caught:
        Retention(**fields)
    assert caught.value.path == path


def test_an_event_that_is_not_there_is_named(asked):
    with pytest.raises(SpecError, match="there is no event 'Actve'") as caught:
        asked(start="Actve")
    assert (caught.value.path, "Active" in caught.value.hint) == ("start", True)
    with pytest.raises(SpecError) as caught:
        asked(back="Nothing")
    assert caught.value.path == "back"


def test_base_previous_is_of_those_who_came_in_the_period_before(asked):
    found = cells(asked(base="previous"))
    assert (found["01", "1"]["returned"], found["01", "1"]["base"]) == (1, 3)
    assert (found["01", "2"]["returned"], found["01", "2"]["base"]) == (0, 1)
    assert (found["01", "8"]["returned"], found["01", "8"]["base"]) == (0, 1)


def test_local_days_with_25_and_23_hours(tmp_path):
    """New York 2026: 8 March has 23 hours, 1 November has 25."""
    for day, hours in (("2026-03-08", 23), ("2026-11-01", 25)):
        offset = 5 if hours == 23 else 4
        midnight = instant(f"{day}T00:00:00") + offset * 3_600_000_000
        shop = Shop().add("a", midnight, "Active")
        shop.add("a", midnight + hours * 3_600_000_000 - 1, "Active").add("b", midnight, "Active")
        shop.add("b", midnight + hours * 3_600_000_000, "Active").add("z", midnight + 3 * 24 * 3_600_000_000, "Tick")
        with shop.open(tmp_path / day, timezone="America/New_York") as opened:
            found = curve(opened.ask(Retention(start="Active", **ALL)))
            assert (found["0"]["returned"], found["1"]["returned"]) == (2, 1)


def test_monthly_cohort_of_a_leap_day(tmp_path):
    shop = Shop()
    for visitor, begun, again in (
        ("leap", "2024-02-29T12:00:00", "2024-03-01T00:00:00"),
        ("mid", "2024-02-10T00:00:00", "2024-03-31T23:59:59"),
    ):
        shop.add(visitor, instant(begun), "Active").add(visitor, instant(again), "Active")
    shop.add("leap", instant("2025-02-28T12:00:00"), "Active").add("z", instant("2025-03-10T00:00:00"), "Tick")
    with shop.open(tmp_path / "store") as opened:
        result = opened.ask(Retention(start="Active", interval="month", **ALL))
        rows = [row for row in result.parts["cohorts"].to_pylist() if row["cohort"] == "2024-02-01"]
        assert [(row["period"], row["returned"]) for row in rows if row["returned"]] == [("0", 2), ("1", 2), ("12", 1)]
        weeks = opened.ask(Retention(start="Active", interval="week", **ALL)).parts["cohorts"].to_pylist()
        assert {row["cohort"] for row in weeks if row["size"]} == {"2024-02-05", "2024-02-26"}


def test_revenue_retention_is_what_they_spend_of_what_they_spent(tmp_path):
    shop = Shop()
    shop.add("a", "0d9h", "Order Completed", revenue=100, order_id="1").add(
        "a", "1d9h", "Order Completed", revenue=30, order_id="2"
    )
    shop.add("b", "0d9h", "Order Completed", revenue=60, order_id="3").add(
        "b", "2d9h", "Order Completed", revenue="80.5", order_id="4"
    )
    shop.add("b", "3d", "Order Refunded", revenue="10.5", order_id="4").add("z", "4d", "Tick")
    with shop.open(tmp_path / "store") as opened:
        ask = lambda **fields: opened.ask(Retention(start="Order Completed", measure="revenue", **ALL, **fields))  # noqa: E731
        rows = curve(ask())
        assert [(rows[n]["revenue"], rows[n]["base_revenue"]) for n in "012"] == [(160, 160), (30, 160), (70, 160)]
        assert (rows["1"]["revenue_ratio"], rows["2"]["revenue_ratio"]) == (30 / 160, 70 / 160)
        assert rows["1"]["low_ratio"] < 30 / 160 < rows["1"]["high_ratio"]
        assert (rows["1"]["returned"], rows["1"]["base"], rows["0"]["low_ratio"]) == (1, 2, None)
        assert curve(ask(count="on_or_after"))["1"]["revenue"] == 100
        assert curve(ask(count="rolling"))["2"]["revenue"] == 100
        assert curve(ask(base="previous"))["2"]["revenue_ratio"] == pytest.approx(70 / 30)
        assert curve(ask(cohort="recurring"))["1"]["revenue"] == Decimal(30), (
            "of the first two cohorts; the third's is day 3"
        )
        assert len(ask().people("period=2")) == 1


def test_mixed_currencies_give_no_sum(tmp_path):
    shop = (
        Shop()
        .add("a", "0d", "Order Completed", revenue=5, currency="EUR")
        .add("a", "1d", "Order Completed", revenue=5, currency="USD")
    )
    with shop.add("z", "3d", "Tick").open(tmp_path / "store") as opened:
        result = opened.ask(Retention(start="Order Completed", measure="revenue", **ALL))
    row = curve(result)["1"]
    assert (row["revenue_ratio"], row["reason"], row["revenue"]) == (None, "mixed_currencies", None)
    assert "mixed_currencies" in {note.code for note in result.notes}


@pytest.mark.parametrize(
    "fields", [{}, {"cohort": "recurring"}, {"measure": "revenue"}, {"interval": "24h"}, {"mean": "simple"}]
)
def test_next_to_nothing_gives_nulls_and_says_so(tmp_path, fields):
    one = Shop().add("a", "0d", "Active")
    with one.open(tmp_path / "one") as opened:
        result = opened.ask(Retention(**ALL, **fields))
        assert (result.figures["started"], result.frame["reason"].to_pylist()[-1]) == (1, "not_over")
        empty = opened.ask(Retention(range="2025-01-01..2025-01-09", compare="prev", **fields))
        assert (empty.figures["started"], set(empty.frame["reason"].to_pylist())) == (0, {"empty"})
        assert "retention_empty" in {note.code for note in empty.notes}
        for found in (result, empty):
            assert "nan" not in found.to_json().lower()
            assert "inf" not in found.to_json().lower()


def test_all_at_one_instant(tmp_path):
    shop = Shop()
    for number in range(5):
        shop.add(f"v{number}", "1d", "Active").add(f"v{number}", "1d", "Active")
    with shop.add("z", "3d", "Tick").open(tmp_path / "store") as opened:
        found = curve(opened.ask(Retention(start="Active", **ALL)))
        assert [found[n]["returned"] for n in "01"] == [5, 0]
        strict = curve(opened.ask(Retention(start="Active", back="*", **ALL)))
        assert strict["0"]["returned"] == 0, "nothing came strictly after the start"


def test_breakdown_by_what_the_start_carries(tmp_path):
    shop = Shop()
    shop.add("a", "0d", "Active", plan="x").add("a", "1d", "Active", plan="y").add("b", "0d", "Active", plan="y")
    shop.add("c", "0d1h", "Active").add("c", "1d", "Active", plan="x").add("z", "3d", "Tick")
    with shop.open(tmp_path / "store") as opened:
        for cohort in ("first", "recurring"):
            result = opened.ask(
                Retention(start="Active", by="plan", range="2026-01-01..2026-01-01", compare="none", cohort=cohort)
            )
            rows = {(row["group"], row["period"]): row for row in result.parts["breakdown"].to_pylist()}
            assert [(rows[g, "1"]["returned"], rows[g, "1"]["base"]) for g in ("x", "y", "(none)")] == [
                (1, 1),
                (0, 1),
                (1, 1),
            ]
            assert len(result.people("group=x;period=1")) == 1
        with pytest.raises(SpecError, match="there is no field"):
            opened.ask(Retention(by="plam", **ALL))


def test_change_beside_the_period_before(asked):
    result = asked(range="2026-01-02..2026-01-02", compare="prev")
    row = {each["period"]: each for each in result.parts["headlines"].to_pylist()}
    assert (row["7"]["retained_rate"], row["7"]["previous_rate"]) == (1.0, pytest.approx(1 / 3))
    assert row["7"]["change"] == pytest.approx(2 / 3)
    assert row["7"]["change_low"] < 2 / 3 < row["7"]["change_high"] <= 1
    assert (row["30"]["retained_rate"], row["30"]["reason"]) == (None, "not_over")


def test_the_finding_in_words(asked):
    assert asked(range="2026-01-01..2026-01-01").sentence() == "Retention at day 1 is 33.3%: 1 of 3 visitors came back"
    assert asked(range="2026-01-01..2026-01-01").sentence("ko").startswith("1일 차 리텐션은 33.3%입니다")
    for fields in (
        {"mean": "simple"},
        {"base": "previous"},
        {"count": "rolling"},
        {"count": "on_or_after"},
        {"measure": "revenue"},
    ):
        assert "{" not in asked(**fields).sentence() + asked(**fields).sentence("ko")


def test_columns_of_a_large_store_are_let_go_once_read(asked, monkeypatch):
    before, gone, let_go = asked(back="*"), [], Snapshot.let_go
    monkeypatch.setattr(snapshot, "LARGE", 1)
    monkeypatch.setattr(Snapshot, "let_go", lambda self, *told: gone.append(told) or let_go(self, *told))
    # What began when is known, and who came back is read anew.
    found = asked(back="*", periods=7)
    assert [row["returned"] for row in found.frame.to_pylist()] == [row["returned"] for row in before.frame.to_pylist()[:8]]
    assert gone == [(("device", "at", "name", "flags"), 0, 9)]
