"""Paths, moves and searches over real stores equal brute force, add up, and do not depend on how the log came."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Kpi, Paths, SearchTerms, Transitions
from afterclick.analyse.kernels import moves as move_kernels
from afterclick.analyse.kernels import paths as path_kernels
from afterclick.analyse.paths import commonest
from afterclick.core.event import Event
from support import naive, naive_paths

SETTINGS = settings(
    max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
START, MINUTE = 1_767_225_600_000_000, 60_000_000
SCOPE = {"range": "all", "compare": "none", "bots": "in"}
NAMES = ("A", "B", "C", "D", "Scrolled", "Order Completed")
row = st.tuples(st.sampled_from(("d1", "d2", "d3", "d4")), st.sampled_from((0, 1, 5, 40)), st.sampled_from(NAMES))
logs = st.lists(row, min_size=1, max_size=30)


def events_of(lines):
    found, clock = [], dict.fromkeys(("d1", "d2", "d3", "d4"), START)
    for number, (device, pause, name) in enumerate(lines):
        clock[device] += pause * MINUTE
        order = {"order_id": f"o{number}", "amount": 10_000} if name == "Order Completed" else {}
        found.append(
            Event(
                event_id=f"e{number:04d}", event=name, raw_event=name, anonymous_id=device, occurred_at=clock[device], **order
            )
        )
    return found


def units_of(events, unit):
    simple = [(e.anonymous_id, e.occurred_at, e.event_id, e.event, {"server": e.event == "Order Completed"}) for e in events]
    groups = naive.sessions(simple, 30 * MINUTE) if unit == "sessions" else list(naive.by_visitor(simple).items())
    return [
        (visitor, [(e[1], e[3], {"act": e[3] != "Scrolled", "order": e[3] == "Order Completed"}) for e in rows])
        for visitor, rows in groups
    ]


def opened(folder, events):
    shop = afterclick.open(Path(folder) / "s", write=True, create=True)
    shop.append(events)
    return shop


def node(entry):
    return f"<{entry['type']}>" if entry["type"] in ("other", "left", "entry", "reached") else entry["node"]


@pytest.mark.parametrize("compiled", [False, True])
@given(
    logs, st.sampled_from(("visitors", "sessions")), st.sampled_from(("", "A", "B", "Scrolled")),
    st.sampled_from(("", "C", "Order Completed")), st.sampled_from(("", "3m", "20m")), st.booleans(), st.integers(1, 3),
)  # fmt: skip
@SETTINGS
def test_paths_equal_brute_force_and_every_column_adds_up(compiled, lines, unit, start, end, gap, collapse, top):
    events = events_of(lines)
    names = {e.event for e in events}
    start, end = (text if text in names else "" for text in (start, end))
    options = {"start": start or None, "end": end or None, "gap": int(gap[:-1] or 0) * MINUTE if gap else 0}
    found, begun = naive_paths.paths(units_of(events, unit), 4, collapse=collapse, **options)
    asked = Paths(unit=unit, start=start, end=end, gap=gap, collapse="on" if collapse else "off", top=top, depth=4, **SCOPE)
    with tempfile.TemporaryDirectory() as folder, opened(folder, events) as shop, pytest.MonkeyPatch.context() as patch:
        if compiled:
            patch.setattr(commonest, "BUCKETS", 8)
            for one in (path_kernels.walk_paths, path_kernels.count_nodes, path_kernels.link_columns):
                patch.setattr(one, "ready", True)
        result = shop.ask(asked)
        assert (result.figures["paths"], result.figures["ordered"]) == (len(found), sum(order for *_, order in found))
        assert result.figures["begun"] == (begun if start and end else len(found))
        rows = [entry for entry in result.frame.to_pylist() if entry["column"] > 0]
        over = {(False, True): "<entry>", (True, True): "<reached>"}.get((bool(start), bool(end)), "<left>")
        for column, (units, people, merged, _) in enumerate(naive_paths.columns(found, 4, top), start=1):
            here = [entry for entry in rows if entry["column"] == column]
            said = {over if name == "<left>" else name: count for name, count in units.items()}
            assert {node(entry): entry["paths"] for entry in here} == said
            assert {node(entry): entry["visitors"] for entry in here} == {
                over if name == "<left>" else name: count for name, count in people.items()
            }
            assert sum(entry["paths"] for entry in here) == len(found)
            assert sum(entry["merged"] for entry in here) == (merged if "<other>" in units else 0)
        check_links(result, rows)
        check_wholes(result, found, backward=bool(end and not start))
        for cell in result.cells():
            assert len(result.people(cell)) == len(set(result.people(cell).labels.tolist()))
        for entry in rows:
            word = entry["type"] if node(entry).startswith("<") else f"touchpoint={entry['node']}"
            assert len(result.people(f"column={entry['column']};{word}")) == entry["visitors"]


def check_links(result, rows):
    """The outflow of a node is its count, and so is its inflow; the people behind a link are its visitors."""
    links = result.parts["links"].to_pylist()
    backward = result.spec.end and not result.spec.start
    source, target = ("to", "from") if backward else ("from", "to")
    out, into = Counter(), Counter()
    for link in links:
        out[link["column"], link[source], link[f"{source}_type"]] += link["paths"]
        into[link["column"] + 1, link[target], link[f"{target}_type"]] += link["paths"]
        rest = ("other", "left", "entry", "reached")
        words = [
            f"{end}_{link[f'{end}_type']}" if link[f"{end}_type"] in rest else f"{end}={link[end]}" for end in ("from", "to")
        ]
        assert len(result.people(f"column={link['column']};{';'.join(words)}")) == link["visitors"]
    for entry in rows:
        key = entry["column"], entry["node"], entry["type"]
        assert entry["column"] == 4 or out[key] == entry["paths"]
        assert entry["column"] == (1 if backward else 0) or into[key] == entry["paths"]


def check_wholes(result, found, *, backward):
    counts = Counter(tuple(path) for _, path, _ in found if path)
    orders = Counter(tuple(path) for _, path, order in found if order)
    ranked = sorted(counts, key=lambda path: (-counts[path], path))[:10]
    wholes = result.parts["paths"].to_pylist()
    assert [whole["paths"] for whole in wholes] == [counts[path] for path in ranked]
    assert [whole["ordered"] for whole in wholes] == [orders[path] for path in ranked]
    assert [whole["steps"] for whole in wholes] == [len(path) for path in ranked]
    for whole, path in zip(wholes, ranked, strict=True):
        if len(path) <= 20:
            assert whole["path"].split(" › ") == list(path[::-1] if backward else path)
        assert len(result.people(f"path={whole['rank']}")) == whole["visitors"]


@pytest.mark.parametrize("compiled", [False, True])
@given(logs, st.sampled_from(("visitors", "sessions")))
@SETTINGS
def test_moves_equal_brute_force(compiled, lines, unit):
    events = events_of(lines)
    counts, people, times, loops, triples, repeats = naive_paths.moves(units_of(events, unit))
    with tempfile.TemporaryDirectory() as folder, opened(folder, events) as shop, pytest.MonkeyPatch.context() as patch:
        for one in (move_kernels.count_moves, move_kernels.lay_moves, move_kernels.count_steps) if compiled else ():
            patch.setattr(one, "ready", True)
        result = shop.ask(Transitions(unit=unit, **SCOPE))
        found = {(entry["from"] or None, entry["to"] or None): entry for entry in result.frame.to_pylist()}
        assert {pair: entry["moves"] for pair, entry in found.items()} == dict(counts)
        assert {pair: entry["visitors"] for pair, entry in found.items()} == people
        assert {pair: found[pair]["median_seconds"] * 1_000_000 for pair in times} == times
        listed = {(entry["node"], entry["between"]): entry["loops"] for entry in result.parts["loops"].to_pylist()}
        assert listed == dict(loops)
        figures = result.figures
        assert (figures["triples"], figures["loops"], figures["repeats"]) == (triples, sum(loops.values()), repeats)
        for (one, two), entry in found.items():
            words = f"from={one}" if one else "from_entry", f"to={two}" if two else "to_left"
            assert len(result.people(";".join(words))) == entry["visitors"]
        for entry in result.parts["nodes"].to_pylist():
            assert len(result.people(f"touchpoint={entry['node']}")) == entry["visitors"]
            assert entry["steps"] == sum(count for (_, two), count in counts.items() if two == entry["node"])
        for entry in result.parts["loops"].to_pylist():
            assert len(result.people(f"loop={entry['node']};between={entry['between']}")) == entry["visitors"]


@given(logs, st.sampled_from(("visitors", "sessions")), st.integers(2, 3))
@SETTINGS
def test_moves_of_the_rest_stand_together_compiled_or_not(lines, unit, top):
    events = events_of(lines)
    with tempfile.TemporaryDirectory() as folder, opened(folder, events) as shop:
        plain = shop.ask(Transitions(unit=unit, top=top, **SCOPE))
        with pytest.MonkeyPatch.context() as patch:
            for one in (move_kernels.count_moves, move_kernels.lay_moves, move_kernels.count_steps):
                patch.setattr(one, "ready", True)
            fast = shop.ask(Transitions(unit=unit, top=top, **SCOPE))
        assert plain.to_dict() == fast.to_dict()
        counts = naive_paths.moves(units_of(events, unit))[0]
        assert sum(entry["moves"] for entry in plain.frame.to_pylist()) == sum(counts.values())


@given(logs, st.randoms(use_true_random=False))
@SETTINGS
def test_neither_the_order_of_arrival_nor_a_partition_matters(lines, chance):
    events = events_of(lines)
    questions = [Paths(**SCOPE), Paths(unit="sessions", start="A" if any(e.event == "A" for e in events) else "", **SCOPE)]
    questions += [Transitions(**SCOPE), SearchTerms(**SCOPE)]
    with tempfile.TemporaryDirectory() as folder, opened(folder, events) as shop:
        told = [shop.ask(question).to_dict() for question in questions]
    chance = random.Random(chance.random())
    shuffled = events[:]
    chance.shuffle(shuffled)
    cut = chance.randrange(len(events) + 1)
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        for part in (shuffled[:cut], shuffled[cut:]):
            if part:
                shop.append(part)
        again = [shop.ask(question).to_dict() for question in questions]
    for one, other in zip(told, again, strict=True):
        for each in (one, other):
            each["about"].pop("fingerprint")
            each["about"].pop("elapsed_ms", None)
        assert one["about"] == other["about"]
        assert one == other


@given(logs)
@SETTINGS
def test_paths_count_as_many_as_the_key_figures(lines):
    events = events_of(lines)
    with tempfile.TemporaryDirectory() as folder, opened(folder, events) as shop:
        kpi = shop.ask(Kpi(**SCOPE)).figures
        assert shop.ask(Paths(**SCOPE)).figures["paths"] == kpi["visitors"]
        assert shop.ask(Paths(unit="sessions", **SCOPE)).figures["paths"] == kpi["sessions"]


WORDS = (None, "knit", "Knit ", "니트", "wool")
search = st.tuples(
    st.sampled_from(("d1", "d2")), st.sampled_from((0, 1, 5, 40)),
    st.sampled_from(("search", "search", "A", "Scrolled", "results", "Order Completed")), st.sampled_from(WORDS[1:]),
    st.sampled_from((0, 3, 3)),
)  # fmt: skip


@given(st.lists(search, min_size=1, max_size=25))
@SETTINGS
def test_searches_equal_brute_force(lines):
    events, clock = [], {"d1": START, "d2": START}
    for number, (device, pause, kind, word, count) in enumerate(lines):
        clock[device] += pause * MINUTE
        name = {"search": "Products Searched", "results": "Page Viewed"}.get(kind, kind)
        more = {"properties": {"query": word, "results": count}} if kind == "search" else {}
        more |= {"url": "https://shop.example/search"} if kind in ("search", "results") else {}
        more |= {"order_id": f"o{number}", "amount": 50_000} if kind == "Order Completed" else {}
        base = {"event_id": f"e{number:04d}", "event": name, "raw_event": name, "anonymous_id": device}
        events.append(Event(**base, occurred_at=clock[device], **more))
    simple = [(e.anonymous_id, e.occurred_at, e.event_id, e.event, e) for e in events]
    sessions = []
    for visitor, rows in naive.sessions(
        [(*e[:4], {"event": e[4], "server": e[3] == "Order Completed"}) for e in simple], 30 * MINUTE
    ):
        told = []
        for _, at, _, name, more in rows:
            one = more["event"]
            word = (one.properties or {}).get("query", "").strip().lower()
            flags = {"word": word, "found": (one.properties or {}).get("results"), "act": name != "Scrolled"}
            told.append((at, name, flags | {"results": name == "Page Viewed", "order": name == "Order Completed"}))
        sessions.append((visitor, told))
    expected = naive_paths.searches(sessions)
    with tempfile.TemporaryDirectory() as folder, opened(folder, events) as shop:
        result = shop.ask(SearchTerms(**SCOPE))
        rows = {entry["word"]: entry for entry in result.frame.to_pylist()}
        assert set(rows) == set(expected)
        for word, line in expected.items():
            entry = rows[word]
            names = ("searches", "empty", "refined", "went_on", "ordered")
            assert [entry[name] for name in names] == [line[name] for name in names]
            assert entry["exits"] == line["left"]
            cell = f"word=typed:{word}"
            assert len(result.people(cell)) == entry["visitors"]
            assert len(result.people(f"{cell};part=ordered")) <= entry["ordered"]
