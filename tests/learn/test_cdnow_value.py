"""The published fits of the CDNOW sample and of the donors, from the raw files and from a store that imported them."""

from __future__ import annotations

import csv
import gzip
from datetime import date
from typing import Any

import numpy as np
import pytest

import afterclick
from afterclick import Value
from afterclick.learn.value import holdout
from afterclick.learn.value.beta_bernoulli import BgBb
from afterclick.learn.value.fits import spent_of
from afterclick.learn.value.histories import Histories
from afterclick.learn.value.models import MODELS
from afterclick.learn.value.outlook import Outlook, Terms
from afterclick.learn.value.purchases import Counted, Purchases
from afterclick.learn.value.spend import GammaGamma, Spent
from support.development_data import data_folder

pytestmark = pytest.mark.real
SPLIT = date(1997, 9, 30).toordinal()
TERMS = Terms(12, 1.01**12 - 1, 1.0)

FITS: dict[str, Any] = {
    "bg": ((0.24259452, 4.413602, 0.79292201, 2.4259068), -9582.429207, (0.0125574, 0.378224, 0.185734, 0.705413)),
    "pareto": ((0.55327704, 10.577683, 0.60623995, 11.668734), -9594.976179, (0.0476279, 0.842723, 0.187281, 6.2111)),
    "mbg": ((0.52484315, 6.1830852, 0.89135939, 1.6140023), -9582.135716, (0.0832681, 0.695620, 0.154789, 0.537493)),
}
"""Exact optima; published values stand in the test."""


def lines(name: str) -> list[list[str]]:
    with gzip.open(data_folder("cdnow") / name, "rt", encoding="ascii") as file:
        return [line.split() for line in file]


def summary() -> list[dict[str, str]]:
    with gzip.open(data_folder("cdnow") / "cdnow_customers_summary_with_transactions.csv.gz", "rt", encoding="ascii") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def purchases() -> Purchases:
    """The sample's days of purchase, to the middle of 1998."""
    spent: dict[tuple[str, int], int] = {}
    for row in lines("CDNOW_sample.txt.gz"):
        day = date.fromisoformat(f"{row[2][:4]}-{row[2][4:6]}-{row[2][6:]}").toordinal()
        spent[row[0], day] = spent.get((row[0], day), 0) + round(float(row[4]) * 10_000)
    buyers, days = zip(*sorted(spent), strict=True)
    names, of = np.unique(np.array(buyers), return_inverse=True)
    amounts = np.array([spent[key] for key in sorted(spent)], np.int64)
    return Purchases(np.arange(len(names)), of, np.array(days, np.int64), amounts, date(1998, 6, 30).toordinal(), False)


@pytest.fixture(scope="module")
def before(purchases):
    return purchases.up_to(SPLIT)


def test_the_sample_is_the_published_one(purchases, before):
    counted = before.counted("day")
    h = counted.histories
    assert (h.customers, int(counted.repeats.sum()), h.repeaters, len(h)) == (2_357, 2_457, 946, 1_016)
    assert h.age.max() == 272 / 7
    assert purchases.after(SPLIT, before.buyers).sum() == 1_882
    assert holdout.split_of(purchases, 0) == SPLIT
    assert (purchases.after(SPLIT, before.buyers) > 0).mean() == pytest.approx(0.2902, abs=5e-5)


@pytest.mark.parametrize("word", list(FITS))
def test_fits(before, word):
    values, log_likelihood, errors = FITS[word]
    h = before.counted("day").histories
    fit = MODELS[word].fit(h)
    # At the eighth digit of a parameter the likelihood is flat to the last bit: neither climb is the better one.
    assert fit.log_likelihood >= MODELS[word].score(values, h)[0] - 1e-10
    assert np.array(fit.values) == pytest.approx(np.array(values), rel=2e-7)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=5e-7)
    # The errors to compare with come from coarser differences than ours.
    assert np.array(fit.errors) == pytest.approx(np.array(errors), rel=2e-5)


