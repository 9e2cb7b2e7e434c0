"""Shares, moments and quantiles against published numbers, numpy and exact arithmetic."""

from __future__ import annotations

import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.core import moments
from afterclick.core.moments import Interval, Moments, Quantiles, Share


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson(hits: int, n: int, low: float, high: float) -> None:
    interval = Share(hits, n).interval
    assert interval is not None
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


def test_share_of_nothing() -> None:
    empty = Share(0, 0)
    assert (empty.rate, empty.interval, empty.reason) == (None, None, "empty")
    assert empty + Share(1, 4) == Share(1, 4)
    assert Share(1, 4).rate == 0.25
    assert Share(1, 4).reason is None


def test_share_ends_are_exact() -> None:
    for n in (1, 3, 7, 1000, 10**12):
        none, every = Share(0, n).interval, Share(n, n).interval
        assert none is not None
        assert every is not None
        assert none.low == 0.0
        assert every.high == 1.0


@pytest.mark.parametrize(("hits", "n"), [(-1, 5), (6, 5), (1, 0), (0, -1)])
def test_no_share(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        Share(hits, n)


def test_share_takes_numpy_counts_and_no_floats() -> None:
    share = Share(np.int64(3), np.int32(4))  # type: ignore[arg-type]
    assert type(share.hits) is int
    assert share == Share(3, 4)
    assert hash(share) == hash(Share(3, 4))
    with pytest.raises(AttributeError):
        Share(1.0, 2)  # type: ignore[arg-type]


shares = st.integers(0, 10**9).flatmap(lambda n: st.builds(Share, st.integers(0, n), st.just(n)))


@given(shares, shares)
@settings(deadline=None)
def test_shares_add(a: Share, b: Share) -> None:
    both = a + b
    assert both == b + a
    assert (both.hits, both.n) == (a.hits + b.hits, a.n + b.n)
    if both.interval is not None:
        assert both.rate is not None
        assert 0 <= both.interval.low <= both.rate <= both.interval.high <= 1


def test_moments_of_a_sample() -> None:
    # gbstats' own example arm: n 10, sum 100, squares 1002.25
    arm = Moments(10, 100, 1002.25)
    assert arm.mean == 10
    assert arm.variance == pytest.approx(0.25)
    # Student's t: t(9, .975) = 2.262157
    interval = arm.interval
    assert interval is not None
    assert interval.low == pytest.approx(10 - 2.262157 * (0.25 / 10) ** 0.5, abs=1e-6)
    assert interval.high == pytest.approx(10 + 2.262157 * (0.25 / 10) ** 0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("moments", "mean", "variance", "reason"),
    [
        (Moments(0, 0, 0), None, None, "empty"),
        (Moments(1, 5, 25), 5, None, "single"),
        (Moments(3, 15, 75), 5, 0, "constant"),
        (Moments(2, 3, 5), 1.5, 0.5, None),
    ],
)
def test_degenerate_moments(
    moments: Moments, mean: float | None, variance: float | None, reason: str | None
) -> None:
    assert (moments.mean, moments.variance, moments.reason) == (mean, variance, reason)
    assert (moments.interval is None) == (reason is not None)


def test_no_moments() -> None:
    for n, total, squares in [(-1, 0, 0), (0, 1, 1), (2, 1, -1)]:
        with pytest.raises(ValueError, match="no moments"):
            Moments(n, total, squares)
    with pytest.raises(ValueError, match="is no sum"):
        Moments(1, float("nan"), 1.0)


def test_money_squares_stay_exact() -> None:
    values = np.array([10**14, 10**14 + 1, -(10**14), 7], dtype=np.int64)
    found = Moments.of(values)
    exact = [int(value) for value in values]
    assert found == Moments(4, sum(exact), sum(value**2 for value in exact))
    assert found.variance == float(statistics.variance(Fraction(value) for value in exact))
    # Two values that differ by one minor unit, far from zero: floats would say 0.
    assert Moments.of(np.array([10**17, 10**17 + 1])).variance == 0.5


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30), st.integers(0, 30))
@settings(deadline=None)
def test_moments_of_integers_are_exact_and_add(values: list[int], cut: int) -> None:
    found = Moments.of(np.array(values, dtype=np.int64))
    assert (found.n, found.total, found.squares) == (len(values), sum(values), sum(v * v for v in values))
    left, right = (Moments.of(np.array(part, dtype=np.int64)) for part in (values[:cut], values[cut:]))
    assert left + right == found
    if len(values) > 1:
        assert found.variance == float(statistics.variance(Fraction(value) for value in values))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
@settings(deadline=None)
def test_moments_of_floats(values: list[float]) -> None:
    found = Moments.of(np.array(values))
    assert found.mean == pytest.approx(np.mean(values), abs=1e-6)
    assert found.variance == pytest.approx(np.var(values, ddof=1), rel=1e-6, abs=1e-2)
    assert found.variance is not None
    assert found.variance >= 0


def test_quantiles() -> None:
    found = Quantiles.of(np.array([4, 1, 3, 2], dtype=np.int64))
    assert found == Quantiles(4, 1.75, 2.5, 3.25, 3.7)
    assert found.reason is None
    assert Quantiles.of(np.array([7], dtype=np.int64)) == Quantiles(1, 7, 7, 7, 7)
    nothing = Quantiles.of(np.array([], dtype=np.int64))
    assert nothing == Quantiles(0, None, None, None, None)
    assert nothing.reason == "empty"
    # The middle of two neighbours beyond 2**53 is not lost on the way.
    far = Quantiles.of(np.array([2**60, 2**60 + 512], dtype=np.int64))
    assert far.median == float(2**60 + 256)


@given(st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=50))
@settings(deadline=None)
def test_quantiles_are_numpys_linear_rule(values: list[int]) -> None:
    array = np.array(values, dtype=np.int64)
    found = Quantiles.of(array)
    expected = np.quantile(array, [0.25, 0.5, 0.75, 0.9], method="linear")
    assert [found.p25, found.median, found.p75, found.p90] == pytest.approx(
        expected.tolist(), rel=1e-12, abs=1e-6
    )
    assert array.tolist() == values


def test_interval_is_a_pair() -> None:
    low, high = Share(1, 29).interval or Interval(1, 0)
    assert low < 1 / 29 < high


def test_many_shares_at_once_are_those_one_by_one():
    pairs = [(hits, n) for n in (1, 2, 3, 30, 1_000_000) for hits in {0, 1, n // 2, n - 1, n}]
    rates, low, high = moments.shares(np.array([hits for hits, _ in pairs]), np.array([n for _, n in pairs]))
    for place, (hits, n) in enumerate(pairs):
        share = Share(hits, n)
        assert (rates[place], low[place], high[place]) == pytest.approx((share.rate, *share.interval), abs=1e-15)
