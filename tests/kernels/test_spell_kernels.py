"""Spells of rows: plain and compiled they are the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.kernels import compiled, spell_order, spells
from afterclick.analyse.kernels.gather import BLOCK_BITS, HAS_CAMPAIGN
from afterclick.core.arrays import frozen
from afterclick.store.columns import Flag

SETTINGS = settings(max_examples=60, deadline=None)
WHAT = (
    Flag.PAGE | Flag.CONTEXT | Flag.QUALIFYING, Flag.CONTEXT, Flag.ORDER, Flag.ORDER | Flag.CONTEXT, Flag.REFUND, Flag.BOT,
    Flag.SYSTEM,
)  # fmt: skip
FLAGS = [int(flag) for flag in WHAT]
KERNELS = (
    spells.cut_spells, spells.describe_spells, spell_order.order_spells, spell_order.tell_sessions, spell_order.lay_spells,
)  # fmt: skip


def rows_of(rng, count):
    """Four ids, of which the last is shared by the visitors 0 and 1; sources 0 to 2; midnights."""
    label, shared = frozen(np.array([0, 1, 1, -1], np.int32)), (
        frozen(np.array([0, 2])), frozen(np.array([5, 20])), frozen(np.array([0, 1], np.int32)),
    )  # fmt: skip
    return (
        frozen(np.sort(rng.integers(-1, 4, count)).astype(np.int32)), frozen(rng.integers(0, 45, count)),
        frozen(rng.choice(FLAGS, count).astype(np.uint16)), frozen(rng.integers(0, 3, count)),
        frozen(rng.integers(-1, 4, count).astype(np.int32)), frozen(np.arange(4, dtype=np.int32)),
        frozen(np.sort(rng.integers(0, 45, rng.integers(0, 3)))), label, *shared,
    )  # fmt: skip


def forms(kernel):
    return lambda *given: kernel.plain(*[compiled._plainly(one) for one in given]), kernel.fast()


def run(kernel, arguments, outs):
    """What a kernel gives and writes, the same in both forms."""
    told = []
    for form in forms(kernel):
        mine = [values.copy() for values in outs]
        told.append((form(*arguments, *mine), mine))
    assert told[0][0] == told[1][0]
    for one, other in zip(told[0][1], told[1][1], strict=True):
        assert one.tolist() == other.tolist()
    return told[1]


@SETTINGS
@given(st.integers(0, 10**6), st.integers(0, 30), st.sampled_from([0, 12]), st.booleans(), st.booleans(), st.integers(1, 9))
def test_spells_become_the_same_sessions_in_both_forms(seed, count, longest, campaigns, referrers, timeout):
    rows = rows_of(np.random.default_rng(seed), count)
    options = 40, int(Flag.BOT | Flag.SYSTEM), timeout, longest, campaigns, referrers
    outs = [np.zeros(count, np.uint16), np.zeros(count + 1, np.int32)]
    found, (symbol, begins) = run(spells.cut_spells, (*rows, *options), outs)
    counted = (rows[0] >= 0) & (rows[1] <= 40) & ((rows[2] & int(Flag.BOT | Flag.SYSTEM)) == 0)
    assert ((symbol != 0) == counted).all()
    assert (((symbol & HAS_CAMPAIGN) != 0) == counted & (rows[3] != 0)).all()
    columns, begins = (rows[0], rows[1], frozen(symbol), rows[4]), frozen(begins[: found + 1])
    outs = [np.zeros(found, np.int32), np.zeros((found, spells.FIELDS), np.int64), np.zeros(2, np.int64)]
    _, (visitor, fields, sizes) = run(spells.describe_spells, (*columns, begins, *rows[7:], 1 << BLOCK_BITS), outs)
    assert sizes.tolist() == [found, int(counted.sum())]
    visitor, fields, begun = frozen(visitor), frozen(fields), begins
    empty = [np.zeros(3, np.int64), np.zeros(found, np.int32), np.zeros(2, np.uint8)]
    _, (begins, order, _) = run(spell_order.order_spells, (visitor, fields, 0, 2, 0, timeout), empty)
    starts = fields[order, spells.START]
    assert sorted(order.tolist()) == list(range(found))
    for who in range(2):
        assert (visitor[order[begins[who] : begins[who + 1]]] == who).all()
        assert (np.diff(starts[begins[who] : begins[who + 1]]) >= 0).all()
    kinds = (np.int32, *[np.int64] * 3, *[np.int32] * 5, np.int64, np.int64)
    again = frozen(np.zeros(0, np.int32)), frozen(np.zeros((0, spells.FIELDS), np.int64)), frozen(np.zeros(1, np.int64))
    outs = [np.zeros(3, np.int64), np.zeros(found, np.int64), *[np.zeros(found, kind) for kind in kinds]]
    read = fields, frozen(order), frozen(begins), *again, 0, 2, 0, 0
    _, (offsets, place, _, first, start_at, end_at, events, *_) = run(spell_order.tell_sessions, read, outs)
    assert (start_at <= end_at).all()
    assert first.tolist() == (np.cumsum(events) - events).tolist()
    assert int(events.sum()) == int(offsets[2]) == int(counted.sum())
    outs = [np.zeros(count, np.uint16), np.zeros(int(offsets[2]), np.int64), np.zeros(int(offsets[2]), np.int64)]
    read = begun, frozen(place), *rows[:5], 1 << BLOCK_BITS, 40, int(Flag.BOT | Flag.SYSTEM)
    _, (again, at, key) = run(spell_order.lay_spells, read, outs)
    assert again.tolist() == symbol.tolist()
    row = (key >> 16) - (1 << BLOCK_BITS)
    assert sorted(row.tolist()) == np.flatnonzero(counted).tolist()
    assert at.tolist() == rows[1][row].tolist()
    assert (key & 0xFFFF).tolist() == symbol[row].tolist()


def test_spells_nearer_than_the_timeout_are_no_sessions_of_their_own():
    fields = np.ones((3, spells.FIELDS), np.int64)
    fields[:, spells.START], fields[:, spells.LAST] = (0, 50, 31), (20, 60, 40)
    for timeout, torn in ((9, [0, 0]), (10, [1, 0]), (11, [1, 0])):
        outs = [np.zeros(3, np.int64), np.zeros(3, np.int32), np.zeros(2, np.uint8)]
        asked = frozen(np.zeros(3, np.int32)), frozen(fields), 0, 2, 0, timeout
        _, (_, order, found) = run(spell_order.order_spells, asked, outs)
        assert order.tolist() == [0, 2, 1]
        assert found.tolist() == torn


def test_a_cut_within_a_run_tears_nothing():
    fields = np.ones((2, spells.FIELDS), np.int64)
    fields[:, spells.START], fields[:, spells.LAST], fields[1, spells.PLACE] = (0, 5), (4, 9), 2
    outs = [np.zeros(2, np.int64), np.zeros(2, np.int32), np.zeros(1, np.uint8)]
    _, (_, _, torn) = run(spell_order.order_spells, (frozen(np.zeros(2, np.int32)), frozen(fields), 0, 1, 0, 100), outs)
    assert torn.tolist() == [0]


@pytest.mark.parametrize("kernel", KERNELS)
def test_examples_run(kernel):
    kernel.plain(*kernel.example())
