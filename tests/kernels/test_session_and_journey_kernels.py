"""The session and journey kernels against their oracles, compiled and plain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.kernels import journey, sessions
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
            return int(Flag.ORDER) | sessions.PRESENT
        return int(Flag.CONTEXT | Flag.PAGE) | (sessions.HAS_CAMPAIGN if row[1] else 0) | sessions.PRESENT

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
    offsets, at, key, rows = packed(logs, lambda row: sum(1 << s for s in row[1]) | journey.PRESENT)
    visitors = len(logs)
    entered = np.full(visitors * stages, journey.NEVER, np.int64)
    entered_row = np.full(visitors * stages, -1, np.int64)
    returned, loop = np.zeros(visitors, np.uint8), np.zeros(visitors, np.uint8)
    stage_of_row = np.full(len(rows), journey.NO_STAGE, np.uint8)
    moves, movers, marker = (np.zeros(stages * stages, np.int64) for _ in range(3))
    follow = journey.follow_stages.fast() if fast else journey.follow_stages.plain
    follow(
        offsets,
        at,
        key,
        stages,
        0,
        visitors,
        *edge,
        entered,
        entered_row,
        returned,
        loop,
        stage_of_row,
        moves,
        movers,
        marker,
    )
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
