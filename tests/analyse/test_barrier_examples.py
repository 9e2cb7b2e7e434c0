"""The worked examples of barriers and money at risk, by name (SEMANTICS: barriers and money at risk)."""

from __future__ import annotations

import numpy as np
import pytest

from afterclick.analyse.barrier_total import Loss, total_at_risk
from afterclick.analyse.matching import LEAST, Trial, contrast, crossed, weights
from afterclick.analyse.recipes import RECIPES, recipe_of
from afterclick.core import i18n

AOV = 50_000


def trial(*groups):
    """Groups (met, visits, orders, stratum) as a trial; every order is worth AOV."""
    met = np.concatenate([np.full(visits, side) for side, visits, _, _ in groups]).astype(bool)
    won = np.concatenate([np.arange(visits) < orders for _, visits, orders, _ in groups])
    stratum = np.concatenate([np.full(visits, name) for _, visits, _, name in groups])
    whole = np.zeros(len(met), np.int64)
    return Trial(met, won, won * float(AOV), [stratum, whole])


def test_example_overlaps_are_not_added_twice():
    # Met by 200 at .15, and by 100 (40 of them also the first) at .10, an order 50,000: 1,800,000 and not 2,000,000.
    first, second = np.arange(200), np.arange(160, 260)
    own, whole, _ = total_at_risk([Loss(first, 0.15 * AOV, 0.0), Loss(second, 0.10 * AOV, 0.0)])
    assert own == [pytest.approx(1_500_000), pytest.approx(300_000)]
    assert whole == pytest.approx(1_800_000)
    assert pytest.approx(2_000_000) == 200 * 0.15 * AOV + 100 * 0.10 * AOV


def test_example_money_is_those_who_did_not_go_on_times_the_share_that_would_have():
    found = contrast(trial((True, 200, 50, 0), (False, 400, 160, 0)))
    p1, p0 = found.met_rate, found.expected_rate
    assert (p1, p0) == (0.25, pytest.approx(0.40))
    at_risk = 200 * found.shortfall
    assert at_risk == pytest.approx(200 * (p0 - p1) * AOV)
    assert at_risk == pytest.approx(1_500_000)
    lost = 200 * (1 - p1)
    assert at_risk == pytest.approx(lost * (p0 - p1) / (1 - p1) * AOV)
    assert lost * (p0 - p1) * AOV < at_risk


def test_controls_are_weighted_to_the_strata_of_the_met():
    # Phones buy less often than desktops, and the barrier is met on phones: unmatched it would seem twice as large.
    found = contrast(
        trial((True, 90, 9, 0), (True, 10, 4, 1), (False, 100, 20, 0), (False, 300, 240, 1))
    )
    assert found.met_rate == pytest.approx(0.13)
    assert found.expected_rate == pytest.approx(0.9 * 0.2 + 0.1 * 0.8)
    assert 2 * found.difference < 260 / 400 - 0.13


def test_a_stratum_under_ten_controls_merges_into_the_coarser_one():
    met = np.array([True] * 5 + [False] * (LEAST - 1) + [False] * 20)
    fine = np.array([0] * 5 + [0] * (LEAST - 1) + [1] * 20)
    share, unmatched = weights(met, [fine, np.zeros(len(met), np.int64)])
    assert unmatched == 0
    assert share[met].sum() == 0
    assert share[~met] == pytest.approx(np.full(29, 1 / 29))


def test_visits_without_any_controls_are_said_and_not_guessed():
    met = np.array([True, True, False])
    share, unmatched = weights(met, [np.zeros(3, np.int64)])
    assert (share.sum(), unmatched) == (0, 2)
    assert contrast(Trial(met, met, met * 1.0, [np.zeros(3, np.int64)])) is None


def test_larger_baskets_count_besides_more_orders():
    # As many orders on both sides, but half as large: the money is what the orders are short of.
    half = trial((True, 100, 30, 0), (False, 100, 30, 0))
    worth = np.where(half.met, half.worth / 2, half.worth)
    found = contrast(half._replace(worth=worth))
    assert found.difference == pytest.approx(0)
    assert found.shortfall == pytest.approx(0.3 * AOV / 2)
    assert (found.met_value, found.expected_value) == (AOV / 2, pytest.approx(AOV))


def test_no_order_on_a_side_is_no_certainty():
    found = contrast(trial((True, 40, 0, 0), (False, 4000, 80, 0)))
    assert found.met_rate == 0
    assert found.deviation > 0
    assert found.p_value > 0.05
    assert found.met_value is None


def test_strata_are_one_code_per_combination():
    a, b = np.array([0, 1, 0, 1, 2]), np.array([3, 3, 0, 3, 1])
    codes = crossed(a, b)
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    assert [[codes[i] == codes[j] for j in range(5)] for i in range(5)] == [[p == q for q in pairs] for p in pairs]
    wide = crossed(*(np.array([0, 70_000, 70_000]) for _ in range(5)))
    assert wide[0] != wide[1] == wide[2]


@pytest.mark.parametrize(
    ("kind", "name", "recipe"),
    [
        ("error", "Coupon Denied", "check_discount_field"),
        ("touchpoint", "/checkout/shipping-fee", "show_shipping_early"),
        ("slow", "/checkout/shipping", "speed_up_page"),
        ("landing", "/event/autumn/**", "test_landing_page"),
        ("error", "Form Error", "repair_error"),
        ("touchpoint", "/약관", "simplify_step"),
        ("error", "쿠폰 거절", "check_discount_field"),
    ],
)
def test_a_barrier_has_a_next_action(kind, name, recipe):
    assert recipe_of(kind, name) == recipe


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_told_in_both_languages(recipe):
    for lang in ("en", "ko"):
        assert i18n.find(lang, f"recipe.{recipe}")
        assert i18n.find(lang, f"recipe.{recipe}_why")
