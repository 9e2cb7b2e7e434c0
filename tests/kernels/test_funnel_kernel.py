"""The funnel kernel against its oracle, compiled and plain."""

from __future__ import annotations

import random
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.kernels import funnel as kernels
from afterclick.analyse.kernels import funnel_attempt as attempt
from afterclick.analyse.kernels import funnel_general as general
from afterclick.analyse.kernels import funnel_strict
from afterclick.core.arrays import frozen
from support import naive, naive_funnel

NAMES = "ABCX"
SETTINGS = settings(max_examples=300, deadline=None)


def run(
    logs,
    chains,
    within,
    *,
    previous=False,
    strict=False,
    tolerance=0,
    entry=kernels.BEST,
    start=-(2**60),
    end=2**60,
    fast=False,
):
    """Logs per visitor [(at, name)] in order; chains: per step the set of names that serve it."""
    steps = len(chains)
    match = np.zeros((len(NAMES) + 1, steps), np.uint8)
    for k, served in enumerate(chains):
        for name in served:
            match[NAMES.index(name) + 1, k] = 1
    at = [t for log in logs for t, _ in log]
    key = [(i << 16) | (NAMES.index(name) + 1) for i, (_, name) in enumerate(e for log in logs for e in log)]
    offsets = np.concatenate([[0], np.cumsum([len(log) for log in logs])]).astype(np.int64)
    units = max(1, len(at))
    visitor, reached, pick = np.zeros(units, np.int32), np.zeros(units, np.int16), np.full(units * steps, -1, np.int64)
    function = kernels.chase_funnel.fast() if fast else kernels.chase_funnel.plain
    written = function(
        frozen(offsets), frozen(np.array(at, np.int64)), frozen(np.array(key, np.int64)), frozen(match.reshape(-1)),
        steps, 0, len(logs), start, end, within, previous, strict, tolerance, entry, 0, visitor, reached, pick,
    )  # fmt: skip
    table = pick.reshape(-1, steps)
    return [(int(visitor[u]), [int(row) for row in table[u, : reached[u]]]) for u in range(written)]


def oracle(logs, chains, within, entry, **options):
    events, place = [], 0
    for visitor, log in enumerate(logs):
        for t, name in log:
            events.append((visitor, t, f"{place:08d}", name, {"place": place}))
            place += 1
    steps = [lambda row, served=served: row[3] in served for served in chains]
    units = naive.funnel(events, steps, within, entry=entry, **options)
    return sorted((visitor, [row[4]["place"] for row in rows]) for visitor, rows in units)


log = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(NAMES)), max_size=14).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)
chain = st.lists(st.sets(st.sampled_from(NAMES[:3]), min_size=1, max_size=2), min_size=2, max_size=4)
ENTRIES = {"best": kernels.BEST, "first": kernels.FIRST, "attempts": kernels.ATTEMPTS}


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("entry", ENTRIES)
@given(
    logs=st.lists(log, max_size=3), chains=chain, within=st.integers(0, 12), previous=st.booleans(),
    strict=st.booleans(), tolerance=st.integers(0, 3), edge=st.tuples(st.integers(0, 6), st.integers(6, 13)),
)  # fmt: skip
@SETTINGS
def test_funnel_equals_its_oracle(fast, entry, logs, chains, within, previous, strict, tolerance, edge):
    options = {
        "previous": previous, "strict": strict, "tolerance": 0 if strict else tolerance, "start": edge[0], "end": edge[1],
    }  # fmt: skip
    got = sorted(run(logs, chains, within, entry=ENTRIES[entry], fast=fast, **options))
    assert got == oracle(logs, chains, within, entry, **options)


def test_forty_steps_are_reached():
    steps = 40
    match = np.zeros((steps + 1, steps), np.uint8)
    match[np.arange(steps) + 1, np.arange(steps)] = 1
    at = frozen(np.arange(steps, dtype=np.int64))
    key = frozen((np.arange(steps, dtype=np.int64) << 16) | np.arange(1, steps + 1))
    out = np.zeros(1, np.int32), np.zeros(1, np.int16), np.full(steps, -1, np.int64)
    kernels.chase_funnel.plain(
        frozen(np.array([0, steps])), at, key, frozen(match.reshape(-1)), steps, 0, 1, 0, 100, 100, False, False, 0,
        kernels.BEST, 0, *out,
    )  # fmt: skip
    assert out[1][0] == 40
    assert at[out[2][39]] - at[out[2][0]] == 39


