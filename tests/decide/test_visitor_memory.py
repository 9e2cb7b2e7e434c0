"""What is kept of a visitor: small when packed, bounded whatever comes, the same after packing, merged without firing."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.segments.happening import Happening
from afterclick.core import spans
from afterclick.core.errors import StoreFormat
from afterclick.decide import packing
from afterclick.decide.engine import Engine
from afterclick.decide.memory import Memory
from afterclick.store.columns import Flag
from support.told import MINUTE, NAVER_AD, Visitor, engine_of, live_rule
from support.visitor_events import FLAGS, TERMS, D, H, M, events
from support.visitor_events import rules as some_rules

TWENTY = [
    "session.pages >= 4 && visitor.sessions == 1 && session.portal && session.paid && !visitor.known",
    "basket.value >= 20000 && basket.value < 30000", "has(basket.abandoned_at) && visitor.orders == 0",
    'count("Product Viewed", 7d) >= 3', 'count("Product Viewed"[price >= 20000], 30d) >= 5', 'performed("Search", 1d)',
    'sequence("Product Added" then not "Order Completed" within 3h)', 'since("Order Completed") > 30d',
    'reached("Product Viewed" then "Product Added" then "Order Completed" within 14d) == 2', "visitor.orders >= 3",
    'sum("Order Completed", revenue, 90d) > 100000', "since(visitor.last_seen_at) > 14d", 'last("Search", query) == "shoes"',
    'max("Product Viewed", price, 7d) > 50000', 'sequence("Search" then "Product Viewed" within 30m)', "session.length > 10m",
    'trait.plan == "gold"', 'was(trait.plan == "free", 30d)', 'count("Product Viewed" same product_id, 7d) >= 3',
    'count("*", 1d) >= 20',
]  # fmt: skip


def typical(engine: Engine, number: int) -> Memory:
    """A visitor of thirty events with three lines in the basket."""
    draw, visitor = random.Random(number), Visitor(engine, f"a:{number:08d}-2f1c-4a5e-9d3b-77c0a1b2c3d4")
    visitor.views(after=number * 977, touch={**NAVER_AD, "campaign": "autumn-2026", "term": "running shoes", "content": None,
                                              "network": "naver"}, campaign=draw.getrandbits(62))  # fmt: skip
    for n in range(18):
        visitor.views(draw.randrange(20, 400) * spans.SECOND)
        if n % 3 == 0:
            product, price = f"SKU-{draw.randrange(10**6)}", float(draw.randrange(9_000, 60_000))
            visitor.does("Product Viewed", 100_003, product_id=product, price=price)
    visitor.does("Search", query="shoes")
    visitor.does("Identified", plan="gold", flags=Flag.SYSTEM | Flag.KNOWN)
    for n in range(3):
        visitor.does("Product Added", product_id=f"SKU-{number}-{n}", variant="M", price=19_000.0, quantity=1.0)
    return visitor.memory


def test_a_typical_visitor_of_thirty_events_and_twenty_rules_takes_less_than_a_kilobyte() -> None:
    engine = engine_of(*(live_rule(text, f"r{n}") for n, text in enumerate(TWENTY)))
    sizes = [len(typical(engine, number).pack()) for number in range(200)]
    assert typical(engine, 1).state.visits.events >= 29
    assert max(sizes) <= 1_000


def test_twenty_thousand_visitors_take_less_than_a_kilobyte_each_in_memory() -> None:
    """Packed, as bytes objects; measured by the interpreter's own account of memory."""
    engine = engine_of(*(live_rule(text, f"r{n}") for n, text in enumerate(TWENTY)))
    patterns, packed = [typical(engine, number) for number in range(100)], []
    for number in range(20_000):
        patterns[number % 100].key = f"a:{number:08d}-2f1c-4a5e-9d3b-77c0a1b2c3d4"
        packed.append(bytearray(patterns[number % 100].pack()))
    tracemalloc.start()
    held = [bytes(one) for one in packed]
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(set(held)) == 20_000
    assert used / 20_000 <= 1_000


