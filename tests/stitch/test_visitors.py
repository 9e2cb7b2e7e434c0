"""Identity: dated, capped, reversible, and the same in any order of arrival."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.stitch.components import components
from afterclick.stitch.visitors import EVIDENCE, LINKED, WITHDRAWN, Edges, raw_labels, resolve
from support import naive
from support.edge_by_edge import Visitors

IDS = [*(f"a:{n}" for n in range(8)), *(f"e:{n}@x" for n in range(4)), *(f"u:{n}" for n in range(4))]


def edges_of(rows, ids):
    columns = [(ids.index(a), ids.index(b), at, what) for a, b, at, what in rows]
    kinds = (np.int32, np.int32, np.int64, np.int8)
    return Edges(*(np.array([row[i] for row in columns], kind) for i, kind in enumerate(kinds)))


def visitors(rows, ids=IDS, as_of=10**9, at=10**9, **options):
    """The groups of ids, as a set of frozensets, at one instant."""
    labels = resolve(len(ids), edges_of(rows, ids), ids, as_of=as_of, **options)
    found = labels.of(np.arange(len(ids), dtype=np.int32), np.full(len(ids), at))
    groups = {}
    for name, label in zip(ids, found.tolist(), strict=True):
        groups.setdefault(label, set()).add(name)
    return {frozenset(group) for group in groups.values()}


def seen(a, b, at=1):
    return (a, b, at, EVIDENCE)


pairs = st.lists(
    st.tuples(st.sampled_from(IDS[:12]), st.sampled_from(IDS[:12]), st.integers(0, 9)).filter(
        lambda row: row[0] != row[1]
    ),
    max_size=14,
)


@given(pairs, st.integers(0, 9))
def test_without_guards_visitors_are_the_components_of_the_graph(rows, as_of):
    got = visitors([seen(*row) for row in rows], as_of=as_of, cap=100)
    wanted = {frozenset(group) for group in naive.components(rows, as_of)}
    assert {group for group in got if len(group) > 1} == wanted


mixed = st.lists(
    st.tuples(st.sampled_from(IDS), st.sampled_from(IDS), st.integers(0, 9), st.sampled_from([0, EVIDENCE, LINKED, WITHDRAWN]))
    .filter(lambda row: row[0] != row[1]),
    max_size=14,
)  # fmt: skip


@given(mixed, st.randoms(use_true_random=False), st.integers(2, 6))
def test_the_order_of_arrival_changes_nothing(rows, source, cap):
    ids, shuffled = IDS[:], rows[:]
    source.shuffle(shuffled)
    source.shuffle(ids)
    assert visitors(rows, cap=cap) == visitors(shuffled, ids, cap=cap)
    assert visitors(rows * 2, cap=cap) == visitors(rows, cap=cap)


few, kinds = st.sampled_from(IDS[::2]), st.sampled_from([EVIDENCE, EVIDENCE, EVIDENCE, LINKED, WITHDRAWN])
busy = st.lists(st.tuples(few, few, st.integers(0, 9), kinds).filter(lambda row: row[0] != row[1]), max_size=40)


@given(st.one_of(mixed, busy), st.permutations(IDS), st.integers(2, 6), st.integers(0, 9))
def test_visitors_are_those_of_joining_edge_after_edge(rows, ids, cap, as_of):
    labels = resolve(len(ids), edges_of(rows, ids), ids, as_of=as_of, cap=cap)
    wanted = Visitors(rows, ids, as_of, cap)
    codes = np.arange(len(ids), dtype=np.int32)
    for at in range(-1, 11):
        found = labels.of(codes, np.full(len(ids), at))
        assert found.dtype == np.int32
        assert found.tolist() == [wanted.of(code, at) for code in range(len(ids))]
    assert list(labels.refused) == wanted.refused


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=60))
def test_components_carry_their_smallest_code(pairs):
    a, b = (np.array([pair[side] for pair in pairs], np.int32) for side in (0, 1))
    found = components(30, a, b)
    groups = {code: {code} for code in range(30)}
    for one, other in pairs:
        whole = groups[one] | groups[other]
        for code in whole:
            groups[code] = whole
    assert found.dtype == np.int32
    assert found.tolist() == [min(groups[code]) for code in range(30)]


@given(mixed)
def test_at_most_one_user_unless_a_person_linked_them(rows):
    evidence = [row for row in rows if row[3] == EVIDENCE]
    for group in visitors(evidence):
        assert sum(name.startswith("u:") for name in group) <= 1


@given(mixed, st.integers(2, 6))
def test_no_visitor_holds_more_ids_of_its_own_than_the_cap(rows, cap):
    # The id of a device that several users share stands with whoever is logged in, and is nobody's own.
    shared = {IDS[code] for code in Visitors(rows, IDS, 10**9, cap).logins}
    assert max(len(group - shared) for group in visitors(rows, cap=cap)) <= cap


def test_refused_ids_are_named():
    rows = [seen(f"a:{n}", "u:0", n) for n in range(5)]
    labels = resolve(len(IDS), edges_of(rows, IDS), IDS, as_of=10, cap=3)
    assert {why for _, _, why in labels.refused} == {"shared"}
    assert len(labels.refused) == 3


def test_the_worked_example_of_a_withdrawn_edge():
    ids = ["a:1", "a:2", "u:1"]
    rows = [seen("a:1", "u:1", 2), seen("a:2", "u:1", 5), ("a:2", "u:1", 8, WITHDRAWN)]
    counts = [len({g & {"a:1", "a:2"} for g in visitors(rows, ids, as_of=day)} - {frozenset()}) for day in (1, 3, 6, 9)]
    assert counts == [2, 2, 1, 2]
    assert visitors(rows, ids) == visitors(rows[:1], ids)


def test_seen_together_again_after_a_withdrawal_links_again():
    rows = [seen("a:1", "u:1", 2), ("a:1", "u:1", 3, WITHDRAWN), seen("a:1", "u:1", 5)]
    assert frozenset({"a:1", "u:1"}) in visitors(rows)


def test_a_shared_computer_belongs_to_whoever_is_logged_in():
    rows = [seen("a:0", "u:1", 10), seen("a:0", "u:2", 20), seen("a:0", "u:1", 30)]
    owner = [
        next(g for g in visitors(rows, at=at) if "a:0" in g) & {"u:1", "u:2"} for at in (0, 10, 19, 20, 29, 30, 99)
    ]
    assert [next(iter(group)) for group in owner] == ["u:1", "u:1", "u:1", "u:2", "u:2", "u:1", "u:1"]


def test_raw_labels_are_the_ids_themselves():
    assert raw_labels(3).label.tolist() == [0, 1, 2]


def test_members_are_the_ids_of_a_visitor():
    rows = [seen("a:1", "u:1", 2), seen("a:0", "u:1", 1), seen("a:0", "u:2", 2)]
    labels = resolve(len(IDS), edges_of(rows, IDS), IDS, as_of=10)
    found = {
        visitor: {IDS[code] for code in codes} for visitor, codes in labels.members(np.unique(labels.label)).items()
    }
    assert {"a:1", "u:1", "a:0"} in found.values()
    assert {"u:2", "a:0"} in found.values()


@pytest.mark.parametrize("seed", range(3))
def test_many_edges_resolve_in_one_pass(seed):
    source = random.Random(seed)
    ids = [f"a:{n}" for n in range(3000)]
    rows = [(f"a:{source.randrange(3000)}", f"a:{source.randrange(3000)}", n) for n in range(1500)]
    rows = [row for row in rows if row[0] != row[1]]
    got = visitors([seen(*row) for row in rows], ids, cap=10**6)
    assert {group for group in got if len(group) > 1} == {frozenset(group) for group in naive.components(rows, 10**9)}
