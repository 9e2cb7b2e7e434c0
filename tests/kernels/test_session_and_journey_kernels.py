"""The session and journey kernels against their oracles, compiled and plain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.kernels import gather, journey, sessions
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag
from support import naive

SETTINGS = settings(max_examples=200, deadline=None)
BOTH = pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])


def packed(logs, symbol):
    at = frozen(np.array([row[0] for log in logs for row in log], np.int64))
    rows = [row for log in logs for row in log]
    key = frozen(np.array([(i << 16) | symbol(row) for i, row in enumerate(rows)], np.int64))
    offsets = frozen(np.concatenate([[0], np.cumsum([len(log) for log in logs])]).astype(np.int64))
    return offsets, at, key, rows


event = st.tuples(
    st.integers(0, 40), st.integers(0, 2), st.booleans(), st.integers(0, 2)
)  # at, campaign, server sale, source
day = st.lists(event, max_size=12).map(lambda rows: sorted(rows, key=lambda row: row[0]))


@BOTH
@given(
    logs=st.lists(day, max_size=3), timeout=st.integers(1, 8), longest=st.sampled_from([0, 5, 12]),
    campaigns=st.booleans(), referrers=st.booleans(), midnights=st.lists(st.integers(0, 40), max_size=3),
)  # fmt: skip
@SETTINGS
def test_sessions_equal_their_oracle(fast, logs, timeout, longest, campaigns, referrers, midnights):
    def symbol(row):
        if row[2]:
            return int(Flag.ORDER) | gather.PRESENT
        marks = (gather.HAS_CAMPAIGN if row[1] else 0) | (gather.HAS_SOURCE if row[3] else 0)
        return int(Flag.CONTEXT | Flag.PAGE) | marks | gather.PRESENT

    offsets, at, key, rows = packed(logs, symbol)
    touch = frozen(np.array([0 if row[2] else row[3] + 1 if row[3] else 0 for row in rows], np.int32))
    campaign = frozen(np.array([0 if row[2] else row[1] for row in rows], np.int64))
    source = frozen(np.array([-1, -1, 1, 2], np.int32))
    sdk = frozen(np.full(len(rows), -1, np.int32))
    starts = np.zeros(len(rows), np.uint8)
    mark = sessions.mark_sessions.fast() if fast else sessions.mark_sessions.plain
    count = mark(
        offsets, at, key, touch, campaign, sdk, source, frozen(np.array(sorted(midnights), np.int64)), 0, len(logs),
        timeout, longest, campaigns, referrers, False, starts,
    )  # fmt: skip
    events = [
        (
            visitor,
            row[0],
            f"{i:06d}",
            "x",
            {} | ({"server": True} if row[2] else {"campaign": row[1], "source": row[3]}),
        )
        for i, (visitor, row) in enumerate((v, row) for v, log in enumerate(logs) for row in log)
    ]
    wanted = naive.sessions(
        events, timeout, max_length=longest, on_campaign=campaigns, midnights=midnights, on_referrer=referrers
    )
    assert count == len(wanted)
    assert np.flatnonzero(starts).tolist() == sorted(int(rows[0][2]) for _, rows in wanted)
    # Sessions partition the events.
    assert sum(len(rows) for _, rows in wanted) == len(rows)


moment = st.tuples(st.integers(0, 20), st.sets(st.integers(0, 3), max_size=2))
travel = st.lists(moment, max_size=12).map(lambda rows: sorted(rows, key=lambda row: row[0]))


@BOTH
@given(logs=st.lists(travel, max_size=4), edge=st.tuples(st.integers(0, 9), st.integers(10, 21)), stages=st.just(4))
@SETTINGS
def test_journey_equals_its_oracle(fast, logs, edge, stages):
    # An instant that is a multiple of three is a system row, as an identify call is; other rows are page views.
    system = [row[0] % 3 == 0 for log in logs for row in log]
    offsets, at, key, rows = packed(logs, lambda row: gather.PRESENT | int(Flag.PAGE if row[0] % 3 else Flag.SYSTEM))
    marks = frozen(np.array([sum(1 << s for s in row[1]) for row in rows], np.uint8))
    visitors = len(logs)
    entered = np.full(visitors * stages, journey.NEVER, np.int64)
    entered_row, entered_act = (np.full(visitors * stages, -1, np.int64) for _ in range(2))
    returned, loop = np.zeros(visitors, np.uint8), np.zeros(visitors, np.uint8)
    stage_of_row, by_row = (np.full(len(rows), 77, np.uint8) for _ in range(2))
    views = np.zeros(stages + 1, np.int64)
    moves, movers, marker = (np.zeros(stages * stages, np.int64) for _ in range(3))
    follow = journey.follow_stages.fast() if fast else journey.follow_stages.plain
    follow(
        offsets, at, key, marks, stages, 0, visitors, *edge, entered, entered_row, entered_act, returned, loop,
        stage_of_row, by_row, views, moves, movers, marker,
    )  # fmt: skip
    assert by_row.tolist() == stage_of_row.tolist()
    seen = [stage_of_row[i] for i, row in enumerate(rows) if row[0] % 3 and edge[0] <= row[0] < edge[1]]
    assert views.tolist() == [seen.count(stage) for stage in (*range(stages), journey.NO_STAGE)]
    for visitor, (low, high) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        acts = [i for i in range(low, high) if not system[i]]
        for stage in range(stages):
            place = entered_row[visitor * stages + stage]
            before = [i for i in acts if i <= place]
            nearest = -1 if place < 0 or not acts else before[-1] if before else acts[0]
            assert entered_act[visitor * stages + stage] == nearest
    events = [
        (visitor, row[0], f"{i:06d}", "x", {"stages": row[1]})
        for i, (visitor, row) in enumerate((v, row) for v, log in enumerate(logs) for row in log)
    ]
    counts, n_moves, n_movers, n_loop, n_loop_orders = naive.journey(
        events, lambda e: e[4]["stages"], stages, start=edge[0], end=edge[1], as_of=10**6, within=5
    )
    table = entered.reshape(visitors, stages)
    for stage in range(stages):
        inside = (table[:, stage] >= edge[0]) & (table[:, stage] < edge[1])
        assert int(inside.sum()) == counts[stage]["entered"]
        assert int((returned >> stage & 1).sum()) == counts[stage]["returns"]
    for a in range(stages):
        for b in range(stages):
            assert moves.reshape(stages, stages)[a, b] == n_moves[a, b]
            assert movers.reshape(stages, stages)[a, b] == n_movers.get((a, b), 0)
    assert int((loop & journey.LOOP != 0).sum()) == n_loop
    assert int((loop & journey.LOOP_ORDER != 0).sum()) == n_loop_orders


instant = st.one_of(st.integers(0, 20), st.just(journey.NEVER))


@BOTH
@given(
    entries=st.lists(st.tuples(instant, instant, instant), max_size=5), stage=st.integers(0, 2),
    edge=st.tuples(st.integers(0, 9), st.integers(10, 21)), within=st.integers(0, 12), as_of=st.integers(5, 21),
)  # fmt: skip
@SETTINGS
def test_what_became_of_a_stage_equals_its_definition(fast, entries, stage, edge, within, as_of):
    start, end = edge
    bits, dwell = np.zeros(len(entries), np.uint8), np.zeros(len(entries), np.int64)
    table = frozen(np.array([t for entry in entries for t in entry], np.int64))
    weigh = journey.weigh_stage.fast() if fast else journey.weigh_stage.plain
    weigh(table, 3, stage, 0, len(entries), start, end, within, as_of, bits, dwell)
    for entry, found, gap in zip(entries, bits.tolist(), dwell.tolist(), strict=True):
        since, higher = entry[stage], [t for t in entry[stage + 1 :] if t != journey.NEVER]
        entered = start <= since < end
        later = [t for t in higher if t > since]
        onward = entered and bool(later) and min(later) - since <= within
        still = entered and not onward and since + within > as_of
        first = min(higher, default=journey.NEVER)
        skipped = any(start <= t < end for t in higher) and since > first and start <= first < end
        names = (journey.ENTERED, journey.ONWARD, journey.OPEN, journey.LOST, journey.SKIPPED)
        flags = (entered, onward, still, entered and not onward and not still, skipped)
        assert found == sum(bit for bit, there in zip(names, flags, strict=True) if there)
        assert gap == (min(later) - since if onward else 0)


slices = st.lists(st.lists(st.booleans(), max_size=6), min_size=1, max_size=6)
"""Per visitor the rows of a journey: is each a system row?"""


@BOTH
@given(rows=slices, stages=st.integers(1, 3), source=st.randoms(use_true_random=False))
@SETTINGS
def test_entries_have_the_touch_of_their_visit(fast, rows, stages, source):
    system = [flag for visitor in rows for flag in visitor]
    owner = [visitor for visitor, flags in enumerate(rows) for _ in flags]
    kept = [i for i, flag in enumerate(system) if not flag]
    # A session begins with the first row of each visitor among the kept ones, and with some others.
    starts = [n for n, i in enumerate(kept) if n == 0 or owner[kept[n - 1]] != owner[i] or source.random() < 0.4]
    touch = [source.choice([-1, 0, 1, 2]) for _ in starts]
    lookup = [3, -1, 5]
    acts, wanted = [], []
    for visitor in range(len(rows)):
        own = [i for i in kept if owner[i] == visitor]
        for _ in range(stages):
            act = source.choice([-1, *own])
            acts.append(act)
            session = sum(start <= kept.index(act) for start in starts) - 1 if act >= 0 else -1
            found = lookup[touch[session]] if act >= 0 and touch[session] >= 0 else -1
            wanted.append(found if found >= 0 else 9)
    out = np.full(len(acts), 77, np.int32)
    enter = journey.enter_by.fast() if fast else journey.enter_by.plain
    columns = (
        frozen(np.array(acts, np.int64)), stages, frozen(np.flatnonzero(system).astype(np.int64)),
        frozen(np.array(starts, np.int64)), frozen(np.array(touch, np.int32)), frozen(np.array(lookup, np.int32)), 9,
    )  # fmt: skip
    middle = source.randint(0, len(rows))
    for span in ((0, middle), (middle, len(rows))):
        enter(*columns, *span, out)
    assert out.tolist() == wanted


@BOTH
@given(
    entries=st.lists(st.tuples(instant, instant, instant), max_size=5),
    edge=st.tuples(st.integers(0, 9), st.integers(10, 21)),
)
@SETTINGS
def test_crossings_are_the_pairs_of_neighbouring_stages(fast, entries, edge):
    codes = [[(visitor + stage) % 2 for stage in range(3)] for visitor in range(len(entries))]
    table = frozen(np.array([t for entry in entries for t in entry], np.int64))
    flat = frozen(np.array([code for row in codes for code in row], np.int32))
    counted, pairs = np.zeros(6, np.int64), np.zeros(36, np.int64)
    cross = journey.cross_stages.fast() if fast else journey.cross_stages.plain
    cross(table, flat, 3, 2, 0, len(entries), *edge, counted, pairs)
    for stage in range(3):
        inside = [visitor for visitor, entry in enumerate(entries) if edge[0] <= entry[stage] < edge[1]]
        for code in (0, 1):
            assert counted[stage * 2 + code] == sum(codes[visitor][stage] == code for visitor in inside)
            for before in range(stage):
                for one in (0, 1):
                    wanted = [
                        visitor for visitor in inside
                        if entries[visitor][before] < entries[visitor][stage]
                        and not any(entries[visitor][before] < t < entries[visitor][stage] for t in entries[visitor])
                        and (codes[visitor][before], codes[visitor][stage]) == (one, code)
                    ]  # fmt: skip
                    assert pairs[((before * 3 + stage) * 2 + one) * 2 + code] == len(wanted)
