"""The models give their published values, hold their laws, and keep out of every trap that is known."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.learn.value.beta_bernoulli import BgBb
from afterclick.learn.value.beta_geometric import BgNbd, MbgNbd
from afterclick.learn.value.histories import Histories
from afterclick.learn.value.lifetime import Lifetime
from afterclick.learn.value.models import MODELS
from afterclick.learn.value.outlook import Terms
from afterclick.learn.value.pareto import ParetoNbd
from afterclick.learn.value.spend import GammaGamma, Spent
from support import naive_value

BG = BgNbd((0.243, 4.414, 0.793, 2.426))
"""Fader, Hardie, Lee 2005, table 2."""


def history(x: float, last: float, age: float) -> Histories:
    return Histories.of_values(np.array([x]), np.array([last]), np.array([age]))


def ahead(model: Lifetime, x: float, last: float, age: float, time: float) -> float:
    return float(model.ahead(history(x, last, age), np.array([time]))[0, 0])


def alive(model: Lifetime, x: float, last: float, age: float) -> float:
    return float(model.alive(history(x, last, age))[0])


class TestPublishedValues:
    def test_bg_nbd_chance_of_so_many_purchases(self):
        """BTYD manual, bgnbd.pmf."""
        assert BG.chance(np.array([0]), 39)[0] == pytest.approx(0.5737863521, abs=5e-11)
        assert BG.chance(np.array([10]), 2)[0] == pytest.approx(1.0786896404e-07, rel=1e-10)
        assert BG.chance(np.arange(11, 21), 30) == pytest.approx(
            [0.0019995214, 0.0015170236, 0.0011633150, 0.0009003148, 0.0007023638, 0.0005517902, 0.0004361913, 0.0003467171,
             0.0002769613, 0.0002222260], abs=5e-11,
        )  # fmt: skip

    def test_bg_nbd_expectations_of_the_paper(self):
        exact = BgNbd((0.24259452, 4.413602, 0.79292201, 2.4259068))
        assert ahead(exact, 2, 30.43, 38.86, 39) == pytest.approx(1.226, abs=5e-4)
        assert ahead(exact, 2, 30.43, 38.86, 39) == pytest.approx(1.2259068, abs=5e-8)
        found = exact.fresh(np.array([0.1429, 1, 3, 31.8571, 32, 78]))
        assert found == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576], abs=5e-4)
        assert found == pytest.approx(
            [0.0078160004, 0.0531842916, 0.1506308395, 1.0404891419, 1.0437320436, 1.8579583922], abs=5e-8
        )

    def test_mbg_nbd_expectation(self):
        exact = MbgNbd((0.52484315, 6.1830852, 0.89135939, 1.6140023))
        assert ahead(exact, 2, 30.43, 38.86, 39) == pytest.approx(1.2626692, abs=5e-8)

    def test_pareto_nbd_newcomers(self):
        """BTYD manual, pnbd.Expectation."""
        found = ParetoNbd((0.55, 10.56, 0.61, 11.64)).fresh(np.arange(10.0))
        assert found == pytest.approx(
            [0, 0.05077821, 0.09916088, 0.14542507, 0.18979930, 0.23247466, 0.27361274, 0.31335159, 0.35181024, 0.38909211],
            abs=5e-9,
        )

    def test_pareto_nbd_walkthrough(self):
        """BTYD walkthrough; its own parameters are printed rounded."""
        model = ParetoNbd((0.553, 10.580, 0.606, 11.656))
        assert model.fresh(np.array([52.0]))[0] == pytest.approx(1.473434, abs=0.01)
        assert alive(model, 26, 30.85714, 31) == pytest.approx(0.997874, abs=5e-6)
        assert ahead(model, 26, 30.85714, 31, 52) == pytest.approx(25.45647, abs=0.01)
        assert ahead(model, 26, 30.85714, 31, 52) == pytest.approx(25.4546, abs=5e-5)

    def test_pareto_nbd_alive_and_endless(self):
        model = ParetoNbd((0.55327704, 10.577683, 0.60623995, 11.668734))
        assert alive(model, 0, 0, 38.86) == pytest.approx(0.295095804, abs=5e-9)
        assert alive(model, 2, 30.43, 38.86) == pytest.approx(0.869115665, abs=5e-9)
        for (x, last, age), truth in {
            (0, 0, 38.86): 0.4769155041, (2, 30.43, 38.86): 6.4820334781, (7, 35, 38.86): 20.6525092912,
            (26, 30.857142857, 31): 86.0243713619,
        }.items():  # fmt: skip
            found = model.endless(history(x, last, age), 0.0027)
            assert found is not None
            assert found[0] == pytest.approx(truth, rel=1e-7)

    def test_bg_bb_of_the_donors(self):
        """Fader, Hardie, Shang 2010, tables 3 and 4, and the BTYD manual."""
        exact = BgBb((1.2035224, 0.74971636, 0.65671819, 2.7834421))
        seen = Histories.of_values(np.array([0, 2, 6]), np.array([0, 4, 6]), np.array([6, 6, 6]))
        assert exact.alive(seen) == pytest.approx([0.1081333, 0.5896572, 0.9304336], abs=5e-8)
        assert exact.chance(np.array([0, 6]), 6) * 11_104 == pytest.approx([3454.9, 1253.1], abs=0.05)
        manual = BgBb((1.203528, 0.7497260, 0.6567808, 2.783796))
        assert manual.fresh(np.array([10.0]))[0] == pytest.approx(3.179805, abs=1e-6)
        assert ahead(manual, 0, 0, 6, 10) == pytest.approx(0.1302169, abs=5e-8)
        assert ahead(manual, 4, 5, 6, 10) == pytest.approx(3.627858, abs=5e-7)

    def test_discount_of_a_year_by_months(self):
        """SEMANTICS 10: 10 a month for 12 months at 10 % a year are worth 114.0049."""
        terms = Terms(12, 0.1, 1.0)
        assert 10 * terms.worth.sum() == pytest.approx(114.0049, abs=5e-5)
        assert 1 / terms.worth[0] - 1 == pytest.approx(0.00797414, abs=5e-9)


class TestAgainstTheDefinition:
    CASES = ((0, 0.0, 0.0), (0, 0.0, 20.0), (1, 3.0, 20.0), (1, 20.0, 20.0), (5, 2.0, 30.0), (12, 28.0, 30.0))

    @pytest.mark.parametrize(("kind", "first"), [(BgNbd, 0), (MbgNbd, 1)])
    @pytest.mark.parametrize("values", [(0.243, 4.414, 0.793, 2.426), (1.5, 3.0, 1.0, 2.0), (0.7, 9.0, 3.2, 2.4)])
    def test_bg_and_mbg(self, kind, first, values):
        for x, last, age in self.CASES:
            truth = naive_value.bg_likelihood(values, x, last, age, first)
            assert kind.score(values, history(x, last, age))[0] == pytest.approx(math.log(truth), rel=1e-10, abs=1e-12)
            assert ahead(kind(values), x, last, age, 13) == pytest.approx(
                naive_value.bg_ahead(values, x, last, age, 13, first), rel=1e-6
            )

    @pytest.mark.parametrize("values", [(0.553, 10.578, 0.606, 11.669), (2.0, 5.0, 1.0, 5.0), (0.9, 30.0, 2.5, 3.0)])
    def test_pareto(self, values):
        for x, last, age in self.CASES:
            truth = naive_value.pareto_likelihood(values, x, last, age)
            assert ParetoNbd.score(values, history(x, last, age))[0] == pytest.approx(math.log(truth), rel=1e-9, abs=1e-9)

    def test_bg_bb(self):
        values = (1.2, 0.75, 0.65, 2.78)
        for x, last, periods in ((0, 0, 0), (0, 0, 6), (1, 3, 6), (4, 5, 6), (6, 6, 6), (2, 2, 20)):
            truth = naive_value.bgbb_likelihood(values, x, last, periods)
            assert BgBb.score(values, history(x, last, periods))[0] == pytest.approx(math.log(truth), rel=1e-11, abs=1e-12)

    @pytest.mark.parametrize("kind", list(MODELS.values()))
    def test_gradients_are_the_slopes(self, kind):
        h = Histories.of_values(np.array([0, 0, 1, 3, 7]), np.array([0, 0, 4, 9, 30]), np.array([8, 40, 20, 30, 31]))
        values = np.array([0.8, 3.0, 1.3, 2.2])
        _, slopes = kind.score(values.tolist(), h)
        for place in range(4):
            step = np.zeros(4)
            step[place] = 1e-5
            rise = kind.score((values + step).tolist(), h)[0] - kind.score((values - step).tolist(), h)[0]
            assert slopes[place] == pytest.approx(rise / 2e-5, rel=1e-6, abs=1e-7)

    def test_gamma_gamma_gradient(self):
        spent = Spent(np.array([1, 1, 2, 9]), np.array([4.0, 90.0, 20.5, 33.0]))
        values = np.array([6.0, 3.5, 15.0])
        _, slopes = GammaGamma.score(values.tolist(), spent)
        for place in range(3):
            step = np.zeros(3)
            step[place] = 1e-5
            rise = GammaGamma.score((values + step).tolist(), spent)[0] - GammaGamma.score((values - step).tolist(), spent)[0]
            assert slopes[place] == pytest.approx(rise / 2e-5, rel=1e-6)

    @pytest.mark.parametrize("kind", [BgNbd, MbgNbd, ParetoNbd])
    def test_chances_add_up_to_the_expectation(self, kind):
        model = kind((0.6, 5.0, 1.4, 2.6))
        numbers = np.arange(600)
        chances = model.chance(numbers, 26.0)
        assert chances.sum() == pytest.approx(1, abs=1e-9)
        assert (chances * numbers).sum() == pytest.approx(model.fresh(np.array([26.0]))[0], rel=1e-8)
        assert model.chance(np.array([0, 1]), 0.0) == pytest.approx([1, 0])


class TestTraps:
    PARETO = ParetoNbd((0.55, 10.58, 0.61, 11.67))

    def test_bg_calls_every_one_time_buyer_alive_and_the_default_does_not(self):
        assert alive(BG, 0, 0, 500) == 1
        assert alive(MbgNbd(BG.values), 0, 0, 500) < 0.8
        assert next(iter(MODELS)) == "mbg"

    def test_no_jump_where_gamma_functions_overflow(self):
        assert ahead(self.PARETO, 132, 200, 200, 10) == pytest.approx(6.2060517890, abs=5e-11)
        assert ahead(self.PARETO, 133, 200, 200, 10) == pytest.approx(6.2528722476, abs=5e-11)

    @pytest.mark.parametrize(
        ("x", "last", "age", "truth"),
        [
            (221, 103.42857, 103.57143, 0.999596052318), (254, 97.14286, 97.28571, 0.999558226123),
            (161, 94.71429, 98.00000, 0.749487752258), (204, 98.57143, 99.42857, 0.994255079638),
        ],
    )  # fmt: skip
    def test_heavy_buyers(self, x, last, age, truth):
        assert alive(ParetoNbd((0.5143, 2.8845, 0.2856, 14.1087)), x, last, age) == pytest.approx(truth, abs=5e-13)

    def test_buyers_who_fell_silent(self):
        model = ParetoNbd((10.465, 0.00798565181, 3.0516, 2.820))
        assert alive(model, 40, 5, 6) == pytest.approx(0.00188512818736, rel=1e-10)
        assert alive(model, 50, 1, 37) == pytest.approx(1.41714429e-96, rel=1e-8)
        assert alive(model, 50, 4, 37) == pytest.approx(6.73297488e-60, rel=1e-8)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for x in (400, 500):
                found = alive(model, x, 4, 37)
                assert math.isfinite(found)
                assert found >= 0

    def test_alpha_equal_to_beta_is_continuous(self):
        assert alive(ParetoNbd((0.55, 11, 0.61, 11)), 2, 30.43, 38.86) == pytest.approx(0.866882415632, abs=5e-13)
        assert alive(ParetoNbd((0.55, 11, 0.61, 11.0000001)), 2, 30.43, 38.86) == pytest.approx(0.866882415904, abs=5e-13)

    @pytest.mark.parametrize("kind", [BgNbd, MbgNbd, ParetoNbd, BgBb])
    def test_the_third_parameter_at_one_is_continuous(self, kind):
        """a = 1, s = 1 and gamma = 1 are poles of the printed formulas and nothing else."""
        below, at, above = (ahead(kind((0.8, 5.0, third, 2.5)), 2, 9, 20, 30) for third in (1 - 1e-6, 1.0, 1 + 1e-6))
        assert at == pytest.approx((below + above) / 2, rel=1e-9)
        assert math.isfinite(ahead(kind((0.8, 5.0, 0.3, 2.5)), 2, 9, 20, 260))

    def test_bg_at_a_plus_b_equal_to_one(self):
        near, at = (ahead(BgNbd((0.8, 5.0, 0.4, b)), 0, 0, 20, 30) for b in (0.6 + 1e-7, 0.6))
        assert at == pytest.approx(near, rel=1e-6)

    @pytest.mark.parametrize(("kind", "first"), [(BgNbd, 0), (MbgNbd, 1)])
    def test_steady_buyers_of_a_large_r(self, kind, first):
        """Where the terms of the series change their signs, the mean over the chance to drop out says the same."""
        for values in ((300.0, 3000.0, 1.3, 2.1), (40.0, 400.0, 30.0, 90.0)):
            for x, last, age in ((0, 0.0, 5.0), (1, 5.0, 5.0), (9, 60.0, 90.0)):
                assert ahead(kind(values), x, last, age, 52) == pytest.approx(
                    naive_value.bg_ahead(values, x, last, age, 52, first), rel=1e-6
                )
        low, high = (kind((r, 50.0, 0.7, 1.4)).living(np.array([3]), np.array([20.0]), np.array([9.0, 90.0]))[0]
                     for r in (12.0999, 12.1001))  # fmt: skip
        assert low == pytest.approx(high, rel=1e-4)

    @pytest.mark.parametrize("kind", list(MODELS.values()))
    def test_nothing_is_infinite_whatever_the_history(self, kind):
        h = Histories.of_values(
            np.array([0, 0, 1, 300, 300, 40]), np.array([0, 0, 1, 300, 299, 41]), np.array([0, 2000, 2000, 300, 2000, 41])
        )
        for values in ((0.01, 300.0, 0.01, 0.02), (30.0, 0.5, 20.0, 90.0), (1.0, 1.0, 1.0, 1.0), (5e3, 3e3, 0.4, 4e-3)):
            model = kind(values)
            chance, orders = model.alive(h), model.ahead(h, np.array([1.0, 52.0, 260.0]))
            assert ((chance >= 0) & (chance <= 1)).all()
            assert (np.isfinite(orders) & (orders >= 0)).all()
            assert (np.diff(orders, axis=1) >= -1e-12).all()
            assert np.isfinite(kind.score(values, h)[1]).all()


def buyers(seed: int, n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole days of buyers who come at spread rates and leave at spread chances (the process of MBG/NBD)."""
    rng = np.random.default_rng(seed)
    rate, leave = rng.gamma(0.8, 1 / 5.0, n) / 7, rng.beta(0.9, 2.0, n)
    age = rng.integers(60, 300, n)
    x, last = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for who in range(n):
        at = 0.0
        while rng.random() > leave[who]:
            at += rng.exponential(1 / rate[who])
            if math.ceil(at) > age[who]:
                break
            if math.ceil(at) > last[who]:
                x[who], last[who] = x[who] + 1, math.ceil(at)
    return x, last, age


