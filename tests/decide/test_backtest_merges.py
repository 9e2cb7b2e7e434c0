"""Visitors who turn out to be one run through the tape as they do live: whose an event is, what becomes of two memories."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from afterclick.analyse.context import Context
from afterclick.analyse.kernels import tape_owners
from afterclick.analyse.kernels.tape_owners import BITS, MASK, OPENS
from afterclick.core.event import Event
from afterclick.core.spans import Period
from afterclick.decide.backtest import exact
from afterclick.decide.backtest.arriving import Arriving, arrivals
from afterclick.decide.backtest.columns import Rows, rows_of
from afterclick.decide.backtest.joined import joined
from afterclick.decide.backtest.program import program_of
from afterclick.decide.backtest.running import BOTS, History, _order, book_of
from afterclick.decide.fold import Fold
from afterclick.decide.learning import withdrawn
from afterclick.decide.people import People
from afterclick.decide.told import Decided, Heard, Merged, Told
from afterclick.store.automations import LiveRule, Show
from support.backtests import calls, fired, named, opened, rows
from support.histories import START, D, H, M, some_rules
from support.merging_histories import KINDS, SHARED, merging

SEEDS = st.integers(0, 10**6)
LIVE = st.sampled_from([0.0, 0.5, 1.0])
DENIED = ("d0-0", "u1-0", "m2-0@x.example")


@settings(max_examples=25, deadline=None)
@given(SEEDS, LIVE, st.sampled_from([KINDS, SHARED]), st.sampled_from([2, 3, 50]), st.sampled_from([(), DENIED]))
def test_the_tape_merges_visitors_as_the_engine_does(seed, live, kinds, cap, denied):
    rules = some_rules(seed)
    with opened(merging(seed, kinds), live, seed, id_cap=cap, deny_ids=denied) as (context, until):
        both = fired(context, rules, START - D, until)
        engine = fired(context, rules, START - D, until, only="engine")
        assert (both.why, both.by_engine) == ("", 0)
        assert both.by_tape == engine.by_engine
        assert rows(both) == rows(engine)


@settings(max_examples=8, deadline=None)
@given(SEEDS, LIVE)
def test_what_happens_at_one_instant_is_merged_alike_whichever_way_runs_it(seed, live):
    rules = some_rules(seed)
    with opened(merging(seed, KINDS + SHARED, apart=False), live, seed) as (context, until):
        assert rows(fired(context, rules, START - D, until)) == rows(fired(context, rules, START - D, until, only="engine"))


@settings(max_examples=6, deadline=None)
@given(SEEDS)
def test_a_backtest_with_merges_equals_the_live_fold_told_call_by_call(seed):
    rules = some_rules(seed)
    with opened(merging(seed, KINDS + SHARED), 1.0, seed) as (context, until):
        definitions = context.snapshot.definitions
        people = People(cap=definitions.id_cap, denied=definitions.deny_ids, withdrawn=withdrawn(context.snapshot))
        fold, told = Fold(book_of(context, rules, START), definitions, people=people), list[Told]()
        for seq, call in enumerate(calls(context), 1):
            told += fold.take(seq, call[0].received_at, "web", call)
        told += [Decided(0, one) for one in fold.tick(until, 10**6)]
        live = {(one.decision.visitor, one.decision.rule, one.decision.at) for one in told if isinstance(one, Decided)}
        found = fired(context, rules, START, until)
        assert found.by_engine == 0
        assert named(context, found) == {one for one in live if one[2] <= until}


def owners_by_people(context: Context, until: int) -> tuple[dict[int, str], set[tuple[int, str]]]:
    """Whose each row is, and at which row which memory ended, by the fold that decides live."""
    fold = exact.fold_of(context, book_of(context, [LiveRule(name="n", when="false", show=Show())], 0))
    whose: dict[int, str] = {}
    gone: set[tuple[int, str]] = set()
    for row, one in Arriving(context, np.flatnonzero(context.column("at") <= until)).told():
        had = set(fold.memories.keys())
        told: list[Told] = []
        fold.event(one.event, one.source, one.arrival, told, seq=0, live=True, stored=one.stored)
        whose.update((row, heard.visitor) for heard in told if isinstance(heard, Heard))
        gone.update((row, merged.gone) for merged in told if isinstance(merged, Merged) and merged.gone in had)
    return whose, gone


def owners_by_words(context: Context, made: Rows) -> tuple[dict[int, str], set[tuple[int, str]]]:
    """The same from the words of the rows; visitors of one id are left out."""
    owners, offsets, ids = made.owners, made.gathered.offsets, context.texts("id")
    whose: dict[int, str] = {}
    gone: set[tuple[int, str]] = set()
    for label in np.flatnonzero(owners.base >= 0).tolist():
        places: dict[int, str] = {}
        for i in range(int(offsets[label]), int(offsets[label + 1])):
            place = int(owners.base[label]) + i - int(offsets[label])
            word, key = int(owners.words[place]), int(made.gathered.key[i])
            if word >> OPENS:
                places[word & MASK] = ids[owners.keys[place]]
            for shift in (BITS, 2 * BITS):
                if word >> shift & MASK:
                    gone.add((key >> 16, places.pop(word >> shift & MASK)))
            if word and key & 1 << 15:
                whose[key >> 16] = places[word & MASK]
        assert len(places) == owners.visitors[label]
    return whose, gone


@settings(max_examples=20, deadline=None)
@given(SEEDS, LIVE, st.sampled_from([KINDS, SHARED]), st.sampled_from([2, 4, 50]), st.sampled_from([(), DENIED]), st.booleans())
def test_each_row_is_of_the_visitor_that_people_find(seed, live, kinds, cap, denied, apart):
    with opened(merging(seed, kinds, apart=apart), live, seed, id_cap=cap, deny_ids=denied) as (context, until):
        program = program_of(book_of(context, [LiveRule(name="n", when="false", show=Show())], 0), context.touches())
        made = rows_of(context, program, arrivals(context), until, BOTS)
        whose, gone = owners_by_words(context, made)
        several = joined(context).several[context.column("device")]
        wanted, ended = owners_by_people(context, until)
        assert whose == {row: visitor for row, visitor in wanted.items() if several[row]}
        assert gone == ended


def shop(*told: tuple[int, str, str, str]) -> list[Event]:
    """Events (minute, event, device, user) of one person."""
    return [
        Event(
            event_id=f"e{number:03d}", event=name, raw_event=name, occurred_at=START + minute * M, anonymous_id=device or None,
            user_id=user or None,
        )
        for number, (minute, name, device, user) in enumerate(told)
    ]  # fmt: skip


def firings(told: list[Event], *rules: LiveRule) -> set[tuple[str, str, int]]:
    """(Visitor, rule, minute) of each firing; the engine must say the same and have nothing to do."""
    with opened(told) as (context, until):
        found = fired(context, list(rules), 0, until)
        assert found.by_engine == 0
        assert rows(found) == rows(fired(context, list(rules), 0, until, only="engine"))
        return {(visitor, rule, (at - START) // M) for visitor, rule, at in named(context, found)}


def rule(when: str, once: str = "ever", **more: object) -> LiveRule:
    return LiveRule(name="r", when=when, once=once, show=Show(), **more)  # type: ignore[arg-type]


def test_windows_are_united_and_nothing_fires_by_the_merge_itself():
    told = shop((0, "A", "a", ""), (5, "A", "b", ""), (6, "B", "b", "u"), (7, "B", "a", "u"), (8, "A", "a", ""))
    assert firings(told, rule('count("A", 1h) >= 2')) == set()
    assert firings(told, rule('count("A", 1h) >= 3')) == {("a:a", "r", 8)}
    assert firings(told, rule('count("A", 7m) >= 3')) == set()
    assert firings(told, rule('count("A", 7m) >= 2 && count("B") >= 2')) == {("a:a", "r", 7)}


def test_time_between_the_last_event_of_both_and_the_merge_passes_for_both_as_one():
    told = shop((0, "A", "a", ""), (30, "A", "b", ""), (31, "B", "b", "u"), (200, "C", "a", "u"))
    assert firings(told, rule('visitor.events >= 3 && count("A", 1h) < 2')) == {("a:a", "r", 60)}
    assert firings(told, rule('visitor.events >= 3 && count("A", 20m) < 2')) == set()


def test_of_two_baskets_the_line_that_was_changed_later_is_kept():
    told = shop(
        (0, "Product Added", "a", ""), (5, "Product Added", "b", ""), (6, "Product Added", "b", ""), (7, "A", "b", "u"),
        (8, "A", "a", "u"), (9, "B", "a", ""),
    )  # fmt: skip
    lines = ("p", 10.0, 3.0), ("p", 12.0, 1.0), ("q", 1.0, 1.0)
    for place, (product, price, quantity) in enumerate(lines):
        told[place] = structs.replace(told[place], properties={"product_id": product, "price": price, "quantity": quantity})
    assert firings(told, rule("basket.value == 13 && basket.lines == 2", on=("B",))) == {("a:a", "r", 9)}
    # An order of the one clears what the other held before it.
    told[4] = structs.replace(told[4], event="Order Completed", raw_event="Order Completed")
    assert firings(told, rule("basket.lines == 0 && visitor.orders == 1", on=("B",))) == {("a:a", "r", 9)}


def test_a_rule_that_fired_for_either_has_fired_for_both():
    told = shop(
        (0, "A", "a", ""), (1, "A", "b", ""), (5, "B", "b", "u"), (6, "B", "a", "u"), (7, "A", "a", ""), (10, "A", "b", ""),
        (11, "A", "b", ""),
    )  # fmt: skip
    before = {("a:a", "r", 0), ("a:b", "r", 1)}
    assert firings(told, rule("true", on=("A",))) == before
    assert firings(told, rule("true", on=("A",), once="10m")) == before | {("a:a", "r", 11)}
    assert firings(told, rule("true", on=("A",), once="session")) == before


def test_the_session_seen_later_goes_on_and_the_numbers_add_up():
    told = shop((0, "A", "a", ""), (50, "A", "b", ""), (51, "A", "b", "u"), (52, "A", "a", "u"), (53, "C", "a", ""))
    holds = "visitor.sessions == 2 && visitor.events == 5 && session.length == 3m && since(visitor.first_seen_at) == 53m"
    assert firings(told, rule(holds, on=("C",))) == {("a:a", "r", 53)}


@pytest.mark.parametrize("later", [0, 1])
def test_of_an_order_that_both_have_told_of_the_later_telling_counts(later):
    told = shop((0, "A", "a", ""), (3, "Order Completed", "a", ""), (4 if later else 2, "Order Completed", "b", ""),
                (6, "A", "b", "u"), (7, "A", "a", "u"), (8, "C", "a", ""))  # fmt: skip
    for place, amount in ((1, 100), (2, 250)):
        told[place] = structs.replace(told[place], order_id="o", amount=amount * 10_000)
    holds = f"visitor.orders == 1 && visitor.revenue == {250 if later else 100}"
    assert firings(told, rule(holds, on=("C",))) == {("a:a", "r", 8)}


def test_a_visit_from_inside_goes_on_with_the_channel_that_either_came_by():
    told = shop(
        (0, "Page Viewed", "a", ""), (5, "Page Viewed", "b", ""), (6, "A", "b", "u"), (7, "A", "a", "u"),
        (60, "Page Viewed", "b", ""), (61, "C", "b", ""),
    )  # fmt: skip
    inside = {"url": "https://shop.example/b", "referrer": "https://shop.example/a"}
    told[0] = structs.replace(told[0], url="https://shop.example/?utm_source=naver&utm_medium=cpc&utm_campaign=x")
    told[1], told[4] = structs.replace(told[1], **inside), structs.replace(told[4], **inside)
    holds = 'session.source == "naver" && first_touch.source == "naver" && visitor.sessions == 3'
    assert firings(told, rule(holds, on=("C",))) == {("a:a", "r", 61)}


def test_what_ends_a_wait_counts_for_both_only_from_the_merge_on():
    begun = (0, "A", "a", ""), (1, "B", "b", "u"), (2, "C", "a", "u")
    waits = rule('sequence("A" then not "B" within 1h)')
    assert firings(shop(*begun, (600, "C", "a", "")), waits) == {("a:a", "r", 60)}
    assert firings(shop(*begun, (3, "B", "b", ""), (600, "C", "a", "")), waits) == set()
    both = shop((0, "A", "a", ""), (30, "A", "b", ""), (40, "C", "b", "u"), (41, "C", "a", "u"), (600, "C", "a", ""))
    assert firings(both, waits) == {("a:a", "r", 60)}


def test_what_a_person_linked_is_left_to_the_engine():
    said = {"a": "a:a", "b": "a:b"}
    told = shop((0, "A", "a", ""), (1, "A", "b", ""), (3, "A", "a", ""))
    told.append(Event(event_id="l", event="Linked", type="link", occurred_at=START + 2 * M, properties=said))
    with opened(told) as (context, until):
        found = fired(context, [rule('count("A") >= 3')], 0, until)
        assert (found.by_tape, found.by_engine) == (0, 1)
        assert named(context, found) == {("a:a", "r", START + 3 * M)}


@pytest.mark.parametrize("live", [0.0, 1.0])
def test_the_engine_runs_whom_anything_happens_to_in_the_period(live):
    told = shop((0, "A", "a", ""), (1, "A", "b", ""), (2, "A", "c", ""), (3, "A", "d", ""), (600, "A", "b", ""))
    for number, (one, other) in enumerate(("ab", "cd")):
        said = {"a": f"a:{one}", "b": f"a:{other}"}
        told.append(Event(event_id=f"l{number}", event="Linked", type="link", occurred_at=START + 5 * M, properties=said))
    with opened(told, live) as (context, until):
        whole = fired(context, [rule('count("A") >= 2')], START, until)
        assert (whole.by_tape, whole.by_engine) == (0, 2)
        late = fired(context, [rule('count("A") >= 3')], START + 500 * M, until)
        assert [(one, at) for _, one, at in named(context, late)] == [("r", START + 600 * M)]
        texts, when = context.texts("id"), context.column("at")
        device = [texts[code] for code in context.column("device").tolist()]
        arrival = when if arrivals(context) is None else np.maximum(when, arrivals(context))
        for since in (0, 500, 700):
            period = Period(START + since * M, until + 1)
            history = History(context, book_of(context, [rule("true", on=("A",))], period.start), period, until)
            met = {one for one, may in zip(texts, history._may_fire().tolist(), strict=True) if may}
            heard = {one for one, at in zip(device, arrival.tolist(), strict=True) if at >= period.start}
            pairs = ({"a:a", "a:b"}, {"a:c", "a:d"})
            assert met == {one for pair in pairs if pair & heard for one in pair}
            assert live or len(met) == {0: 4, 500: 2, 700: 0}[since]


def test_firings_stand_by_instant_then_visitor_then_rule():
    rng = np.random.default_rng(3)
    for most in (3, 40, 10_000):
        firings = np.stack([rng.integers(0, high, 500) for high in (9, 4, most, 50, 2)], axis=1)
        order = _order(firings)
        assert sorted(order.tolist()) == list(range(500))
        # What is alike in all three stays as it came.
        assert order.tolist() == sorted(range(500), key=lambda place: tuple(firings[place, [2, 0, 1]].tolist()))
    assert len(_order(np.zeros((0, 5), np.int64))) == 0


@pytest.mark.parametrize("name", ["a", "x"])
def test_what_nobody_is_called_is_nobodys(name):
    told = shop((0, "A", "a", ""), (1, "A", "b", ""))
    with opened(told, deny_ids=(name,)) as (context, until):
        found = fired(context, [rule("true", on=("A",))], 0, until)
        assert {visitor for visitor, *_ in named(context, found)} == {"a:a", "a:b"} - {f"a:{name}"}
        assert rows(found) == rows(fired(context, [rule("true", on=("A",))], 0, until, only="engine"))


def test_more_memories_than_a_word_can_tell_go_through_the_engine(monkeypatch):
    told = shop(*[(n, "A", f"v{n}", "") for n in range(6)], *[(10 + n, "A", f"v{n}", "u") for n in range(6)])
    # What is compiled keeps the number it was compiled with.
    monkeypatch.setattr(tape_owners.own_rows, "ready", False)
    monkeypatch.setattr(tape_owners, "MASK", 4)
    with opened(told) as (context, until):
        found = fired(context, [rule('count("A") >= 8')], 0, until)
        assert (found.by_tape, found.by_engine) == (0, 1)
        assert named(context, found) == {("a:v0", "r", START + 13 * M)}


def test_visitors_of_whom_nothing_is_heard_in_the_period_are_not_run():
    told = shop((0, "A", "a", ""), (0, "A", "b", ""), (600, "A", "b", ""))
    with opened(told) as (context, until):
        assert fired(context, [rule("true", on=("A",))], START + 500 * M, until).by_tape == 1
        # Time alone may still fire for the other one.
        late = fired(context, [rule('since("A") >= 9h')], START + 500 * M, until)
        assert late.by_tape == 2
        assert {visitor for visitor, *_ in named(context, late)} == {"a:a", "a:b"}
        assert H * 9 + START in late.at.tolist()
