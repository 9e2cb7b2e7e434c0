"""What a first page is answered with before anything is compiled: numpy forms of kernels equal their plain source."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.analyse.kernels import friction, gather, journey, meetings, sessions, tape_owners, touchpoints
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

FLAGS = (
    Flag.CONTEXT | Flag.PAGE | Flag.QUALIFYING, Flag.QUALIFYING, Flag.ORDER, Flag.ORDER | Flag.CONTEXT | Flag.QUALIFYING,
    Flag.REFUND, Flag.SYSTEM, Flag.CONTEXT,
)  # fmt: skip
SOURCE = frozen(np.zeros(4, np.int32))
SEEDS = st.integers(0, 2**32 - 1)


class Log:
    """Rows of a few visitors in order; global rows stand in another order."""

    def __init__(self, seed, visitors=5, most=12, step=40):
        self.rng = rng = np.random.default_rng(seed)
        sizes = rng.integers(0, most, visitors)
        self.visitors = visitors
        self.offsets = frozen(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
        self.rows = n = int(sizes.sum())
        self.at = frozen(np.concatenate([np.cumsum(rng.integers(0, step, size)) for size in sizes]).astype(np.int64))
        self.row = rng.permutation(n)
        flags = np.array([int(flag) for flag in FLAGS])[rng.integers(0, len(FLAGS), n)]
        marks = np.where(rng.random(n) < 0.3, gather.HAS_CAMPAIGN, 0) | np.where(rng.random(n) < 0.3, gather.HAS_SOURCE, 0)
        self.key = frozen((self.row.astype(np.int64) << 16) | flags | marks | gather.PRESENT)

    def codes(self, low, high, kind):
        return frozen(self.rng.integers(low, high, self.rows).astype(kind))

    def span(self):
        first, last = sorted(self.rng.integers(0, self.visitors + 1, 2).tolist())
        return first, last


def both(kernel, arguments):
    """What the plain and the numpy form answer and write, each on copies of the writable arrays."""
    found = []
    for form in (kernel.plain, kernel.vector):
        own = [one.copy() if isinstance(one, np.ndarray) and one.flags.writeable else one for one in arguments]
        answer = form(*own)
        written = [one for one in own if isinstance(one, np.ndarray) and one.flags.writeable]
        found.append((answer, written))
    return found


def same(found, but=()):
    (plain, ours), (vector, theirs) = found
    assert plain == vector
    for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if place not in but:
            assert one.tolist() == other.tolist(), place


@given(SEEDS, st.sampled_from([0, 5, 60, 500]), st.booleans())
def test_sessions_are_cut_alike(seed, timeout, campaigns):
    log = Log(seed)
    none = frozen(np.zeros(0, np.int64))
    arguments = (
        log.offsets, log.at, log.key, log.codes(-1, 3, np.int32), log.codes(1, 3, np.int64), none, SOURCE, none,
        *log.span(), timeout, 0, campaigns, False, False, np.zeros(log.rows, np.uint8),
    )  # fmt: skip
    same(both(sessions.mark_sessions, arguments))


@pytest.mark.parametrize("option", [10, 13, 14])
def test_other_options_are_left_to_the_plain_form(option):
    log = Log(1)
    none = frozen(np.zeros(0, np.int64))
    arguments = [
        log.offsets, log.at, log.key, log.codes(-1, 3, np.int32), log.codes(1, 3, np.int64), none, SOURCE, none,
        0, log.visitors, 30, 0, True, False, False, np.zeros(log.rows, np.uint8),
    ]  # fmt: skip
    assert sessions.mark_sessions.vector(*arguments) is not NotImplemented
    arguments[option + 1 if option == 10 else option] = 7 if option == 10 else True
    assert sessions.mark_sessions.vector(*arguments) is NotImplemented


@given(SEEDS)
def test_sessions_are_described_alike(seed):
    log = Log(seed)
    starts = (log.rng.random(log.rows) < 0.3).astype(np.uint8)
    starts[log.offsets[:-1][np.diff(log.offsets) > 0]] = 1
    first, last = log.span()
    base = int(log.rng.integers(0, 3))
    count = base + int(starts[log.offsets[first] : log.offsets[last]].sum())
    outs = [np.full(count, -9, kind) for kind in (np.int32, *[np.int64] * 3, *[np.int32] * 5, np.int64, np.int64)]
    touch = log.codes(-1, 4, np.int32)
    same(both(sessions.describe_sessions, (log.offsets, log.at, log.key, touch, frozen(starts), first, last, base, *outs)))


@given(SEEDS, st.integers(1, 5))
def test_stages_are_followed_alike(seed, stages):
    log = Log(seed)
    marks = frozen((log.rng.integers(0, 1 << stages, log.rows) * (log.rng.random(log.rows) < 0.6)).astype(np.uint8))
    cells = log.visitors * stages
    outs = (
        np.full(cells, journey.NEVER, np.int64), np.full(cells, -1, np.int64), np.full(cells, -1, np.int64),
        np.zeros(log.visitors, np.uint8), np.zeros(log.visitors, np.uint8),
        np.zeros(log.rows, np.uint8), np.zeros(log.rows, np.uint8), np.zeros(stages + 1, np.int64),
        *(np.zeros(stages * stages, np.int64) for _ in range(3)),
    )  # fmt: skip
    period = sorted(log.rng.integers(0, 300, 2).tolist())
    # The last output is only for the plain form to remember who moved.
    same(both(journey.follow_stages, (log.offsets, log.at, log.key, marks, stages, *log.span(), *period, *outs)), but=(10,))


@given(SEEDS, st.booleans())
def test_troubles_are_met_alike(seed, watch):
    log = Log(seed, most=15, step=9_000_000)
    size, groups, stages = 4, 2, 2
    edges = np.unique(np.concatenate([log.offsets, log.rng.integers(0, log.rows + 1, 6)]))
    chosen = frozen(np.flatnonzero(log.rng.random(len(edges) - 1) < 0.8))
    stage = frozen(np.where(log.rng.random(log.rows) < 0.8, log.rng.integers(0, stages, log.rows), 255).astype(np.uint8))
    cells = stages * size
    outs = np.zeros(cells + 1 << friction.PARTS, np.int64), np.zeros(cells + 1, np.int64), np.zeros(cells + 1, np.int64)
    first, last = sorted(log.rng.integers(0, len(chosen) + 1, 2).tolist())
    arguments = (
        chosen, frozen(edges), first, last, log.at, log.key, log.codes(0, 6, np.int32),
        frozen(np.array([0, 1, 2, 3, 0, 2], np.int32)), stage, log.codes(0, 8, np.uint8), log.codes(-1, 2, np.int32), groups,
        size, *outs, int(log.rng.integers(0, cells)) if watch else -1, np.zeros(len(chosen), np.uint8),
    )  # fmt: skip
    found = both(friction.meet_troubles, arguments)
    same(found, but=(0, 2))
    plain, vector = (friction.by_part(written[0]) for _, written in found)
    assert plain.tolist() == vector.tolist()


@given(SEEDS, st.booleans())
def test_meetings_are_found_alike(seed, fill):
    log = Log(seed)
    codes = 3
    starts = (log.rng.random(log.rows) < 0.2).astype(np.uint8)
    starts[log.offsets[:-1][np.diff(log.offsets) > 0]] = 1
    ordered = frozen((log.rng.random(log.rows) < 0.15).astype(np.uint8))
    base, leg_base = log.rng.integers(0, 3, 2).tolist()
    period = sorted(log.rng.integers(0, 300, 2).tolist())
    room = 2 * log.rows + 3
    outs = [np.full(room, -9, kind) for kind in (*[np.int64] * 4, *[np.int32] * 4)]
    arguments = (
        log.offsets, log.at, log.codes(-1, codes, np.int32), frozen(starts), ordered, log.codes(-50, 90, np.int64), codes,
        *log.span(), *period, base, leg_base, fill, *outs, np.zeros(1, np.int64),
    )  # fmt: skip
    same(both(meetings.first_meetings, arguments))


@given(SEEDS, st.integers(1, 60))
def test_visits_are_kept_apart_alike(seed, within):
    log = Log(seed)
    visitor = np.repeat(np.arange(log.visitors), np.diff(log.offsets)).astype(np.int32)
    twice = frozen(np.concatenate([visitor, visitor])), frozen(np.concatenate([log.at, log.at]))
    same(both(meetings.keep_apart, (*twice, within, np.zeros(2 * log.rows, np.uint8))))


@given(SEEDS)
def test_pages_stand_beside_goals_alike(seed):
    log = Log(seed)
    groups, codes = 3, 6
    edges = frozen(np.unique(np.concatenate([log.offsets, log.rng.integers(0, log.rows + 1, 6)])))
    first, last = sorted(log.rng.integers(0, len(edges), 2).tolist())
    goal = frozen((log.rng.random(codes) < 0.4).astype(np.uint8))
    merged = frozen(np.array([0, 1, 2, 3, 0, 2], np.int32))
    outs = [np.zeros(codes, np.int64) for _ in range(4)]
    arguments = (edges, log.codes(0, codes, np.int32), merged, goal, groups, first, last, *outs)
    same(both(touchpoints.stand_beside, arguments), but=(2, 3))


@given(SEEDS, st.integers(0, 200), st.booleans())
def test_ids_of_rows_are_noted_alike(seed, since, dated):
    log = Log(seed)
    device = log.codes(-1, 6, np.int32)
    at = log.at if dated else frozen(np.zeros(0, np.int64))
    same(both(tape_owners.note_ids, (device, at, since, np.zeros(7, np.bool_))))
    met = np.zeros(7, bool)
    tape_owners.note_ids.plain(device, at, since, met)
    wanted = {one for one, t in zip(device.tolist(), log.at.tolist(), strict=True) if t >= since or not dated}
    # Nobody (-1) has the last place.
    assert set(np.flatnonzero(met).tolist()) == {one % 7 for one in wanted}
