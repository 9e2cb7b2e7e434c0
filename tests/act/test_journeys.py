"""Journeys: waits, goals, versions, re-entry, merges, misfires, over restarts."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from afterclick.act.journeys import tables
from afterclick.act.journeys.local_time import next_local
from afterclick.act.journeys.standing import of_visitor, standing
from afterclick.core import clock
from afterclick.store.automations import Branch, Entry, LiveRule, Node, Way
from support.journeying import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    Course,
    PowerCut,
    decided,
    heard,
    journey,
    merged,
    send,
    wait,
)

REMINDER_ELSEWHERE = journey(wait("3h"), send(), name="elsewhere", event="Signed Up")
REMINDER = journey(wait("3h"), send(), goal=("Order Completed",))


class _Counted(list[Any]):
    """Keeps nothing of what is put in."""

    def append(self, _one: Any) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "acts"
    made.mkdir()
    return made


def test_a_wait_of_three_hours_across_a_crash_fires_once_and_on_time(folder: Path) -> None:
    course = Course(folder, [REMINDER])
    course.happens("a:1", "Product Added")
    course.cut_power()
    assert course.fire(START + 3 * HOUR - 1) == 0
    course.cut_power()
    assert course.fire(START + 3 * HOUR) == 1
    course.cut_power()
    assert course.fire(START + 4 * HOUR) == 0
    assert course.sent == [("a:1", "1", START + 3 * HOUR)]
    assert course.tallies == {"entered": 1, "ended:done": 1}


def test_power_lost_while_a_timer_fires_leaves_it_to_fire_again(folder: Path) -> None:
    course = Course(folder, [REMINDER])
    course.happens("a:1", "Product Added")
    course.acts.cut = True
    with pytest.raises(PowerCut):
        course.fire(START + 3 * HOUR)
    course.cut_power()
    assert course.sent == []
    assert course.fire() == 1
    assert course.sent == [("a:1", "1", START + 3 * HOUR)]
    assert len({intent.action_id for intent in course.messages}) == 1


def test_bought_within_the_hour_means_no_reminder(folder: Path) -> None:
    course = Course(folder, [REMINDER])
    course.happens("a:1", "Product Added")
    course.happens("a:2", "Product Added")
    course.happens("a:1", "Order Completed", START + HOUR)
    assert course.count("timers") == 1
    course.fire(START + 3 * HOUR)
    assert course.sent == [("a:2", "1", START + 3 * HOUR)]
    assert course.tallies["ended:goal"] == 1


def test_a_late_or_imported_order_ends_a_run_but_begins_none(folder: Path) -> None:
    course = Course(folder, [REMINDER])
    course.happens("a:1", "Product Added")
    course.happens("a:2", "Product Added", live=False)
    course.happens("a:3", "Product Added", late=True)
    assert course.count("runs") == 1
    course.happens("a:1", "Order Completed", START + HOUR, late=True)
    course.tell(heard(0, "a:1", "Order Completed", START - DAY, live=False))
    assert course.count("runs") == 0


def test_an_order_from_before_the_entry_is_no_goal(folder: Path) -> None:
    course = Course(folder, [REMINDER])
    course.happens("a:1", "Product Added")
    course.tell(heard(0, "a:1", "Order Completed", START - DAY, live=False))
    assert course.count("runs") == 1


def test_thirty_days_pass_in_a_moment(folder: Path) -> None:
    steps = [step for _ in range(30) for step in (wait("1d"), send())]
    course = Course(folder, [journey(*steps)])
    course.happens("a:1", "Product Added")
    for day in range(1, 31):
        course.fire(START + day * DAY)
        if day % 10 == 0:
            course.cut_power()
    assert [at for _, _, at in course.sent] == [START + day * DAY for day in range(1, 31)]
    assert course.count("runs") == course.count("timers") == 0


def test_a_run_keeps_its_version(folder: Path) -> None:
    course = Course(folder, [journey(wait("3h"), send())])
    course.happens("a:1", "Product Added")
    course.use(journey(wait("1h"), wait("1h"), send("push"), version=2))
    course.happens("a:2", "Product Added", START + 1)
    course.cut_power()
    assert {one.version for one in course.runner.in_use()} == {1, 2}
    course.fire(START + HOUR + 1)
    course.fire(START + 2 * HOUR + 1)
    course.fire(START + 3 * HOUR)
    assert course.sent == [("a:2", "2", START + 2 * HOUR + 1), ("a:1", "1", START + 3 * HOUR)]
    assert [intent.channel for intent in course.messages] == ["push", "email"]
    course.use(*course.journeys)
    assert [one.version for one in course.runner.in_use()] == [2]


def test_new_content_under_an_old_number_is_a_version_of_its_own(folder: Path) -> None:
    course = Course(folder, [journey(wait("3h"), send())])
    course.happens("a:1", "Product Added")
    course.use(journey(wait("3h"), send("push")))
    course.happens("a:2", "Product Added")
    course.fire(START + 3 * HOUR)
    assert [(intent.visitor, intent.channel) for intent in course.messages] == [("a:1", "email"), ("a:2", "push")]


def test_runs_of_a_journey_that_is_removed_end(folder: Path) -> None:
    course = Course(folder, [REMINDER])
    course.happens("a:1", "Product Added")
    course.use()
    assert course.fire(START + 3 * HOUR) == 0
    assert course.count("runs") == course.count("timers") == course.count("versions") == 0
    assert course.tallies["ended:removed"] == 1


@pytest.mark.parametrize(
    ("again", "entered"),
    [("never", [0]), ("after_exit", [0, 4, 8]), ("5h", [0, 5]), ("2h", [0, 4, 8]), ("key:order", [0, 1, 3])],
)
def test_who_may_enter_again(folder: Path, again: str, entered: list[int]) -> None:
    course = Course(folder, [journey(wait("3h"), send(), again=again)])
    hours: list[int] = []
    for hour, order in enumerate(["x", "y", "x", "z", "y", "x", "z", "", "x"]):
        course.fire(START + hour * HOUR + 1)
        before = course.tallies.get("entered", 0)
        course.happens("a:1", "Product Added", START + hour * HOUR + 2, order=order)
        hours += [hour] * (course.tallies["entered"] - before)
    assert hours == entered
    assert course.count("entries") == (3 if again.startswith("key:") else 1)


def test_a_key_missing_from_the_event_is_no_entry(folder: Path) -> None:
    course = Course(folder, [journey(wait("3h"), send(), again="key:order")])
    course.happens("a:1", "Product Added")
    assert course.count("runs") == 0
    course.happens("a:1", "Product Added", order=7)
    course.happens("a:1", "Product Added", order=8)
    assert course.count("runs") == 2
    assert course.tallies == {"entered": 2, "refused:key": 1}


def test_an_awaited_event_moves_the_run_at_once(folder: Path) -> None:
    course = Course(folder, [journey(wait(event="Email Opened[campaign == 'x']", timeout="1d"), send())])
    for visitor in ("a:1", "a:2"):
        course.happens(visitor, "Product Added")
    course.happens("a:1", "Email Opened", START + HOUR, campaign="y")
    assert course.sent == []
    course.happens("a:1", "Email Opened", START + 2 * HOUR, campaign="x")
    course.fire(START + DAY)
    assert course.sent == [("a:1", "1", START + 2 * HOUR), ("a:2", "1", START + DAY)]


def test_an_event_that_has_happened_since_the_entry_is_not_awaited(folder: Path) -> None:
    course = Course(folder, [journey(wait("1h"), wait(event="Email Opened", timeout="1d"), send())])
    course.happens("a:1", "Product Added")
    course.happens("a:1", "Email Opened", START + MINUTE)
    course.cut_power()
    course.fire(START + HOUR)
    assert course.sent == [("a:1", "2", START + HOUR)]


def test_a_condition_that_holds_already_is_not_awaited_and_another_is_told(folder: Path) -> None:
    flow = journey(wait(condition="basket.value>=20000", timeout="1d"), send())
    course = Course(folder, [flow], holds=lambda visitor, _text, _at: visitor == "a:1")
    for visitor in ("a:1", "a:2", "a:3"):
        course.happens(visitor, "Product Added")
    course.tell(decided("a:2", "basket.value >= 20000", START + HOUR, "watch"))
    course.tell(decided("a:3", "basket.value >= 20000", START - HOUR, "watch"))
    course.tell(decided("a:3", "basket.value >= 90000", START + HOUR, "watch"))
    course.fire(START + DAY)
    assert course.sent == [("a:1", "1", START), ("a:2", "1", START + HOUR), ("a:3", "1", START + DAY)]


def test_branches_come_back_behind_themselves(folder: Path) -> None:
    inner = Node(branch=Branch(when="b", then=(send(),), otherwise=()))
    flow = journey(Node(branch=Branch(when="a", then=(inner,), otherwise=(Node(exit=True),))), send("push"))
    told: list[tuple[str, str]] = []

    def holds(visitor: str, text: str, _at: int) -> bool:
        told.append((visitor, text))
        return text in {"a:1": "ab", "a:2": "a", "a:3": "b"}[visitor]

    course = Course(folder, [flow], holds=holds)
    for visitor in ("a:1", "a:2", "a:3"):
        course.happens(visitor, "Product Added")
    assert [(v, s) for v, s, _ in course.sent] == [("a:1", "0.then.0.then.0"), ("a:1", "1"), ("a:2", "1")]
    assert course.tallies == {"entered": 3, "ended:done": 2, "ended:exit": 1}
    assert told == [("a:1", "a"), ("a:1", "b"), ("a:2", "a"), ("a:2", "b"), ("a:3", "a")]


def test_a_split_is_the_same_for_ever_and_parts_as_told(folder: Path) -> None:
    flow = journey(
        Node(split=(Way(name="x", share=0.3, steps=(send(),)), Way(name="y", share=0.7))), send("push"), again="1m"
    )
    course = Course(folder, [flow])
    course.tell(*(heard(1, f"a:{n}", "Product Added", START, event_id=str(n)) for n in range(1000)))
    first = {visitor for visitor, step, _ in course.sent if step == "0.x.0"}
    assert 240 < len(first) < 360
    course.cut_power()
    course.now = START + HOUR
    course.tell(*(heard(2, f"a:{n}", "Product Added", START + HOUR, event_id=f"n{n}") for n in range(1000)))
    assert {visitor for visitor, step, at in course.sent if step == "0.x.0" and at > START} == first


def test_what_was_set_and_what_the_event_said_is_known_to_the_message(folder: Path) -> None:
    course = Course(folder, [journey(Node(set={"coupon": "SPRING"}), wait("1h"), Node(set={"n": "2"}), send())])
    course.happens("a:1", "Product Added", sku="s-1", number=10**30, lines=[{"price": 3}], large="x" * 9000, last=None)
    course.cut_power()
    course.fire(START + HOUR)
    said = course.messages[0].values
    assert said["run"] == {"coupon": "SPRING", "n": "2"}
    assert said["event"] == {"sku": "s-1", "number": str(10**30), "lines": [{"price": 3}], "last": None}


def test_a_call_told_again_is_told_once(folder: Path) -> None:
    course = Course(folder, [journey(send(), again="after_exit")])
    for _ in range(2):
        course.tell(heard(1, "a:1", "Product Added", START))
    assert len(course.sent) == 1
    course.tell(heard(2, "a:1", "Product Added", START + 1))
    assert len(course.sent) == 2
    assert course.acts.position == 2


def test_decisions_take_in_once_however_often_they_are_told(folder: Path) -> None:
    flow = journey(wait("1h"), send(), name="offer", entry=Entry(when="session.pages >= 4"))
    rule = LiveRule(name="portal", when="session.pages >= 2", enter="offer", state="on")
    course = Course(folder, [flow], rules=[rule])
    first = decided("a:1", "journey:offer", START)
    refused = decided("a:1", "portal", START + MINUTE)
    course.tell(first, first, decided("a:2", "portal", START, event_id="e9"), decided("a:3", "other", START))
    course.now = START + MINUTE
    course.tell(refused)
    assert course.fire(START + HOUR) == 2
    course.cut_power()
    course.tell(first, refused)
    assert course.count("runs") == 0
    assert course.tallies["entered"] == 2
    assert course.tallies["refused:active"] == 1


def test_the_older_run_of_two_that_turn_out_to_be_one_visitor_stays(folder: Path) -> None:
    other = journey(wait("5h"), send("push"), name="other", event="Signed Up")
    course = Course(folder, [REMINDER, other])
    course.happens("a:1", "Product Added")
    course.happens("a:2", "Product Added", START + HOUR)
    course.happens("a:2", "Signed Up", START + HOUR)
    course.seq += 1
    course.tell(merged(course.seq, "a:2", "a:1"))
    course.cut_power()
    assert course.count("runs") == course.count("timers") == 2
    course.fire(START + 3 * HOUR)
    course.fire(START + 4 * HOUR)
    course.fire(START + 6 * HOUR)
    assert course.sent == [("a:2", "1", START + 3 * HOUR), ("a:2", "1", START + 6 * HOUR)]
    assert course.tallies["ended:merged"] == 1


def test_a_merge_keeps_runs_by_key_and_who_was_there_before(folder: Path) -> None:
    course = Course(folder, [journey(wait("3h"), send(), again="key:order"), journey(send(), name="w", again="never")])
    course.happens("a:1", "Product Added", order="x")
    course.happens("a:2", "Product Added", order="y")
    course.tell(merged(3, "a:1", "a:2"))
    assert course.count("runs") == 2
    course.seq = 3
    course.happens("a:1", "Product Added", START + 1, order="y")
    assert course.count("runs") == 2
    course.happens("a:1", "Order Completed", START + 2)
    assert course.tallies["refused:again"] == 2


def test_timers_of_a_paused_journey_wait_and_go_on_when_it_does(folder: Path) -> None:
    flow = journey(wait("3h"), send(), goal=("Order Completed",))
    asked = journey(wait(event="Clicked", timeout="9d"), send(), name="asked")
    course = Course(folder, [flow, asked])
    for visitor in ("a:1", "a:2"):
        course.happens(visitor, "Product Added")
    paused = journey(wait("3h"), send(), goal=("Order Completed",), state="paused")
    course.use(paused, journey(*asked.steps, name="asked", state="paused"))
    course.cut_power()
    assert course.fire(START + 3 * HOUR) == 0
    course.happens("a:1", "Order Completed", START + DAY)
    course.happens("a:2", "Clicked", START + DAY)
    course.happens("a:3", "Product Added", START + DAY)
    assert course.sent == []
    course.now = START + 2 * DAY
    course.use(flow, asked)
    course.cut_power()
    course.fire(START + 2 * DAY + MINUTE)
    assert course.sent == [("a:2", "1", START + 2 * DAY + MINUTE)] * 2
    assert course.tallies["entered"] == 4


def test_a_local_time_missed_in_a_pause_is_the_next_one(folder: Path) -> None:
    flow = journey(wait(until="10:00"), send())
    course = Course(folder, [flow], zone="Asia/Seoul")
    course.happens("a:1", "Product Added")
    course.use(journey(*flow.steps, state="draft"))
    course.now = START + 20 * HOUR
    course.use(flow)
    assert course.fire() == 0
    course.fire(START + 25 * HOUR)
    assert course.sent == [("a:1", "1", START + 25 * HOUR)]


def test_case_80_a_server_down_for_three_days_sends_nothing_of_the_past(folder: Path) -> None:
    course = Course(folder, [journey(wait("3h"), send(), grace="1h"), journey(wait("4d"), send(), name="later")])
    course.tell(*(heard(1, f"a:{n}", "Product Added", START, event_id=str(n)) for n in range(700)))
    course.cut_power()
    course.now = START + 3 * DAY
    course.tell(heard(2, "a:9999", "Product Added", START + HOUR, event_id="x"))
    assert course.fire() == 700
    assert course.sent == []
    assert course.tallies["ended:missed"] == 700
    assert course.tallies["refused:missed"] == 2
    course.fire(START + 4 * DAY)
    assert len(course.sent) == 700


def test_case_80_within_the_grace_it_is_only_late(folder: Path) -> None:
    course = Course(folder, [REMINDER])
    course.happens("a:1", "Product Added")
    course.fire(START + 4 * HOUR)
    assert course.sent == [("a:1", "1", START + 4 * HOUR)]


def _instant(*parts: int) -> int:
    return clock.from_datetime(datetime(*parts, tzinfo=UTC))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("at", "until", "zone", "expected"),
    [
        # New York goes from 02:00 to 03:00 on 2026-03-08, and from 02:00 back to 01:00 on 2026-11-01.
        ((2026, 3, 8, 5), "02:30", "America/New_York", (2026, 3, 8, 7, 30)),
        ((2026, 3, 8, 8), "02:30", "America/New_York", (2026, 3, 9, 6, 30)),
        ((2026, 11, 1, 4), "01:30", "America/New_York", (2026, 11, 1, 5, 30)),
        ((2026, 11, 1, 6), "01:30", "America/New_York", (2026, 11, 2, 6, 30)),
        ((2026, 10, 31, 15), "10:00", "America/New_York", (2026, 11, 1, 15)),
        ((2026, 3, 28, 9, 30), "10:00", "Europe/Berlin", (2026, 3, 29, 8)),
        ((2026, 3, 9, 1), "10:00", "Asia/Seoul", (2026, 3, 9, 1)),
        ((2026, 3, 9, 1, 0, 0, 1), "10:00", "Asia/Seoul", (2026, 3, 10, 1)),
        ((2011, 12, 29, 22), "10:00", "Pacific/Apia", (2011, 12, 30, 20)),
    ],
)
def test_case_80_local_times_on_days_of_23_and_25_hours(
    at: tuple[int, ...], until: str, zone: str, expected: tuple[int, ...]
) -> None:
    assert next_local(_instant(*at), until, (), ZoneInfo(zone)) == _instant(*expected)


def test_weekdays_narrow_a_local_time() -> None:
    monday_noon = START + 12 * HOUR
    assert next_local(monday_noon, "10:00", (1,), ZoneInfo("UTC")) == START + 7 * DAY + 10 * HOUR
    assert next_local(monday_noon, "10:00", (3, 7), ZoneInfo("UTC")) == START + 2 * DAY + 10 * HOUR


def test_a_wait_for_a_local_time_over_a_crash_on_the_day_the_clocks_change(folder: Path) -> None:
    before = _instant(2026, 3, 28, 12)
    course = Course(folder, [journey(wait(until="10:00"), send())], at=before, zone="Europe/Berlin")
    course.happens("a:1", "Product Added")
    course.cut_power()
    assert course.fire(_instant(2026, 3, 29, 8) - SECOND) == 0
    assert course.fire(_instant(2026, 3, 29, 8)) == 1
    assert course.sent == [("a:1", "1", _instant(2026, 3, 29, 8))]


def test_case_74_a_crowd_is_queued_and_sets_out_in_batches(folder: Path) -> None:
    flow = journey(send(), wait("1d"), send(), entry=Entry(segment="win back", daily="10:00"))
    course = Course(folder, [flow], at=START + 10 * HOUR)
    crowd = 5000
    asked: list[str] = []

    def members(segment: str) -> list[str]:
        asked.append(segment)
        return [f"a:{n}" for n in range(crowd)]

    zone = ZoneInfo("UTC")
    assert course.runner.daily(START + 10 * HOUR, zone, members) == crowd
    assert course.sent == []
    course.cut_power()
    assert course.runner.daily(START + 10 * HOUR + 1, zone, members) == 0
    assert asked == ["win back"]
    assert course.runner.fire(START + 10 * HOUR + 2, 700) == 700
    assert len(course.sent) == 700
    course.cut_power()
    assert course.runner.fire(START + 10 * HOUR + 3) == crowd - 700
    assert len(course.sent) == crowd
    assert course.count("timers") == crowd


def test_case_74_a_crowd_takes_no_more_memory_than_a_few(folder: Path) -> None:
    course = Course(folder, [journey(send(), wait("1d"), entry=Entry(segment="s", daily="10:00"))], at=START + 10 * HOUR)
    at, peaks = START + 10 * HOUR, []
    course.runner.daily(at, ZoneInfo("UTC"), lambda _segment: ["a:first"])
    course.fire(at)
    for day, crowd in ((1, 2_000), (2, 12_000)):
        course.now = at + day * DAY
        tracemalloc.start()
        course.runner.daily(course.now, ZoneInfo("UTC"), lambda _segment, n=crowd: (f"a:{i}" for i in range(n)))
        course.messages = _Counted()
        course.fire()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The 2,000 of the day before were still on their way when the 12,000 came.
    assert course.count("runs") == 10_000
    assert peaks[1] < 1.5 * peaks[0]


def test_a_crowd_cut_off_in_the_middle_is_taken_in_once(folder: Path) -> None:
    flow = journey(send(), again="after_exit", entry=Entry(segment="s", daily="10:00"))
    course = Course(folder, [flow], at=START + 10 * HOUR)
    zone = ZoneInfo("UTC")

    def half(_segment: str):  # type: ignore[no-untyped-def]
        yield from (f"a:{n}" for n in range(3000))
        raise PowerCut

    with pytest.raises(PowerCut):
        course.runner.daily(START + 10 * HOUR, zone, half)
    course.cut_power()
    course.fire(START + 10 * HOUR + 1)
    course.runner.daily(START + 10 * HOUR + 2, zone, lambda _segment: [f"a:{n}" for n in range(3000)])
    course.fire(START + 10 * HOUR + 3)
    assert len(course.sent) == 3000
    assert course.runner.daily(START + 3 * DAY, zone, lambda _segment: ["a:1"]) == 0
    assert course.tallies["day:missed"] == 1


def test_entries_by_hand_say_why_they_are_refused(folder: Path) -> None:
    course = Course(folder, [REMINDER, journey(send(), name="off", state="paused")])
    enter = course.runner.enter
    assert enter("a:1", "basket", "x", START, {"sku": "s"}) == ""
    assert enter("a:1", "basket", "x", START, {}) == "again"
    assert enter("a:1", "basket", "y", START + 1, {}) == "active"
    assert enter("a:1", "off", "x", START, {}) == "off"
    assert enter("a:1", "nowhere", "x", START, {}) == "off"
    assert enter("a:2", "basket", "x", START - DAY, {}) == "missed"


def test_nobody_enters_by_what_happened_before_it_was_on(folder: Path) -> None:
    course = Course(folder, [journey(send(), on_since=START // 1000 + 1)])
    course.happens("a:1", "Product Added")
    course.happens("a:1", "Product Added", START + 1000)
    assert course.sent == [("a:1", "0", START + 1000)]


def test_a_journey_that_cannot_be_read_stops_no_other(folder: Path) -> None:
    broken = journey(wait(event="Order [", timeout="1d"), name="broken")
    course = Course(folder, [broken, REMINDER])
    assert list(course.runner.refused) == ["broken"]
    course.happens("a:1", "Product Added")
    assert course.count("runs") == 1


def test_a_rule_nobody_knows_ends_the_run_and_no_other(folder: Path) -> None:
    from afterclick.core.errors import SpecError

    def holds(visitor: str, _text: str, _at: int) -> bool:
        if visitor == "a:1":
            raise SpecError("no such rule")
        return True

    flow = journey(wait("1h"), Node(branch=Branch(when="a", then=(send(),))))
    course = Course(folder, [flow], holds=holds)
    for visitor in ("a:1", "a:2"):
        course.happens(visitor, "Product Added")
    course.fire(START + HOUR)
    assert [visitor for visitor, _, _ in course.sent] == ["a:2"]
    assert course.tallies["ended:failed"] == 1


def test_nothing_of_an_erased_visitor_stays(folder: Path) -> None:
    course = Course(folder, [REMINDER])
    for visitor in ("a:erase-me", "a:2"):
        course.happens(visitor, "Product Added", note="find-this")
    with course.acts.writing() as tx:
        assert tables.forget(tx, ["a:erase-me", "a:unknown"]) == 1
    assert course.count("runs") == course.count("timers") == course.count("entries") == 1
    assert course.acts.empty_wal()
    found = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"erase-me" not in found
    assert b"a:2" in found


def test_how_journeys_stand_is_read_from_beside(folder: Path, tmp_path: Path) -> None:
    assert standing(tmp_path) == {}
    assert of_visitor(tmp_path, "a:1") == []
    inner = Node(branch=Branch(when="x", then=(wait("1d"),)))
    course = Course(folder, [journey(wait("3h"), inner, send()), REMINDER_ELSEWHERE], holds=lambda who, _t, _a: who == "a:1")
    for visitor in ("a:1", "a:2", "a:3"):
        course.happens(visitor, "Product Added")
    course.happens("a:3", "Product Added", START + 1)
    course.fire(START + 3 * HOUR)
    found = standing(folder)
    assert found["elsewhere"] == ({}, None, 0, {}, {}, {})
    assert found["basket"] == (
        {"1.then.0": 1}, START + 27 * HOUR, 3, {"done": 2}, {"active": 1}, {}
    )  # fmt: skip
    assert of_visitor(folder, "a:1") == [("basket", "", START, "1.then.0", START + 27 * HOUR, None, "")]
    assert of_visitor(folder, "a:2") == [("basket", "", START, "", None, START + 3 * HOUR, "done")]


def test_entries_that_can_refuse_nobody_are_forgotten_after_a_while(folder: Path) -> None:
    course = Course(folder, [journey(send()), journey(send(), name="once", again="never"), journey(wait("90d"), name="w")])
    course.happens("a:1", "Product Added")
    assert course.runner.prune(START + 30 * DAY) == 0
    assert course.runner.prune(START + 50 * DAY) == 1
    assert course.count("entries") == 2


def test_a_decision_told_again_after_its_visitor_became_another_begins_no_second_run(folder: Path) -> None:
    course = Course(folder, [journey(wait("1h"), send(), name="offer", entry=Entry(when="session.pages >= 4"))])
    entered = decided("a:2", "journey:offer", START, seq=1)
    course.tell(entered)
    course.tell(merged(2, "a:1", "a:2"))
    course.cut_power()
    course.tell(entered)
    course.tell(merged(2, "a:1", "a:2"))
    assert course.count("runs") == course.count("timers") == course.count("entries") == 1
    assert course.tallies == {"entered": 1}


def test_what_is_learnt_again_from_segments_takes_nobody_in(folder: Path) -> None:
    course = Course(folder, [REMINDER])
    course.tell(heard(0, "a:1", "Product Added", START))
    assert course.count("runs") == 0
    course.tell(heard(7, "a:1", "Product Added", START))
    assert course.count("runs") == 1


def test_nobody_enters_a_version_that_another_thread_has_just_replaced(folder: Path, monkeypatch) -> None:
    course = Course(folder, [REMINDER])
    entering = threading.Thread(target=lambda: course.tell(heard(1, "a:1", "Product Added", START)))
    committed = type(course.acts).writing

    @contextmanager
    def slow(acts: Any) -> Iterator[Any]:
        with committed(acts) as tx:
            yield tx
        if entering.ident is None:
            # Right behind the commit of the new version: whoever may write now does so.
            entering.start()
            entering.join(0.5)

    monkeypatch.setattr(type(course.acts), "writing", slow)
    course.use(journey(wait("5h"), send(), goal=("Order Completed",)))
    entering.join(60)
    with course.acts.reading() as connection:
        versions = {number for (number,) in connection.execute("SELECT version FROM versions")}
        assert {number for (number,) in connection.execute("SELECT version FROM runs")} <= versions
    assert course.count("runs") == 1
    assert course.fire(START + 5 * HOUR) == 1
