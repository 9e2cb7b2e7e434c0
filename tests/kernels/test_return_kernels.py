"""First starts and returns: plain, numpy and compiled forms agree."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick import Retention
from afterclick.analyse.kernels import compiled, firsts, returns
from afterclick.core.arrays import frozen
from support.shop import Shop

SETTINGS = settings(max_examples=60, deadline=None)
EDGES = frozen(np.array([0, 10, 24, 31]))


def rows_of(rng, count):
    """What both kernels read of rows: four ids, the last shared by log-ins; three events; a flag of those left out."""
    label = frozen(np.array([0, 1, 1, -1], np.int32))
    shared = frozen(np.array([0, 2])), frozen(np.array([5, 20])), frozen(np.array([0, 1], np.int32))
    return (
        frozen(rng.integers(-1, 4, count).astype(np.int32)), frozen(rng.integers(0, 45, count)),
        frozen(rng.integers(0, 3, count).astype(np.int32)), frozen(np.array([0, 1, 2 + rng.integers(0, 2)], np.uint8)),
        frozen((rng.random(count) < 0.2).astype(np.uint16)), 1, label, *shared, 40,
    )  # fmt: skip


def units_of(rng, begin):
    place = frozen(rng.permutation(np.array([0, 1, -1, -1], np.int32)))
    return place, frozen(np.array(begin, np.int32)), frozen(np.array([0 + EDGES[begin[0]], 3 + EDGES[begin[1]]]))


def forms(kernel):
    """As plain Python over lists, with numpy, compiled."""
    return lambda *given: kernel.plain(*[compiled._plainly(one) for one in given]), kernel.vector, kernel.fast()


@SETTINGS
@given(st.integers(0, 10**6), st.integers(0, 30), st.booleans())
def test_first_rows_are_found_alike(seed, count, whole):
    rows, edges = rows_of(np.random.default_rng(seed), count), EDGES[:0] if whole else EDGES
    found = []
    for find, name in zip(forms(firsts.find_firsts), forms(firsts.name_firsts), strict=True):
        device, at, first = np.zeros(count, np.int32), np.zeros(count, np.int64), np.full(2, returns.NEVER)
        written = find(*rows[:6], rows[6], 40, returns.START, frozen(edges), device, at)
        name(device, at, written, *rows[6:10], first)
        slots = np.searchsorted(edges, at[:written], side="right")
        found.append((set(zip(device[:written].tolist(), slots.tolist(), strict=True)), first.tolist()))
        assert written <= count
    assert found[0] == found[1] == found[2]
    visitor, at = returns._kept(*rows, bit=returns.START)
    wanted = np.full(2, returns.NEVER)
    np.minimum.at(wanted, visitor, at)
    slots = np.searchsorted(edges, at, side="right")
    assert found[0] == (set(zip(visitor.tolist(), slots.tolist(), strict=True)), wanted.tolist())


def test_rows_of_a_device_in_order_are_written_once_per_interval():
    rows = rows_of(np.random.default_rng(0), 0)
    device, at = frozen(np.repeat(np.int32([0, 1, 3]), 3)), frozen(np.array([1, 2, 12] * 3))
    code = frozen(np.full(9, 2, np.int32))
    lut, flags = frozen(np.full(3, returns.START, np.uint8)), frozen(np.zeros(9, np.uint16))
    for form in forms(firsts.find_firsts):
        outs = np.zeros(9, np.int32), np.zeros(9, np.int64)
        assert form(device, at, code, lut, flags, 0, rows[6], 40, returns.START, EDGES, *outs) == 2 + 2 + 3
        assert outs[1][:7].tolist() == [1, 12, 1, 12, 1, 2, 12]


@SETTINGS
@given(st.integers(0, 10**6), st.integers(0, 30), st.integers(0, 4))
def test_first_rows_mark_what_all_rows_do(seed, count, last):
    rng = np.random.default_rng(seed)
    rows = rows_of(rng, count)
    visitor, at = returns._kept(*rows, bit=returns.BACK)
    start = np.full(2, returns.NEVER)
    np.minimum.at(start, visitor, at)
    begin = frozen(np.maximum(np.searchsorted(EDGES, start, side="right") - 1, 0).astype(np.int32))
    place = frozen(rng.permutation(np.array([0, 1], np.int32)))
    begin, start = frozen(begin[np.argsort(place)]), frozen(start[np.argsort(place)])
    wanted = np.zeros((last + 1) * 2, np.uint8)
    returns.mark_returns.fast()(*rows, place, begin, start, EDGES, 0, False, last, wanted)
    for form in forms(firsts.mark_firsts):
        seen = np.zeros((last + 1) * 2, np.uint8)
        form(frozen(visitor), frozen(at), place, begin, EDGES, last, seen)
        assert seen.tolist() == wanted.tolist()


@SETTINGS
@given(st.integers(0, 10**6), st.integers(0, 30), st.booleans(), st.sampled_from([0, 7]), st.integers(0, 4))
def test_returns_are_marked_alike(seed, count, strict, block, last):
    rng = np.random.default_rng(seed)
    rows, units = rows_of(rng, count), units_of(rng, (0, 1))
    found = []
    for form in forms(returns.mark_returns):
        seen = np.zeros((last + 1) * 2, np.uint8)
        form(*rows, *units, EDGES, block, strict, last, seen)
        found.append(seen.tolist())
    assert found[0] == found[1] == found[2]


def test_questions_answer_alike_before_and_after_compiling(monkeypatch, tmp_path):
    shop = Shop()
    for number in range(40):
        shop.add(f"v{number % 7}", f"{number % 11}d{number % 5}h", "AB"[number % 2], price=number)
    answers = []
    with shop.open(tmp_path / "store") as opened:
        for ready in (False, True):
            for one in compiled._ALL:
                if one.plain.__module__ in (returns.__name__, firsts.__name__):
                    if ready:
                        one.warm()
                    monkeypatch.setattr(one, "ready", ready)
            opened.context().forget()
            fields = {"range": "all", "compare": "none"}
            asked = (Retention(**fields), Retention(start="A[price > 6]", back="B", interval="24h", **fields))
            answers.append([opened.ask(question).frame.to_pylist() for question in asked])
            opened.context().forget()
    assert answers[0] == answers[1]


def test_a_row_before_every_edge_belongs_to_no_interval():
    seen = np.zeros(4, np.uint8)
    rows = (
        frozen(np.zeros(2, np.int32)), frozen(np.array([-5, 12])), frozen(np.zeros(2, np.int32)),
        frozen(np.array([3], np.uint8)), frozen(np.zeros(2, np.uint16)), 0, frozen(np.zeros(1, np.int32)),
        frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int32)), 100,
    )  # fmt: skip
    units = frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int32)), frozen(np.zeros(1, np.int64))
    for form in forms(returns.mark_returns):
        seen[:] = 0
        form(*rows, *units, EDGES, 0, False, 3, seen)
        assert seen.tolist() == [0, 1, 0, 0]
