"""Drivers over real stores equal brute force, in any arrival order, and keep their laws."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Drivers, Funnel
from afterclick.analyse.drivers_compare import compare_behaviour
from afterclick.analyse.scope import scope_of
from afterclick.core import spans
from afterclick.core.event import Event
from support import naive_drivers as naive

SETTINGS = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = 1_767_225_600_000_000
STEP = 10 * spans.MINUTE
NAMES = ("A", "A", "B", "B", "C", "X", "Y", "Page Viewed")
ABC = ("A", "B", "C")
ALL = {"range": "all", "bots": "in"}
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0 Safari/537.36"


def log(seed, visitors=90, rows=9):
    """Events on a grid of ten minutes over ten hours, many at one instant; X goes with B, colours and codes with nothing."""
    rng = random.Random(seed)
    found = []
    for number in range(visitors * rows):
        visitor, name, place = rng.randrange(visitors), rng.choice(NAMES), rng.randrange(60)
        # Devices 0 and 1 are one person from their first event on.
        more = {"colour": rng.choice("rgb")} if rng.random() < 0.5 else {}
        more |= {"code": float(rng.choice((404, 500)))} if rng.random() < 0.3 else {}
        if name == "X" and rng.random() < 0.6:
            found.append(event(f"x{number:05d}", visitor, "B", place + rng.randrange(6), {}))
        found.append(event(f"e{number:05d}", visitor, name, place, more, page=rng.choice(("/a", "/b"))))
    return found


def event(event_id, visitor, name, place, more, page="/a"):
    return Event(
        event_id=event_id, event=name, raw_event=name, occurred_at=START + place * STEP, anonymous_id=f"d{visitor:03d}",
        user_id="u" if visitor < 2 else None, properties=more, user_agent=AGENT if visitor % 3 else None,
        url=f"https://shop.example{page}" if name == "Page Viewed" else None,
    )  # fmt: skip


def store_of(events, folder, cuts=1, seed=0):
    shuffled = events[:]
    random.Random(seed).shuffle(shuffled)
    shop = afterclick.open(Path(folder) / "store", write=True, create=True)
    size = -(-len(shuffled) // cuts)
    for low in range(0, len(shuffled), size):
        shop.append(shuffled[low : low + size])
    return shop


def naive_rows(events):
    who = {e.anonymous_id: "u" if e.user_id else e.anonymous_id for e in events}
    return [(who[e.anonymous_id], e.occurred_at, e.event_id, e.event, e) for e in events]


def properties(row):
    one = row[4]
    things = {("property", "colour", one.properties["colour"])} if "colour" in one.properties else set()
    things |= {("property", "code", f"{one.properties['code']:g}")} if "code" in one.properties else set()
    things |= {("page", "page_group", one.url.removeprefix("https://shop.example"))} if one.url else set()
    things |= {("property", "known", "yes" if one.user_id else "no")}
    return things | ({("property", "os", "Windows")} if one.user_agent else set())


def features(row):
    return properties(row) | {("event", "event", row[3])}


CHECKED = {"event", "page_group", "colour", "code", "known", "os"}


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("mode", ["first", "previous", "entry first"])
@given(seed=st.integers(0, 10_000), cuts=st.integers(1, 3), observe=st.sampled_from([10, 25, 30, 60]))
@SETTINGS
def test_drivers_equal_the_oracle(k, mode, seed, cuts, observe):
    events = log(seed, visitors=180)
    simple = naive_rows(events)
    within, entry = 3 * spans.HOUR, "first" if mode == "entry first" else "best"
    question = Drivers(
        steps=ABC, step=k, within="3h", observe=f"{observe}m", top=1000, support=5, entry=entry,
        within_from="previous" if mode == "previous" else "first", **ALL,
    )  # fmt: skip
    as_of = max(e.occurred_at for e in events)
    chain = [lambda e, name=name: e[3] == name for name in ABC]
    marks = naive.landmark(
        simple, chain, k, within, observe * spans.MINUTE, as_of=as_of, previous=mode == "previous", entry=entry
    )
    parts = Counter(part for part, _, _ in marks.values())
    with tempfile.TemporaryDirectory() as folder, store_of(events, folder, cuts, seed) as shop:
        result = shop.ask(question)
        figures = result.figures
        assert (figures["decided_earlier"], figures["open"]) == (parts["decided"], parts["open"])
        assert (figures["went_on"], figures["did_not"]) == (parts["went_on"], parts["did_not"])
        expected = {
            thing: cells
            for thing, cells in naive.tables(simple, marks, features, properties).items()
            if naive.tested(cells, 5)
        }
        check_rows(result, expected)


def check_rows(result, expected):
    rows = result.frame.to_pylist()
    mine = {(row["type"], row["field"], row["value"]): row for row in rows if row["field"] in CHECKED}
    assert set(mine) <= set(expected)
    # A row without a direction is tested and not shown.
    hidden = [thing for thing in expected if thing not in mine]
    for thing in hidden:
        ratio = naive.odds(expected[thing])[0]
        n, yes, without, without_yes = expected[thing]
        assert ratio == 1 or (ratio > 1) != (yes / n > without_yes / without) or yes / n == without_yes / without
    for thing, row in mine.items():
        n, yes, without, without_yes = expected[thing]
        assert (row["with_n"], row["with_went_on"]) == (n, yes), thing
        assert (row["without_n"], row["without_went_on"]) == (without, without_yes)
        numbers = [row[name] for name in ("odds_ratio", "low", "high", "p_value")]
        assert numbers == pytest.approx(naive.odds(expected[thing]), rel=1e-9)
        cell = f"type={row['type']};behaviour={row['behaviour']};part="
        for part, count in (("with_n", n), ("with_went_on", yes), ("with_did_not", n - yes), ("without_n", without)):
            assert len(result.people(cell + part)) == count
    if len(rows) == result.figures["tested"]:
        assert [row["q_value"] for row in rows] == pytest.approx(naive.q_values([row["p_value"] for row in rows]))
    assert all(row["significant"] == (row["q_value"] <= 0.05) for row in rows)


@given(seed=st.integers(0, 10_000))
@SETTINGS
def test_visitors_are_those_of_the_funnel_and_each_is_in_one_part(seed):
    with tempfile.TemporaryDirectory() as folder, store_of(log(seed), folder) as shop:
        funnel = Funnel(steps=ABC, within="3h", **ALL)
        lines = shop.ask(funnel).frame.to_pylist()
        for step in (1, 2):
            result = shop.ask(Drivers.of(funnel, step))
            assert result.figures["reached"] == lines[step - 1]["n"]
            cells = ("decided_earlier", "open", "went_on", "did_not")
            people = [visitor for cell in cells for visitor in result.people(f"part={cell}").labels.tolist()]
            assert len(set(people)) == len(people) == result.figures["reached"]
            assert len(result.people("part=analysed")) == result.figures["analysed"]
            reached = shop.ask(funnel).people(f"step={step};part=reached").labels
            assert sorted(people) == reached.tolist()


@given(seed=st.integers(0, 10_000), cuts=st.integers(1, 4))
@SETTINGS
def test_arrival_changes_nothing(seed, cuts):
    events = log(seed)
    question = Drivers(steps=ABC, step=1, within="3h", observe="30m", support=5, **ALL)
    frames = []
    for order in ((1, 0), (cuts, seed)):
        with tempfile.TemporaryDirectory() as folder, store_of(events, folder, *order) as shop:
            frames.append(shop.ask(question).frame)
    assert frames[0].equals(frames[1])


@given(seed=st.integers(0, 10_000), parts=st.integers(2, 4))
@SETTINGS
def test_counts_of_any_partition_of_the_visitors_add_up(seed, parts):
    events = log(seed)
    as_of = max(e.occurred_at for e in events)
    events += [event(f"z{part}", 900 + part, "Z", (as_of - START) // STEP, {}) for part in range(parts)]
    question = Drivers(steps=ABC, step=2, within="3h", observe="20m", range="2026-01-01..2026-01-01", bots="in")
    total: Counter[str] = Counter()
    names = ("reached", "decided_earlier", "open", "analysed", "went_on", "did_not")
    with tempfile.TemporaryDirectory() as folder:
        with store_of(events, folder) as shop:
            whole = shop.ask(question).figures
        for part in range(parts):
            own = [e for e in events if max(int(e.anonymous_id[1:]), 1) % parts == part]
            own += [e for e in events if e.event == "Z" and e not in own]
            if not {e.event for e in own} >= set(ABC):
                return
            with store_of(own, Path(folder) / str(part)) as shop:
                figures = shop.ask(question).figures
                total.update({name: figures[name] for name in names})
    assert total == Counter({name: whole[name] for name in names})


@pytest.mark.parametrize("seed", range(3))
def test_nothing_after_the_landmark_changes_a_row(tmp_path, seed):
    """Everyone gets more behaviour later than their landmark, those who went on a thank-you page above all."""
    events = log(seed, visitors=150)
    as_of = max(e.occurred_at for e in events)
    # The store knows all events it will get: only the behaviour of those analysed changes.
    last = event("last", 999, "After", (as_of - START) // STEP, {"colour": "z"}, page="/thanks")
    question = Drivers(steps=ABC, step=1, within="3h", observe="30m", support=5, top=1000, **ALL)
    chain = [lambda e, name=name: e[3] == name for name in ABC]
    marks = naive.landmark(naive_rows(events), chain, 1, 3 * spans.HOUR, 30 * spans.MINUTE, as_of=as_of)
    device = {"u": 0}
    later = []
    for number, (visitor, (part, _, mark)) in enumerate(marks.items()):
        if part in ("went_on", "did_not"):
            who = device.get(visitor, int(visitor[1:]) if visitor != "u" else 0)
            for name, offset in (("After", 1), ("Page Viewed", 2), ("X", spans.MINUTE)):
                if part == "went_on" or name == "X":
                    new = event(f"late{number:04d}{name}", who, name, 0, {"colour": "z"}, page="/thanks")
                    later.append(Event(**{f: getattr(new, f) for f in new.__struct_fields__} | {"occurred_at": mark + offset}))
    assert len(later) > 50
    earlier = [*events, last]
    with store_of(earlier, tmp_path / "a") as before, store_of(earlier + later, tmp_path / "b") as after:
        one, two = before.ask(question), after.ask(question)
        assert one.frame.num_rows > 5
        assert one.frame.equals(two.frame)
        assert not {"After", "/thanks", "colour = z"} & set(two.frame["behaviour"].to_pylist())
        assert {name: one.figures[name] for name in one.figures} == two.figures


def test_a_shuffled_outcome_finds_about_nothing(tmp_path):
    """Whose outcome it is is drawn by lot 60 times, rare and frequent: false finds in about one of twenty runs."""
    with store_of(log(5, visitors=700), tmp_path) as shop:
        scope = scope_of(shop.context(), Drivers(steps=ABC, **ALL))
        visitors = shop.ask(Funnel(steps=ABC, **ALL)).people("step=1;part=reached").labels
        since = np.full(len(visitors), START)
        rng = np.random.default_rng(7)
        for rate in (0.03, 0.3):
            runs = 0
            for _ in range(60):
                drawn = rng.random(len(visitors)) < rate
                found = compare_behaviour(scope, visitors, since, since + 2 * spans.HOUR, drawn)
                runs += any(found.table["significant"].to_pylist())
            assert found.table.num_rows > 5
            assert runs <= 7, rate
        # The same code finds what is there: the outcome is made of one behaviour, seven times in ten.
        x = compare_behaviour(scope, visitors, since, since + 2 * spans.HOUR, rng.random(len(visitors)) < 0.3)
        met = x.visitors_with(x.table.filter(np.array([v == "X" for v in x.table["behaviour"].to_pylist()])))[0]
        made = np.where(met, rng.random(len(met)) < 0.7, rng.random(len(met)) < 0.3)
        first = compare_behaviour(scope, visitors, since, since + 2 * spans.HOUR, made).table.slice(0, 1).to_pylist()[0]
        assert (first["behaviour"], first["direction"], first["significant"]) == ("X", "up", True)
