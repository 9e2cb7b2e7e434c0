"""Attribution over real stores equals brute force, and keeps its laws: any arrival order, any cut, any partition."""

from __future__ import annotations

import random
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Attribution, Channels
from afterclick.core import spans
from afterclick.core.event import Event
from support import naive
from support import naive_attribution as other

SETTINGS = settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = 1_767_225_600_000_000
HOUR, MINUTE = spans.HOUR, spans.MINUTE
ALL = {"range": "all", "compare": "none"}
KINDS = ("Page Viewed", "Page Viewed", "Ad Clicked", "Ad Impression", "Order Completed")
VISITORS = ("u", "v", "w")

# visitor, half hours after the start, kind, source of a visit or an ad, channel of an ad
line = st.tuples(
    st.sampled_from(VISITORS), st.integers(0, 120), st.sampled_from(KINDS), st.sampled_from(["", "x", "y"]),
    st.sampled_from(["other", "display"]),
)  # fmt: skip
lines = st.lists(line, min_size=1, max_size=30)


def event_of(number, drawn):
    visitor, half_hours, kind, source, channel = drawn
    page, order = kind == "Page Viewed", kind == "Order Completed"
    return Event(
        event_id=f"e{number:04d}", event=kind, raw_event=kind, occurred_at=START + half_hours * HOUR // 2,
        anonymous_id=visitor, url=f"https://shop.example/{'?utm_source=' + source if source else ''}" if page else None,
        order_id=f"o{number}" if order else None, amount=10_000 * (number * 37 % 101 + 1) if order else None,
        properties={} if page or order else {"channel": channel, **({"source": source} if source else {})},
    )  # fmt: skip


def store_of(events, folder, cuts=1, seed=0):
    shuffled = events[:]
    random.Random(seed).shuffle(shuffled)
    shop = afterclick.open(Path(folder) / "store", write=True, create=True)
    shop.define(currency="KRW")
    size = -(-len(shuffled) // cuts)
    for low in range(0, len(shuffled), size):
        shop.append(shuffled[low : low + size])
    return shop


def people_of(drawn, actions):
    """{visitor: (touches, orders)}: logged ads, and visits by their first page; a visit right after a like click is it."""
    simple = [
        (v, START + h * HOUR // 2, f"e{i:04d}", kind, {"campaign": source if kind == "Page Viewed" and source else None,
                                                       "server": kind == "Order Completed", "more": (source, channel)})
        for i, (v, h, kind, source, channel) in enumerate(drawn)
    ]  # fmt: skip
    found = {visitor: ([], []) for visitor in VISITORS}
    clicks = {visitor: [] for visitor in VISITORS}
    for v, at, event, kind, more in simple:
        source, channel = more["more"]
        touch = (at, event, source or "(none)", False, True)
        if kind == "Order Completed":
            found[v][1].append((at, 10_000 * (int(event[1:]) * 37 % 101 + 1)))
        if kind == "Ad Clicked" and "clicked" in actions:
            clicks[v].append((at, event, channel))
        if {"Ad Clicked": "clicked", "Ad Impression": "viewed"}.get(kind) in actions:
            found[v][0].append(touch)
    for v, rows in naive.sessions(simple, 30 * MINUTE):
        pages = [row for row in rows if row[3] == "Page Viewed"]
        if not pages:
            continue
        at, event, source = pages[0][1], pages[0][2], pages[0][4]["more"][0]
        counts = "visited" in actions or "clicked" in actions and source
        before = max((click for click in clicks[v] if click[:2] < (at, event)), default=None)
        echo = before and at - before[0] <= 5 * MINUTE and before[2] == ("other" if source else "direct")
        if counts and not echo:
            found[v][0].append((at, event, source or "(none)", not source, False))
    return found


def credited(answer, model):
    return {
        row["source"]: (int(row[f"{model}_revenue"] * 10_000), row[f"{model}_conversions"])
        for row in answer.frame.to_pylist()
        if row["source"] != "(unattributed)"
    }


def check(drawn, actions, hours, cuts, seed, reset):
    events = [event_of(number, one) for number, one in enumerate(drawn)]
    people = people_of(drawn, actions)
    asked = Attribution(
        action=actions, by="source", within="any" if hours is None else f"{hours}h", half_life="5h",
        reset="order" if reset else "none", **ALL,
    )  # fmt: skip
    within = None if hours is None else hours * HOUR
    wanted, rest = other.credit(people, within, half_life=5 * HOUR, unit=10_000, reset=reset)
    with tempfile.TemporaryDirectory() as folder, store_of(events, folder, cuts, seed) as shop:
        answer = shop.ask(asked)
        total = sum(amount for _, orders in people.values() for _, amount in orders)
        assert int(answer.figures["revenue"] * 10_000) == total
        for rule in other.RULES:
            found = credited(answer, rule)
            for value in {*found, *wanted[rule]}:
                money, part, buyers = wanted[rule].get(value, (0, 0.0, set()))
                assert found.get(value, (0, 0.0)) == (money, pytest.approx(part, abs=1e-8)), (rule, value)
                assert len(answer.people(f"source={value};model={rule}")) == len(buyers), (rule, value)
            left = answer.frame.to_pylist()[-1]
            assert int(left[f"{rule}_revenue"] * 10_000) == rest
            if rule != "any":
                assert sum(money for money, _ in found.values()) + rest == total
        check_models(answer, people, within, total)


