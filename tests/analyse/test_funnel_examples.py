"""The worked examples of the funnel definitions, each by name, and what else a funnel can be asked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from afterclick import Funnel
from afterclick.core.errors import SpecError
from support.shop import DAY0, Shop

ALL = {"range": "all", "compare": "none"}
ABC = ("A", "B", "C")
AB = ("A", "B")
RE_ENTRY = ["A 0m", "B 1h", "A 20d", "B 20d1h", "C 20d2h"]
EXCLUSION = ["A 0m", "B 5m", "X 6m", "C 7m"]
AGAIN = [*EXCLUSION, "A 20m", "B 21m", "C 22m"]
AFTER_2 = {"without": ("X 2..3",)}


@pytest.fixture
def ask(tmp_path):
    opened = []

    def run(shop, steps=ABC, **fields):
        workspace = shop.open(tmp_path / f"store{len(opened)}")
        opened.append(workspace)
        return workspace.ask(Funnel(steps=steps, **{**ALL, **fields}))

    yield run
    for workspace in opened:
        workspace.close()


def log(*visitors):
    """A shop of visitors v1, v2, …, each a list of `name when`, in event-id order."""
    shop = Shop()
    for number, events in enumerate(visitors, 1):
        for event in events:
            name, when = event.split()
            shop.add(f"v{number}", when, name)
    # Steps no visitor takes must still be known to the store; an event of another year is in no window.
    for name in "ABCX":
        shop.add("old", DAY0 - 400 * 86_400_000_000, name)
    return shop


YEAR = {"range": "2026-01-01..2026-02-28"}


def counts(result):
    return [row["n"] for row in result.frame.to_pylist()]


def minutes(result, step):
    return result.frame.to_pylist()[step - 1]["seconds_from_first_p50"] / 60


class TestReEntry:
    def test_best_reaches_3_in_2_hours(self, ask):
        result = ask(log(RE_ENTRY), **YEAR)
        assert counts(result) == [1, 1, 1]
        assert minutes(result, 3) == 120

    def test_first_reaches_2(self, ask):
        assert counts(ask(log(RE_ENTRY), entry="first", **YEAR)) == [1, 1, 0]

    def test_attempts_are_two(self, ask):
        assert counts(ask(log(RE_ENTRY), unit="attempts", **YEAR)) == [2, 2, 1]

    @pytest.mark.parametrize(("fields", "took"), [({}, 2), ({"entry": "first"}, 12), ({"unit": "attempts"}, 12)])
    def test_timing(self, ask, fields, took):
        result = ask(log(["A 0m", "A 10m", "B 12m"]), AB, **YEAR, **fields)
        assert counts(result) == [1, 1]
        assert minutes(result, 2) == took


class TestExclusion:
    @pytest.mark.parametrize(("ends", "n"), [("attempt", [1, 1, 0]), ("visitor", [0, 0, 0])])
    def test_x_after_2_before_3(self, ask, ends, n):
        assert counts(ask(log(EXCLUSION), **AFTER_2, without_ends=ends, **YEAR)) == n

    def test_and_again_best(self, ask):
        result = ask(log(AGAIN), **AFTER_2, **YEAR)
        assert counts(result) == [1, 1, 1]
        assert minutes(result, 3) == 2

    @pytest.mark.parametrize(
        ("fields", "n"),
        [
            ({"entry": "first"}, [1, 1, 0]),
            ({"without_ends": "visitor"}, [0, 0, 0]),
            ({"unit": "attempts"}, [2, 2, 1]),
        ],
    )
    def test_and_again(self, ask, fields, n):
        assert counts(ask(log(AGAIN), **AFTER_2, **YEAR, **fields)) == n

    @pytest.mark.parametrize("ends", ["attempt", "visitor"])
    @pytest.mark.parametrize("events", [["A 0m", "X 1m", "B 5m", "C 7m"], ["A 0m", "B 5m", "X 7m", "C 7m"]])
    def test_misses(self, ask, events, ends):
        assert counts(ask(log(events), **AFTER_2, without_ends=ends, **YEAR)) == [1, 1, 1]

    def test_visitor_is_out_by_an_attempt_after_a_conversion_too(self, ask):
        events = ["A 0m", "B 1m", "C 2m", "A 1h", "B 61m", "X 62m", "C 63m"]
        shop = log(events, ["A 0m", "B 1m", "C 2m"])
        assert counts(ask(shop, **AFTER_2, without_ends="visitor", **YEAR)) == [1, 1, 1]
        assert counts(ask(shop, **AFTER_2, without_ends="visitor", unit="attempts", **YEAR)) == [1, 1, 1]

    def test_with_a_condition(self, ask):
        shop = Shop().add("v", "0m", "A").add("v", "1m", "X", code="card").add("v", "2m", "B")
        assert counts(ask(shop, AB, without=('X[code == "card"] 1..2',))) == [1, 0]
        assert counts(ask(shop, AB, without=('X[code == "bank"] 1..2',))) == [1, 1]


class TestTies:
    @pytest.mark.parametrize(("ties", "n"), [("either", [1, 1, 1]), ("strict", [1, 0, 0])])
    def test_all_at_10_s(self, ask, ties, n):
        result = ask(log(["B 10s", "A 10s", "C 10s"]), ties=ties, **YEAR)
        assert counts(result) == n
        if ties == "either":
            assert minutes(result, 3) == 0

    @pytest.mark.parametrize(("tolerance", "n"), [("0ms", [1, 1, 0]), ("1s", [1, 1, 1])])
    def test_epsilon(self, ask, tolerance, n):
        assert counts(ask(log(["A 0s", "B 10s", "C 9.5s"]), tie_tolerance=tolerance, **YEAR)) == n

    def test_do_not_drift(self, ask):
        assert counts(ask(log(["A 12s", "B 10s", "C 8s"]), tie_tolerance="2s", **YEAR)) == [1, 1, 0]


class TestWindow:
    @pytest.mark.parametrize(("when", "n"), [("7d", [1, 1]), ("7d1us", [1, 0])])
    def test_edge_7_d(self, ask, when, n):
        assert counts(ask(log(["A 0m", f"B {when}"]), AB, within="7d", **YEAR)) == n

    @pytest.mark.parametrize(("since", "n"), [("previous", [1, 1, 1]), ("first", [1, 1, 0])])
    def test_from_previous_7_d(self, ask, since, n):
        result = ask(log(["A 0m", "B 6d", "C 12d"]), within="7d", within_from=since, **YEAR)
        assert counts(result) == n


class TestOptional:
    EVENTS = (["A 0m", "B 1m", "C 2m"], ["A 0m", "C 1m"], ["A 0m", "B 1m"], ["A 0m"], ["A 0m", "C 1m", "B 2m"])

    def test_optional_b(self, ask):
        result = ask(log(*self.EVENTS), ("A", "B?", "C"), **YEAR)
        assert counts(result) == [5, 2, 3]
        rows = result.frame.to_pylist()
        assert rows[2]["of_all_rate"] == rows[2]["from_previous_rate"] == pytest.approx(0.6)
        assert [row["optional"] for row in rows] == [False, True, False]
        assert [row["lost"] + row["open"] for row in rows] == [2, 0, 0]
        people = result.people("step=2;part=reached").table().to_pylist()
        assert sorted(row["visitor"] for row in people) == ["a:v1", "a:v3"]

    @pytest.mark.parametrize("steps", [("A?", "B"), ("A", "B?")])
    def test_the_first_and_the_last_cannot_be(self, steps):
        with pytest.raises(SpecError, match="cannot be optional"):
            Funnel(steps=steps)


class TestManySteps:
    @pytest.mark.parametrize("size", [40, 90])
    def test_one_a_minute(self, ask, size):
        shop, names = Shop(), [f"e{number:02d}" for number in range(1, size + 1)]
        for number, name in enumerate(names):
            shop.add("v", f"{number}m", name)
        result = ask(shop, tuple(names))
        assert counts(result) == [1] * size
        assert minutes(result, size) == size - 1

    def test_ninety_conditions_on_one_event(self, ask):
        shop = Shop()
        for number in range(90):
            shop.add("v", f"{number}m", "Level", level=float(number))
        assert counts(ask(shop, tuple(f"Level[level == {number}]" for number in range(90)))) == [1] * 90


class TestTheSameEventTwice:
    @pytest.mark.parametrize(
        ("events", "fields", "n"),
        [
            (["A 0m"], {}, [1, 0]),
            (["A 0m", "A 1m"], {}, [1, 1]),
            (["A 0m", "A 0m"], {}, [1, 1]),
            (["A 0m", "A 0m"], {"ties": "strict"}, [1, 0]),
            (["A 0m", "A 1m", "A 2m", "A 3m", "A 4m"], {"unit": "attempts"}, [3, 2]),
        ],
    )
    def test_steps_v_v(self, ask, events, fields, n):
        assert counts(ask(log(events), ("A", "A"), **YEAR, **fields)) == n


class TestAttempts:
    EVENTS = ("A 0m", "B 1m", "C 2m", "A 1d", "A 25h", "B 26h", "A 20d")

    def test_attempts_3_2_1(self, ask):
        assert counts(ask(log(self.EVENTS), unit="attempts", **YEAR)) == [3, 2, 1]

    def test_visitor_3(self, ask):
        assert counts(ask(log(self.EVENTS), **YEAR)) == [1, 1, 1]


class TestStrict:
    def test_a_a_b_counts_from_the_second_a(self, ask):
        result = ask(log(["A 0m", "A 1m", "B 2m"]), AB, order="strict", **YEAR)
        assert counts(result) == [1, 1]
        assert minutes(result, 2) == 1

    def test_a_x_b_reaches_1(self, ask):
        assert counts(ask(log(["A 0m", "X 1m", "B 2m"]), AB, order="strict", **YEAR)) == [1, 0]

    def test_system_events_break_nothing(self, ask):
        shop = log(["A 0m", "B 2m"]).add("v1", "1m", "Experiment Viewed")
        assert counts(ask(shop, AB, order="strict", **YEAR)) == [1, 1]

    def test_an_event_at_a_steps_own_instant_is_not_between(self, ask):
        assert counts(ask(log(["A 0m", "X 0m", "X 1m", "B 1m"]), AB, order="strict", **YEAR)) == [1, 1]

    def test_the_event_that_ended_an_attempt_may_begin_the_next(self, ask):
        result = ask(log(["A 0m", "A 1m", "B 2m"]), AB, order="strict", unit="attempts", **YEAR)
        assert counts(result) == [2, 1]

    def test_a_broken_attempt_is_not_open(self, ask):
        result = ask(log(["A 0m", "X 1m"], ["A 0m"]), AB, order="strict", **YEAR)
        assert [(row["lost"], row["open"]) for row in result.frame.to_pylist()] == [(1, 1), (0, 0)]


class TestAnyOrder:
    @pytest.mark.parametrize(
        ("events", "n"), [(["B 0m", "A 1m", "C 2m"], [1, 1, 1]), (["B 0m", "A 8d", "C 9d"], [1, 1, 0])]
    )
    def test_within_7_d(self, ask, events, n):
        assert counts(ask(log(events), order="any", within="7d", **YEAR)) == n

    def test_an_anchored_step_comes_after_all_listed_before_it(self, ask):
        shop = log(["B 0m", "A 1m", "C 2m"], ["C 0m", "A 1m", "B 2m"])
        assert counts(ask(shop, ("A", "B", "C!"), order="any", **YEAR)) == [2, 2, 1]

    def test_taken_says_who_took_that_very_step(self, ask):
        rows = ask(log(["C 0m", "B 1m"], ["B 0m"]), order="any", **YEAR).frame.to_pylist()
        assert [(row["n"], row["taken"]) for row in rows] == [(2, 0), (1, 2), (0, 1)]

    def test_an_anchor_needs_a_free_order(self):
        with pytest.raises(SpecError, match="anchors"):
            Funnel(steps=("A", "B!"))


class TestValue:
    def test_view_basket_order(self, ask):
        shop = Shop()
        shop.add("v1", "0m", "View").add("v1", "1m", "Basket", revenue=30_000).add("v1", "2m", "Order", revenue=45_000)
        shop.add("v2", "0m", "View").add("v2", "1m", "Basket", revenue=50_000).add("v3", "0m", "View")
        shop.add("v4", "20d", "Other")
        rows = ask(shop, ("View", "Basket", "Order")).frame.to_pylist()
        assert [row["n"] for row in rows] == [3, 2, 1]
        basket, order = rows[1], rows[2]
        assert (basket["value_sum"], basket["value_mean"], basket["value_median"]) == (Decimal(80_000), 40_000, 40_000)
        assert (basket["value_n"], order["value_sum"]) == (2, Decimal(45_000))
        assert basket["lost_value"] == Decimal(50_000)


class TestHold:
    def shop(self):
        shop = Shop().add("v1", "0m", "A", basket="x").add("v1", "1m", "B", basket="y").add("v1", "2m", "B", basket="x")
        return shop.add("v2", "0m", "A", basket="x").add("v2", "1m", "B").add("v3", "0m", "A").add("v3", "1m", "B")

    def test_a_missing_value_never_matches(self, ask):
        result = ask(self.shop(), AB, hold=("basket",))
        assert counts(result) == [3, 1]
        assert minutes(result, 2) == 2

    def test_four_are_too_many(self):
        with pytest.raises(SpecError):
            Funnel(steps=AB, hold=("a", "b", "c", "d"))

    def test_an_unknown_property(self, ask):
        with pytest.raises(SpecError, match="no field") as found:
            ask(self.shop(), AB, hold=("bascet",))
        assert found.value.path == "hold"


class TestUnits:
    def test_sessions_hold_all_steps(self, ask):
        shop = log(["A 0m", "B 10m", "A 2h", "A 3h", "B 5h"])
        result = ask(shop, AB, unit="sessions", **YEAR)
        assert counts(result) == [3, 1]
        assert len(result.people("step=1;part=reached")) == 1
        assert counts(ask(shop, AB, unit="sessions", within="5m", **YEAR)) == [3, 0]

    def test_the_session_options_are_fields(self, ask):
        shop = log(["A 0m", "B 40m"])
        assert counts(ask(shop, AB, unit="sessions", **YEAR)) == [1, 0]
        assert counts(ask(shop, AB, unit="sessions", timeout="1h", **YEAR)) == [1, 1]

    def test_a_key_counts_its_values(self, ask):
        shop = Shop().add("v1", "0m", "A", basket="x").add("v1", "1m", "A", basket="y").add("v1", "2m", "B", basket="y")
        shop.add("v2", "3m", "B", basket="x").add("v2", "4m", "A")
        result = ask(shop, AB, unit="key:basket")
        # The basket x was filled by one visitor and ordered by another: the unit is the value.
        assert counts(result) == [2, 2]
        assert [row["visitor"] for row in result.people("step=2;part=reached").table().to_pylist()] == ["a:v1"]


class TestFirst:
    def shop(self):
        shop = Shop().add("v1", "0m", "A", kind="old").add("v1", "10d", "A", kind="new").add("v1", "11d", "B")
        return shop.add("v2", "10d", "A", kind="new").add("v2", "11d", "B").add("v3", "10d", "A", kind="old")

    RANGE = "2026-01-08..2026-01-31"

    @pytest.mark.parametrize(
        ("first", "step", "n"),
        [
            ("any", "A", [3, 2]),
            ("ever", "A", [2, 1]),
            ("matching", "A", [2, 1]),
            ("any", 'A[kind == "new"]', [2, 2]),
            ("ever", 'A[kind == "new"]', [1, 1]),
            ("matching", 'A[kind == "new"]', [2, 2]),
        ],
    )
    def test_first(self, ask, first, step, n):
        assert counts(ask(self.shop(), (step, "B"), first=first, range=self.RANGE)) == n


class TestClip:
    @pytest.mark.parametrize(("clip", "n"), [("none", [1, 1]), ("range", [1, 0])])
    def test_later_steps_may_follow_the_range_or_not(self, ask, clip, n):
        shop = log(["A 0m", "B 2d"])
        assert counts(ask(shop, AB, clip=clip, range="2026-01-01..2026-01-02")) == n

    def test_open_attempts_are_not_lost(self, ask):
        shop = log(["A 0m"], ["A 10d"], ["X 15d"])
        rows = ask(shop, AB, within="7d", **YEAR).frame.to_pylist()
        assert [(row["lost"], row["open"]) for row in rows] == [(1, 1), (0, 0)]


class TestBy:
    def shop(self):
        shop = Shop().add("v1", "0m", "A", tone="red").add("v1", "1m", "B", tone="blue")
        shop.add("v2", "0m", "A", tone="red").add("v2", "1m", "B", tone="red").add("v3", "0m", "A")
        return shop.add("v3", "1m", "B", tone="blue").add("v4", "0m", "A", tone="blue")

    def groups(self, result):
        found = {}
        for row in result.parts["breakdown"].to_pylist():
            found.setdefault(row["group"], []).append(row["n"])
            cell = f"group={row['group']};step={row['step']};part=reached"
            assert len(result.people(cell)) == row["n"]
        return found

    @pytest.mark.parametrize(
        ("which", "groups"),
        [
            ("first", {"red": [2, 2], "(none)": [1, 1], "blue": [1, 0]}),
            ("last", {"blue": [3, 2], "red": [1, 1]}),
            ("step:2", {"blue": [2, 2], "red": [1, 1]}),
            ("all", {"red": [2, 1], "blue": [1, 0], "(none)": [1, 0]}),
        ],
    )
    def test_by_value(self, ask, which, groups):
        assert self.groups(ask(self.shop(), AB, by="tone", by_value=which)) == groups

    def test_at_most_ten_and_other(self, ask):
        shop = Shop()
        for number in range(13):
            shop.add(f"v{number}", "0m", "A", tone=f"t{number:02d}").add(f"v{number}", "1m", "B", tone="x")
        groups = self.groups(ask(shop, AB, by="tone"))
        assert list(groups) == [*(f"t{number:02d}" for number in range(10)), "(other)"]
        assert groups["(other)"] == [3, 3]

    def test_by_channel_is_the_channel_of_that_steps_visit(self, ask):
        shop = Shop().add("v", "0m", "A", url="https://shop.example/?utm_source=naver&utm_medium=cpc")
        shop.add("v", "1m", "A", type="track").add(
            "v", "3h", "B", url="https://shop.example/?utm_source=x&utm_medium=email"
        )
        assert self.groups(ask(shop, AB, by="channel")) == {"paid_search": [1, 1]}
        assert self.groups(ask(shop, AB, by="channel", by_value="last")) == {"email": [1, 1]}


class TestTrend:
    def test_days_of_step_1(self, ask):
        shop = log(["A 0m", "B 1h"], ["A 1h"], ["A 1d", "B 2d"], ["X 20d"])
        result = ask(shop, AB, within="2d", range="2026-01-01..2026-01-05")
        trend = [row for row in result.parts["trend"].to_pylist() if row["step"] == 2]
        assert [row["interval"] for row in trend] == [f"2026-01-0{day}" for day in range(1, 6)]
        assert [row["n"] for row in trend] == [1, 1, 0, 0, 0]
        assert [row["rate"] for row in trend] == [0.5, 1.0, None, None, None]
        assert not any(row["incomplete"] for row in trend)
        assert len(result.people("interval=2026-01-01;step=1;part=reached")) == 2
        assert len(result.people("interval=2026-01-02;step=2;part=reached")) == 1

    @pytest.mark.parametrize(
        ("interval", "first", "size"),
        [("week", "2025-12-29", 3), ("month", "2026-01-01", 1), ("auto", "2026-01-01", 12)],
    )
    def test_intervals_add_up(self, ask, interval, first, size):
        shop = log(["A 0m", "B 1h"], ["A 5d"], ["A 11d"])
        result = ask(shop, AB, within="1h", interval=interval, range="2026-01-01..2026-01-31")
        trend = [row for row in result.parts["trend"].to_pylist() if row["step"] == 1]
        assert (trend[0]["interval"], len(trend)) == (first, size)
        assert sum(row["n"] for row in trend) == counts(result)[0] == 3
        assert [row["incomplete"] for row in trend][-1]
        assert [note.code for note in result.notes if note.code == "funnel_trend_incomplete"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"without": ("X",)}, "without"),
            ({"without": ("X 2..1",)}, "without"),
            ({"without": ("X 1..3",)}, "without"),
            ({"without": ("X? 1..2",)}, "without"),
            ({"steps": ("A", "B?", "C"), "without": ("X 2..3",)}, "without"),
            ({"steps": ABC, "order": "any", "without": ("X 1..2",)}, "without"),
            ({"steps": ("A", "B?", "C"), "order": "any"}, "steps"),
            ({"order": "any", "first": "ever"}, "first"),
            ({"unit": "key:"}, "unit"),
            ({"unit": "visits"}, "unit"),
            ({"by_value": "step:3"}, "by_value"),
            ({"by": "tone", "by_value": "all", "unit": "sessions"}, "by_value"),
            ({"hold": ("amount",)}, "hold"),
            ({"compat": "matomo"}, "compat"),
        ],
    )
    def test_refused_with_the_field(self, fields, path):
        with pytest.raises(SpecError) as found:
            Funnel(**{"steps": AB, **fields})
        assert found.value.path == path
        assert found.value.hint
