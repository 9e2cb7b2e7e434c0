"""Rows found and touches counted in one pass: the plain, the numpy and the compiled form give the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.kernels import arrivals, find
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

SETTINGS = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
FLAGS = np.array(
    [int(flag) for flag in (Flag.CONTEXT, Flag.CONTEXT | Flag.PAGE, Flag.CONTEXT | Flag.BOT, Flag.ORDER, Flag.REFUND,
                            Flag.ORDER | Flag.BOT, Flag.SYSTEM | Flag.CONTEXT)], np.uint16,
)  # fmt: skip


def alike(kernel, arguments):
    """What each form answers and writes, on copies of the writable arrays; they are asked to be one."""
    found = []
    for form in (kernel.plain, kernel.vector, kernel.fast()):
        own = [one.copy() if isinstance(one, np.ndarray) and one.flags.writeable else one for one in arguments]
        answer = form(*own)
        found.append((answer, [one for one in own if isinstance(one, np.ndarray) and one.flags.writeable]))
    return found


@SETTINGS
@given(SEEDS, st.integers(0, 300))
def test_few_rows_are_found_alike(seed, rows):
    rng = np.random.default_rng(seed)
    code, wanted = frozen(rng.integers(5, size=rows).astype(np.int32)), frozen(rng.integers(3, size=5).astype(np.uint16))
    for answer, (out,) in alike(find.find_coded, (code, wanted, 7, np.zeros(rows + 1, np.int64))):
        assert out[:answer].tolist() == [7 + i for i in range(rows) if wanted[code[i]]]
    flags = frozen(rng.choice(FLAGS, rows))
    asked = int(Flag.ORDER | Flag.REFUND), int(Flag.BOT)
    for answer, (out,) in alike(find.find_flagged, (flags, *asked, 7, np.zeros(rows + 1, np.int64))):
        assert out[:answer].tolist() == [7 + i for i in range(rows) if flags[i] & asked[0] and not flags[i] & asked[1]]


@SETTINGS
@given(SEEDS, st.sampled_from([0, 1, 40, 5_000]), st.booleans())
def test_arrivals_are_counted_alike(seed, rows, dated):
    rng = np.random.default_rng(seed)
    devices, values = 9, 3
    device, at = rng.integers(-1, devices, rows).astype(np.int32), rng.integers(0, 100, rows)
    flags, touch = rng.choice(FLAGS, rows), rng.integers(-1, 6, rows).astype(np.int32)
    value = rng.integers(values, size=6).astype(np.int32)
    chosen = rng.random(devices) < 0.4
    start, since, end = (10, 30, 80) if dated else (0, 0, 100)
    left_out = int(Flag.BOT | Flag.SYSTEM)
    came = ((flags & (left_out | int(Flag.CONTEXT))) == int(Flag.CONTEXT)) & (touch > 1) & (device >= 0)
    came &= (at >= start) & (at < end)
    mine = came & chosen[np.maximum(device, 0)]
    rest = np.flatnonzero(came & ~mine & (at >= since))
    columns = (frozen(one) for one in (device, at, flags, touch, value))
    words = np.where(chosen, arrivals.CHOSEN, 0)
    outs = words, np.zeros(values, np.int64), np.zeros(rows + 1, np.int64)
    asked = (*columns, left_out, dated, start, since, end, 100, *outs)
    for answer, (seen, counts, picked) in alike(arrivals.reach_arrivals, asked):
        assert picked[:answer].tolist() == (100 + np.flatnonzero(mine)).tolist()
        assert counts.tolist() == np.bincount(value[touch[rest]], minlength=values).tolist()
        for one in range(devices):
            had = {int(value[touch[i]]) for i in rest if device[i] == one}
            assert seen[one] == (arrivals.CHOSEN if chosen[one] else sum(1 << code for code in had))


@SETTINGS
@given(SEEDS, st.integers(1, 20), st.integers(1, 20))
def test_visitors_of_each_value_are_counted_alike(seed, devices, values):
    rng = np.random.default_rng(seed)
    label = np.minimum(rng.integers(0, devices, devices), np.arange(devices)).astype(np.int32)
    label = frozen(np.where(label[label] == label, label, np.arange(devices)).astype(np.int32))
    words = rng.integers(0, 1 << values, devices) * (rng.random(devices) < 0.6)
    words = np.where(rng.random(devices) < 0.2, arrivals.CHOSEN, words)
    had: dict[int, int] = {}
    for one, word in zip(label.tolist(), words.tolist(), strict=True):
        had[one] = had.get(one, 0) | (word & (arrivals.CHOSEN - 1))
    wanted = [sum(word >> code & 1 for word in had.values()) for code in range(values)]
    size = -(-values // 8)
    for _, (united,) in alike(arrivals.unite_seen, (label, words)):
        for _, (table,) in alike(arrivals.count_seen, (frozen(united), 0, devices, size, np.zeros(256 * size, np.int64))):
            counts, everyone = arrivals.bits_counted(table, values)
            assert counts.tolist() == wanted
            assert everyone == sum(word != 0 for word in had.values())
