"""A backtest fires what the live engine would have: by the tape, by the engine, and as the events really came in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.kernels import tape
from afterclick.analyse.kernels.tape_order import order_calls
from afterclick.analyse.kernels.tape_owners import note_ids, own_rows
from afterclick.core.event import Event
from afterclick.decide.backtest.running import book_of
from afterclick.decide.draws import draw
from afterclick.decide.fold import Fold
from afterclick.decide.learning import withdrawn
from afterclick.decide.people import People
from afterclick.decide.told import Decided, Told
from afterclick.store.automations import LiveRule, Show
from support.backtests import Found, calls, fired, flat, named, opened, rows
from support.histories import OTHERS, START, D, H, M, history, some_rules
from support.merging_histories import KINDS, SHARED, merging


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([-D, 0, 30 * H]))
def test_the_tape_and_the_engine_fire_alike(seed: int, live: float, since: int) -> None:
    rules = some_rules(seed)
    with opened(flat(seed), live, seed) as (context, until):
        both = fired(context, rules, START + since, until)
        engine = fired(context, rules, START + since, until, only="engine")
        assert both.why == ""
        assert both.by_tape > 0
        assert engine.by_tape == 0
        # From before the first event on all of them may fire; of a later instant each way leaves others out.
        assert both.by_tape + both.by_engine == engine.by_engine or since >= 0
        assert rows(both) == rows(engine)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_what_the_tape_does_not_know_goes_through_the_engine(seed: int) -> None:
    rules = some_rules(seed, 3, OTHERS)
    with opened(flat(seed)) as (context, until):
        found = fired(context, rules, START - D, until)
        assert found.why
        assert found.by_tape == 0
        assert rows(found) == rows(fired(context, rules, START - D, until, only="engine"))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_a_backtest_equals_the_live_fold_told_call_by_call(seed: int) -> None:
    """The server's own fold hears each call when it comes and the clock tick once an hour; nothing is known beforehand."""
    rules = some_rules(seed)
    with opened(flat(seed), 1.0, seed) as (context, until):
        book = book_of(context, rules, START)
        definitions = context.snapshot.definitions
        people = People(cap=definitions.id_cap, denied=definitions.deny_ids, withdrawn=withdrawn(context.snapshot))
        fold, told = Fold(book, definitions, people=people), list[Told]()
        now = 0
        for seq, call in enumerate(calls(context), 1):
            received = call[0].received_at
            for tick in range(max(now, START), received - 1, H):
                told += [Decided(0, one) for one in fold.tick(tick, 10**6)]
            now = received
            told += fold.take(seq, received, "web", call)
        told += [Decided(0, one) for one in fold.tick(until, 10**6)]
        live = {(one.decision.visitor, one.decision.rule, one.decision.at) for one in told if isinstance(one, Decided)}
        assert named(context, fired(context, rules, START, until)) == {one for one in live if one[2] <= until}


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_visitors_decide_for_themselves_alone(seed: int) -> None:
    rules, whole = some_rules(seed), history(seed)
    found: Found = set()
    for part in (whole[::2], whole[1::2]):
        with opened([one for told in part for one in told]) as (context, _):
            found |= named(context, fired(context, rules, START - D, START + 400 * D))
    with opened(flat(seed)) as (context, _):
        assert named(context, fired(context, rules, START - D, START + 400 * D)) == found


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_a_narrower_rule_asked_at_events_fires_at_some_of_them(seed: int) -> None:
    """Asked at every event, once a millisecond, `a && b` fires at no instant at which `a` does not. Of rules that wait for an
    edge this is not so: `a` that holds all day has one edge, and `a && b` as many as `b`. There it is true of visitors: whom
    the narrower one reaches the wider one has reached, if both were on from the first event and the visitor is of one id
    (what comes true by finding that two ids are one visitor's fires nothing)."""
    one, other = some_rules(seed, 1)[0].when, some_rules(seed + 1, 1)[0].when
    told = [event for place, each in enumerate(history(seed)) if place % 4 != 3 for event in each]
    with opened(told) as (context, until):
        wide = LiveRule(name="r", when=one, on=("*",), once="1ms", show=Show())
        narrow = LiveRule(name="r", when=f"({one}) && ({other})", on=("*",), once="1ms", show=Show())
        found = [rows(fired(context, [rule], 0, until)) for rule in (narrow, wide)]
        for visitor, _, at, *_ in found[0]:
            assert any(who == visitor and at - 1_000 < when <= at for who, _, when, *_ in found[1])
        by_edge = [LiveRule(name="r", when=rule.when, once="ever", show=Show()) for rule in (narrow, wide)]
        reached = [{row[0] for row in rows(fired(context, [rule], 0, until))} for rule in by_edge]
        assert reached[0] <= reached[1]


