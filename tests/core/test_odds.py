"""Odds ratios against the worked example of the definitions, and their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.core.odds import odds_ratios

counts = st.integers(0, 10_000)


def test_the_worked_example() -> None:
    found = odds_ratios(60, 40, 140, 760)
    assert found.ratio[0] == pytest.approx(8.0299, abs=5e-5)
    assert found.low[0] == pytest.approx(5.1991, abs=5e-5)
    assert found.high[0] == pytest.approx(12.4022, abs=5e-5)
    z = math.log(61 * 761 / (41 * 141)) / math.sqrt(1 / 61 + 1 / 41 + 1 / 141 + 1 / 761)
    assert found.p[0] == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-9)
    assert 0 < found.p[0] < 1e-19


def test_equal_odds_are_no_difference() -> None:
    found = odds_ratios(9, 9, 99, 99)
    assert found.ratio[0] == 1
    assert found.p[0] == 1


def test_a_p_of_five_percent_is_where_the_interval_ends_at_one() -> None:
    for without_no in range(1, 200):
        found = odds_ratios(29, 20, 19, without_no)
        outside = not found.low[0] <= 1 <= found.high[0]
        assert outside == (found.p[0] < 0.05)


def test_empty_cells_stay_finite() -> None:
    found = odds_ratios([0, 100, 0], [0, 0, 50], [0, 0, 50], [0, 100, 0])
    assert np.isfinite(found.ratio).all()
    assert (found.low < found.ratio).all()
    assert (found.ratio < found.high).all()
    assert found.ratio[0] == 1


def test_wrong_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="at least zero"):
        odds_ratios(1, 2, -1, 3)
    with pytest.raises(ValueError, match="at least zero"):
        odds_ratios(1, 2, np.nan, 3)
    with pytest.raises(ValueError, match="length"):
        odds_ratios([1, 2], 1, 1, 1)


@given(a=counts, b=counts, c=counts, d=counts)
def test_swapping_the_groups_inverts_the_ratio(a, b, c, d) -> None:
    here, there = odds_ratios(a, b, c, d), odds_ratios(c, d, a, b)
    assert here.ratio[0] == pytest.approx(1 / there.ratio[0])
    assert here.low[0] == pytest.approx(1 / there.high[0])
    assert here.p[0] == pytest.approx(there.p[0])