def check_models(answer, people, within, total):
    ways = other.ways(people, within)
    paths = [(tuple(values), int(amount is not None), int(amount is None)) for _, values, amount in ways]
    hits = [(tuple(values), amount) for _, values, amount in ways if amount is not None]
    won = sum(amount for _, amount in hits)
    rest = answer.frame.to_pylist()[-1]
    if hits:
        effects = other.markov(paths)
        found = {row["value"]: row["effect_rate"] for row in answer.parts["removal"].to_pylist()}
        assert found == pytest.approx({name: effect for name, effect in effects.items() if effect > 1e-12}, abs=1e-9)
        shares = {name: effect / sum(effects.values()) for name, effect in effects.items()}
        for name, (money, part) in credited(answer, "markov").items():
            assert part == pytest.approx(shares.get(name, 0) * len(hits), abs=1e-8)
            assert abs(money - shares.get(name, 0) * won) <= 10_000
        closed = other.shapley(hits, len)
        for name, (_, part) in credited(answer, "shapley").items():
            assert part == pytest.approx(float(closed.get(name, 0)), abs=1e-8)
    for model in ("markov", "shapley") if hits else ("shapley",):
        assert sum(money for money, _ in credited(answer, model).values()) == won
        assert int(rest[f"{model}_revenue"] * 10_000) == total - won


@SETTINGS
@given(
    lines, st.sampled_from([("clicked",), ("viewed", "clicked"), ("visited",), ("clicked", "visited")]),
    st.sampled_from([3, 12, None]), st.integers(1, 4), st.integers(0, 99), st.booleans(),
)  # fmt: skip
def test_every_model_equals_brute_force(drawn, actions, hours, cuts, seed, reset):
    check(drawn, actions, hours, cuts, seed, reset)


BUSY = [
    (visitor, hour, KINDS[(hour * 7 + number) % 5], ("", "x", "y")[(hour + number) % 3], ("other", "display")[hour % 2])
    for number, visitor in enumerate(VISITORS)
    for hour in range(0, 120, 3)
]


def test_a_long_log_equals_brute_force():
    check(BUSY, ("viewed", "clicked"), 24, 3, 5, False)


@FEW
@given(lines, st.integers(0, 99))
def test_the_order_of_arrival_changes_nothing_not_even_an_interval(drawn, seed):
    events = [event_of(number, one) for number, one in enumerate(drawn)]
    asked = Attribution(touch="markov", by="source", action=("viewed", "clicked"), **ALL)
    answers = []
    for cuts, turn in ((1, 0), (3, seed)):
        with tempfile.TemporaryDirectory() as folder, store_of(events, folder, cuts, turn) as shop:
            answers.append(shop.ask(asked).to_dict())
    for name in ("data", "figures", "sentence"):
        assert answers[0][name] == answers[1][name]
    assert answers[0]["parts"]["models"] == answers[1]["parts"]["models"]


@FEW
@given(lines)
def test_days_add_up_to_the_range_by_every_rule(drawn):
    events = [event_of(number, one) for number, one in enumerate(drawn)]
    with tempfile.TemporaryDirectory() as folder, store_of(events, folder) as shop:
        asked = {"by": "source", "within": "12h", "compare": "none", "data_driven": "off"}
        whole = shop.ask(Attribution(range="2026-01-01..2026-01-03", **asked))
        days = [shop.ask(Attribution(range=f"2026-01-0{day}..2026-01-0{day}", **asked)) for day in (1, 2, 3)]
        for rule in other.RULES:
            added: dict[str, int] = {}
            for day in days:
                for name, (money, _) in credited(day, rule).items():
                    added[name] = added.get(name, 0) + money
            wanted = {name: money for name, (money, _) in credited(whole, rule).items() if money}
            assert {name: money for name, money in added.items() if money} == wanted


