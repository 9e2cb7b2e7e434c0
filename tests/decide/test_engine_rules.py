"""Live rules, event by event: the two source rules, what `on`, `once`, groups, cooldowns, hold-outs and arms do."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from msgspec import structs

from afterclick.core import spans
from afterclick.core.errors import SpecError
from afterclick.decide.draws import draw, pick
from afterclick.store.automations import Arm, Branch, Entry, Journey, Node, Show, Wait, Words
from afterclick.store.columns import Flag
from support.told import MINUTE, NAVER, NAVER_AD, SHOWN, START, Visitor, engine_of, live_rule

RULE_A = "session.pages >= 4 && visitor.sessions == 1 && session.portal && session.paid && !visitor.known"
RULE_B = "basket.value >= 20000 && basket.value < 30000"
NEVER = 2**62


def newcomer(touch, text: str = RULE_A, **more) -> list[int]:
    """The numbers of the page views, of six in a first visit, at which the rule fires."""
    visitor = Visitor(engine_of(live_rule(text, once="visitor", **more)))
    return [n for n in range(1, 7) if visitor.views(touch=touch if n == 1 else {}, campaign=7 if n == 1 else 0)]


@pytest.mark.parametrize("more", [{}, {"on": ("Page Viewed",)}])
def test_source_rule_a_fires_at_the_fourth_page_view_of_a_paid_portal_newcomer(more) -> None:
    assert newcomer(NAVER_AD, **more) == [4]


def test_source_rule_a_does_not_fire_for_direct_traffic_or_an_unpaid_search() -> None:
    assert newcomer(engine_of().setting.direct) == []
    assert newcomer(NAVER) == []
    assert newcomer(NAVER, RULE_A.replace(" && session.paid", "")) == [4]


def test_source_rule_a_does_not_fire_in_a_second_session_or_for_a_known_visitor() -> None:
    visitor = Visitor(engine_of(live_rule(RULE_A, once="visitor")))
    first = [visitor.views(touch=NAVER_AD if n == 0 else {}, campaign=7 if n == 0 else 0) for n in range(3)]
    second = [visitor.views(5 * spans.HOUR if n == 0 else MINUTE, touch=NAVER_AD if n == 0 else {}) for n in range(6)]
    assert first + second == [[]] * 9
    known = Visitor(engine_of(live_rule(RULE_A, once="visitor")))
    assert [known.views(touch=NAVER_AD if n == 0 else {}, flags=Flag.KNOWN) for n in range(6)] == [[]] * 6


def test_source_rule_b_fires_when_the_basket_is_worth_between_20000_and_30000() -> None:
    visitor = Visitor(engine_of(live_rule(RULE_B)))
    told = [("Product Added", 12_000.0), ("Product Added", 9_000.0), ("Product Added", 15_000.0), ("Product Removed", 15_000.0)]
    fired = [visitor.does(name, product_id=str(price), price=price, stages=(2,)) for name, price in told]
    assert [len(found) for found in fired] == [0, 1, 0, 0]
    decision = fired[1][0]
    assert (decision.kind, decision.rule, decision.at, decision.event_id) == ("show", "r", START + MINUTE, "e2")
    assert decision.expires_at == decision.at + 10 * MINUTE
    values = visitor.engine.values(visitor.memory, RULE_B, visitor.at)
    assert values == {"basket.value": Decimal(21_000)}
    assert 30_000 - values["basket.value"] == 9_000
    assert visitor.engine.holds(visitor.memory, f" ({RULE_B}) ", visitor.at)


def test_source_rule_b_fires_again_in_the_next_session_only_when_it_comes_true_again() -> None:
    visitor = Visitor(engine_of(live_rule(RULE_B)))
    assert len(visitor.does("Product Added", product_id="a", price=21_000.0)) == 1
    assert visitor.views(5 * spans.HOUR) == []
    assert visitor.does("Product Removed", product_id="a") == []
    assert len(visitor.does("Product Added", product_id="a", price=21_000.0)) == 1


def test_a_rule_with_on_fires_at_such_an_event_while_its_condition_holds() -> None:
    visitor = Visitor(engine_of(live_rule("basket.value >= 20000", on=("Exit Intent",))))
    assert visitor.does("Exit Intent") == []
    assert visitor.does("Product Added", product_id="a", price=21_000.0) == []
    assert len(visitor.does("Exit Intent")) == 1
    assert visitor.does("Exit Intent") == []
    assert len(visitor.does("Exit Intent", 5 * spans.HOUR)) == 1
    assert visitor.engine.due(visitor.memory) == NEVER


def test_of_a_group_only_the_most_urgent_fires_and_the_cooldown_holds_the_group_back() -> None:
    low = live_rule("true", "low", on=("A",), once="1ms", priority=1, group="offers", cooldown="1h")
    high = live_rule("true", "high", on=("A", "B"), once="1ms", priority=2, group="offers", cooldown="1h")
    alone = live_rule("true", "alone", on=("A",), once="1ms", cooldown="2h")
    visitor = Visitor(engine_of(low, high, alone))
    assert [one.rule for one in visitor.does("A")] == ["high", "alone"]
    assert visitor.does("A") == []
    assert [one.rule for one in visitor.does("A", spans.HOUR)] == ["high"]
    report = visitor.engine.report
    assert report["low"] == {"suppressed.group": 2, "suppressed.cooldown": 1}
    assert report["high"] == {"fired": 2, "suppressed.cooldown": 1}
    assert report["alone"] == {"fired": 1, "suppressed.cooldown": 2}


def test_a_hold_out_is_a_decision_that_is_never_offered_and_stays_for_the_visitor() -> None:
    engine = engine_of(live_rule('performed("A")', once="visitor", holdout_rate=0.3))
    held = []
    for n in range(2_000):
        visitor = Visitor(engine, f"a:{n}")
        (decision,) = visitor.does("A")
        assert bool(engine.offers(visitor.memory, visitor.at)) is not decision.held_out
        assert decision.held_out is (draw("holdout:r", f"a:{n}") < 0.3)
        held.append(decision.held_out)
    assert 520 < sum(held) < 680
    assert engine.report["r"] == {"held_out": sum(held), "fired": 2_000 - sum(held)}


def test_arms_are_drawn_by_their_weights_and_an_arm_without_a_show_offers_nothing() -> None:
    arms = (Arm(name="a", weight=0.25, show=SHOWN), Arm(name="b", weight=0.25, show=Show(ttl="1m", words=(Words(title="B"),))),
            Arm(name="control", weight=0.5))  # fmt: skip
    engine, found = engine_of(live_rule('performed("A")', once="visitor", arms=arms)), Counter[str]()
    for n in range(2_000):
        visitor = Visitor(engine, f"a:{n}")
        (decision,) = visitor.does("A")
        found[decision.arm] += 1
        offers = engine.offers(visitor.memory, visitor.at)
        assert [one.arm for one in offers] == ([] if decision.arm == "control" else [decision.arm])
        stands_for = {"a": 10 * MINUTE, "b": MINUTE, "control": -decision.at}[decision.arm]
        assert decision.expires_at - decision.at == stands_for
    assert abs(found["control"] - 1_000) < 100
    assert abs(found["a"] - 500) < 90


def test_draws_are_even_stable_and_of_two_salts_independent() -> None:
    assert draw("holdout", "a:1") == 0.5374832363792024
    drawn = [draw("s", f"a:{n}") for n in range(4_000)]
    assert max(abs(sum(one < edge / 10 for one in drawn) / 4_000 - edge / 10) for edge in range(1, 10)) < 0.03
    both = sum(draw("s", f"a:{n}") < 0.5 and draw("t", f"a:{n}") < 0.5 for n in range(4_000))
    assert abs(both / 4_000 - 0.25) < 0.03
    assert [pick([0.1] * 10, one) for one in (0.0, 0.95, 0.9999999999999999)] == [0, 9, 9]
    assert pick([0.5, 0.5, 0.0], 0.9999999999999999) == 1


def test_offers_stand_until_they_are_acknowledged_or_their_time_is_over() -> None:
    first, second = live_rule('performed("A")', "first"), live_rule('performed("A")', "second", priority=5)
    visitor = Visitor(engine_of(first, second))
    decisions = {one.rule: structs.replace(one, event_id="") for one in visitor.does("A")}
    engine, memory, at = visitor.engine, visitor.memory, visitor.at
    assert engine.offers(memory, at) == [decisions["second"], decisions["first"]]
    assert engine.offers(engine.unpack(memory.pack()), at) == [decisions["second"], decisions["first"]]
    visitor.does("Message Delivered", action_id=decisions["second"].action_id, flags=Flag.SYSTEM)
    assert engine.offers(memory, visitor.at) == [decisions["first"]]
    visitor.does("Message Clicked", action_id=decisions["second"].action_id, rule="second", flags=Flag.SYSTEM)
    assert engine.report["second"] == {"fired": 1, "shown": 1, "clicked": 1}
    assert engine.offers(memory, at + 10 * MINUTE) == []
    visitor.does("Message Failed", action_id=decisions["first"].action_id, flags=Flag.SYSTEM)
    assert engine.offers(memory, visitor.at) == []


def test_nothing_fires_late_imported_or_before_the_rule_was_switched_on() -> None:
    since = (START + 2 * MINUTE) // 1000
    visitor = Visitor(engine_of(live_rule('count("A") >= 1', on=("A",), once="1ms", on_since=since)))
    assert visitor.does("A", live=False) == []
    assert visitor.does("A", late=True) == []
    assert len(visitor.does("A")) == 1
    fresh = Visitor(visitor.engine)
    assert fresh.does("A") == []
    assert visitor.engine.report["r"] == {"fired": 1, "suppressed.not_on_yet": 1}


def test_what_an_imported_visitor_has_left_undone_fires_by_no_time_alone() -> None:
    rule = live_rule('sequence("A" then not "B" within 3h)')
    imported, live = Visitor(engine_of(rule)), Visitor(engine_of(rule))
    imported.does("A", live=False)
    live.does("A")
    assert imported.engine.due(imported.memory) == NEVER
    assert live.engine.due(live.memory) == live.at + 3 * spans.HOUR + 1
    assert imported.waits(spans.DAY) == []
    (decision,) = live.waits(spans.DAY)
    assert (decision.at, decision.event_id) == (START + 3 * spans.HOUR + 1, "")


def test_ticks_at_any_instant_change_no_decision() -> None:
    rule = live_rule('sequence("A" then not "B" within 3h)')
    often, once = Visitor(engine_of(rule)), Visitor(engine_of(rule))
    often.does("A")
    once.does("A")
    found = [decision for _ in range(40) for decision in often.waits(7 * MINUTE)]
    once.at = often.at
    assert found + often.does("B") == once.does("B")


def test_a_rule_of_touch_fields_reads_the_visit_of_the_event() -> None:
    visitor = Visitor(engine_of(live_rule('performed("Signed Up"[portal == true && channel == "paid_search"])')))
    visitor.views(touch=NAVER_AD)
    assert len(visitor.does("Signed Up")) == 1
    other = Visitor(visitor.engine)
    other.views(touch=visitor.engine.setting.direct)
    assert other.does("Signed Up") == []


def test_journeys_are_told_of_what_they_wait_for() -> None:
    steps = (Node(wait=Wait(condition='performed("C")', timeout="3d")), Node(branch=Branch(when="visitor.known")))
    entry, goal = Entry(when="visitor.pages >= 2"), ("Order Completed[revenue > 5]",)
    journey = Journey(name="Welcome", state="on", entry=entry, steps=steps, goal=goal)
    visitor = Visitor(engine_of(journeys=(journey,)))
    assert visitor.engine.book.names == {"Order Completed"}
    assert visitor.views() == []
    (entered,) = visitor.views()
    assert (entered.kind, entered.rule, entered.arm, entered.held_out) == ("enter", "journey:Welcome", "", False)
    (told,) = visitor.does("C")
    assert (told.kind, told.rule) == ("watch", 'performed("C")')
    assert not visitor.engine.holds(visitor.memory, "visitor.known", visitor.at)
    assert visitor.engine.report == {"journey:Welcome": {"fired": 1}}
    with pytest.raises(SpecError, match="no rule that is on asks"):
        visitor.engine.holds(visitor.memory, "visitor.pages >= 99", visitor.at)


def test_action_ids_are_the_same_when_it_is_decided_again_and_different_for_anything_else() -> None:
    def decided(key: str = "a:v", name: str = "r") -> str:
        (decision,) = Visitor(engine_of(live_rule('performed("A")', name)), key).does("A")
        return decision.action_id

    assert decided() == decided()
    assert len(decided()) == 24
    assert len({decided(), decided("a:w"), decided(name="s")}) == 3


@pytest.mark.parametrize("told", ["1e999", "-1e999", float("nan"), float("inf"), -5.0, 1e18, "x", True, 10**30])
def test_no_quantity_and_no_price_whatever_stops_the_engine(told) -> None:
    texts = ['sum("Product Added", price, 1d) > 5', 'max("Product Added", price) > 5', 'last("Product Added", price) == 3',
             "basket.value > 5", "basket.units > 5", 'count("Product Added" same price, 1d) > 1']  # fmt: skip
    visitor = Visitor(engine_of(*(live_rule(text, f"r{n}") for n, text in enumerate(texts))))
    for field in ("quantity", "price"):
        visitor.does("Product Added", product_id="a", **{field: told})
        visitor.does("Product Removed", product_id="a", **{field: told})
        visitor.does("Product Added", product_id=told)
    visitor.memory = visitor.engine.unpack(visitor.memory.pack())
    assert visitor.does("Product Added", product_id="a", price=6.0, quantity=1.0) is not None
    assert visitor.engine.holds(visitor.memory, texts[1], visitor.at)


def test_acknowledgements_of_rules_that_nobody_wrote_fill_no_report() -> None:
    visitor = Visitor(engine_of(live_rule(RULE_B, name="mine")))
    for number in range(50):
        visitor.does("Message Clicked", action_id=f"x{number}", rule=f"made up {number}", flags=Flag.SYSTEM)
    assert visitor.engine.report == {}
    visitor.does("Message Clicked", action_id="y", rule="mine", flags=Flag.SYSTEM)
    assert visitor.engine.report == {"mine": {"clicked": 1}}
