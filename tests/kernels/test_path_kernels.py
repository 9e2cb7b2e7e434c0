"""The kernels of paths and moves: plain, with numpy and compiled they give the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.kernels import compiled, moves, paths
from afterclick.core.arrays import frozen

SETTINGS = settings(max_examples=80, deadline=None)
SIZE = 4


def sessions(rng, count):
    """edges, visitor of each session, at, key and own codes of `count` rows in some sessions of three visitors."""
    cuts = np.unique(np.sort(rng.integers(0, count, 4))) if count else np.zeros(0, np.int64)
    edges = np.unique(np.concatenate([[0], cuts, [count]])).astype(np.int64)
    visitor = np.sort(rng.integers(0, 3, len(edges) - 1)).astype(np.int32)
    at = np.cumsum(rng.integers(0, 5, count)).astype(np.int64)
    key = (np.arange(count) << 16 | rng.choice([0, 8, 4, 256, 264], count)).astype(np.int64)
    return [frozen(values) for values in (edges, visitor, at, key, rng.integers(0, 6, count).astype(np.int32))]


@given(st.integers(0, 10**6), st.integers(0, 30), st.integers(0, 3), st.booleans(), st.booleans(), st.sampled_from((0, 3)))
@SETTINGS
def test_walks_are_the_same_in_every_form(seed, count, mode, by_visitor, collapse, gap):
    rng = np.random.default_rng(seed)
    edges, visitor, at, key, along = sessions(rng, count)
    chosen = frozen(rng.integers(0, 2, max(len(visitor), 1)).astype(np.uint8))
    lookup, salt = frozen(rng.integers(-1, SIZE, 6).astype(np.int32)), frozen(rng.integers(0, 2**62, SIZE))
    each = int(rng.integers(0, 2)) if by_visitor else 0
    marks = frozen((rng.choice([0, 0, 1, 2, 4], count) if each else np.zeros(1)).astype(np.uint8))
    anchors = frozen(rng.choice([0, 0, 1, 2, 3], 6).astype(np.uint8))
    columns = edges, visitor, chosen, along, at, key, lookup, salt, anchors, marks, each
    span = int(at[0]) + 1 if count else 0, int(at[-1]) if count else 1
    asked = *columns, by_visitor, collapse, mode, *span, gap, 8 | 4, 3, 0, len(visitor), 0
    many = len(visitor)

    def run(form):
        outs = [np.full(many * wide, 77, kind) for kind, wide in (("i4", 1), ("i4", 1), ("i8", 1), ("u1", 1), ("i4", 3))]
        tally = np.zeros(1, np.int64)
        found = int(form(*asked, *outs, tally))
        columns = [values[: found * (3 if place == 4 else 1)].tolist() for place, values in enumerate(outs)]
        return [found, int(tally[0]), *columns]

    plain = run(lambda *given: paths.walk_paths.plain(*[compiled._plainly(one) for one in given]))
    assert run(paths.walk_paths.vector) == plain
    assert run(paths.walk_paths.fast()) == plain


@given(st.integers(0, 10**6), st.integers(0, 12))
@SETTINGS
def test_columns_are_the_same_in_every_form(seed, units):
    rng = np.random.default_rng(seed)
    nodes = frozen(rng.integers(-1, SIZE, units * 3).astype(np.int32))
    owner = frozen(np.sort(rng.integers(0, 4, units)).astype(np.int32))
    slots = frozen(rng.integers(0, 3, 3 * SIZE).astype(np.int32))
    for kernel, asked, sizes, kept in (
        (paths.count_nodes, (nodes, 3, SIZE, 0, units), (12,), 1),
        (paths.link_columns, (nodes, owner, slots, 3, SIZE, 4, 0, units), (12, 12, 48, 48, 12, 48), 4),
    ):
        told = []
        for form in (kernel.plain, kernel.vector, kernel.fast()):
            outs = [np.zeros(size, np.int64) for size in sizes]
            form(*asked, *outs)
            told.append([values.tolist() for values in outs[:kept]])
        assert told[0] == told[1] == told[2]


@given(st.integers(0, 10**6), st.integers(0, 25), st.booleans())
@SETTINGS
def test_moves_are_the_same_plain_and_compiled(seed, count, by_visitor):
    rng = np.random.default_rng(seed)
    edges, visitor, at, key, along = sessions(rng, count)
    at = frozen(at * rng.choice([1, 10**6, 10**10]))
    chosen = frozen(rng.integers(0, 2, max(len(visitor), 1)).astype(np.uint8))
    rows = edges, visitor, chosen, along, at, key, frozen(rng.integers(-1, SIZE, 6).astype("i4")), frozen(np.zeros(1, "u1"))
    shared = *rows, 0, by_visitor, 0, int(at[-1]) if count else 1, 8 | 4
    slots = frozen(np.array([0, 1, 2, 2], np.int32))
    span = 0, len(visitor)
    cases = (
        (moves.count_steps, (*shared, *span), [np.zeros(SIZE, np.int64)]),
        (
            moves.count_moves, (*shared, slots, moves.classes(), 5, *span),
            [np.zeros(25, np.int64) for _ in range(8)]
            + [np.zeros(25 * moves.BINS, np.int32), np.zeros(4, np.int64), np.zeros(count, np.uint32)],
        ),
    )  # fmt: skip
    for kernel, asked, outs in cases:
        again = [values.copy() for values in outs]
        kernel.plain(*[compiled._plainly(one) for one in asked], *outs)
        kernel.fast()(*asked, *again)
        for one, other in zip(outs, again, strict=True):
            assert one.tolist() == other.tolist()
    *_, times, tally, moved = cases[1][2]
    told = moved[moved < moves.BEGUN]
    assert np.bincount(told, minlength=25 * moves.BINS).tolist() == times.tolist()
    assert np.count_nonzero(moved == moves.BEGUN) == tally[moves.UNITS]


@given(st.integers(0, 10**6), st.integers(0, 25))
@SETTINGS
def test_times_are_laid_where_their_move_and_class_are_asked_for(seed, count):
    rng = np.random.default_rng(seed)
    at = frozen(np.cumsum(rng.integers(0, 50, count)))
    moved = rng.choice([3, 4, moves.BINS, moves.BINS + 3, moves.BEGUN, moves.SKIPPED], count).astype(np.uint32)
    moved[:1] = moves.BEGUN
    low, high = (frozen(rng.integers(3, 5, 2).astype(np.uint8)) for _ in range(2))
    wanted, before = ([], []), 0
    for i, here in enumerate(moved.tolist()):
        if here < moves.BEGUN and here % moves.BINS in (low[here // moves.BINS], high[here // moves.BINS]):
            wanted[here // moves.BINS].append(int(at[i] - at[before]))
        before = before if here == moves.SKIPPED else i
    for form in (lambda *given: moves.lay_moves.plain(*[compiled._plainly(one) for one in given]), moves.lay_moves.fast()):
        cursor, out = np.array([0, count]), np.zeros(2 * count, np.int64)
        form(at, frozen(moved), low, high, 0, count, cursor, out)
        assert [out[: cursor[0]].tolist(), out[count : cursor[1]].tolist()] == list(wanted)


def test_classes_of_times_ascend():
    found = moves.classes().astype(int)
    assert (np.diff(found) >= 0).all()
    assert found[moves.TABLE - 1] < moves.BINS
    assert found[-1] < moves.BINS


@pytest.mark.parametrize("kernel", [paths.walk_paths, paths.link_columns, moves.count_moves, moves.lay_moves])
def test_examples_run(kernel):
    kernel.plain(*kernel.example())
