"""Kaplan and Meier's estimate: the worked example, brute force, and what may not be said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.core.moments import Share
from afterclick.learn.value.waiting import Waiting
from support import naive_value


def waiting(pairs: list[tuple[int, bool]]) -> Waiting:
    return Waiting.of(np.array([length for length, _ in pairs], np.int64), np.array([over for _, over in pairs], bool))


def test_durations_1_2plus_3_3_5plus():
    """MODELS 7: S is .8 after 1 and .26667 after 3."""
    found = waiting([(1, True), (2, False), (3, True), (3, True), (5, False)])
    assert found.done(0) == 0
    assert found.done(1) == pytest.approx(0.2)
    assert found.done(2) == pytest.approx(0.2)
    assert found.done(3) == pytest.approx(1 - 0.8 / 3)
    assert found.done(6) is None, "nobody was watched for so long"
    assert (found.quantile(0.1), found.quantile(0.5), found.quantile(0.9)) == (1, 3, None)
    low, high = found.interval(3)
    assert 0 < low < found.done(3) < high < 1


def test_without_open_waits_it_is_the_plain_share():
    found = waiting([(1, True), (1, True), (4, True), (9, True)])
    assert found.done(4) == 0.75
    assert found.done(100) == 1
    assert found.interval(100) is None
    assert found.interval(0) is None


def test_nobody_waits():
    found = waiting([])
    assert found.done(3) is None
    assert found.interval(3) is None
    assert found.quantile(0.5) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=40))
def test_equals_brute_force(pairs):
    found = waiting(pairs)
    truth = naive_value.kaplan_meier(pairs)
    assert found.length.tolist() == list(truth)
    assert found.still == pytest.approx(np.array(list(truth.values())))
    if pairs and all(over for _, over in pairs):
        for length in truth:
            assert found.done(length) == pytest.approx(Share(sum(at <= length for at, _ in pairs), len(pairs)).rate)
