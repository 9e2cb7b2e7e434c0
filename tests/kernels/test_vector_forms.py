"""What few rows are run with before a kernel is compiled gives the same as the kernel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.kernels import compiled, journey, pace, touchpoints
from afterclick.core.arrays import frozen

SETTINGS = settings(max_examples=100, deadline=None)


def codes(rng, low, high, count, kind=np.int32):
    return frozen(rng.integers(low, high, count).astype(kind))


def relation(rng, count, visitors):
    """Offsets, instants in order per visitor, keys of other rows with flags, and their number."""
    cuts = np.sort(rng.integers(0, count + 1, visitors - 1))
    offsets = np.concatenate([[0], cuts, [count]])
    at = np.concatenate([np.sort(rng.integers(0, 12, n)) for n in np.diff(offsets)])
    key = rng.permutation(count) << 16 | rng.integers(0, 16, count)
    return frozen(offsets), frozen(at), frozen(key)


def timing(rng, count):
    times = frozen(rng.choice([np.nan, -1.0, 0.0, 1.0, 2.0, 5.0, np.inf], count))
    columns = codes(rng, 0, 8, count, np.uint16), codes(rng, 0, 2, count), codes(rng, -1, 2, count)
    several = bool(rng.integers(0, 2))
    return times, *columns, codes(rng, 0, 2, count if several else 1, np.uint8), int(several), 3, 3


def place_of(rng):
    return frozen((np.cumsum(rng.integers(0, 2, 18)) + 0).astype(np.int32))


def cases(rng, count):
    """Per kernel: what it reads, and what it writes."""
    offsets, at, key = relation(rng, count, 4)
    own, merged, stage = codes(rng, 0, 6, count), codes(rng, 0, 6, 6), codes(rng, 0, 3, count, np.uint8)
    stage = frozen(np.where(stage == 2, 255, stage).astype(np.uint8))
    loading = frozen(rng.choice([np.nan, 0.001, 0.002, 700_000.0], count if rng.integers(0, 2) else 0))
    places = codes(rng, -1, max(count, 1), 7 if count else 0, np.int64)
    instants = frozen(rng.choice([1, 4, 7, 10, journey.NEVER], 12))
    zeros = lambda size, kind=np.int64: np.zeros(size, kind)  # noqa: E731 - it is only named here
    cursor = np.array([-1, *range(0, 18 * count, max(count, 1))][:19], np.int64)
    return {
        journey.look_up: ((own, codes(rng, 0, 9, 6, np.uint8)), (zeros(count, np.uint8),)),
        journey.stand_at: ((places, key, stage), (zeros(len(places), np.uint8),)),
        journey.enter_on: ((places, key, codes(rng, -1, 3, count), 5), (zeros(len(places), np.int32),)),
        journey.weigh_stage: ((instants, 3, int(rng.integers(0, 3)), 1, 4, 2, 9, 4, 8), (zeros(4, np.uint8), zeros(4))),
        touchpoints.own_points: (
            (codes(rng, 0, 8, count, np.uint16), codes(rng, -1, 2, count), codes(rng, 0, 3, count), codes(rng, 2, 5, 3)),
            (zeros(count, np.int32),),
        ),
        touchpoints.lay_along: ((key, own, count // 3, count), (zeros(count, np.int32),)),
        touchpoints.follow_pages: ((offsets, at, key, own, loading, 3, 2, 1, 4), (zeros(6), zeros(9))),
        touchpoints.meet_both: ((offsets, own, codes(rng, 0, 6, 2), codes(rng, 0, 6, 2), 1, 4), (zeros(6), zeros(6))),
        touchpoints.meet_points: (
            (offsets, at, key, own, merged, stage, 3, 6, 1, 4, 2, 9),
            (zeros(count, np.uint8), zeros(count, np.uint8), zeros(18), zeros(18), zeros(18)),
        ),
        pace.mark_times: (timing(rng, count), (zeros(18, np.uint8),)),
        pace.count_times: ((*timing(rng, count), place_of(rng)), (zeros(19),)),
        pace.lay_times: ((*timing(rng, count), place_of(rng)), (cursor, zeros(19 * count + 1, np.float64))),
        pace.judge_times: (
            (*timing(rng, count), place_of(rng), frozen(rng.choice([1.0, 2.0, np.inf], 19)), 2.0),
            (zeros(count, np.uint8),),
        ),
        pace.add_by_code: ((own, codes(rng, 0, 9, 6, np.uint8)), (zeros(count, np.uint8),)),
    }  # fmt: skip


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
@given(seed=st.integers(0, 2**32), count=st.integers(0, 30))
@SETTINGS
def test_a_vector_form_writes_what_its_kernel_writes(fast, seed, count):
    found = cases(np.random.default_rng(seed), count)
    for one, (reads, writes) in found.items():
        given_back = [values.copy() for values in writes]
        (one.fast() if fast else one.plain)(*reads, *writes)
        one.vector(*reads, *given_back)
        # The last of some are marks that only the kernel needs.
        needed = len(writes) - (one in (touchpoints.meet_both, touchpoints.meet_points))
        for wanted, values in zip(writes[:needed], given_back, strict=False):
            assert values.tolist() == wanted.tolist(), one.plain.__name__


def test_every_vector_form_is_compared():
    compared = cases(np.random.default_rng(0), 5)
    assert {one.plain.__name__ for one in compared} == {one.plain.__name__ for one in compiled._ALL if one.vector}