@settings(max_examples=100, deadline=None)
@given(events(), st.lists(some_rules, min_size=1, max_size=6))
def test_what_is_packed_comes_back_and_packs_the_same(told, texts) -> None:
    engine = engine_of(*(live_rule(text, f"r{n}") for n, text in enumerate(texts)))
    memory = engine.fresh("a:v")
    for number, one in enumerate(told):
        engine.add(memory, one, f"e{number}", live=True, late=False)
    again = engine.unpack(memory.pack())
    assert again.pack() == memory.pack()
    assert engine.due(again) == engine.due(memory)
    later = told[-1].at + 90 * M
    for text in texts:
        assert engine.holds(again, text, later) == engine.holds(memory, text, later)
        assert engine.values(again, text, later) == engine.values(memory, text, later)


@given(st.lists(st.none() | st.integers(-(2**70), 2**70)), st.integers(0, 2**62))
def test_whole_numbers_come_back(values, base) -> None:
    assert packing.whole_in(packing.whole_out(values, base), base) == values


@pytest.mark.parametrize("damaged", [b"", b"\x93\x01", packing.encode([99]), packing.encode([]), b"\xff" * 9])
def test_what_cannot_be_read_is_refused(damaged) -> None:
    with pytest.raises(StoreFormat):
        engine_of().unpack(damaged)


def test_a_memory_packed_under_another_book_keeps_what_both_know() -> None:
    kept, gone = live_rule('count("A", 1d) >= 2', "kept"), live_rule('count("B") >= 2', "gone", once="ever")
    visitor = Visitor(engine_of(kept, gone))
    for name in ("A", "B", "B"):
        visitor.does(name)
    packed = visitor.memory.pack()
    visitor.engine = engine_of(kept, live_rule('count("C") >= 1', "new"))
    visitor.memory = visitor.engine.unpack(packed)
    assert visitor.engine.values(visitor.memory, 'count("A", 1d) >= 2', visitor.at) == {'count("A", 1d)': 1}
    assert [one.rule for one in visitor.does("A")] == ["kept"]
    assert [one.rule for one in visitor.does("C")] == ["new"]
    packed = visitor.memory.pack()
    visitor.engine = engine_of(live_rule("visitor.events >= 1", "gone", on=("B",), once="ever"))
    visitor.memory = visitor.engine.unpack(packed)
    assert visitor.does("B") == []


def test_a_rule_switched_on_later_does_not_fire_for_what_is_already_true() -> None:
    visitor = Visitor(engine_of(live_rule('count("A") >= 1', "old")))
    visitor.does("A")
    visitor.engine = engine_of(live_rule('count("A") >= 1', "new", once="1ms"))
    visitor.memory = visitor.engine.unpack(visitor.memory.pack())
    assert visitor.does("A") == []


def all_terms() -> Engine:
    """Rules over every term of the generator at once."""
    texts = [f"{term}{op}" if op.startswith(".") else f"{term} {op}" for term, ops in TERMS for op in ops] + FLAGS
    return engine_of(*(live_rule(text, f"r{n}", once="ever") for n, text in enumerate(texts)))


def test_a_visitor_of_a_hundred_thousand_events_stays_bounded() -> None:
    engine, draw = all_terms(), random.Random(7)
    visitor, sizes = Visitor(engine), []
    for n in range(12_000):
        after = draw.randrange(1, 3 * spans.SECOND)
        match n % 6:
            case 0 | 1:
                x, key = float(draw.randrange(10**6)), f"k{draw.randrange(10**6)}" + "y" * 3_000
                found = visitor.does("AB"[n % 6], after, x=x, key=key)
            case 2:
                found = visitor.does("Product Added", after, product_id=f"p{n}", price=1.0)
            case 3:
                found = visitor.does("Order Completed", after, flags=Flag.ORDER, order=f"o{n}", amount=10_000, revenue=1.0)
            case 4:
                found = visitor.does("Identified", after, plan=f"plan {n}" * 500, other=f"{n}", flags=Flag.SYSTEM)
            case _:
                found = visitor.views(after, campaign=draw.getrandbits(60), touch={**NAVER_AD, "campaign": f"c{n}"})
        assert len(found) < 200
        if n % 1_000 == 999:
            sizes.append(len(visitor.memory.pack()))
    assert max(sizes) < 100_000
    assert max(sizes[6:]) < 1.2 * max(sizes[:6])


SIDES = st.lists(st.booleans(), min_size=1, max_size=9)