@FEW
@given(lines, st.integers(1, 60))
def test_a_larger_window_never_lowers_what_is_attributed(drawn, hours):
    events = [event_of(number, one) for number, one in enumerate(drawn)]
    with tempfile.TemporaryDirectory() as folder, store_of(events, folder) as shop:
        asked = {"by": "source", "data_driven": "off", **ALL}
        rests = [
            shop.ask(Attribution(within=within, **asked)).figures["unattributed_revenue"]
            for within in (f"{hours}h", f"{hours + 7}h", "any")
        ]
        assert rests == sorted(rests, reverse=True)


@FEW
@given(lines, st.sampled_from(VISITORS))
def test_a_touch_added_after_the_last_order_changes_no_rule(drawn, visitor):
    events = [event_of(number, one) for number, one in enumerate(drawn)]
    late = event_of(len(drawn), (visitor, 140, "Ad Clicked", "y", "display"))
    asked = Attribution(by="source", range="2026-01-01..2026-01-04", within="any", compare="none", data_driven="off")
    found = []
    for log in (events, [*events, late]):
        with tempfile.TemporaryDirectory() as folder, store_of(log, folder) as shop:
            answer = shop.ask(asked)
            found.append({rule: {k: v for k, v in credited(answer, rule).items() if v[0]} for rule in other.RULES})
    assert found[0] == found[1]


def items(number, promoted):
    return Event(
        event_id=f"i{number:04d}", event="Ad Clicked", raw_event="Ad Clicked", occurred_at=START + number * HOUR,
        anonymous_id="v", properties={"channel": f"c{number % 3}", **promoted},
    )  # fmt: skip


promotion = st.sampled_from([{}, {"product_id": "p1"}, {"product_id": "p2"}, {"category": "k1"}, {"category": "k2"}])


@FEW
@given(st.lists(promotion, min_size=1, max_size=5), st.lists(st.sampled_from(["p1", "p2", "p3"]), min_size=1, max_size=4),
       st.integers(0, 300), st.integers(0, 200))  # fmt: skip
def test_item_scope_attributes_no_more_than_the_basket_and_equals_brute_force(touches, products, extra, refund):
    """Each line goes in full to the last touch about its product or its category; what is left over to nobody."""
    category = {"p1": "k1", "p2": "k1", "p3": "k2"}
    prices = [100 * (1 + place) for place in range(len(products))]
    text = ",".join(f'{{"product_id":"{p}","price":{price}}}' for p, price in zip(products, prices, strict=True))
    total = sum(prices) + extra
    log = [items(number, one) for number, one in enumerate(touches)]
    log += [
        Event(event_id=f"k{p}", event="Product Viewed", raw_event="Product Viewed", occurred_at=START, anonymous_id="w",
              properties={"product_id": p, "category": kind}) for p, kind in category.items()
    ]  # fmt: skip
    sale = {"anonymous_id": "v", "order_id": "o"}
    log.append(Event(event_id="o", event="Order Completed", raw_event="Order Completed", occurred_at=START + 50 * HOUR,
                     amount=total * 10_000, properties={"items": f"[{text}]"}, **sale))  # fmt: skip
    if refund:
        log.append(Event(event_id="r", event="Order Refunded", raw_event="Order Refunded", occurred_at=START + 60 * HOUR,
                         amount=min(refund, total) * 10_000, **sale))  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, store_of(log, folder) as shop:
        basket, item = (shop.ask(Attribution(scope=scope, within="any", **ALL)) for scope in ("basket", "item"))
    net = total - min(refund, total)
    wanted: dict[str, float] = {}
    for product, price in zip(products, prices, strict=True):
        about = [f"c{n % 3}" for n, one in enumerate(touches)
                 if one.get("product_id") == product or one.get("category") == category[product]]  # fmt: skip
        if about:
            wanted[about[-1]] = wanted.get(about[-1], 0) + price * net / total
    found = {row["channel"]: row["last_revenue"] for row in item.frame.to_pylist()}
    for channel in {*found, *wanted} - {"(unattributed)"}:
        assert abs(float(found.get(channel, 0)) - wanted.get(channel, 0.0)) <= len(products)
    assert sum(found.values()) == item.figures["revenue"] == basket.figures["revenue"] == Decimal(net)
    assert item.figures["unattributed_revenue"] >= basket.figures["unattributed_revenue"]
    for rule in other.RULES:
        if rule != "any":
            assert sum(row[f"{rule}_revenue"] for row in item.frame.to_pylist()) == Decimal(net)


@FEW
@given(lines)
def test_one_page_and_another_speak_of_the_same_revenue(drawn):
    events = [event_of(number, one) for number, one in enumerate(drawn)]
    with tempfile.TemporaryDirectory() as folder, store_of(events, folder) as shop:
        answer, channels = shop.ask(Attribution(**ALL)), shop.ask(Channels(**ALL))
        assert answer.figures["revenue"] == channels.figures["revenue"]
        assert answer.figures["conversions"] == channels.figures["orders"]