def test_published_parameters(before):
    """BG/NBD: the paper and CLVTools; Pareto/NBD: the same with standard errors; MBG/NBD: BTYDplus."""
    h = before.counted("day").histories
    bg, pareto, mbg = (MODELS[word].fit(h) for word in ("bg", "pareto", "mbg"))
    assert [round(value, 3) for value in bg.values] == [0.243, 4.414, 0.793, 2.426]
    assert bg.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert np.array(bg.values) == pytest.approx(np.array([0.2425945, 4.4136019, 0.7929199, 2.4258881]), rel=1e-5)
    assert [round(value, 3) for value in pareto.values] == [0.553, 10.578, 0.606, 11.669]
    assert pareto.log_likelihood == pytest.approx(-9595.0, abs=0.05)
    assert np.array(pareto.errors) == pytest.approx(np.array([0.0476264, 0.8427222, 0.1872594, 6.2105448]), rel=2e-4)
    assert [round(value, 3) for value in mbg.values] == [0.525, 6.183, 0.891, 1.614]


def test_gamma_gamma(before):
    """Note 025 prints p 6.25, q 3.74, γ 15.44 and −4055.92 for 946 repeaters."""
    spent = spent_of(before.counted("day"))
    fit = GammaGamma.fit(spent)
    assert fit.rows == 946
    assert np.array(fit.values) == pytest.approx(np.array([6.2495721, 3.7442246, 15.443521]), rel=2e-7)
    assert fit.log_likelihood == pytest.approx(-4055.917695, abs=5e-7)
    assert [round(value, 2) for value in fit.values] == [6.25, 3.74, 15.44]
    assert np.array(fit.errors) == pytest.approx(np.array([1.19007, 0.290135, 4.15946]), rel=2e-5)
    assert spent.correlation() == pytest.approx(0.1139, abs=5e-5)


def test_gamma_gamma_of_the_rounded_summary():
    """The summary file holds the same customers with rounded times and means; conditional means as note 025 prints them."""
    rows = summary()
    x, mean = (np.array([float(row[name]) for row in rows]) for name in ("x", "zbar"))
    order = np.lexsort((mean[x > 0], x[x > 0]))
    fit = GammaGamma.fit(Spent(x[x > 0][order].astype(np.int64), mean[x > 0][order]))
    assert np.array(fit.values) == pytest.approx(np.array([6.2488023, 3.7445884, 15.447748]), rel=2e-7)
    assert fit.log_likelihood == pytest.approx(-4055.923244, abs=5e-7)
    printed = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert GammaGamma(fit.values).expected(x[:10], mean[:10]) == pytest.approx(printed, abs=0.011)
    rounded = [24.6637, 18.9169, 35.2190, 35.2190, 35.2190, 71.4697, 18.9169, 35.2190, 27.2884, 35.2190]
    assert GammaGamma((6.25, 3.74, 15.44)).expected(x[:10], mean[:10]) == pytest.approx(rounded, abs=5.1e-5)


@pytest.mark.parametrize(
    ("word", "total", "correlation", "error", "alive"),
    [
        ("bg", 1653.4087, 0.625647, 0.785454, 0.813440), ("mbg", 1576.7283, 0.627253, 0.764779, 0.448721),
        ("pareto", 1665.5131, 0.630223, 0.754523, 0.446277),
    ],
)  # fmt: skip
def test_what_the_models_foresaw(purchases, before, word, total, correlation, error, alive):
    """Published correlations: .626 and .630 (Fader, Hardie, Lee 2005)."""
    counted = before.counted("day")
    model = MODELS[word](MODELS[word].fit(counted.histories).values)
    held = holdout.holdout(purchases, before, counted, model, False)
    found = held.rules(word)[0]
    assert (found["total"], found["actual"]) == (pytest.approx(total, abs=5e-5), 1_882)
    assert found["correlation"] == pytest.approx(correlation, abs=5e-7)
    assert found["error"] == pytest.approx(error, abs=5e-7)
    assert model.alive(counted.histories)[counted.histories.of].mean() == pytest.approx(alive, abs=5e-7)
    recency = held.rules(word)[2]
    assert recency["auc"] == pytest.approx(0.7714, abs=5e-5)
    if word == "bg":
        assert found["auc"] == pytest.approx(0.7725, abs=5e-5)


def test_discounted_value(before):
    """12 months, 1 % a month, margin 1, BG/NBD with Gamma-Gamma."""
    counted = before.counted("day")
    model = MODELS["bg"](MODELS["bg"].fit(counted.histories).values)
    spend = GammaGamma(GammaGamma.fit(spent_of(counted)).values)
    outlook = Outlook(model, counted, model, counted.histories, spend, TERMS)
    assert outlook.clv is not None
    assert outlook.clv.sum() == pytest.approx(71_507.952, abs=5e-4)
    assert outlook.clv.mean() == pytest.approx(30.338546, abs=5e-7)
    assert sum(today or 0.0 for _, _, today in outlook.months()) == pytest.approx(71_507.952, abs=5e-4)


