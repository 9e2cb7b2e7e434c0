"""Live rules on literal events: the two source rules of SEMANTICS 12, once per what, and when time alone changes them."""

from __future__ import annotations

import random
from decimal import Decimal

import numpy as np
import pytest

from afterclick.analyse.kpi import Kpi
from afterclick.analyse.scope import scope_of
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.machines import NEVER
from afterclick.analyse.segments.replay import happenings, setting_of
from afterclick.analyse.segments.stream import Stream
from afterclick.core import rule as rules
from afterclick.core import spans
from afterclick.core.errors import SpecError
from support.shop import Shop, at
from support.triggers import Trigger

RULE_A = "session.pages >= 4 && visitor.sessions == 1 && session.portal && session.paid && !visitor.known"
RULE_B = "basket.value >= 20000 && basket.value < 30000"
PAID = "https://shop.example/?n_media=27758&n_query=x"
SEARCH = "https://search.naver.com/search.naver?query=x"


def fired(shop: Shop, folder, text: str, once: str, visitor: str = "v") -> list[int]:
    """The numbers (from 1) of the visitor's events at which the rule fires."""
    with shop.open(folder) as store:
        scope = scope_of(store.context(), Kpi(range="all"))
        texts = store.context().snapshot.book("id").all.to_pylist()
        label = int(scope.labels.label[texts.index(f"a:{visitor}")])
        trigger = Trigger(Stream(rules.parse(text), setting_of(scope)), once)
        events = happenings(scope, np.array([label]))[label]
        return [number for number, one in enumerate(events, 1) if trigger.add(one)]


def visit(shop: Shop, landing: str, referrer: str, start: int = 0, pages: int = 6, **more: str) -> Shop:
    shop.add("v", at("0") + start, "Page Viewed", url=landing, referrer=referrer, **more)
    for page in range(1, pages):
        shop.add("v", at("0") + start + page * spans.MINUTE, "Page Viewed", url=f"https://shop.example/{page}", **more)
    return shop


def test_source_rule_a_fires_at_the_fourth_page_view_of_a_paid_portal_newcomer(tmp_path) -> None:
    assert fired(visit(Shop(), PAID, SEARCH), tmp_path, RULE_A, "visitor") == [4]


def test_source_rule_a_does_not_fire_in_a_second_session(tmp_path) -> None:
    shop = visit(Shop(), PAID, SEARCH, pages=3)
    assert fired(visit(shop, PAID, SEARCH, start=5 * spans.HOUR), tmp_path, RULE_A, "visitor") == []


def test_source_rule_a_does_not_fire_for_direct_traffic(tmp_path) -> None:
    assert fired(visit(Shop(), "https://shop.example/", ""), tmp_path, RULE_A, "visitor") == []


def test_source_rule_a_does_not_fire_for_an_unpaid_search_visit(tmp_path) -> None:
    shop = visit(Shop(), "https://shop.example/", SEARCH)
    assert fired(shop, tmp_path / "paid", RULE_A, "visitor") == []
    portal = RULE_A.replace(" && session.paid", "")
    assert fired(shop, tmp_path / "any", portal, "visitor") == [4]


def test_source_rule_a_does_not_fire_for_a_known_visitor(tmp_path) -> None:
    assert fired(visit(Shop(), PAID, SEARCH, user="u1"), tmp_path, RULE_A, "visitor") == []


def basket(*changes: int) -> list[Happening]:
    """Products of these prices added, or taken out again where negative."""
    out = []
    for number, price in enumerate(changes):
        name = "Product Added" if price > 0 else "Product Removed"
        fields = {"event": name, "properties.product_id": str(abs(price)), "properties.price": float(abs(price))}
        out.append(Happening(number * spans.MINUTE, frozenset({name}), fields))
    return out