@pytest.mark.parametrize("names", ["A", "AB", "ABC", "AAB"])
@pytest.mark.parametrize("spread", [0, 1])
def test_a_bot_costs_linear_time(names, spread):
    count = 40_000
    rows = [(i * spread, names[i % len(names)]) for i in range(count)]
    got = run([rows], [{"A"}, {"B"}, {"C"}], 10**9, fast=True)
    assert len(got) == 1
    assert len(got[0][1]) == len(set(names) | {"A"})


ORDERS = {"sequential": attempt.SEQUENTIAL, "strict": attempt.STRICT, "any": attempt.ANY}
GENERAL = "ABCXS"  # S is no behaviour
NO_ROWS = frozen(np.zeros(0, np.uint8)), frozen(np.zeros(0, np.int32))


def run_general(logs, ask, chains, excluded, *, opens=None, held=False, fast=False):
    """Logs per visitor [(at, name, held value or None)]; chains and excluded: the names that serve each of them."""
    need = ask.required
    listed = [chains[k] for k in need] + [chains[k] for k in ask.optional] + excluded
    columns = len(listed) + (ask.order == "strict")
    match = np.zeros((len(GENERAL) + 1, columns), np.uint8)
    for c, served in enumerate(listed):
        for name in served:
            match[GENERAL.index(name) + 1, c] = 1
    if ask.order == "strict":
        match[1 : len(GENERAL), columns - 1] = 1
    rows = [row for log in logs for row in log]
    at = frozen(np.array([row[0] for row in rows], np.int64))
    key = frozen(np.array([(i << 16) | (GENERAL.index(row[1]) + 1) for i, row in enumerate(rows)], np.int64))
    values = frozen(np.array([-1 if row[2] is None else row[2] for row in rows], np.int32)) if held else NO_ROWS[1]
    may = NO_ROWS[0] if opens is None else frozen(np.array([i in opens for i in range(len(rows))], np.uint8))
    offsets = frozen(np.concatenate([[0], np.cumsum([len(log) for log in logs])]).astype(np.int64))
    size, kept, free = max(1, len(rows)), len(chains), ask.order == "any"
    visitor, reached, until = np.zeros(size, np.int32), np.zeros(size, np.int16), np.zeros(size, np.int64)
    pick, taken = np.full(size * kept, -9, np.int64), np.full(size * len(need) if free else 0, -9, np.int16)
    without = [bound for _, i, j in ask.without for bound in (ask.rank(i - 1) + 1, ask.rank(j - 1) + 1)]
    function = general.chase_any_funnel.fast() if fast else general.chase_any_funnel.plain
    written = function(
        offsets, at, key, values, may, frozen(match.reshape(-1)), columns, len(need),
        frozen(np.array([ask.rank(o) for o in ask.optional], np.int64)), frozen(np.array(without, np.int64)),
        frozen(np.array([k in ask.anchored for k in need], np.uint8)), ORDERS[ask.order], 0, len(logs), ask.start,
        ask.end, ask.within, ask.previous, ask.strict, ask.tolerance, ENTRIES[ask.entry], ask.drop, 0,
        visitor, reached, pick, taken, until,
    )  # fmt: skip
    table, found = pick.reshape(-1, kept), []
    for u in range(written):
        if reached[u] == 0:
            assert ask.drop
            continue
        steps = taken[u * len(need) : u * len(need) + reached[u]].tolist() if free else need[: reached[u]]
        places = [int(row) for row in table[u, : reached[u]]]
        assert (table[u, reached[u] : len(need)] == -1).all()
        options = {k: int(table[u, len(need) + o]) for o, k in enumerate(ask.optional) if table[u, len(need) + o] >= 0}
        found.append((int(visitor[u]), places, steps, options, None if reached[u] == len(need) else int(until[u])))
    return found


