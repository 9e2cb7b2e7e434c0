"""Retention equals brute force over Python lists, whatever the order of arrival, the pieces, or how visitors are cut."""

from __future__ import annotations

import random
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Lifecycle, Onboarding, Retention, Stickiness
from afterclick.core import spans
from afterclick.core.event import Event
from afterclick.core.spans import local_day
from support import naive_retention as naive
from support.shop import DAY0

SETTINGS = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEWER = settings(SETTINGS, max_examples=5)
HALF_DAY = 12 * spans.HOUR
EPOCH = date(2025, 12, 29)

# visitor, half days (+ a microsecond now and then) after the start of 2026, event
rows = st.lists(
    st.tuples(
        st.sampled_from(["v1", "v2", "v3", "v4"]), st.integers(0, 44), st.sampled_from([0, 0, 1]),
        st.sampled_from(["A", "A", "B"]),
    ),
    min_size=1, max_size=30,
)  # fmt: skip
asked = st.fixed_dictionaries(
    {
        "start": st.sampled_from(["*", "A"]), "back": st.sampled_from(["", "B", "*"]),
        "cohort": st.sampled_from(["first", "recurring"]),
        "interval": st.sampled_from(["day", "week", "month", "24h", "0,1-3,4-7", "0,2,7±1"]),
        "count": st.sampled_from(["on", "on_or_after", "rolling"]), "base": st.sampled_from(["start", "previous"]),
    }
)  # fmt: skip
RANGES = ("all", "2026-01-03..2026-01-12")


def events_of(lines: list[Any]) -> list[tuple[str, int, str, str]]:
    found = [(v, DAY0 + half * HALF_DAY + extra, f"e{i:03d}", name) for i, (v, half, extra, name) in enumerate(lines)]
    # Somebody else closes the 26th of January, so that cells before are over.
    return [*found, ("z", DAY0 + 26 * spans.DAY - 1, "e999", "Z")]


def stored(events: list[Any]) -> list[Event]:
    return [
        Event(event=name, raw_event=name, occurred_at=at, anonymous_id=visitor, event_id=number)
        for visitor, at, number, name in events
    ]


def interval_of(kind: str, zone: Any) -> Any:
    def number(at: int) -> int:
        day = local_day(at, zone)
        if kind == "month":
            return day.year * 12 + day.month
        return (day - EPOCH).days // (7 if kind == "week" else 1)

    return number


def cohort_number(name: str, kind: str) -> int:
    day = date.fromisoformat(name)
    return day.year * 12 + day.month if kind == "month" else (day - EPOCH).days // (7 if kind == "week" else 1)


def held(shop: Any, events: list[Any], fields: dict[str, str], reach: str) -> None:
    """The answer equals the naive one, cell by cell."""
    result = shop.ask(Retention(range=reach, compare="none", **fields))
    zone = shop.context().zone
    curve = result.frame.to_pylist()
    columns = [(row["low_offset"], row["high_offset"]) for row in curve]
    kind = fields["interval"] if fields["interval"] in ("week", "month") else "day"
    numbered = interval_of(kind, zone)
    days = (date(2025, 1, 1), date(2027, 1, 1)) if reach == "all" else (date(2026, 1, 3), date(2026, 1, 13))
    start, end = (spans.midnight(day, zone) for day in days)
    rule = lambda name: lambda row: name == "*" or row[3] == name  # noqa: E731
    same = fields["back"] in ("", fields["start"])
    expected = naive.retention(
        events, rule(fields["start"]), rule(fields["back"] or fields["start"]), numbered, start, end, columns,
        first=fields["cohort"] == "first", same=same, block=fields["interval"] == "24h", count=fields["count"],
        previous=fields["base"] == "previous",
    )  # fmt: skip
    places = {row["period"]: place for place, row in enumerate(curve)}
    over: dict[str, list[int]] = {row["period"]: [0, 0] for row in curve}
    seen = set()
    for cell in result.parts["cohorts"].to_pylist():
        key = cohort_number(cell["cohort"], kind), places[cell["period"]]
        back, base = expected.get(key, (set(), set()))
        assert (cell["returned"], cell["base"]) == (len(back), len(base)), (cell, fields)
        seen.add(key)
        if not cell["incomplete"] and cell["size"]:
            over[cell["period"]][0] += len(back)
            over[cell["period"]][1] += len(base)
    for key, (back, _) in expected.items():
        assert key in seen or not back or fields["count"] == "rolling", (
            "nobody comes back in a period that has not begun"
        )
    assert {row["period"]: [row["returned"], row["base"]] for row in curve} == over


@SETTINGS
@given(rows, st.lists(asked, min_size=4, max_size=4), st.sampled_from(["UTC", "Asia/Seoul", "America/New_York"]))
def test_every_cell_equals_brute_force(lines: list[Any], several: list[dict[str, str]], zone: str) -> None:
    events = events_of(lines)
    if not any(name == "A" for *_, name in events) or not any(name == "B" for *_, name in events):
        events += [("v9", DAY0, "e500", "A"), ("v9", DAY0 + 1, "e501", "B")]
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        shop.define(timezone=zone)
        shop.append(stored(events))
        for number, fields in enumerate(several):
            if (fields["count"], fields["base"]) == ("rolling", "previous"):
                fields = {**fields, "base": "start"}  # noqa: PLW2901 - the two do not go together
            held(shop, events, fields, RANGES[number % 2])


