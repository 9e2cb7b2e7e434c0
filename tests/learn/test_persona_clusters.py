"""Groups by k-means: free of order, planted groups come back, noise gives none, agreement equals counting pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.learn.personas.choosing import STABLE, candidates, chosen
from afterclick.learn.personas.clusters import Cloud, adjusted_rand, fitted, nearest, silhouette, squared
from afterclick.learn.personas.portraits import lift
from afterclick.learn.samples import distinct_rows, thinned
from support.naive_learning import pair_counted_rand


def cloud_of(counts: np.ndarray) -> tuple[Cloud, np.ndarray]:
    first, inverse, weight = distinct_rows(counts.astype(np.uint16))
    logs = np.log1p(counts[first].astype(float))
    mean = (logs * weight[:, None]).sum(0) / len(counts)
    spread = np.sqrt(((logs - mean) ** 2 * weight[:, None]).sum(0) / len(counts))
    return Cloud((logs - mean) / spread, weight.astype(float)), inverse


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
def test_agreement_equals_counting_pairs(rows: list[tuple[int, int]]) -> None:
    one, other = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    assert adjusted_rand(one, other, np.ones(len(rows))) == pytest.approx(pair_counted_rand(one.tolist(), other.tolist()))


def test_agreement_of_published_example() -> None:
    # Hubert & Arabie's index for the table [[1, 1, 0], [1, 2, 1], [0, 0, 4]] (Yeung & Ruzzo 2001, p. 3): 0.313.
    table = [[1, 1, 0], [1, 2, 1], [0, 0, 4]]
    rows = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    one, other = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    assert round(adjusted_rand(one, other, np.ones(len(rows))), 3) == 0.313


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), min_size=1, max_size=40), st.randoms())
def test_distinct_rows_are_free_of_order(rows: list[list[int]], random: object) -> None:
    counts = np.array(rows, np.uint16)
    first, inverse, weight = distinct_rows(counts)
    assert (counts[first][inverse] == counts).all()
    assert weight.sum() == len(rows)
    order = np.array(random.sample(range(len(rows)), len(rows)))  # type: ignore[attr-defined]
    again, _, same = distinct_rows(counts[order])
    assert (counts[order][again] == counts[first]).all()
    assert (same == weight).all()


def test_a_thinned_sample_keeps_proportions() -> None:
    weights = np.array([1000, 10, 1, 5000, 989])
    place, drawn = thinned(weights, 700)
    assert drawn.sum() == 700
    assert abs(drawn[place.tolist().index(3)] - 500) <= 1
    assert thinned(weights[:2], 5000)[1].tolist() == [1000.0, 10.0]


@pytest.mark.parametrize("k", [2, 3, 4])
def test_planted_groups_come_back(k: int) -> None:
    rng = np.random.default_rng(k)
    truth = rng.integers(k, size=600)
    often = np.where(np.arange(6) // 1 % k == np.arange(k)[:, None], 8.0, 1.0)
    counts = rng.poisson(often[truth])
    cloud, inverse = cloud_of(counts)
    best = chosen(candidates(cloud, tuple(range(2, 7)), seed=1))
    assert best is not None
    assert best.k == k
    found = nearest(cloud.values, best.centres)[inverse]
    assert adjusted_rand(truth, found, np.ones(600)) >= STABLE


def test_noise_gives_no_groups() -> None:
    counts = np.random.default_rng(5).geometric(0.5, (800, 6)) - 1
    assert chosen(candidates(cloud_of(counts)[0], tuple(range(2, 7)), seed=1)) is None


def test_the_best_of_all_groupings_is_found() -> None:
    """Against trying every way to put nine points into two groups."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(9, 2))
    found = fitted(Cloud(values, np.ones(9)), 2, (1,), 8)

    def spent(mask: int) -> float:
        parts = [values[[bool(mask >> i & 1) is side for i in range(9)]] for side in (True, False)]
        return sum(float(((part - part.mean(0)) ** 2).sum()) for part in parts)

    assert found.inertia == pytest.approx(min(spent(mask) for mask in range(1, 2**8)))


def test_a_group_that_loses_its_points_begins_anew() -> None:
    values = np.array([[0.0], [0.0], [1.0], [10.0]])
    found = fitted(Cloud(values[1:], np.array([2.0, 1.0, 1.0])), 3, (1,), 1)
    assert found.inertia == 0
    assert sorted(found.centres.ravel().tolist()) == [0.0, 1.0, 10.0]


def test_silhouette_by_hand() -> None:
    cloud = Cloud(np.array([[0.0], [1.0], [9.0]]), np.array([1.0, 3.0, 1.0]))
    centres = np.array([[0.0], [9.0]])
    assert silhouette(cloud, centres) == pytest.approx((1 + 3 * (8 - 1) / 8 + 1) / 5)
    assert (squared(cloud.values, centres) >= 0).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_the_interval_of_a_lift_holds_it(n1: int, n0: int, data: st.DataObject) -> None:
    both, others = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n0))
    if not both + others:
        return
    found = lift(both, n1, both + others, n1 + n0)
    seen = (both / n1) / ((both + others) / (n1 + n0))
    assert 0 <= found.low <= seen <= found.high < np.inf
