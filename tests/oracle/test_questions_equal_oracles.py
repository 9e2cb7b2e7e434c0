"""Whole questions over real stores equal brute force: any arrival order, any cut into imports, any partition of visitors."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Channels, Funnel, JourneyMap, Kpi
from afterclick.core import spans
from afterclick.core.event import Event
from support import naive

SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = 1_767_225_600_000_000
HOUR = spans.HOUR
NAMES = ("Page Viewed", "Product Added", "Checkout Started", "Order Completed", "Signed Up", "Note Taken")
STAGE = {"Page Viewed": {0}, "Signed Up": {1}, "Product Added": {2}, "Checkout Started": {2}, "Order Completed": {3}}
DEVICES = ("d1", "d2", "d3", "d4")

# device, half hours after the start, name, utm (page views), known as user u1 (d1 and d2 only: one person)
row = st.tuples(
    st.sampled_from(DEVICES),
    st.integers(0, 60),
    st.sampled_from(NAMES),
    st.sampled_from(["", "", "x", "y"]),
    st.booleans(),
)
rows = st.lists(row, min_size=1, max_size=30)


def event_of(number, line):
    device, half_hours, name, utm, known = line
    return Event(
        event_id=f"e{number:04d}", event=name, raw_event=name, occurred_at=START + half_hours * HOUR // 2,
        anonymous_id=device, user_id="u1" if known and device in ("d1", "d2") else None,
        url=f"https://shop.example/p{'?utm_source=' + utm if utm else ''}" if name == "Page Viewed" else None,
        order_id=f"o{number}" if name == "Order Completed" else None,
        amount=10_000 * (number + 1) if name == "Order Completed" else None,
    )  # fmt: skip


def store_of(events, folder, cuts=1, seed=0):
    """The events in a shuffled order, in so many imports."""
    shuffled = events[:]
    random.Random(seed).shuffle(shuffled)
    shop = afterclick.open(Path(folder) / "store", write=True, create=True)
    size = -(-len(shuffled) // cuts)
    for low in range(0, len(shuffled), size):
        shop.append(shuffled[low : low + size])
    return shop


def visitor_of(events, identity):
    """Which visitor each device is: d1 and d2 are one as soon as both were seen with the user."""
    linked = {e.anonymous_id for e in events if e.user_id}
    return {d: "u1" if identity == "stitched" and d in linked else d for d in DEVICES}


def naive_events(events, identity):
    who = visitor_of(events, identity)
    return [
        (
            who[e.anonymous_id], e.occurred_at, e.event_id, e.event,
            {
                "campaign": (e.url or "").partition("utm_source=")[2] or None,
                "server": e.event == "Order Completed",
            },
        )
        for e in events
    ]  # fmt: skip


def check_everything(lines, cuts, seed, identity):
    events = [event_of(number, line) for number, line in enumerate(lines)]
    simple = naive_events(events, identity)
    scope = {"range": "all", "compare": "none", "identity": identity, "bots": "in"}
    as_of = max(e.occurred_at for e in events)
    with tempfile.TemporaryDirectory() as folder, store_of(events, folder, cuts, seed) as shop:
        kpi = shop.ask(Kpi(**scope))
        expected = naive.sessions(simple, 30 * spans.MINUTE)
        assert kpi.figures["visitors"] == len({e[0] for e in simple})
        assert kpi.figures["sessions"] == len(expected)
        assert kpi.figures["single_event_sessions"] == sum(len(found) == 1 for _, found in expected)
        assert kpi.figures["orders"] == sum(e.event == "Order Completed" for e in events)
        assert int(kpi.figures["revenue"] * 10_000) == sum(e.amount or 0 for e in events)
        channels = shop.ask(Channels(**scope)).frame.to_pylist()
        assert sum(line["sessions"] for line in channels) == kpi.figures["sessions"]
        assert sum(line["revenue"] for line in channels) == kpi.figures["revenue"]
        check_funnel(shop, simple, scope)
        check_map(shop, simple, scope, as_of)


def check_funnel(shop, simple, scope):
    known = sorted({e[3] for e in simple})
    steps = tuple(name for name in ("Page Viewed", "Product Added", "Order Completed") if name in known)
    steps = steps if len(steps) > 1 else (known[0], known[-1])
    chain = [lambda e, name=name: e[3] == name for name in steps]
    for entry in ("best", "first", "attempts"):
        question = Funnel(
            steps=steps, within="8h", unit="attempts" if entry == "attempts" else "visitors",
            entry="first" if entry == "first" else "best", **scope,
        )  # fmt: skip
        result = shop.ask(question)
        units = naive.funnel(simple, chain, 8 * HOUR, entry=entry)
        for number, line in enumerate(result.frame.to_pylist()):
            here = [unit for unit in units if len(unit[1]) > number]
            assert line["n"] == len(here)
            reached = result.people(f"step={number + 1};part=reached")
            assert len(reached) == len({visitor for visitor, _ in here})
        counts = [line["n"] for line in result.frame.to_pylist()]
        assert counts == sorted(counts, reverse=True)


def check_map(shop, simple, scope, as_of):
    result = shop.ask(JourneyMap(within="6h", **scope))
    counts, moves, movers, loop, loop_orders = naive.journey(
        simple, lambda e: STAGE.get(e[3], set()), 4, start=-(2**60), end=2**60, as_of=as_of, within=6 * HOUR
    )
    lines = result.frame.to_pylist()
    for number, line in enumerate(lines):
        for part in ("entered", "onward", "open", "lost", "highest", "returns"):
            assert line[part] == counts[number][part], (line["stage"], part)
        assert line["entered"] == line["onward"] + line["open"] + line["lost"]
        for part in ("entered", "onward", "open", "lost", "highest", "skipped"):
            assert len(result.people(f"stage={line['stage']};part={part}")) == line[part]
        assert len(result.people(f"stage={line['stage']};part=returned")) == line["returns"]
    assert result.figures["none"] == counts[0]["none"]
    assert sum(line["highest"] for line in lines) + result.figures["none"] == result.figures["visitors"]
    assert (result.figures["loop"], result.figures["loop_orders"]) == (loop, loop_orders)
    place = {line["stage"]: number for number, line in enumerate(lines)}
    flows = {(place[f["from_stage"]], place[f["to_stage"]]): f for f in result.parts["flows"].to_pylist()}
    assert {pair: flow["moves"] for pair, flow in flows.items()} == dict(moves)
    assert {pair: flow["visitors"] for pair, flow in flows.items()} == movers
    for flow in flows.values():
        assert len(result.people(f"flow={flow['from_stage']}>{flow['to_stage']}")) == flow["visitors"]
    for share in result.parts["channels"].to_pylist():
        assert len(result.people(f"stage={share['stage']};channel={share['channel']}")) == share["visitors"]
    for point in result.parts["touchpoints"].to_pylist():
        if point["type"] != "more":
            cell = f"stage={point['stage']};touchpoint={point['touchpoint']}"
            assert len(result.people(cell)) == point["visitors"]


@pytest.mark.parametrize("identity", ["raw", "stitched"])
@given(lines=rows, cuts=st.integers(1, 3), seed=st.integers(0, 5))
@SETTINGS
def test_every_question_equals_its_oracle(identity, lines, cuts, seed):
    check_everything(lines, cuts, seed, identity)


@given(lines=rows, zone=st.sampled_from(["Asia/Seoul", "America/Los_Angeles", "Pacific/Kiritimati"]))
@settings(max_examples=10, deadline=None)
def test_the_time_zone_of_the_machine_changes_nothing(lines, zone):
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        check_everything(lines, 2, 1, "stitched")
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


@given(lines=rows)
@settings(max_examples=15, deadline=None)
def test_any_partition_of_the_visitors_adds_up(lines):
    events = [event_of(number, (*line[:4], False)) for number, line in enumerate(lines)]
    scope = {"range": "2026-01-01..2026-01-03", "compare": "none", "as_of": "2026-01-05"}
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        with store_of(events, folder) as shop:
            whole = shop.ask(Kpi(**scope)).figures
        for device in {event.anonymous_id for event in events}:
            own = [event for event in events if event.anonymous_id == device]
            with store_of(own, Path(folder) / device) as shop:
                part = shop.ask(Kpi(**scope)).figures
                for name in (
                    "visitors",
                    "sessions",
                    "single_event_sessions",
                    "bounced",
                    "orders",
                    "events",
                    "pageviews",
                ):
                    total[name] += part[name]
    assert total == Counter({name: whole[name] for name in total})


@given(
    lines=rows, conditions=st.sampled_from([('path == "/p"',), ('channel == "direct"',), ('event != "Page Viewed"',)])
)
@settings(max_examples=15, deadline=None)
def test_days_add_up_to_the_range(lines, conditions):
    events = [event_of(number, line) for number, line in enumerate(lines)]
    with tempfile.TemporaryDirectory() as folder, store_of(events, folder) as shop:
        for where in ((), conditions):
            whole = shop.ask(Kpi(range="2026-01-01..2026-01-02", compare="none", where=where)).figures
            days = [
                shop.ask(Kpi(range=f"2026-01-0{day}..2026-01-0{day}", compare="none", where=where)).figures
                for day in (1, 2)
            ]
            for name in ("orders", "events", "pageviews", "revenue"):
                assert sum(day[name] for day in days) == whole[name]
            if not where:
                for name in ("sessions", "bounced", "qualifying_sessions"):
                    assert sum(day[name] for day in days) == whole[name]
