"""The funnel kernel against its oracle, compiled and plain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.kernels import funnel as kernels
from afterclick.core.arrays import frozen
from support import naive

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