def test_states_that_have_no_room_on_the_tape_go_through_the_engine() -> None:
    def thing(visitor: str, number: int, name: str, **properties: object) -> Event:
        at = START + number * M
        return Event(event_id=f"{visitor}{number}", event=name, occurred_at=at, anonymous_id=visitor, properties=properties)

    told = [thing("full", n, "Product Added", product_id=f"p{n}", price=1.0) for n in range(40)]
    told += [thing("few", n, "Product Added", product_id=f"p{n}", price=1.0) for n in range(3)]
    rules = [LiveRule(name="lines", when="basket.lines >= 3", once="ever", show=Show())]
    with opened(told) as (context, until):
        found = fired(context, rules, START, until)
        assert (found.by_tape, found.by_engine) == (1, 1)
        assert named(context, found) == {("a:few", "lines", START + 2 * M), ("a:full", "lines", START + 2 * M)}


def test_two_ids_of_one_visitor_are_run_together() -> None:
    told = [
        Event(event_id=f"e{n}", event="A", occurred_at=START + n * M, anonymous_id=f"v{n % 2}", user_id="u" if n > 1 else None)
        for n in range(4)
    ]
    rules = [LiveRule(name="four", when='count("A") >= 4', once="ever", show=Show())]
    with opened(told) as (context, until):
        found = fired(context, rules, START, until)
        assert (found.by_tape, found.by_engine) == (1, 0)
        assert named(context, found) == {("a:v0", "four", START + 3 * M)}


@pytest.mark.parametrize("live", [0.0, 0.5])
def test_the_compiled_tape_says_what_the_plain_one_says(live: float) -> None:
    rules = [*some_rules(11), LiveRule(name="x", when='sequence("A" then not "B" within 40m)', once="1h", show=Show())]
    kernels = tape.fold_rules, order_calls, own_rows, note_ids
    with opened(flat(11) + merging(11, KINDS + SHARED), live, 11) as (context, until):
        plain = rows(fired(context, rules, START, until))
        assert plain
        for one in kernels:
            one.warm()
        try:
            context.forget()
            assert rows(fired(context, rules, START, until)) == plain
        finally:
            for one in kernels:
                one.ready = False


def test_an_hour_bounds_no_firing_here_but_arms_and_hold_outs_stay() -> None:
    rules = [LiveRule(name="e", when="true", on=("A",), once="1ms", emit="X", holdout_rate=0.5)]
    told = [Event(event_id=f"e{n}", event="A", occurred_at=START + n, anonymous_id=f"v{n}") for n in range(1_200)]
    with opened(told) as (context, until):
        assert len(fired(context, rules, START, until).at) == 1_200
        assert len(fired(context, rules, START, until, only="engine").at) == 1_200
    assert 0.4 < np.mean([draw("holdout:e", f"a:v{n}") < 0.5 for n in range(1_200)]) < 0.6


@pytest.mark.parametrize("text", ["false", "visitor.sessions == 0"])
def test_a_rule_that_never_holds_fires_never(text: str) -> None:
    with opened(flat(3)) as (context, until):
        assert len(fired(context, [LiveRule(name="n", when=text, show=Show())], 0, until).at) == 0
