"""Costs, key figures, channels and the change of revenue equal brute force, and their sums equal each other."""

from __future__ import annotations

import itertools
import random
import tempfile
from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Channels, JourneyMap, Kpi, RevenueChange
from afterclick.analyse.shapley import shapley, whole
from afterclick.core import spans
from afterclick.core.event import Event
from support import naive

SETTINGS = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = 1_767_225_600_000_000
HOUR, DAY = spans.HOUR, spans.DAY
CHANNEL = {"cpc": "paid_search", "email": "email", "": "direct"}

# visitor, hours after the start, what, medium, campaign, amount
visit = st.tuples(
    st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 95), st.sampled_from(["visit", "visit", "order", "refund"]),
    st.sampled_from(["cpc", "email", ""]), st.sampled_from(["x", "y"]), st.integers(1, 9),
)  # fmt: skip
# day, campaign, ad, cost, impressions
spend = st.tuples(
    st.integers(0, 3), st.sampled_from(["x", "y", "z"]), st.sampled_from(["", "1"]), st.integers(0, 9), st.integers(0, 50)
)
logs = st.tuples(st.lists(visit, min_size=1, max_size=25), st.lists(spend, max_size=8))


def tagged(medium, campaign):
    return f"https://shop.example/?utm_source=naver&utm_medium={medium}&utm_campaign={campaign}" if medium else "https://shop.example/"