def two(engine: Engine, told: list[Happening], sides: list[bool]) -> tuple[Memory, Memory]:
    memories = engine.fresh("a:one"), engine.fresh("a:two")
    for number, one in enumerate(told):
        engine.add(memories[sides[number % len(sides)]], one, f"e{number}", live=True, late=False)
    return memories


@settings(max_examples=80, deadline=None)
@given(events(), SIDES)
def test_merging_either_way_gives_the_same(told, sides) -> None:
    engine = engine_of(*(live_rule(text, f"r{n}", once="ever") for n, text in enumerate(TERM_TEXTS)))
    one, other = two(engine, told, sides)
    left, right = deepcopy_of(engine, one), deepcopy_of(engine, other)
    engine.merge(left, deepcopy_of(engine, other))
    engine.merge(right, deepcopy_of(engine, one))
    assert (left.key, right.key) == ("a:one", "a:two")
    assert left.guards == right.guards
    later = told[-1].at + 3 * H
    for text in TERM_TEXTS:
        assert engine.values(left, text, later) == engine.values(right, text, later), text
    assert engine.due(left) == engine.due(right)


TERM_TEXTS = [f"{term}{ops[0]}" if ops[0].startswith(".") else f"{term} {ops[0]}" for term, ops in TERMS] + FLAGS


def deepcopy_of(engine: Engine, memory: Memory) -> Memory:
    return engine.unpack(memory.pack())


@settings(max_examples=80, deadline=None)
@given(events(), SIDES, st.lists(some_rules, min_size=1, max_size=5), st.integers(0, 24))
def test_merging_fires_nothing_and_never_twice_what_fires_once_for_ever(told, sides, texts, place) -> None:
    engine = engine_of(*(live_rule(text, f"r{n}", once="ever") for n, text in enumerate(texts)))
    one, other = two(engine, told[:place], sides)
    fired = set(one.guards) | set(other.guards)
    engine.merge(one, other)
    assert set(one.guards) == fired
    held = {text for text in texts if engine.holds(one, text, one.at)}
    found = engine.tick(one, one.at)
    assert found == []
    names: list[str] = []
    for number, happening in enumerate(told[place:]):
        names += [decision.rule for decision in engine.add(one, happening, f"l{number}", live=True, late=False)]
    names += [decision.rule for decision in engine.tick(one, told[-1].at + D)]
    assert len(names) == len(set(names))
    before = {rule.name for rule in engine.book.running if rule.key in fired}
    assert not before & set(names)
    assert held <= set(texts)


def test_a_merge_adds_counts_unites_windows_and_keeps_the_later_session_and_the_newer_line() -> None:
    state = "basket.value > 1 && visitor.sessions > 9 && session.pages > 9"
    engine = engine_of(live_rule('count("A", 1h) >= 3'), live_rule(state, "b"))
    one, other = Visitor(engine, "a:1"), Visitor(engine, "a:2")
    one.views(touch=NAVER_AD, campaign=5)
    one.does("A")
    one.does("Product Added", product_id="x", price=5.0)
    one.does("Product Added", product_id="y", price=7.0)
    other.at = one.at + spans.HOUR // 4
    other.views()
    other.views()
    other.does("A")
    other.does("Product Added", product_id="x", price=6.0)
    engine.merge(one.memory, other.memory)
    at = other.at
    values = engine.values(one.memory, 'count("A", 1h) >= 3', at) | engine.values(one.memory, state, at)
    assert {key: float(value) for key, value in values.items()} == {
        'count("A", 1h)': 2, "basket.value": 13, "visitor.sessions": 2, "session.pages": 2,
    }  # fmt: skip
    one.at = at
    assert [decision.rule for decision in one.does("A")] == ["r"]


def test_an_order_under_one_id_clears_the_basket_filled_before_under_the_other() -> None:
    engine = engine_of(live_rule("basket.value > 0 && visitor.orders > 9"))
    one, other = Visitor(engine, "a:1"), Visitor(engine, "u:2")
    one.does("Product Added", product_id="x", price=5.0)
    other.at = one.at + MINUTE
    other.does("Order Completed", flags=Flag.ORDER, order="o1", amount=50_000)
    engine.merge(one.memory, other.memory)
    values = engine.values(one.memory, "basket.value > 0 && visitor.orders > 9", other.at)
    assert {key: float(value) for key, value in values.items()} == {"basket.value": 0, "visitor.orders": 1}