def test_source_rule_b_fires_when_the_basket_is_worth_between_20000_and_30000() -> None:
    trigger = Trigger(Stream(rules.parse(RULE_B)), "session")
    found = [trigger.add(one) for one in basket(12_000, 9_000, 15_000, -15_000)]
    assert [one is not None for one in found] == [False, True, False, False]
    assert found[1] is not None
    assert 30_000 - found[1].values["basket.value"] == Decimal(9_000)
    assert trigger.stream.values(3 * spans.MINUTE)["basket.value"] == Decimal(21_000)


ONCE = {"session": [1, 4], "visitor": [1], "ever": [1], "4m": [1, 4], "1m": [1, 3, 4]}


@pytest.mark.parametrize(("once", "wanted"), ONCE.items())
def test_a_rule_fires_on_becoming_true_and_once_per_what_it_says(once: str, wanted: list[int]) -> None:
    trigger = Trigger(Stream(rules.parse(RULE_B)), once)
    events = [
        *basket(12_000, 9_000, 15_000, -15_000),
        Happening(60 * spans.MINUTE, frozenset({"Order Completed"}), {"event": "Order Completed"}),
    ]
    later = [one._replace(at=one.at + 61 * spans.MINUTE) for one in basket(25_000)]
    assert [number for number, one in enumerate([*events, *later]) if trigger.add(one)] == [
        {4: 5}.get(number, number) for number in wanted
    ]


def test_an_order_and_an_empty_basket_clear_it_and_an_hour_abandons_it() -> None:
    stream = Stream(rules.parse("has(basket.abandoned_at)"))
    for one in basket(12_000):
        stream.add(one)
    hour = spans.HOUR
    assert not stream.holds(hour)
    assert stream.turn(0) == hour + 1
    assert stream.holds(hour + 1)
    taken_out = {"event": "Product Removed", "properties.product_id": "12000"}
    stream.add(Happening(2 * hour, frozenset({"Product Removed"}), taken_out))
    assert not stream.holds(9 * hour)


def test_scores_and_lists_need_facts_in_a_stream() -> None:
    for text in ("rfm.recency >= 4", 'member("VIPs")'):
        with pytest.raises(SpecError, match="compares with other visitors"):
            Stream(rules.parse(text))
    stream = Stream(rules.parse("rfm.recency >= 4"), facts={"rfm.recency": 5.0})
    stream.add(basket(1)[0])
    assert stream.holds(0)


RULES = (
    'count("A", 5m) >= 2', '!performed("A", 3m)', 'sum("A", x, 4m) > 2', 'since("A") > 7m && since("A") <= 9m',
    'sequence("A" then "B" within 6m, 10m)', 'sequence("A" then not "B" within 4m, 9m)', "has(basket.abandoned_at)",
    'was(trait.plan == "gold", 6m)', "since(visitor.last_seen_at) >= 5m", "since(basket.abandoned_at) < 3m",
)  # fmt: skip


@pytest.mark.parametrize("text", RULES)
def test_between_events_a_rule_changes_at_its_turns_and_nowhere_else(text: str) -> None:
    draw = random.Random(text)
    for _ in range(20):
        stream, now = Stream(rules.parse(text)), 0
        for _ in range(draw.randrange(1, 8)):
            name = draw.choice(["A", "A", "B", "Product Added", "Identified"])
            fields = {"event": name, "x": draw.choice([1.0, 2.0]), "properties.plan": draw.choice(["gold", "free"]),
                      "properties.price": 5.0, "properties.product_id": "p"}  # fmt: skip
            stream.add(Happening(now, frozenset({name}), fields))
            until = now + draw.choice([1, 2, 5, 70]) * spans.MINUTE
            moment, held = now, stream.holds(now)
            while moment < until:
                turn = min(stream.turn(moment), until)
                for between in {moment + 1, (moment + turn) // 2, turn - 1} - {moment}:
                    if moment < between < turn:
                        assert stream.holds(between) == held, (text, between)
                moment, held = turn, stream.holds(turn)
            now = until
    assert Stream(rules.parse("visitor.known")).turn(0) == NEVER
