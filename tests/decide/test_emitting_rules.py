"""Rules that make events: case 73, circles that end, hours that are full, and what is told of it."""

from __future__ import annotations

from afterclick.app.rule_events import events_of
from afterclick.core import spans
from afterclick.decide.engine import Decision
from support.told import MINUTE, Visitor, engine_of, live_rule


def circle(visitor: Visitor, first: str) -> list[Decision]:
    """What is decided until no rule makes an event any more; made events are told as the log tells them."""
    made, open_ = [], visitor.does(first)
    while open_:
        made += open_
        assert len(made) < 100
        open_ = [more for one in open_ for more in visitor.does({"a": "X", "b": "Y"}[one.rule], generation=one.generation)]
    return made


def test_case_73_rules_that_fire_one_another_stop_after_three_generations_and_it_is_reported() -> None:
    a = live_rule("true", "a", on=("Y", "Start"), emit="X", once="1ms")
    b = live_rule("true", "b", on=("X",), emit="Y", once="1ms")
    visitor = Visitor(engine_of(a, b))
    assert [(one.rule, one.kind, one.generation) for one in circle(visitor, "Start")] == [
        ("a", "emit", 1), ("b", "emit", 2), ("a", "emit", 3),
    ]  # fmt: skip
    assert visitor.engine.report == {"a": {"fired": 2}, "b": {"fired": 1, "suppressed.generation": 1}}
    assert len(circle(visitor, "Start")) == 3


def test_case_73_a_circle_over_time_ends_as_well() -> None:
    visitor = Visitor(engine_of(live_rule('since("X") > 1m || count("Start", 1m) >= 1', "a", emit="X", once="1ms")))
    (decision,) = visitor.does("Start")
    generations = [decision.generation]
    for _ in range(10):
        for one in visitor.does("X", generation=generations[-1]) + visitor.waits(5 * MINUTE):
            generations.append(one.generation)
    assert generations == [1, 2, 3]
    assert visitor.engine.report["a"]["suppressed.generation"] > 0


def test_a_rule_makes_at_most_1000_events_an_hour_and_goes_on_counting_after_a_restart() -> None:
    engine = engine_of(live_rule("true", "a", on=("A",), emit="X"))
    hour = 2 * spans.HOUR

    def emitted(number: int, engine=engine, begin: int = 0) -> int:
        visitors = [Visitor(engine, f"a:{begin + n}") for n in range(number)]
        return sum(len(visitor.does("A", hour + n)) for n, visitor in enumerate(visitors))

    assert emitted(700) == 700
    other = engine_of(live_rule("true", "a", on=("A",), emit="X"))
    other.restore(engine.tallies())
    assert emitted(700, other, 700) == 300
    assert other.report["a"] == {"fired": 300, "suppressed.hourly": 400}
    assert len(Visitor(other, "a:late").does("A", hour + spans.HOUR)) == 1


def test_what_claims_to_be_of_any_generation_is_taken_as_it_stands() -> None:
    visitor = Visitor(engine_of(live_rule("true", "a", on=("A",), emit="X", once="1ms")))
    for told, found in ((None, 1), ("2", 3), (2.0, 3), (-7, 1), ("x", 1), (float("inf"), 1), (1e300, 1)):
        more = {} if told is None else {"generation": told}
        assert [one.generation for one in visitor.does("A", **more)] == [found], told
    assert visitor.does("A", generation=3) == []


def test_case_73_the_events_that_are_stored_count_generations_as_the_engine_does() -> None:
    a = live_rule("true", "a", on=("Y", "Start"), emit="X", once="1ms")
    b = live_rule("true", "b", on=("X",), emit="Y", once="1ms")
    rules, visitor = {"a": a, "b": b}, Visitor(engine_of(a, b))
    stored, decided = [], visitor.does("Start")
    while decided:
        events = [event for one in decided for event in events_of(one, rules[one.rule])]
        stored += [(event.event, event.properties["generation"]) for event in events]
        decided = [more for event in events for more in visitor.does(event.event, **event.properties)]
    assert stored == [("X", 1), ("Y", 2), ("X", 3)]
