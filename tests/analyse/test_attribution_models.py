"""Models on paths alone: equal to brute force, and unmoved by what trips others up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.analyse.attribution.markov import Effects, counted, markov, removal, transitions
from afterclick.analyse.attribution.paths import Paths, credited
from afterclick.analyse.attribution.rules import RULES, Trails, apportioned, parted, trails, weights
from afterclick.analyse.attribution.shapley import _sampled, shapley, shapley_rates
from afterclick.core.errors import SpecError
from support import naive_attribution as naive

SETTINGS = settings(max_examples=60, deadline=None)
NAMES = ("a", "b", "c", "d > e", "f")

path = st.tuples(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=6), st.integers(0, 4), st.integers(-50, 50), st.integers(0, 4)
)
rows = st.lists(path, min_size=1, max_size=12)


def of(given_rows):
    return Paths.of(given_rows), [(tuple(values), hits, misses) for values, hits, _, misses in given_rows]


@SETTINGS
@given(rows)
def test_removal_effects_from_one_inverse_are_those_of_chains_solved_again(drawn):
    paths, listed = of(drawn)
    found, wanted = markov(paths), naive.markov(listed)
    if not paths.conversions.sum():
        assert found.shares is None
        assert not found.effects.any()
        return
    assert dict(zip(paths.names, found.effects, strict=True)) == pytest.approx(wanted, abs=1e-9)
    hits = sum(hits for _, hits, _ in listed)
    assert found.rate == pytest.approx(hits / (hits + sum(misses for *_, misses in listed)))
    if found.conversions is not None:
        assert found.conversions.sum() == pytest.approx(paths.conversions.sum())


@settings(max_examples=25, deadline=None)
@given(rows, st.integers(2, 3))
def test_longer_memories_are_those_of_chains_solved_again(drawn, order):
    paths, listed = of(drawn)
    wanted = naive.markov(listed, order)
    found = markov(paths, order)
    if paths.conversions.sum():
        assert dict(zip(paths.names, found.effects, strict=True)) == pytest.approx(wanted, abs=1e-9)


@SETTINGS
@given(rows)
def test_a_memory_of_whole_paths_loses_just_the_paths_with_a_value(drawn):
    paths, listed = of(drawn)
    hits = sum(hits for _, hits, _ in listed)
    if hits:
        found = dict(zip(paths.names, markov(paths, 6).effects, strict=True))
        wanted = {name: sum(hits for values, hits, _ in listed if name in values) / hits for name in paths.names}
        assert found == pytest.approx(wanted, abs=1e-9)


@SETTINGS
@given(rows)
def test_collapsing_changes_no_markov_credit(drawn):
    paths = of(drawn)[0]
    assert markov(paths.transformed(("collapse",))).effects == pytest.approx(markov(paths).effects, abs=1e-9)


@SETTINGS
@given(rows)
def test_shapley_in_closed_form_is_that_of_all_sets(drawn):
    paths, _ = of(drawn)
    listed = [(tuple(values), hits, value) for values, hits, value, _ in drawn]
    conversions, value = shapley(paths)
    wanted = naive.shapley(listed, lambda some: sum(hits for _, hits, _ in some))
    worth = naive.shapley(listed, lambda some: sum(value for *_, value in some))
    assert dict(zip(paths.names, conversions, strict=True)) == pytest.approx({k: float(v) for k, v in wanted.items()})
    assert dict(zip(paths.names, value, strict=True)) == pytest.approx({k: float(v) for k, v in worth.items()})


@SETTINGS
@given(rows)
def test_shapley_of_rates_is_that_of_all_sets_and_sums_to_the_rate(drawn):
    paths, listed = of(drawn)

    def rate(some):
        tries = sum(hits + misses for _, hits, misses in some)
        return sum(hits for _, hits, _ in some) / tries if tries else 0.0

    found = shapley_rates(paths)
    wanted = naive.shapley(listed, rate)
    assert dict(zip(paths.names, found.effects, strict=True)) == pytest.approx({k: float(v) for k, v in wanted.items()})
    assert found.effects.sum() == pytest.approx(rate(listed))
    drawn_again = _sampled(paths, 400, np.random.default_rng(1))
    assert drawn_again.effects.sum() == pytest.approx(rate(listed))
    # Six standard errors, and the error is not known where all draws agreed.
    assert np.all(np.abs(drawn_again.effects - found.effects) <= 6 * drawn_again.errors + 1e-9)


def test_more_values_than_sets_can_be_listed_are_sampled_with_their_error():
    rng = np.random.default_rng(3)
    drawn = [([f"v{i}" for i in rng.choice(18, 3)], int(rng.integers(3)), 1, int(rng.integers(4))) for _ in range(300)]
    paths = Paths.of(drawn)
    found, again = shapley_rates(paths, 300, seed=1), shapley_rates(paths, 300, seed=2)
    assert found.errors is not None
    assert (found.errors > 0).all()
    assert found.effects.sum() == pytest.approx(paths.conversions.sum() / (paths.conversions + paths.nulls).sum())
    assert np.abs(found.effects - again.effects).max() < 8 * found.errors.max()
    assert shapley_rates(paths, 300, seed=1).effects.tolist() == found.effects.tolist()


def test_twelve_values_as_by_all_sets():
    rng = np.random.default_rng(5)
    drawn = [([f"v{i:02}" for i in rng.choice(12, 4)], int(rng.integers(4)), 0, 1) for _ in range(40)]
    paths = Paths.of(drawn)
    listed = [(tuple(values), hits) for values, hits, *_ in drawn]
    wanted = naive.shapley(listed, lambda some: sum(hits for _, hits in some))
    assert shapley(paths)[0] == pytest.approx([float(wanted[name]) for name in paths.names], abs=1e-9)


def test_rows_repeat_and_a_path_both_converts_and_does_not():
    twice = Paths.of([(("a", "b"), 1, 5, 2), (("a", "b"), 2, 7, 1)])
    once = Paths.of([(("a", "b"), 3, 12, 3)])
    assert len(twice) == len(once) == 1
    for name in ("conversions", "value", "nulls"):
        assert getattr(twice, name).tolist() == getattr(once, name).tolist()


def test_names_may_hold_what_separates_paths_elsewhere():
    paths = Paths.of([(("a > b", "c"), 1, 1, 0), (("a", "b > c"), 1, 1, 0)])
    assert paths.names == ("a", "a > b", "b > c", "c")
    assert credited(paths, "first")[0].tolist() == [1, 1, 0, 0]


def test_a_value_only_on_lost_paths_gets_nothing_and_no_nan():
    paths = Paths.of([(("a",), 2, 2, 1), (("b",), 0, 0, 5)])
    for nulls in (True, False):
        found = markov(paths, nulls=nulls)
        assert found.conversions.tolist() == [2, 0]
    assert shapley(paths)[0].tolist() == [2, 0]
    assert np.isfinite(shapley_rates(paths).effects).all()


def test_paths_of_one_touch():
    paths = Paths.of([(("a",), 1, 10, 0), (("b",), 3, 30, 0)])
    for order in (1, 2, 5):
        assert markov(paths, order).conversions == pytest.approx([1, 3])
    assert credited(paths, "position")[1].tolist() == [10, 30]


def test_no_path_at_all_and_no_conversion_at_all():
    none = Paths.of([((), 1, 1, 1)])
    assert (len(none), none.names) == (0, ())
    assert markov(none).conversions is None
    assert shapley_rates(none).effects.tolist() == []
    assert credited(none, "linear")[0].tolist() == []
    lost = Paths.of([(("a",), 0, 0, 3)])
    for order in (1, 3):
        assert markov(lost, order).shares is None
        assert markov(lost, order).rate == 0
    assert Effects(0.0, np.zeros(2), 0.0).conversions is None


def test_direct_is_handled_before_the_model_and_not_after():
    paths = Paths.of([(("direct", "email", "direct"), 4, 4, 0), (("direct",), 2, 2, 6)])
    before = paths.transformed(("drop:direct",))
    assert dict(zip(before.names, markov(before).conversions, strict=True)) == pytest.approx({"direct": 2, "email": 4})
    after = markov(paths).conversions
    assert not np.allclose(after, markov(before).conversions)


def test_counts_below_zero_are_refused_and_refunds_are_not():
    with pytest.raises(SpecError):
        Paths.of([(("a",), -1, 0, 0)])
    paths = Paths.of([(("a", "b"), 1, -10, 0)])
    assert credited(paths, "linear")[1].tolist() == [-5, -5]
    with pytest.raises(SpecError):
        credited(paths, "time_decay")


def test_chains_solved_together_are_those_solved_alone():
    rng = np.random.default_rng(2)
    every = [Paths.of([([f"v{i}" for i in rng.choice(4, 3)], 1, 1, int(rng.integers(3))) for _ in range(9)]
                      + [(tuple(f"v{i}" for i in range(4)), 1, 1, 1)]) for _ in range(5)]  # fmt: skip
    moves = np.stack([counted(one) for one in every])
    rate, effects = removal(moves)
    for i, one in enumerate(every):
        alone = removal(counted(one))
        assert rate[i] == pytest.approx(alone[0])
        assert effects[i] == pytest.approx(alone[1])
        assert transitions(moves)[i].sum(axis=1) == pytest.approx(np.ones(5))


lengths = st.lists(st.integers(1, 40), min_size=1, max_size=6)


@SETTINGS
@given(lengths, st.randoms(use_true_random=False), st.sampled_from([1, 100, 10_000]))
def test_weights_sum_to_one_and_amounts_to_the_smallest_coin(drawn, rng, unit):
    offsets = np.append(0, np.cumsum(drawn))
    age = np.concatenate([np.sort([rng.randrange(10**12) for _ in range(n)])[::-1] for n in drawn])
    flags = np.array([[rng.random() < 0.5 for _ in age] for _ in range(2)])
    paths = Trails(offsets, age, *flags)
    amount = np.array([rng.randrange(-(10**9), 10**9) * unit for _ in drawn])
    for rule in RULES:
        weight = weights(rule, paths, 7 * 86_400 * 10**6, (1.0, 5.0, 2.0))
        assert np.add.reduceat(weight, offsets[:-1]) == pytest.approx(np.ones(len(drawn)))
        assert (weight >= 0).all()
        money = apportioned(offsets, weight, amount, np.full(len(drawn), unit))
        assert np.add.reduceat(money, offsets[:-1]).tolist() == amount.tolist()
        assert not (money % unit).any()
        assert np.abs(money - weight * np.repeat(amount, drawn)).max() <= unit + abs(amount).max() * 1e-12
        parts = parted(offsets, weight, np.full(len(drawn), 10**9))
        assert np.add.reduceat(parts, offsets[:-1]).tolist() == [10**9] * len(drawn)
        for low, high in pairwise(offsets):
            if high - low == 1:
                assert weight[low] == 1


def test_largest_remainder_ties_to_the_earlier_touch():
    paths = trails(np.array([0, 3, 7]))
    weight = weights("linear", paths)
    money = apportioned(paths.offsets, weight, np.array([100, -2]), np.array([1, 1]))
    assert money.tolist() == [34, 33, 33, -1, -1, 0, 0]