def expected(logs, ask):
    """What the oracle says, rows as places; drop takes out the one visitor of a log."""
    events, place = [], 0
    for visitor, log in enumerate(logs):
        for t, name, value in log:
            events.append((visitor, t, f"{place:08d}", name, {"place": place, "value": value}))
            place += 1
    return sorted(
        (
            visitor, [row[4]["place"] for row in rows], steps, {k: row[4]["place"] for k, row in options.items()},
            None if len(rows) == len(ask.required) else until,
        )
        for visitor, rows, steps, options, until in naive_funnel.funnel(events, ask)
    )  # fmt: skip


def serves(names):
    return lambda row: row[3] in names


def drawn(seed, order):
    """A question and logs of a seed: most of them with attempts that go somewhere, which drawn values seldom give."""
    rng = random.Random(seed)
    size = rng.choice((2, 3, 3, 4))
    chains = [set(rng.sample("AABBCS", rng.choice((1, 1, 1, 2)))) for _ in range(size)]
    optional = tuple(k for k in range(1, size - 1) if order != "any" and rng.random() < 0.4)
    need = [k for k in range(size) if k not in optional]
    excluded, without = [], []
    for _ in range(rng.choice((0, 1, 1, 2))):
        i, j = (0, len(need) - 1) if order == "any" else sorted(rng.sample(range(len(need)), 2))
        excluded.append({rng.choice("AXXX")})
        without.append((serves(excluded[-1]), need[i] + 1, need[j] + 1))
    strict, start = rng.random() < 0.3, rng.randrange(4)
    ask = naive_funnel.Ask(
        steps=[serves(served) for served in chains], within=rng.choice((0, 2, 4, 6, 12, 12)), optional=optional,
        anchored=tuple(k for k in range(size) if order == "any" and rng.random() < 0.4), order=order,
        without=tuple(without), drop=rng.random() < 0.4, previous=rng.random() < 0.4, strict=strict,
        tolerance=0 if strict else rng.choice((0, 0, 1, 2)), entry=rng.choice(sorted(ENTRIES)), start=start,
        end=rng.randrange(start + 4, 15), hold=(lambda row: row[4]["value"]) if rng.random() < 0.3 else None,
        behaves=lambda row: row[3] != "S",
    )  # fmt: skip
    span, names = rng.choice((4, 12, 12)), rng.choice(("AABBCXS", "ABCX", "ABC", "AB"))
    logs = [
        sorted(
            (
                (rng.randrange(span), rng.choice(names), rng.choice((None, 0, 0, 0, 0, 1)))
                for _ in range(rng.randrange(6, 15))
            ),
            key=lambda row: row[0],
        )
        for _ in range(2)
    ]
    opens = {place for place in range(24) if rng.random() < 0.5} if rng.random() < 0.2 else None
    if opens is not None:
        ask.opens = lambda row: row[4]["place"] in opens
    return ask, chains, excluded, logs, opens


seeds = st.integers(0, 2**40)


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("order", ORDERS)
@given(seed=seeds)
@settings(max_examples=600, deadline=None)
def test_every_kind_of_funnel_equals_its_oracle(fast, order, seed):
    ask, chains, excluded, logs, opens = drawn(seed, order)
    got = run_general(logs, ask, chains, excluded, opens=opens, held=ask.hold is not None, fast=fast)
    assert sorted(got) == expected(logs, ask)


