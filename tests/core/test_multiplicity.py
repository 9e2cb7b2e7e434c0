"""q-values and Holm's p-values against published examples, hand examples, and their definitions in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.core.multiplicity import benjamini_hochberg

# Benjamini & Hochberg 1995, section 4.1: fifteen p-values; their procedure at .05 rejects the first four, Bonferroni three.
PUBLISHED = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
]  # fmt: skip

p_values = st.lists(st.integers(0, 40).map(lambda part: part / 40), max_size=25)


def test_benjamini_and_hochberg_1995() -> None:
    q = benjamini_hochberg(np.array(PUBLISHED))
    assert int((q <= 0.05).sum()) == 4
    assert q[3] == pytest.approx(0.0095 * 15 / 4)
    # The least of each p times 15 over its rank and of all that follow.
    expected = [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.06385714, 0.06385714, 0.0645, 0.0765, 0.486, 0.58118182,
                0.714875, 0.75323077, 0.81321429, 1.0]  # fmt: skip
    assert q == pytest.approx(expected, abs=5e-9)


def test_by_hand() -> None:
    assert benjamini_hochberg([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04] * 4)
    assert benjamini_hochberg([0.03]).tolist() == [0.03]


def test_a_p_on_the_limit_stays_on_it() -> None:
    for count in range(1, 60):
        assert benjamini_hochberg([0.05] * count).tolist() == [0.05] * count


def test_nothing() -> None:
    assert benjamini_hochberg([]).tolist() == []


@pytest.mark.parametrize("wrong", [np.nan, -0.01, 1.01, np.inf])
def test_what_is_no_p_value_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="is no p-value"):
        benjamini_hochberg(np.array([0.5, wrong]))


def test_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="dimensions"):
        benjamini_hochberg(np.zeros((2, 2)))


@given(p=p_values, seed=st.randoms(use_true_random=False))
def test_laws(p, seed) -> None:
    adjusted = benjamini_hochberg(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= 1).all()
    for one, other in zip(p, adjusted.tolist(), strict=True):
        # Ties are exact, and a smaller p never gets a larger value.
        assert all(second >= other for first, second in zip(p, adjusted.tolist(), strict=True) if first >= one)
    shuffled = list(range(len(p)))
    seed.shuffle(shuffled)
    assert benjamini_hochberg([p[i] for i in shuffled]).tolist() == [adjusted[i] for i in shuffled]


@given(p=p_values)
def test_as_defined_in_fractions(p) -> None:
    exact, count = [Fraction(value) for value in p], len(p)
    ranked = sorted(exact)
    for value, q in zip(exact, benjamini_hochberg(p), strict=True):
        later = [ranked[j] * count / (j + 1) for j in range(count) if ranked[j] >= value]
        assert q == pytest.approx(float(min([*later, Fraction(1)])), rel=1e-12)
