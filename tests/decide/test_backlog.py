"""Events that wait to be counted change nothing that anybody can see: rules fire, hold and are kept as plain lists tell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from support.told import MINUTE, Visitor, engine_of, live_rule

WINDOWS = {  # the name of a rule: event, minutes, how many
    "three in ten": ("A", 10, 3), "five in an hour": ("A", 60, 5), "nine in a day": ("A", 1440, 9), "all in half": ("*", 30, 7),
}  # fmt: skip
TEXTS = {name: f'count("{event}", {minutes}m) >= {most}' for name, (event, minutes, most) in WINDOWS.items()}
ASKING = live_rule('count("A", 10m) >= 2', "asks", on=("B",), once="1ms")
laters = st.sampled_from([0, 1, 9, 10, 11, 29, 30, 60, 90])
deeds = st.lists(st.tuples(st.sampled_from("AAAB"), st.sampled_from([0, 1, 1, 2, 5, 12, 40])), max_size=40)


def number_of(done: list[tuple[str, int]], name: str, minute: int) -> int:
    """As far as the rule looks."""
    event, minutes, most = WINDOWS[name]
    return min(most, sum(event in ("*", what) and at >= minute - minutes for what, at in done))


def counted(done: list[tuple[str, int]], name: str, minute: int) -> bool:
    return number_of(done, name, minute) == WINDOWS[name][2]


def engine():
    return engine_of(*(live_rule(text, name, once="1ms") for name, text in TEXTS.items()), ASKING)


@given(deeds, st.sets(st.integers(0, 39), max_size=5), st.sets(st.integers(0, 39), max_size=5), laters)
def test_rules_over_windows_of_one_event_fire_and_hold_as_a_list_says(told, packed, asked, later) -> None:
    decider = engine()
    visitor, minute, done, last = Visitor(decider), 0, [], -1
    first = visitor.at
    for number, (what, gap) in enumerate(told):
        before = {name for name in WINDOWS if counted(done, name, minute)}
        if number in packed:
            visitor.memory = decider.unpack(visitor.memory.pack())
        minute += gap
        still = {name for name in before if counted(done, name, minute)}
        done.append((what, minute))
        now = {name for name in WINDOWS if counted(done, name, minute)}
        asks = set()
        if what == "B" and minute > last and sum(one == "A" and at >= minute - 10 for one, at in done) >= 2:
            asks, last = {"asks"}, minute
        fired = [one.rule for one in visitor.does(what, gap * MINUTE)]
        assert sorted(fired) == sorted((now - still) | asks)
        if number in asked:
            at = minute + later
            for name, text in TEXTS.items():
                assert decider.holds(visitor.memory, text, first + at * MINUTE) == counted(done, name, at)
                (value,) = decider.values(visitor.memory, text, first + at * MINUTE).values()
                assert value == number_of(done, name, at)


@given(deeds, deeds, laters)
def test_two_visitors_who_are_one_have_done_what_either_did(ours, theirs, later) -> None:
    decider = engine()
    pair, done, ends = [], [], []
    for key, told in (("a:v", ours), ("a:w", theirs)):
        visitor, minute = Visitor(decider, key), 0
        for what, gap in told:
            minute += gap
            done.append((what, minute))
            visitor.does(what, gap * MINUTE)
        pair.append(visitor)
        ends.append(minute)
    first = pair[0].at - ends[0] * MINUTE
    decider.merge(pair[0].memory, pair[1].memory)
    at = max(ends) + later
    for name, text in TEXTS.items():
        assert decider.holds(pair[0].memory, text, first + at * MINUTE) == counted(done, name, at)
    # Nothing fires by the merge itself; from there on both count.
    pair[0].at, minute = first + max(ends) * MINUTE, max(ends)
    for gap in (later, *[1] * 9):
        before = {name for name in WINDOWS if counted(done, name, minute)}
        minute += gap
        still = {name for name in before if counted(done, name, minute)}
        done.append(("A", minute))
        now = {name for name in WINDOWS if counted(done, name, minute)}
        assert sorted(one.rule for one in pair[0].does("A", gap * MINUTE)) == sorted(now - still)


def test_windows_that_nobody_can_see_keep_one_list() -> None:
    visitor = Visitor(engine_of(*(live_rule(f'count("A", {hours}h) >= 50', f"r{hours}") for hours in range(1, 11))))
    for _ in range(49):
        visitor.does("A")
    assert visitor.memory.kept == {}
    assert [len(one) for one in visitor.memory.backlogs.values()] == [49]
    assert [one.rule for one in visitor.does("A")] == [f"r{hours}" for hours in range(1, 11)]
    assert {len(one.times) for one in visitor.memory.machines.values()} == {50}