def events_of(visits, spends):
    found = []
    for number, (who, hour, what, medium, campaign, amount) in enumerate(visits):
        known = {"event_id": f"e{number:03d}", "anonymous_id": who, "occurred_at": START + hour * HOUR}
        if what == "visit":
            found.append(Event(event="Page Viewed", raw_event="p", url=tagged(medium, campaign), **known))
        else:
            name = "Order Completed" if what == "order" else "Order Refunded"
            # A refund takes back the order of the line before it, if that is one, else it stands alone.
            before = number - 1 if what == "refund" and number and visits[number - 1][2] == "order" else number
            found.append(Event(event=name, raw_event="o", order_id=f"o{before}", amount=amount * 10_000, **known))
    for number, (day, campaign, ad, amount, impressions) in enumerate(spends):
        content = f"&utm_content={ad}" if ad else ""
        found.append(
            Event(
                event_id=f"c{number:03d}", event="Ad Cost Reported", raw_event="c", url=tagged("cpc", campaign) + content,
                occurred_at=START + day * DAY + 12 * HOUR, amount=amount * 10_000,
                properties={"impressions": impressions, "clicks": impressions // 5},
            )
        )  # fmt: skip
    return found


def oracle(visits, spends, start, end):
    """Every figure by the book, over lists: sessions, orders with the touch of their visit, costs by day and ad."""
    events = [
        (
            who, START + hour * HOUR, f"e{number:03d}", what,
            {
                "campaign": f"naver{medium}{campaign}" if what == "visit" and medium else None, "server": what != "visit",
                "touch": (CHANNEL[medium], "naver" if medium else "", campaign if medium else "") if what == "visit" else None,
                "amount": amount * 10_000, "number": number,
            },
        )
        for number, (who, hour, what, medium, campaign, amount) in enumerate(visits)
    ]  # fmt: skip
    cut = naive.sessions(events, 30 * spans.MINUTE)
    touch_of = {}
    for _, rows in cut:
        touch = next((row[4]["touch"] for row in rows if row[4]["touch"]), None)
        touch_of |= {row[2]: touch for row in rows}
    orders = {e[4]["number"]: e for e in events if e[3] == "order"}
    money = [(e, e, e[4]["amount"]) for e in orders.values()]
    for e in events:
        if e[3] == "refund":
            home = orders.get(e[4]["number"] - 1, e)
            money.append((e, home, -e[4]["amount"]))
    first = {}
    for e in sorted(orders.values(), key=lambda e: (e[1], e[2])):
        first.setdefault(e[0], e[2])
    latest = {}
    for number, (day, campaign, ad, amount, impressions) in enumerate(spends):
        latest[day, campaign, ad] = (number, day, campaign, amount * 10_000, impressions)
    costed = {("naver", campaign) for _, campaign, *_ in spends}
    inside = lambda at: start <= at < end  # noqa: E731
    sold = [(home, amount) for _, home, amount in money if inside(home[1])]
    here = [e for e in orders.values() if inside(e[1])]
    paid = lambda e: touch_of[e[2]] is not None and touch_of[e[2]][1:] in costed  # noqa: E731
    spent = [row for row in latest.values() if inside(START + row[1] * DAY + 12 * HOUR)]
    return {
        "visitors": len({e[0] for e in events if inside(e[1])}),
        "sessions": sum(inside(rows[0][1]) for _, rows in cut),
        "orders": len(here),
        "buyers": len({e[0] for e in here}),
        "new_buyers": sum(first[e[0]] == e[2] for e in here),
        "repeat_orders": sum(first[e[0]] != e[2] for e in here),
        "revenue": sum(amount for _, amount in sold),
        "attributed_orders": sum(map(paid, here)) if spends else None,
        "attributed_revenue": sum(amount for home, amount in sold if paid(home)) if spends else None,
        "attributed_new_buyers": sum(paid(e) and first[e[0]] == e[2] for e in here) if spends else None,
        "cost": sum(row[3] for row in spent) if spends else None,
        "impressions": sum(row[4] for row in spent) if spends else None,
        "clicks": sum(row[4] // 5 for row in spent) if spends else None,
    }, {
        "revenue": Counter(), "sessions": Counter(), "orders": Counter(),
    } | by_channel(cut, sold, here, touch_of, inside)  # fmt: skip


def by_channel(cut, sold, here, touch_of, inside):
    channel = lambda e: (touch_of[e[2]] or ("(none)",))[0]  # noqa: E731
    found = {"revenue": Counter(), "sessions": Counter(), "orders": Counter()}
    for _, rows in cut:
        if inside(rows[0][1]):
            found["sessions"][channel(rows[0])] += 1
    for home, amount in sold:
        found["revenue"][channel(home)] += amount
    for e in here:
        found["orders"][channel(e)] += 1
    return found


def opened(events, folder, seed=0, cuts=1):
    """Behaviour in any order and any imports; costs in the order given, since the latest report counts."""
    shop = afterclick.open(Path(folder) / "store", write=True, create=True)
    behaviour = [e for e in events if e.event != "Ad Cost Reported"]
    random.Random(seed).shuffle(behaviour)
    size = -(-len(behaviour) // cuts)
    for low in range(0, len(behaviour), size):
        shop.append(behaviour[low : low + size])
    for one in events:
        if one.event == "Ad Cost Reported":
            shop.append([one])
    return shop


def minor(value):
    return None if value is None else int(value * 10_000) if isinstance(value, Decimal) else value


@SETTINGS
@given(logs, st.integers(0, 99), st.integers(1, 3), st.integers(0, 3), st.integers(0, 3))
def test_key_figures_and_channels_equal_the_oracle(log, seed, cuts, first, more):
    visits, spends = log
    last = min(3, first + more)
    scope = {"range": f"2026-01-0{first + 1}..2026-01-0{last + 1}", "compare": "none", "as_of": "2026-01-04"}
    with tempfile.TemporaryDirectory() as folder, opened(events_of(visits, spends), folder, seed, cuts) as shop:
        known = [one for one in spends if one[0] <= 3]
        expected, channels = oracle(visits, known, START + first * DAY, START + (last + 1) * DAY)
        kpi = shop.ask(Kpi(**scope))
        assert {name: minor(kpi.figures[name]) for name in expected} == expected
        result = shop.ask(Channels(**scope))
        for name, wanted in channels.items():
            got = {row["channel"]: minor(row[name]) for row in result.frame.to_pylist() if row[name]}
            assert got == {channel: amount for channel, amount in wanted.items() if amount}
        check_one_truth(shop, kpi, result, scope)
        check_people(kpi, result)


def check_one_truth(shop, kpi, channels, scope):
    """SEMANTICS 18, rows 2, 3 and 6: every page the same visitors, sessions, orders, revenue and cost."""
    for name in ("visitors", "sessions", "orders", "revenue", "cost", "roas", "cac", "blended_cac"):
        assert kpi.figures[name] == channels.figures[name]
    journey = shop.ask(JourneyMap(**scope)).figures
    for name in ("visitors", "sessions", "orders", "revenue", "gross", "conversion_rate", "aov"):
        assert journey[name] == kpi.figures[name], name
    rows = channels.frame.to_pylist()
    sums = ("sessions", "orders", "revenue", "new_buyers", "repeat_orders", "attributed_orders", "attributed_revenue", "cost")
    for name in sums:
        if kpi.figures[name] is not None:
            assert sum(row[name] for row in rows) == kpi.figures[name], name
    figures = kpi.figures
    assert figures["new_visitors"] + figures["returning_visitors"] == figures["visitors"]
    assert figures["gross"] - figures["refunds"] == figures["revenue"]
    if figures["orders"] and figures["visitors"]:
        product = Fraction(figures["visitors"]) * Fraction(figures["orders"], figures["visitors"])
        assert product * Fraction(figures["revenue"]) / figures["orders"] == Fraction(figures["revenue"])
    course = defaultdict(list)
    for row in kpi.parts["series"].to_pylist():
        course[row["metric"]].append(row["value"])
    for name in ("sessions", "orders", "pageviews", "new_visitors", "new_buyers", "impressions"):
        if figures[name] is not None:
            assert sum(course[name]) == figures[name], name
    for name in ("revenue", "cost"):
        if figures[name] is not None:
            assert sum(map(Decimal, course[name])) == figures[name]
    for by in ("source", "medium", "campaign", "media", "term", "content"):
        found = shop.ask(Channels(by=by, **scope)).frame.to_pylist()
        for name in sums:
            if figures[name] is not None:
                assert sum(row[name] for row in found) == figures[name], (by, name)


def check_people(kpi, channels):
    for cell, name in {
        "visitors": "visitors", "new": "new_visitors", "returning": "returning_visitors", "buyers": "buyers",
        "new_buyers": "new_buyers",
    }.items():  # fmt: skip
        assert len(kpi.people(cell)) == kpi.figures[name]
    for row in channels.frame.to_pylist():
        cell = f"channel={row['channel']}"
        assert len(channels.people(cell)) == row["visitors"]
        for part in ("new_visitors", "buyers", "new_buyers", "attributed_new_buyers"):
            if row[part] is not None:
                assert len(channels.people(f"{cell};part={part}")) == row[part]
    counted = [row for row in kpi.parts["series"].to_pylist() if row["metric"] in ("visitors", "buyers")]
    for row in counted:
        part = "" if row["metric"] == "visitors" else ";part=buyers"
        assert len(kpi.people(f"interval={row['interval']}{part}")) == row["value"]


@SETTINGS
@given(logs, st.integers(0, 99))
def test_a_condition_that_all_meet_changes_no_figure(log, seed):
    """Conditions are counted row by row, everything else session by session: both ways give the same."""
    visits, _ = log
    scope = {"range": "2026-01-02..2026-01-03", "as_of": "2026-01-04"}
    with tempfile.TemporaryDirectory() as folder, opened(events_of(visits, []), folder, seed) as shop:
        plain = shop.ask(Kpi(**scope))
        met = shop.ask(Kpi(where=('event != "Nothing Known"',), **scope))
        assert {k: v for k, v in plain.figures.items() if k not in ("reasons", "previous")} == {
            k: v for k, v in met.figures.items() if k not in ("reasons", "previous")
        }
        assert plain.parts["series"].equals(met.parts["series"])


@SETTINGS
@given(logs, st.sampled_from(["channel", "source", "campaign", "media"]))
def test_the_parts_of_a_change_add_up_to_it(log, by):
    visits, _ = log
    with tempfile.TemporaryDirectory() as folder, opened(events_of(visits, []), folder) as shop:
        scope = {"range": "2026-01-03..2026-01-04", "as_of": "2026-01-04"}
        result = shop.ask(RevenueChange(by=by, **scope))
        kpi = shop.ask(Kpi(**scope))
        change = result.figures["change"]
        if change is None:
            assert kpi.figures["previous"] is None
            assert "no_earlier_period" in {note.code for note in result.notes}
            return
        assert change == kpi.figures["revenue"] - kpi.figures["previous"]["revenue"]
        assert sum(row["effect"] for row in result.frame.to_pylist()) == change
        assert sum(row["effect"] for row in result.parts["total"].to_pylist()) == change
        assert kpi.parts["change"].equals(result.parts["total"])
        rows = result.parts["groups"].to_pylist()
        names = [f"{name}_effect" for name in ("visitors", "mix", "conversion_rate", "aov", "rest")]
        assert sum(row["effect"] for row in rows) == change
        for name in names:
            shown = result.figures[name]
            assert sum(row[name] for row in rows) == (shown or 0)
        for row in rows:
            # Rounded to the minor unit over all rows together, so one row may differ by the units it was rounded by.
            assert abs(sum(row[name] for name in names) - row["effect"]) <= Decimal(len(names)) / 10_000


fraction = st.builds(Fraction, st.integers(-50, 50), st.integers(1, 20))
game = st.integers(1, 4).flatmap(
    lambda n: st.tuples(st.lists(fraction, min_size=n, max_size=n), st.lists(fraction, min_size=n, max_size=n))
)


def mean_over_orders(before, after):
    """The definition: change the factors one by one, in every order, and take the mean of what each changed."""
    n = len(before)
    total = [Fraction(0)] * n
    orders = list(itertools.permutations(range(n)))
    for order in orders:
        now = list(before)
        for i in order:
            old = product(now)
            now[i] = after[i]
            total[i] += product(now) - old
    return [one / len(orders) for one in total]


def product(values):
    result = Fraction(1)
    for value in values:
        result *= value
    return result


@given(game)
def test_shapley_is_the_mean_over_all_orders(pair):
    before, after = pair
    found = shapley(before, after)
    assert found == mean_over_orders(before, after)
    assert sum(found) == product(after) - product(before)


@given(st.lists(fraction, min_size=1, max_size=8), st.integers(-5, 5))
def test_rounding_keeps_the_sum_and_moves_no_part_by_a_unit(parts, target):
    named = {str(i): part for i, part in enumerate(parts)}
    named["last"] = target - sum(parts)
    found = whole(named)
    assert sum(found.values()) == target
    assert all(abs(found[name] - part) < 1 for name, part in named.items())
