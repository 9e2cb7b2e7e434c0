"""Differences against chance: the published example, symmetry, and what more data does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.core.moments import Interval, Share
from afterclick.core.noise import apart, difference, same_count, same_rate


def test_newcombes_published_example() -> None:
    found = difference(Share(56, 70), Share(48, 80))
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize(
    ("now", "before", "same"),
    [(0, 0, None), (1, 0, True), (10, 12, True), (36, 27, True), (141, 93, False), (4586, 3822, False), (0, 5, False)],
)
def test_counts(now: int, before: int, same: bool | None) -> None:
    assert same_count(now, before) is same


def test_nobody_gives_no_verdict() -> None:
    assert same_rate(Share(0, 0), Share(1, 2)) is None


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_either_way_round_is_the_same_verdict(a: int, b: int, c: int, d: int) -> None:
    first, second = Share(a, a + b), Share(c, c + d)
    assert same_rate(first, second) == same_rate(second, first)
    assert same_count(a, b) == same_count(b, a)


@given(st.integers(1, 10_000))
def test_what_is_equal_is_never_a_change(n: int) -> None:
    assert same_count(n, n) is True
    assert same_rate(Share(n, 2 * n), Share(n, 2 * n)) is True


def test_apart_of_two_rates_is_their_difference_and_widens_with_either() -> None:
    now, before = Share(56, 70), Share(48, 80)
    found = apart(now.rate, now.interval, before.rate, before.interval)
    assert found == difference(now, before)
    wider = apart(now.rate, Interval(0.1, 0.95), before.rate, before.interval)
    assert wider.low < found.low < found.high < wider.high