@FEWER
@given(rows, st.randoms(use_true_random=False), st.sampled_from(["first", "recurring"]))
def test_any_order_of_arrival_in_any_pieces_gives_the_same(
    lines: list[Any], chance: random.Random, cohort: str
) -> None:
    events = events_of(lines)
    shuffled = chance.sample(events, len(events))
    half = len(shuffled) // 2
    answers = []
    for parts in ([events], [shuffled[:half], shuffled[half:]]):
        with (
            tempfile.TemporaryDirectory() as folder,
            afterclick.open(Path(folder) / "s", write=True, create=True) as shop,
        ):
            for part in parts:
                shop.append(stored(part)) if part else None
            result = shop.ask(Retention(range="all", compare="none", cohort=cohort))
            answers.append((result.frame.to_pylist(), result.parts["cohorts"].to_pylist()))
    assert answers[0] == answers[1]


@FEWER
@given(rows, st.sampled_from(["first", "recurring"]), st.sampled_from(["on", "on_or_after", "rolling"]))
def test_visitors_cut_in_two_add_up(lines: list[Any], cohort: str, count: str) -> None:
    events = events_of(lines)
    totals = []
    for mine in (("v1", "v2", "v3", "v4"), ("v1", "v3"), ("v2", "v4")):
        with (
            tempfile.TemporaryDirectory() as folder,
            afterclick.open(Path(folder) / "s", write=True, create=True) as shop,
        ):
            shop.append(stored([event for event in events if event[0] in (*mine, "z")]))
            result = shop.ask(
                Retention(range="2026-01-01..2026-01-23", compare="none", start="*", cohort=cohort, count=count)
            )
            totals.append([(row["returned"], row["base"]) for row in result.frame.to_pylist()])
    for whole, one, other in zip(*totals, strict=True):
        assert whole == (one[0] + other[0], one[1] + other[1])


@pytest.mark.parametrize("zone", ["Asia/Seoul", "America/New_York"])
def test_cohorts_sum_to_the_visitors_with_the_start(zone: str) -> None:
    chance = random.Random(4)
    lines = [(f"v{chance.randrange(40)}", chance.randrange(45), 0, "A") for _ in range(120)]
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        shop.define(timezone=zone)
        shop.append(stored(events_of(lines)))
        for interval in ("day", "week", "month", "24h"):
            result = shop.ask(Retention(start="A", range="all", compare="none", interval=interval))
            sizes = {row["cohort"]: row["size"] for row in result.parts["cohorts"].to_pylist()}
            assert sum(sizes.values()) == len({line[0] for line in lines}) == result.about["visitors"]


def test_the_clock_of_the_machine_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import time

    found = []
    lines = [("v1", half, 0, "A") for half in range(0, 40, 3)]
    for zone in ("UTC", "Pacific/Auckland"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        with afterclick.open(tmp_path / zone.replace("/", "-"), write=True, create=True) as shop:
            shop.append(stored(events_of(lines)))
            found.append(shop.ask(Retention(range="all", compare="none")).frame.to_pylist())
    monkeypatch.undo()
    time.tzset()
    assert found[0] == found[1]


@SETTINGS
@given(rows, st.sampled_from(["UTC", "America/New_York"]), st.sampled_from(["day", "week", "month"]))
def test_life_cycle_stickiness_and_onboarding_equal_brute_force(lines: list[Any], zone: str, interval: str) -> None:
    events = [*events_of(lines), ("v9", DAY0, "e500", "A"), ("v9", DAY0 + 1, "e501", "B")]
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        shop.define(timezone=zone)
        shop.append(stored(events))
        at = shop.context().zone
        numbered, daily = interval_of(interval, at), interval_of("day", at)
        is_a = lambda row: row[3] == "A"  # noqa: E731
        found = shop.ask(Lifecycle(start="A", interval=interval, range="2026-01-03..2026-01-22", compare="none"))
        shown = found.frame.to_pylist()
        expected = naive.lifecycle(events, is_a, numbered, [cohort_number(row["interval"], interval) for row in shown])
        for row in shown:
            parts = [len(people) for people in expected[cohort_number(row["interval"], interval)]]
            assert [row[part] for part in ("new", "returning", "resurrecting", "dormant", "active_before")] == parts
        start, end = (spans.midnight(day, at) for day in (date(2026, 1, 3), date(2026, 1, 23)))
        sticky = shop.ask(Stickiness(start="A", interval=interval, range="2026-01-03..2026-01-22", compare="none"))
        active: dict[str, set[int]] = {}
        for visitor, when, _, name in events:
            if name == "A" and start <= when < end:
                active.setdefault(visitor, set()).add(numbered(when))
        times = [len(intervals) for intervals in active.values()]
        assert [row["visitors"] for row in sticky.frame.to_pylist()] == [
            times.count(n) for n in range(1, max(times, default=0) + 1)
        ]
        board = shop.ask(Onboarding(start="A", steps=("B",), days=4, range="2026-01-03..2026-01-22", compare="none"))
        last_over = daily(DAY0 + 26 * spans.DAY - 1) if zone == "UTC" else daily(DAY0 + 26 * spans.DAY - 1) - 1
        people, by_day = naive.reached(events, is_a, lambda row: row[3] == "B", daily, start, end, 4, last_over)
        assert [(row["newcomers"], row["visitors"]) for row in board.frame.to_pylist()] == [
            (len(people), len(by_day[day])) for day in range(5)
        ]
