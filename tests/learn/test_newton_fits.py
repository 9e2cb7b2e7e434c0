"""Newton's method comes to the peak that climbing by the gradient alone comes to, and refuses what that refuses."""

from __future__ import annotations

import numpy as np
import pytest

from afterclick.learn.value import fitting
from afterclick.learn.value.beta_geometric import BgNbd, MbgNbd
from afterclick.learn.value.histories import Histories
from afterclick.learn.value.spend import GammaGamma, Spent

FITTED = {"bg": BgNbd, "mbg": MbgNbd}


def histories(seed, count=400, rate=(0.6, 4.0), leave=(0.9, 2.0)):
    """Weeks of buyers who come at gamma-spread rates and drop out with a beta-spread chance after each purchase."""
    rng = np.random.default_rng(seed)
    own, out = rng.gamma(rate[0], 1 / rate[1], count), rng.beta(*leave, count)
    age = rng.integers(60, 250, count)
    repeats, last = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for i in range(count):
        at = 0.0
        while True:
            at += rng.exponential(7 / max(own[i], 1e-9))
            if at > age[i]:
                break
            if np.ceil(at) > last[i]:
                repeats[i] += 1
                last[i] = int(min(np.ceil(at), age[i]))
            if rng.random() < out[i]:
                break
    return Histories.of_days(repeats, last, age)


def spent(seed, count=300):
    rng = np.random.default_rng(seed)
    return Spent(rng.integers(1, 9, count), 35 * rng.gamma(6.25, 1 / 6.25, count) / rng.gamma(3.74, 1 / 3.74, count))


def differences(score, values):
    """The second derivatives from those of the gradient."""
    rows = []
    for place in range(len(values)):
        step = np.zeros(len(values))
        step[place] = 1e-5
        rows.append((score((values + step).tolist())[1] - score((values - step).tolist())[1]) / 2e-5)
    return np.array(rows)


@pytest.mark.parametrize("model", [BgNbd, MbgNbd])
@pytest.mark.parametrize("values", [(0.3, 4.0, 0.7, 2.1), (2.0, 0.5, 3.0, 0.4), (0.05, 30.0, 0.02, 9.0)])
def test_second_derivatives_of_lifetimes_are_those_of_the_gradient(model, values):
    h, at = histories(1), np.array(values)
    value, gradient, bend = model.curved(at.tolist(), h)
    assert (value, gradient.tolist()) == (model.score(at.tolist(), h)[0], model.score(at.tolist(), h)[1].tolist())
    assert bend == pytest.approx(differences(lambda given: model.score(given, h), at), rel=1e-4, abs=1e-3)
    assert bend.tolist() == bend.T.tolist()


@pytest.mark.parametrize("values", [(6.0, 4.0, 15.0), (0.5, 1.2, 80.0)])
def test_second_derivatives_of_gamma_gamma_are_those_of_the_gradient(values):
    s, at = spent(1), np.array(values)
    bend = GammaGamma.curved(at.tolist(), s)[2]
    assert bend == pytest.approx(differences(lambda given: GammaGamma.score(given, s), at), rel=1e-4, abs=1e-3)


def alike(fit, monkeypatch):
    """The fit by Newton's method, which must not have given up, and by the gradient."""
    went = []
    newton = fitting._newton
    with monkeypatch.context() as patched:
        patched.setattr(fitting, "_newton", lambda *given: went.append(newton(*given)) or went[-1])
        ours = fit()
        patched.setattr(fitting, "_newton", lambda *given: None)
        theirs = fit()
    assert ours.reason == theirs.reason
    if not ours.reason:
        assert went[0] is not None
        assert ours.values == pytest.approx(theirs.values, rel=1e-6)
        assert ours.errors == pytest.approx(theirs.errors, rel=1e-4)
        assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, rel=1e-12)
    return ours


@pytest.mark.parametrize("word", FITTED)
@pytest.mark.parametrize("seed", range(8))
def test_lifetimes_are_fitted_alike(word, seed, monkeypatch):
    h = histories(seed, rate=((0.6, 4.0), (2.5, 3.0), (0.2, 6.0))[seed % 3], leave=((0.9, 2.0), (3.0, 5.0))[seed % 2])
    alike(lambda: FITTED[word].fit(h), monkeypatch)


@pytest.mark.parametrize("seed", range(4))
def test_values_of_purchases_are_fitted_alike(seed, monkeypatch):
    assert not alike(lambda: GammaGamma.fit(spent(seed)), monkeypatch).reason


@pytest.mark.parametrize("word", FITTED)
@pytest.mark.parametrize(
    "columns",
    [
        (np.full(90, 3), np.full(90, 30), np.full(90, 100)),
        (np.arange(90) % 7 + 1, np.full(90, 100), np.full(90, 100)),
        (np.full(90, 1), np.arange(90) + 1, np.full(90, 100)),
    ],
)
def test_what_has_no_peak_is_refused_alike(word, columns, monkeypatch):
    h = Histories.of_days(*columns)
    assert alike(lambda: FITTED[word].fit(h), monkeypatch).reason


def test_buyers_who_spend_alike_are_refused_alike(monkeypatch):
    s = Spent(np.arange(200) % 5 + 1, np.full(200, 20.0))
    assert alike(lambda: GammaGamma.fit(s), monkeypatch).reason in ("boundary", "flat", "no_convergence")