def test_what_is_drawn_goes_somewhere():
    reached = Counter()
    for seed in range(300):
        ask, _, _, logs, _ = drawn(seed, "sequential")
        reached.update(len(unit[1]) for unit in expected(logs, ask))
    assert min(reached[steps] for steps in (1, 2, 3)) >= 30


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("entry", ENTRIES)
@given(
    logs=st.lists(log, max_size=3),
    chains=chain,
    within=st.integers(0, 12),
    previous=st.booleans(),
    strict=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_both_kernels_agree_on_what_both_can_do(fast, entry, logs, chains, within, previous, strict):
    tolerance = 0 if strict else 1
    ask = naive_funnel.Ask(
        [serves(served) for served in chains],
        within,
        previous=previous,
        strict=strict,
        tolerance=tolerance,
        entry=entry,
    )
    wide = [[(t, name, None) for t, name in one] for one in logs]
    one = [(visitor, places) for visitor, places, *_ in run_general(wide, ask, chains, [], fast=fast)]
    options = {"previous": previous, "strict": strict, "tolerance": tolerance, "entry": ENTRIES[entry], "fast": fast}
    assert sorted(one) == sorted(run(logs, chains, within, **options))


def run_strict(logs, ask, chains, *, fast=False):
    """The kernel of strict order alone, told and read as the general one."""
    steps = len(chains)
    match = np.zeros((len(GENERAL) + 1, steps + 1), np.uint8)
    for c, served in enumerate(chains):
        for name in served:
            match[GENERAL.index(name) + 1, c] = 1
    match[1 : len(GENERAL), steps] = 1
    rows = [row for log in logs for row in log]
    key = frozen(np.array([(i << 16) | (GENERAL.index(row[1]) + 1) for i, row in enumerate(rows)], np.int64))
    offsets = frozen(np.concatenate([[0], np.cumsum([len(log) for log in logs])]).astype(np.int64))
    size = max(1, len(rows))
    visitor, reached, until = np.zeros(size, np.int32), np.zeros(size, np.int16), np.zeros(size, np.int64)
    pick = np.full(size * steps, -9, np.int64)
    function = funnel_strict.chase_strict_funnel.fast() if fast else funnel_strict.chase_strict_funnel.plain
    written = function(
        offsets, frozen(np.array([row[0] for row in rows], np.int64)), key, frozen(match.reshape(-1)), steps + 1, 0,
        len(logs), ask.start, ask.end, ask.within, ask.previous, ask.strict, ask.tolerance, ENTRIES[ask.entry], 0,
        visitor, reached, pick, until,
    )  # fmt: skip
    table = pick.reshape(-1, steps)
    return [
        (
            int(visitor[u]), table[u, : reached[u]].tolist(), list(range(reached[u])), {},
            None if reached[u] == steps else int(until[u]),
        )
        for u in range(written)
    ]  # fmt: skip


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
@given(seed=seeds)
@settings(max_examples=600, deadline=None)
def test_strict_order_alone_equals_its_oracle(fast, seed):
    ask, chains, _, logs, _ = drawn(seed, "strict")
    ask.optional, ask.without, ask.drop, ask.hold, ask.opens = (), (), False, None, None
    assert sorted(run_strict(logs, ask, chains, fast=fast)) == expected(logs, ask)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("names", ["A", "AB", "ABC", "AAB", "AX"])
@pytest.mark.parametrize("spread", [0, 1])
def test_a_bot_costs_linear_time_in_every_order(order, names, spread):
    count = 40_000
    rows = [(i * spread, names[i % len(names)], None) for i in range(count)]
    served = [{"A"}, {"B"}, {"C"}]
    ask = naive_funnel.Ask([serves(one) for one in served], 10**9, order=order, without=((serves("X"), 1, 3),))
    general.chase_any_funnel.warm()
    # Of this thread alone: another one may be compiling.
    begun = time.thread_time()
    got = run_general([rows], ask, served, [{"X"}], fast=True)
    assert len(got) == 1
    if order == "strict":
        funnel_strict.chase_strict_funnel.warm()
        ask.without = ()
        assert len(run_strict([rows], ask, served, fast=True)) == 1
    # A fold over as many rows takes milliseconds; the square of them would take seconds.
    assert time.thread_time() - begun < 1.5


def test_seventy_steps_in_any_order_are_reached():
    names = [chr(65 + i) for i in range(70)]
    match = np.zeros((71, 70), np.uint8)
    match[np.arange(70) + 1, np.arange(70)] = 1
    order = np.random.default_rng(1).permutation(70)
    key = frozen((np.arange(70, dtype=np.int64) << 16) | (order + 1))
    out = (
        np.zeros(1, np.int32),
        np.zeros(1, np.int16),
        np.zeros(70, np.int64),
        np.zeros(70, np.int16),
        np.zeros(1, np.int64),
    )
    general.chase_any_funnel.plain(
        frozen(np.array([0, 70])), frozen(np.arange(70, dtype=np.int64)), key, NO_ROWS[1], NO_ROWS[0],
        frozen(match.reshape(-1)), 70, 70, frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int64)),
        frozen(np.zeros(70, np.uint8)), attempt.ANY, 0, 1, 0, 100, 100, False, False, 0, general.BEST, False, 0, *out,
    )  # fmt: skip
    assert out[1][0] == len(names)
    assert out[3].tolist() == order.tolist()