class TestFits:
    @pytest.mark.parametrize("kind", [MbgNbd, BgNbd, ParetoNbd])
    def test_unit_of_time_changes_nothing_but_the_scale(self, kind):
        x, last, age = buyers(3)
        weeks, days, tenths = (Histories.of_days(x, last, age, unit) for unit in (7.0, 1.0, 0.7))
        one, two, three = (kind.fit(h) for h in (weeks, days, tenths))
        for fit, h, scale in ((two, days, 7.0), (three, tenths, 10.0)):
            assert kind(fit.values).alive(h) == pytest.approx(kind(one.values).alive(weeks), rel=1e-6)
            assert fit.log_likelihood == pytest.approx(one.log_likelihood - x.sum() * math.log(scale), rel=1e-10)
            timed = np.where(kind.timed, scale, 1.0)
            assert np.array(fit.values) == pytest.approx(np.array(one.values) * timed, rel=1e-6)
            assert np.array(fit.errors) == pytest.approx(np.array(one.errors) * timed, rel=1e-4)

    @pytest.mark.parametrize("kind", [MbgNbd, BgNbd, ParetoNbd])
    def test_weighted_equals_exploded(self, kind):
        x, last, age = buyers(4, 300)
        h = Histories.of_days(x, last, age)
        exploded = Histories(x, last / 7, age / 7, np.ones(len(x), np.int64), np.arange(len(x)))
        values = (0.7, 4.0, 0.9, 2.1)
        (one, slopes), (other, others) = kind.score(values, h), kind.score(values, exploded)
        assert one == pytest.approx(other, rel=1e-12)
        assert slopes == pytest.approx(others, rel=1e-9, abs=1e-9)
        assert np.array(kind.fit(h).values) == pytest.approx(np.array(kind.fit(exploded).values), rel=1e-7)

    def test_order_of_the_buyers_changes_no_bit(self):
        x, last, age = buyers(5, 400)
        mixed = np.random.default_rng(1).permutation(len(x))
        one, other = (Histories.of_days(*(column[order] for column in (x, last, age))) for order in (slice(None), mixed))
        assert one.digest == other.digest
        assert MbgNbd.fit(one) == MbgNbd.fit(other)

    def test_parts_of_the_buyers_add_up(self):
        x, last, age = buyers(6, 400)
        values = (0.7, 4.0, 0.9, 2.1)
        whole = MbgNbd.score(values, Histories.of_days(x, last, age))[0]
        parts = [MbgNbd.score(values, Histories.of_days(x[p::3], last[p::3], age[p::3]))[0] for p in range(3)]
        assert whole == pytest.approx(sum(parts), rel=1e-12)

    def test_the_process_that_made_the_buyers_is_found_again(self):
        fit = MbgNbd.fit(Histories.of_days(*buyers(7, 4000)))
        assert not fit.reason
        for name, truth in (("r", 0.8), ("alpha", 5.0), ("a", 0.9), ("b", 2.0)):
            low, high = fit.interval(name)
            wide = (high - low) / 2
            assert low - wide <= truth <= high + wide

    def test_the_maximum_is_one(self):
        h = Histories.of_days(*buyers(8))
        for kind in MODELS.values():
            if kind is BgBb:
                continue
            fit = kind.fit(h)
            for place in range(4):
                for factor in (0.97, 1.03):
                    moved = list(fit.values)
                    moved[place] *= factor
                    assert kind.score(moved, h)[0] < fit.log_likelihood

    def test_refusals_have_a_reason(self):
        few = Histories.of_days(np.array([1] * 49 + [0] * 50), np.array([3] * 49 + [0] * 50), np.array([9] * 99))
        assert MbgNbd.fit(few).reason == "few_repeaters"
        nobody = Histories.of_days(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))
        assert MbgNbd.fit(nobody).reason == "few_repeaters"
        # Everybody buys every day and nobody ever stops: the chance to leave runs towards nothing.
        every = np.full(200, 30)
        assert BgNbd.fit(Histories.of_days(every, every, every)).reason in ("boundary", "flat", "no_convergence")
        same = Spent(np.full(60, 2), np.full(60, 30.0))
        assert GammaGamma.fit(same).reason in ("boundary", "flat", "no_convergence")
        assert GammaGamma.fit(Spent(np.array([1]), np.array([2.0]))).reason == "few_repeaters"

    def test_a_history_that_cannot_be_is_refused(self):
        for x, last, age in ((1, 0, 5), (0, 3, 5), (1, 6, 5), (-1, 0, 5)):
            with pytest.raises(ValueError, match="history"):
                Histories.of_days(np.array([x]), np.array([last]), np.array([age]))
        with pytest.raises(ValueError, match="positive"):
            MbgNbd((0.5, -1.0, 1.0, 1.0))


@settings(max_examples=40, deadline=None)
@given(
    values=st.tuples(*[st.floats(0.05, 20)] * 4), x=st.integers(0, 60), age=st.integers(1, 400), part=st.floats(0.01, 1),
    word=st.sampled_from(["mbg", "bg", "pareto"]),
)  # fmt: skip
def test_silence_never_makes_a_buyer_livelier(values, x, age, part, word):
    model = MODELS[word](values)
    last = max(age * part, 0.01) if x else 0.0
    h = Histories.of_values(np.array([x, x]), np.array([last, last]), np.array([age, age + 10]))
    now, later = model.alive(h)[h.of]
    assert 0 <= later <= now + 1e-12 <= 1 + 1e-11
    assert 0 <= ahead(model, x, last, age, 10) <= ahead(model, x, last, age, 20) + 1e-12
