"""A backtest fires what the live engine would have: by the tape, by the engine, and as the events really came in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.context import Context
from afterclick.analyse.kernels import tape
from afterclick.collect.wire.canonical import Canonical
from afterclick.core import clock
from afterclick.core.event import Event
from afterclick.core.spans import Period
from afterclick.decide.backtest.arriving import Arriving
from afterclick.decide.backtest.running import Firings, book_of, run
from afterclick.decide.draws import draw
from afterclick.decide.fold import Fold
from afterclick.decide.learning import withdrawn
from afterclick.decide.people import People
from afterclick.decide.told import Decided, Told
from afterclick.store.automations import LiveRule, Show
from support.histories import OTHERS, START, D, H, M, history, some_rules, store_of

Found = set[tuple[str, str, int]]


@contextmanager
def opened(told: list[Event], live: float = 0.0, seed: int = 0) -> Iterator[tuple[Context, int]]:
    """A store of these events as it stands three days behind the last one, and that instant."""
    until = max(one.occurred_at for one in told) + 3 * D
    with (
        tempfile.TemporaryDirectory() as folder,
        store_of(Path(folder) / "s", told, live, seed) as shop,
        clock.held_at(until),
    ):
        yield shop.context(), until


def flat(seed: int, **more: int) -> list[Event]:
    return [one for told in history(seed, **more) for one in told]


def rows(found: Firings) -> list[tuple[int, ...]]:
    columns = (found.visitor, found.rule, found.at, found.row, found.timed)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def named(context: Context, found: Firings) -> Found:
    ids = context.texts("id")
    return {
        (ids[visitor], found.rules[rule].name, at)
        for visitor, rule, at in zip(found.visitor.tolist(), found.rule.tolist(), found.at.tolist(), strict=True)
    }


def fired(context: Context, rules: list[LiveRule], since: int, until: int, **more: str) -> Firings:
    return run(context, book_of(context, rules, since), Period(since, until + 1), until, **more)  # type: ignore[arg-type]


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
        assert both.by_tape + both.by_engine >= engine.by_engine
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


def calls(context: Context) -> list[list[Canonical]]:
    """The calls of the tail as they came: the events of one instant of arrival."""
    found: dict[int, list[Canonical]] = {}
    for _, one in Arriving(context, np.arange(context.snapshot.rows)).told():
        found.setdefault(one.arrival, []).append(one.event)
    return [found[arrival] for arrival in sorted(found)]


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
        assert (found.by_tape, found.by_engine) == (0, 1)
        assert named(context, found) == {("a:v0", "four", START + 3 * M)}


def test_the_compiled_tape_says_what_the_plain_one_says() -> None:
    rules = [*some_rules(11), LiveRule(name="x", when='sequence("A" then not "B" within 40m)', once="1h", show=Show())]
    with opened(flat(11), 0.5, 11) as (context, until):
        plain = rows(fired(context, rules, START, until))
        assert plain
        tape.fold_rules.warm()
        tape.order_calls.warm()
        try:
            assert rows(fired(context, rules, START, until)) == plain
        finally:
            tape.fold_rules.ready = tape.order_calls.ready = False


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
