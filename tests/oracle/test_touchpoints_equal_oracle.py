"""Touchpoints over real stores equal brute force, add up, and agree with every other question of the same scope."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import JourneyMap, Kpi, Touchpoint, Touchpoints, Visitor, Visitors
from afterclick.analyse import troubles
from afterclick.core.event import Event
from support import naive_touchpoints
from support.naive_touchpoints import SECOND

SETTINGS = settings(
    max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
START = 1_767_225_600_000_000
SCOPE = {"range": "all", "compare": "none", "bots": "in"}
PAGES = {"/a": "/a", "/b": "/b", "/items/1": "/items/*", "/items/2": "/items/*"}
EVENTS = ("Tried", "Form Error", "Product Added", "Scrolled", "Order Completed")
TIMED = 2

# device, seconds after the one before (a long one starts a visit), what (a path is a page view), load time, twin
row = st.tuples(
    st.sampled_from(("d1", "d2", "d3")),
    st.sampled_from((0, 1, 4, 12, 60, 2400)),
    st.sampled_from((*PAGES, *EVENTS)),
    st.sampled_from((0, 0, 100, 150, 900)),
    st.booleans(),
)
logs = st.lists(row, min_size=1, max_size=22)


def events_of(lines):
    """Events with, after some page views of items, their twin half a second after the page had loaded."""
    found, clock = [], dict.fromkeys(("d1", "d2", "d3"), START)
    always = lines[0][4]
    for device, pause, what, load, _ in lines:
        clock[device] += pause * SECOND
        page = what in PAGES
        number = len(found)
        found.append(
            Event(
                event_id=f"e{number:04d}", event="Page Viewed" if page else what, raw_event="x", anonymous_id=device,
                occurred_at=clock[device], properties={"load_ms": load} if page and load else {},
                url=f"https://shop.example{what}" if page else "https://shop.example/a",
                order_id=f"o{number}" if what == "Order Completed" else None,
                amount=10_000 if what == "Order Completed" else None,
            )
        )  # fmt: skip
        if page and PAGES[what] == "/items/*" and always:
            clock[device] += load * 1000 + SECOND // 2
            found.append(
                Event(
                    event_id=f"e{number + 1:04d}", event="Item Shown", raw_event="x", anonymous_id=device,
                    occurred_at=clock[device], url=f"https://shop.example{what}",
                )
            )  # fmt: skip
    return found


def simple_of(events):
    found = []
    for e in events:
        path = e.url.removeprefix("https://shop.example")
        page = e.event == "Page Viewed"
        more = {"path": path, "path_group": PAGES[path], "load": e.properties.get("load_ms")}
        more |= {"page": PAGES[path] if page else None, "passive": e.event == "Scrolled"}
        found.append((e.anonymous_id, e.occurred_at, e.event_id, e.event, more))
    return found


@pytest.fixture(autouse=True)
def _few_timed_rows(monkeypatch):
    monkeypatch.setattr(troubles, "TIMED", TIMED)


@given(logs)
@SETTINGS
def test_a_touchpoint_equals_brute_force(lines):
    events = events_of(lines)
    visits = naive_touchpoints.Visits(simple_of(events), errors={"Form Error"}, timed=TIMED)
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        shop.append(events)
        points = {visits.point(e): bool(e[4].get("page")) for e in simple_of(events) if not visits.doubled(e)}
        listed = {line["touchpoint"]: line for line in shop.ask(Touchpoints(**SCOPE)).frame.to_pylist()}
        assert set(listed) == set(points)
        for point, is_page in points.items():
            result = shop.ask(Touchpoint(name=point, top=1, **SCOPE))
            check_friction(result, listed[point], visits.friction(point, is_page))
            check_sides(result, visits.sides(point, is_page))
            if is_page:
                dwells = visits.dwells(point)
                assert result.figures["dwells"] == len(dwells)
                if len(dwells) % 2:
                    assert result.figures["dwell_seconds"] == dwells[len(dwells) // 2] / SECOND


def check_friction(result, line, expected):
    visits, exits, views, troubled, looped, timed, slowed = expected
    parts = {part["part"]: part for part in result.parts["friction"].to_pylist()}
    goal = result.figures["goal"]
    assert (result.figures["sessions"], result.figures["exits"]) == (visits, exits)
    assert result.figures["exit_rate"] == exits / views
    assert (parts["exit_rate"]["hits"], parts["exit_rate"]["n"]) == (0 if goal else exits, views)
    assert (parts["error_rate"]["hits"], parts["error_rate"]["n"]) == (troubled, visits)
    assert (parts["loop_rate"]["hits"], parts["loop_rate"]["n"]) == (looped, visits)
    assert (parts["slow_rate"]["hits"], parts["slow_rate"]["n"]) == (slowed, timed)
    slow = slowed / timed if timed else 0
    score = 40 * (0 if goal else exits / views) + 30 * troubled / visits + 15 * looped / visits + 15 * slow
    assert result.figures["friction"] == pytest.approx(score)
    assert sum(part["points"] for part in parts.values()) == pytest.approx(score)
    assert line["friction"] == pytest.approx(score)
    assert (line["sessions"], line["exits"], line["visitors"]) == (visits, exits, result.figures["visitors"])


def check_sides(result, expected):
    rows = result.frame.to_pylist()
    for side, counted in zip(("came", "went"), expected, strict=True):
        here = [line for line in rows if line["side"] == side]
        assert sum(line["sessions"] for line in here) == result.figures["sessions"]
        ends = sum(line["sessions"] for line in here if line["type"] in ("entry", "left"))
        assert ends == counted[None]
        named = {line["touchpoint"]: line["sessions"] for line in here if line["type"] in ("page", "event")}
        others = Counter({name: n for name, n in counted.items() if name is not None})
        best = sorted(others, key=lambda name: (-others[name], name))[:1]
        assert named == {name: others[name] for name in best}
        assert sum(line["merged"] for line in here) == len(others) - len(best)
        for line in here:
            end = line["type"] if line["type"] in ("entry", "left", "other") else f"touchpoint={line['touchpoint']}"
            assert len(result.people(f"side={side};{end}")) == line["visitors"]


@given(logs)
@SETTINGS
def test_touchpoints_agree_with_the_other_questions(lines):
    events = events_of(lines)
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        shop.append(events)
        kpi, every = shop.ask(Kpi(**SCOPE)).figures, shop.ask(Touchpoints(**SCOPE))
        map_rows = shop.ask(JourneyMap(touchpoints=50, **SCOPE))
        assert every.figures["visitors"] == kpi["visitors"]
        assert every.figures["sessions"] == kpi["sessions"]
        for part, count in (("landings", "landings"), ("exits", "exits")):
            assert sum(line[count] for line in every.parts[part].to_pylist()) == kpi["sessions"]
        pages = [line for line in every.frame.to_pylist() if line["type"] == "page"]
        assert sum(line["views"] for line in pages) == kpi["pageviews"]
        landed = [line for line in every.parts["landings"].to_pylist() if line["touchpoint"] == "(none)"]
        assert sum(line["bounced"] for line in pages) + sum(line["bounced"] for line in landed) == kpi["bounced"]
        for line in every.frame.to_pylist():
            name = line["touchpoint"]
            assert len(every.people(f"touchpoint={name}")) == line["visitors"]
            one = shop.ask(Touchpoint(name=name, **SCOPE))
            for cell in ("visitors",):
                assert len(one.people(cell)) == one.figures[cell]
            met = [row for row in map_rows.parts["touchpoints"].to_pylist() if row["touchpoint"] == name]
            who = set()
            for row in met:
                cell = map_rows.people(f"stage={row['stage']};touchpoint={name}")
                assert len(cell) == row["visitors"]
                who |= set(cell.labels.tolist())
            assert who <= set(one.people("visitors").labels.tolist())
            for side in one.parts["beside"].to_pylist():
                for part in ("met", "met_ordered", "others", "others_ordered"):
                    assert len(one.people(f"stage={side['stage']};part={part}")) == side[part]


@given(logs, st.sampled_from(("last_seen", "first_seen", "sessions", "events", "orders", "revenue")), st.integers(1, 3))
@SETTINGS
def test_pages_of_visitors_hold_everyone_once(lines, sort, size):
    events = events_of(lines)
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        shop.append(events)
        kpi = shop.ask(Kpi(**SCOPE)).figures
        rows, cursor = [], ""
        for _ in range(10):
            page = shop.ask(Visitors(sort=sort, rows_shown=size, cursor=cursor, **SCOPE))
            assert page.figures["before"] == len(rows)
            rows += page.frame.to_pylist()
            cursor = page.figures["next_cursor"]
            if not cursor:
                break
        assert len({line["visitor"] for line in rows}) == len(rows) == kpi["visitors"]
        field = f"{sort}_at" if sort.endswith("seen") else sort
        values = [line[field] for line in rows]
        assert values == sorted(values, reverse=True)
        assert sum(line["sessions"] for line in rows) == kpi["sessions"]
        assert sum(line["events"] for line in rows) == kpi["events"]
        assert sum(line["orders"] for line in rows) == kpi["orders"]
        assert sum(line["revenue"] for line in rows) == kpi["revenue"]
        for line in rows:
            one = shop.ask(Visitor(id=line["visitor"], bots="in"))
            for name in ("sessions", "events", "orders", "revenue", "stage", "ids"):
                assert one.figures[name] == line[name]
            sessions = one.frame.to_pylist()
            assert sum(session["events"] for session in sessions) == line["events"] == one.parts["events"].num_rows
            assert sum(session["revenue"] for session in sessions) == line["revenue"]
