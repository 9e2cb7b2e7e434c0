"""Whole funnels over real stores equal the naive definition: units, keys, held properties, first modes; and their laws."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import afterclick
from afterclick import Funnel
from afterclick.analyse.context import Context
from afterclick.analyse.kernels import narrow
from afterclick.app import questions
from afterclick.core import spans
from afterclick.core.event import Event
from support import naive, naive_funnel

START = 1_767_225_600_000_000
MINUTE = spans.MINUTE
NAMES = ("A", "B", "C", "X", "Experiment Viewed")
STEPS = ("A", "B", "C", 'A[k == "x"]', "Experiment Viewed")
SCOPE = {"range": "2026-01-01..2026-01-01", "compare": "none", "bots": "in"}
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def lines_of(seed):
    """Rows of (visitor, quarter of an hour after the start, name, value of k, value of m), many enough to go somewhere."""
    rng = random.Random(seed)
    return [
        (
            rng.choice(("v1", "v1", "v2", "v3")), rng.randrange(-6, 30), rng.choice(("A", "A", *NAMES)),
            rng.choice((None, "x", "x", "x", "y")), rng.choice((None, "1", "1", "2")),
        )
        for _ in range(rng.randrange(10, 26))
    ]  # fmt: skip


rows = st.integers(0, 2**40).map(lines_of)


def events_of(lines):
    """As events and as rows of the oracle, both in the same event-id order."""
    events, simple = [], []
    for number, (visitor, quarter, name, k, m) in enumerate(lines):
        at = START + quarter * 15 * MINUTE
        known = {key: value for key, value in (("k", k), ("m", m)) if value is not None}
        events.append(
            Event(
                event_id=f"e{number:03d}", event=name, raw_event=name, occurred_at=at, anonymous_id=visitor,
                properties=known, amount=(number + 1) * 10_000,
            )
        )  # fmt: skip
        behaves = name != "Experiment Viewed"
        simple.append(
            (visitor, at, f"e{number:03d}", name, {"k": k, "m": m, "amount": number + 1, "system": not behaves})
        )
    # Every event and property is known to the store, long before.
    for number, name in enumerate(NAMES):
        at = START - 500 * spans.DAY + number
        events.append(
            Event(
                event_id=f"z{number}",
                event=name,
                raw_event=name,
                occurred_at=at,
                anonymous_id="old",
                properties={"k": "x", "m": "1"},
            )
        )
        simple.append(
            ("old", at, f"z{number}", name, {"k": "x", "m": "1", "amount": None, "system": name == "Experiment Viewed"})
        )
    return events, simple


def serves(step):
    name, _, condition = step.partition("[")
    return lambda row: row[3] == name and (not condition or row[4]["k"] == "x")


@st.composite
def funnels(draw):
    steps = draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=4))
    order = draw(st.sampled_from(["sequential", "strict", "any"]))
    optional = tuple(k for k in range(1, len(steps) - 1) if order != "any" and draw(st.booleans()))
    anchored = tuple(k for k in range(len(steps)) if order == "any" and draw(st.booleans()))
    suffixes = {**dict.fromkeys(optional, "?"), **dict.fromkeys(anchored, "!")}
    need = [k + 1 for k in range(len(steps)) if k not in optional]
    pairs = [(1, len(steps))] if order == "any" else [(i, j) for i in need for j in need if i < j]
    without = draw(st.lists(st.tuples(st.sampled_from(["X", 'A[k == "x"]']), st.sampled_from(pairs)), max_size=1))
    strict = draw(st.booleans())
    fields = {
        "steps": tuple(step + suffixes.get(k, "") for k, step in enumerate(steps)), "order": order,
        "without": tuple(f"{name} {i}..{j}" for name, (i, j) in without), "within": draw(st.sampled_from(["1d", "2h", "30m"])),
        "without_ends": draw(st.sampled_from(["attempt", "visitor"])), "entry": draw(st.sampled_from(["best", "first"])),
        "unit": draw(st.sampled_from(["visitors", "attempts", "sessions", "key:m"])), "ties": "strict" if strict else "either",
        "tie_tolerance": draw(st.sampled_from(["0ms", "15m"])), "within_from": draw(st.sampled_from(["first", "previous"])),
        "hold": draw(st.sampled_from([(), ("k",), ("k", "m")])), "clip": draw(st.sampled_from(["none", "range"])),
        "first": "any" if order == "any" else draw(st.sampled_from(["any", "ever", "matching"])),
    }  # fmt: skip
    return fields, steps, optional, anchored, without


def asked(fields, steps, optional, anchored, without, simple):
    """The same question of the oracle, with what an attempt stays within."""
    hold, strict = fields["hold"], fields["ties"] == "strict"
    firsts = set()
    if fields["first"] != "any":
        test = serves(steps[0].partition("[")[0] if fields["first"] == "ever" else steps[0])
        for own in naive.by_visitor(simple).values():
            firsts |= {next((row[2] for row in own if test(row)), None)}
    ask = naive_funnel.Ask(
        steps=[serves(step) for step in steps], within=spans.micros(fields["within"]), optional=optional, anchored=anchored,
        order=fields["order"], without=tuple((serves(name), i, j) for name, (i, j) in without),
        drop=fields["without_ends"] == "visitor", previous=fields["within_from"] == "previous", strict=strict,
        tolerance=0 if strict else spans.micros(fields["tie_tolerance"]), start=START, end=START + spans.DAY,
        entry="attempts" if fields["unit"] == "attempts" else fields["entry"],
        hold=(lambda row: None if any(row[4][k] is None for k in hold) else tuple(row[4][k] for k in hold)) if hold else None,
        opens=(lambda row: row[2] in firsts) if fields["first"] != "any" else None, behaves=lambda row: not row[4]["system"],
    )  # fmt: skip
    slice_of = lambda row: row[0]  # noqa: E731 - one of three
    if fields["unit"] == "key:m":
        slice_of = lambda row: row[4]["m"]  # noqa: E731
    if fields["unit"] == "sessions":
        slice_of = session_of(simple)
    return ask, slice_of


def session_of(simple):
    """A function from a row to its session; rows that are no behaviour lie in the last session begun that covers them."""
    found = naive.sessions(simple, 30 * MINUTE, on_campaign=False)
    own = {row[2]: number for number, (_, members) in enumerate(found) for row in members}

    def of(row):
        covering = [
            n for n, (visitor, members) in enumerate(found) if visitor == row[0] and members[0][1] <= row[1]
        ]  # fmt: skip
        if row[2] in own or not covering:
            return own.get(row[2])
        last = max(covering, key=lambda n: found[n][1][0][1:3])
        return last if row[1] <= found[last][1][-1][1] + 30 * MINUTE else None

    return of


def counts_of(units, ask):
    """n per listed step (any order: of those who took any k), and the visitors behind each."""
    n, people = [], []
    for k in range(len(ask.steps)):
        if ask.order == "any":
            here = [unit for unit in units if len(unit[1]) > k]
        elif k in ask.optional:
            here = [unit for unit in units if k in unit[3]]
        else:
            here = [unit for unit in units if len(unit[1]) > ask.rank(k)]
        n.append(len(here))
        people.append(len({unit[0] for unit in here}))
    return n, people


def known_of(simple):
    """What is known ends with the last thing that somebody did; seeing an experiment is no behaviour."""
    did = [row[1] for row in simple if row[3] != "Experiment Viewed"]
    as_of = max(did or [row[1] for row in simple])
    return [row for row in simple if row[1] <= as_of]


@given(lines=rows, question=funnels(), cuts=st.integers(1, 2))
@SETTINGS
def test_every_field_equals_the_oracle(lines, question, cuts):
    fields = question[0]
    events, simple = events_of(lines)
    simple = known_of(simple)
    as_of = max(row[1] for row in simple)
    ask, slice_of = asked(*question, simple)
    if fields["clip"] == "range":
        simple = [row for row in simple if row[1] < START + spans.DAY]
    units = naive_funnel.funnel(simple, ask, slice_of)
    n, people = counts_of(units, ask)
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        for cut in range(cuts):
            shop.append(events[cut::cuts])
        result = shop.ask(Funnel(**fields, **SCOPE))
        table = result.frame.to_pylist()
        assert [row["n"] for row in table] == n
        for row, behind in zip(table, people, strict=True):
            assert len(result.people(f"step={row['step']};part=reached")) == behind
        required = [row for row in table if not row["optional"]]
        assert [row["n"] for row in required] == sorted((row["n"] for row in required), reverse=True)
        for row, after in pairwise(required):
            assert row["lost"] + row["open"] == row["n"] - after["n"]
        if fields["unit"] != "sessions":
            horizon = min(as_of, START + spans.DAY - 1) if fields["clip"] == "range" else as_of
            still_open = sum(until > horizon for _, taken, _, _, until in units if len(taken) < len(ask.required))
            assert sum(row["open"] for row in table) == still_open
        if fields["order"] == "any":
            taken = Counter(step for unit in units for step in unit[2])
            assert [row["taken"] for row in table] == [taken[k] for k in range(len(table))]
        check_money_and_parts(result, table, units, ask)


def check_money_and_parts(result, table, units, ask):
    last = [unit[1][-1][4]["amount"] or 0 for unit in units if len(unit[1]) == len(ask.required)]
    assert float(table[-1]["value_sum"] or 0) == sum(last)
    trend = result.parts["trend"].to_pylist()
    for row in table:
        assert sum(one["n"] for one in trend if one["step"] == row["step"]) == row["n"]
        for part in ("histogram", "histogram_previous"):
            bins = [one["n"] for one in result.parts[part].to_pylist() if one["step"] == row["step"]]
            assert sum(bins) == (row["n"] if row["step"] > 1 else 0)


@given(lines=rows, question=funnels(), which=st.sampled_from(["first", "last", "step:1", "step:2", "all"]))
@settings(SETTINGS, max_examples=30)
def test_groups_equal_the_oracle(lines, question, which):
    fields = question[0]
    if which == "all" and fields["unit"] not in ("visitors", "attempts"):
        fields["unit"] = "visitors"
    events, simple = events_of(lines)
    simple = known_of(simple)
    ask, slice_of = asked(*question, simple)
    if fields["clip"] == "range":
        simple = [row for row in simple if row[1] < START + spans.DAY]
    groups = {}
    if which == "all":
        units = naive_funnel.funnel(simple, ask, lambda row: (row[0], row[4]["k"]))
    else:
        units = naive_funnel.funnel(simple, ask, slice_of)
    for unit in units:
        _, taken, steps, options, _ = unit
        if which in ("first", "last", "all"):
            value = taken[-1 if which == "last" else 0][4]["k"] or "(none)"
        else:
            step = int(which[5:]) - 1
            row = options.get(step) or next(
                (row for row, served in zip(taken, steps, strict=True) if served == step), None
            )
            value = row[4]["k"] if row else None
        groups.setdefault(value, []).append(unit)
    groups.pop(None, None)
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        shop.append(events)
        result = shop.ask(Funnel(**fields, by="k", by_value=which, **SCOPE))
    found = {}
    for row in result.parts["breakdown"].to_pylist():
        found.setdefault(row["group"], []).append(row["n"])
        behind = counts_of(groups[row["group"]], ask)[1][row["step"] - 1]
        assert len(result.people(f"group={row['group']};step={row['step']};part=reached")) == behind
    assert found == {value: counts_of(members, ask)[0] for value, members in groups.items()}


@given(lines=rows, question=funnels())
@settings(SETTINGS, max_examples=15)
def test_any_partition_of_the_visitors_adds_up(lines, question):
    fields = {**question[0], "unit": "attempts" if question[0]["unit"] == "attempts" else "visitors"}
    events, _ = events_of(lines)
    asked_of = {**SCOPE, "as_of": "2026-01-02"}
    total: Counter[tuple[int, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        parts = [
            events,
            *([e for e in events if e.anonymous_id in (v, "old")] for v in sorted({line[0] for line in lines})),
        ]
        for number, part in enumerate(parts):
            late = Event(
                event_id="zz", event="X", raw_event="X", occurred_at=START + 3 * spans.DAY, anonymous_id="late"
            )
            with afterclick.open(Path(folder) / str(number), write=True, create=True) as shop:
                shop.append([*part, late])
                for row in shop.ask(Funnel(**fields, **asked_of)).frame.to_pylist():
                    for name in ("n", "lost", "open", "taken", "value_n"):
                        total[row["step"], name] += row[name] * (-1 if number else 1)
    assert not +total
    assert not -total


@given(lines=rows, question=funnels())
@settings(SETTINGS, max_examples=40)
def test_rows_left_out_in_strict_order_change_nothing(lines, question):
    fields = {**question[0], "order": "strict", "unit": "visitors"}
    fields["steps"] = tuple(step.rstrip("!") for step in fields["steps"])
    fields["without"] = tuple(f"{text.rpartition(' ')[0]} 1..{len(fields['steps'])}" for text in fields["without"])
    ready = narrow.keep_rows.ready, narrow.mark_movers.ready
    events, _ = events_of(lines)
    with tempfile.TemporaryDirectory() as folder, afterclick.open(Path(folder) / "s", write=True, create=True) as shop:
        shop.append(events)
        try:
            found = []
            for fast in (False, True):
                narrow.keep_rows.ready = narrow.mark_movers.ready = fast
                result = questions.answer(Funnel(**fields, **SCOPE), Context(shop.store.snapshot()))
                found.append([result.frame.to_pylist(), *(part.to_pylist() for part in result.parts.values())])
        finally:
            narrow.keep_rows.ready, narrow.mark_movers.ready = ready
    assert found[0] == found[1]
