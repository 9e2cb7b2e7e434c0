"""Gathering by blocks of visitors against sorting with numpy, and each of its kernels compiled against plain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse import gathered, gathered_marks
from afterclick.analyse.gathered import Gathered
from afterclick.analyse.kernels import gather as kernels
from afterclick.analyse.kernels import marks as mark_kernels
from afterclick.analyse.kernels import select
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.strips import Coded, Flagged, Strip
from afterclick.core.arrays import frozen
from afterclick.core.spans import Period
from afterclick.stitch.visitors import Labels

VISITORS = (3 << kernels.BLOCK_BITS) + 5
SETTINGS = settings(max_examples=60, deadline=None)


def labels(rng):
    """Every third code belongs to the one before; the last two are shared devices with log-ins at 0, 5 and 10."""
    label = np.arange(VISITORS, dtype=np.int32)
    label[2::3] = label[1::3][: len(label[2::3])]
    label[-2:] = [-1, -2]
    visitors = rng.integers(0, VISITORS - 2, 6).astype(np.int32)
    visitors = np.where(label[visitors] >= 0, label[visitors], 0).astype(np.int32)
    return Labels(
        frozen(label), frozen(np.array([0, 3, 6])), frozen(np.array([0, 5, 10, 0, 5, 10])), frozen(visitors), ()
    )


def strips(rng, rows, coded):
    """Three pieces of rows of a few devices, some without an id, with flags 1 and 2, names 0 to 3 and times 0 to 15."""
    devices = np.concatenate([rng.integers(0, VISITORS, 8), [-1, VISITORS - 1, VISITORS - 2, VISITORS - 3, 0]])
    lut, found, start = frozen(np.array([0, 1, 7, 0], np.uint16)), [], 0
    for piece in range(3):
        count = int(rng.integers(0, rows + 1))
        device = frozen(rng.choice(devices, count).astype(np.int32))
        at = frozen(rng.integers(0, 16, count))
        name = frozen(rng.integers(0, 4, count).astype(np.int32))
        flags = frozen(rng.integers(0, 4, count).astype(np.uint16))
        symbol = Coded(name, lut, flags, 1)
        strip = Strip(start, piece, device, at, symbol, *((int(at.min()), int(at.max())) if count else (0, 0)))
        found.append(strip if coded else strip._replace(symbol=frozen(strip.symbols())))
        start += count + 10
    return found


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 300),
    coded=st.booleans(),
    edges=st.tuples(st.integers(0, 8), st.integers(8, 17)),
)
@SETTINGS
def test_blocks_equal_sorting(seed, rows, coded, edges):
    rng = np.random.default_rng(seed)
    who, period, given_strips = labels(rng), Period(*edges), strips(rng, rows, coded)
    found, wanted = gathered._blocked(given_strips, who, period), gathered._sorted(given_strips, who, period)
    assert [values.tolist() for values in found] == [values.tolist() for values in wanted]


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
@given(seed=st.integers(0, 2**32), coded=st.booleans())
@SETTINGS
def test_rows_are_selected_one_by_one(fast, seed, coded):
    strip = strips(np.random.default_rng(seed), 50, coded)[1]
    room = len(strip.device)
    device, key = np.zeros(room, np.int32), np.zeros(room, np.int64)
    chosen = select.select_coded if coded else select.select_rows
    symbol = strip.symbol if coded else (strip.symbol,)
    run = chosen.fast() if fast else chosen.plain
    n = run(strip.device, strip.at, *symbol, True, 3, 12, strip.start, device, key, 0)
    wanted = [
        (int(d), (strip.start + i) << 16 | int(s))
        for i, (d, t, s) in enumerate(zip(strip.device, strip.at, strip.symbols(), strict=True))
        if s and d >= 0 and 3 <= t < 12
    ]
    assert list(zip(device[:n].tolist(), key[:n].tolist(), strict=True)) == wanted


@given(
    seed=st.integers(0, 2**32), rows=st.integers(0, 200), edges=st.tuples(st.integers(0, 8), st.integers(8, 17)),
    marked=st.booleans(), bots=st.booleans(),
)  # fmt: skip
@SETTINGS
def test_symbols_made_of_flags_equal_their_definition(seed, rows, edges, marked, bots):
    rng = np.random.default_rng(seed)
    who, period, given_strips, wanted = labels(rng), Period(*edges), [], []
    for strip in strips(rng, rows, coded=False):
        count = len(strip.device)
        flags = frozen(rng.integers(0, 8, count).astype(np.uint16))
        campaign, touch = frozen(rng.integers(0, 2, count)), frozen(rng.integers(-1, 4, count).astype(np.int32))
        bits = frozen(rng.integers(0, 3, count).astype(np.uint8) * 64 if marked else np.zeros(1, np.uint8))
        given_strips.append(strip._replace(symbol=Flagged(flags, campaign, touch, bits, 2, 128, 1 if bots else 0)))
        for i in range(count):
            mark = int(bits[i]) if len(bits) > 1 else int(bits[0])
            counts = not (bots and flags[i] & 1) and not mark & 128 and (not flags[i] & 2 or mark)
            if counts and strip.device[i] >= 0 and period.start <= strip.at[i] < period.end:
                symbol = int(flags[i]) | kernels.PRESENT | (kernels.HAS_CAMPAIGN if campaign[i] else 0)
                symbol |= kernels.HAS_SOURCE if touch[i] > 1 else 0
                wanted.append((strip.start + i) << kernels.SYMBOL_BITS | symbol)
    found, plain = gathered._blocked(given_strips, who, period), gathered._sorted(given_strips, who, period)
    assert [values.tolist() for values in found] == [values.tolist() for values in plain]
    assert sorted(found[2].tolist()) == sorted(wanted)


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
@given(slices=st.lists(st.lists(st.booleans(), max_size=5), max_size=8))
@SETTINGS
def test_rows_without_a_bit_keep_their_order(fast, slices):
    marks = [mark for visitor in slices for mark in visitor]
    offsets = np.cumsum([0, *map(len, slices)])
    rows = Gathered(
        frozen(offsets), frozen(np.arange(len(marks)) * 10),
        frozen(np.array([i << 16 | (6 if mark else 4) for i, mark in enumerate(marks)], np.int64)),
    )  # fmt: skip
    if fast:
        for one in (mark_kernels.count_marked, mark_kernels.drop_marked, mark_kernels.find_marked):
            one.warm()
    before, mark_kernels.count_marked.ready = mark_kernels.count_marked.ready, fast
    found, gone = gathered_marks.without(rows, 2), gathered_marks.marked(rows, 2)
    mark_kernels.count_marked.ready = before
    kept = [i for i, mark in enumerate(marks) if not mark]
    assert gone.tolist() == [i for i, mark in enumerate(marks) if mark]
    assert (found is rows) == (not any(marks))
    assert found.rows.tolist() == kept
    assert found.at.tolist() == [i * 10 for i in kept]
    assert found.offsets.tolist() == [sum(i < end for i in kept) for end in offsets.tolist()]


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
@given(rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60)), max_size=400))
@SETTINGS
def test_settling_is_a_stable_sort(fast, rows):
    """Visitors 0 to 2 of the second block; all that stand in the first one are without rows."""
    base = 1 << kernels.BLOCK_BITS
    visitor = np.array([base + v for v, _ in rows], np.int32)
    at = np.array([t for _, t in rows], np.int64)
    key = np.arange(len(rows), dtype=np.int64)
    offsets, tied = np.full(base + 4, -1, np.int64), np.zeros(base + 3, np.uint8)
    edges = frozen(np.array([0, 0, len(rows)], np.int64))
    order = np.lexsort((key, at, visitor))
    wanted = [sum(v < k for v, _ in rows) for k in range(4)]
    run = kernels.settle.fast() if fast else kernels.settle.plain
    run(edges, frozen(visitor), 1, 2, base + 3, at, key, offsets, tied)
    assert key.tolist() == order.tolist()
    assert at.tolist() == [rows[i][1] for i in order]
    assert offsets[base:].tolist() == wanted
    assert tied[base:].tolist() == [
        len({t for v, t in rows if v == k}) < sum(v == k for v, _ in rows) for k in range(3)
    ]


def test_outputs_written_plainly_are_the_callers():
    @kernel(example=lambda: (frozen(np.zeros(1, np.int64)), np.zeros(1, np.int32)))
    def double(values, out):
        for i in range(len(values)):
            out[i] = 2 * values[i]
            out[i] += 1

    from afterclick.analyse.kernels import compiled

    compiled._ALL.remove(double)
    out = np.zeros(3, np.int32)
    double(frozen(np.array([1, 2, 3])), out, rows=3)
    assert out.tolist() == [3, 5, 7]
    assert out.dtype == np.int32