def test_discounted_value_of_the_rounded_summary():
    """lifetimes 0.11.3 gives 71,509.89 and 36.2785 4.6375 8.3441."""
    rows = summary()
    x, last, age, mean = (np.array([float(row[name]) for row in rows]) for name in ("x", "t_x", "T", "zbar"))
    h = Histories.of_values(x, last, age)
    counted = Counted(x.astype(np.int64), mean, h)
    model = MODELS["bg"](MODELS["bg"].fit(h).values)
    outlook = Outlook(model, counted, model, h, GammaGamma(GammaGamma.fit(spent_of(counted)).values), TERMS)
    assert outlook.clv is not None
    assert outlook.clv.sum() == pytest.approx(71_509.90, abs=0.005)
    assert outlook.clv.mean() == pytest.approx(30.33937, abs=5e-6)
    assert outlook.clv[:5] == pytest.approx([36.27850, 4.63747, 8.34409, 8.34409, 8.34409], abs=5e-6)


def test_the_donors_of_bg_bb():
    """Fader, Hardie, Shang 2010, table 3: 1.204, .750, .657, 2.783 and −33225.6."""
    with (data_folder("cdnow") / "bgbb_donations.csv").open(encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    columns = [np.array([int(row[name]) for row in rows]) for name in ("frequency", "recency", "periods", "weights")]
    h = Histories.of_values(*columns)
    fit = BgBb.fit(h)
    assert np.array(fit.values) == pytest.approx(np.array([1.2035224, 0.74971636, 0.65671819, 2.7834421]), rel=2e-7)
    assert [round(value, 3) for value in fit.values] == [1.204, 0.750, 0.657, 2.783]
    assert fit.log_likelihood == pytest.approx(-33225.581274, abs=5e-7)
    assert np.array(fit.errors) == pytest.approx(np.array([0.0693914, 0.0294477, 0.0510097, 0.320818]), rel=2e-5)
    orders = BgBb(fit.values).ahead(h, np.array([5.0]))[:, 0]
    assert (orders * h.count).sum() == pytest.approx(12_884.157, abs=5e-4)


def test_the_product_gives_the_published_fit(tmp_path):
    """The sample as a file of orders, imported, asked as of the end of the calibration."""
    source = tmp_path / "orders.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["order_id", "user_id", "timestamp", "total"])
        for number, row in enumerate(lines("CDNOW_sample.txt.gz")):
            rows.writerow([f"o{number}", f"c{row[0]}", f"{row[2][:4]}-{row[2][4:6]}-{row[2][6:]}T12:00:00Z", row[4]])
    with afterclick.open(tmp_path / "store", write=True, create=True) as shop:
        assert shop.import_files([source], kind="orders").stored == 6_919
        asked = shop.ask(Value(model="bg", as_of="1997-09-30", discount_rate=TERMS.discount_rate))
        found = {(row["model"], row["parameter"]): row["value"] for row in asked.parts["parameters"].to_pylist()}
        assert [found["bg", name] for name in ("r", "alpha", "a", "b")] == pytest.approx(list(FITS["bg"][0]), rel=2e-7)
        assert found["gamma_gamma", "p"] == pytest.approx(6.2495721, rel=2e-7)
        assert float(asked.figures["clv"]) == pytest.approx(71_507.952, abs=5e-4)
        # The chance to be there still is never that of BG/NBD.
        assert asked.figures["alive"] == pytest.approx(2357 * 0.448721, abs=2e-3)
        assert asked.figures["customers"] == 2_357
        later = shop.ask(Value(model="pareto"))
        rules = {row["foreseen_by"]: row for row in later.parts["rules"].to_pylist()}
        assert rules["pareto"]["total"] == pytest.approx(1665.5131, abs=5e-5)
        assert rules["pareto"]["error"] < rules["own_pace"]["error"]
        rows = later.parts["calibration"].to_pylist()
        assert sum(row["customers"] for row in rows) == 2_357
        assert len(later.people("held=7")) == rows[-1]["customers"]
