"""The path file of 12 channels gives the published figures of every model, to the digits they were published with."""

from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest

from afterclick.analyse.attribution.markov import counted, markov, transitions
from afterclick.analyse.attribution.paths import Paths, credited
from afterclick.analyse.attribution.shapley import shapley, shapley_rates
from support import naive_attribution as naive
from support.development_data import data_folder

pytestmark = pytest.mark.real

NAMES = ["eta", "iota", "alpha", "beta", "theta", "lambda", "kappa", "zeta", "epsilon", "gamma", "delta", "mi"]
SIX, EIGHT, FOUR = 5e-7, 5e-9, 5e-5

CONVERSIONS = {
    "first": "3164 4606 6308 2831 1606 902 74 27 99 165 1 2",
    "last": "4167 3355 8447 989 653 1207 230 107 531 92 5 2",
    "linear": "3539.951157 3857.096221 7574.718594 2083.500145 1022.801394 1035.257572 137.964078 136.551540 272.170438"
    " 121.041639 1.725000 2.222222",
    "position": "3618.796149 3944.948166 7444.823759 1969.766179 1092.744472 1046.903901 147.459557 88.622864 301.050233"
    " 125.240911 2.586667 2.057143",
    "any": "6216 6895 10736 4378 3267 2054 469 653 1138 328 9 4",
    "shapley": "3613.655952 3505.044048 7627.944048 1982.739286 1190.963095 987.782143 159.057143 199.991667 374.677381"
    " 138.185714 2.292857 2.666667",
}
VALUES = {
    "first": "11909.476213 19597.261277 19121.272356 12235.591744 6652.349347 3735.602165 305.743250 103.004000 412.301243"
    " 718.977992 6.119000 5.273000",
    "last": "16754.203800 13487.974271 28414.214274 3850.020987 2799.091988 5249.949985 1069.384250 453.260750 2202.612289"
    " 506.013992 10.972000 5.273000",
    "linear": "13783.497051 15988.988995 24524.709569 8954.266717 4295.743619 4430.316169 599.747786 539.528763 1106.270065"
    " 569.417358 4.404050 6.081444",
    "position": "14117.953367 16388.252775 24025.630158 8361.508520 4575.033923 4462.930339 660.569743 358.988267"
    " 1243.730312 595.629231 7.264067 5.480886",
    "any": "25608.909044 29490.163099 38739.732014 19633.068384 14191.761854 9285.216800 2193.222250 2691.960583 4835.431061"
    " 1615.937492 24.023000 12.549000",
    "shapley": "14054.940425 14522.786928 24755.419659 8477.344598 5028.248490 4243.451636 711.368550 810.950427 1534.318657"
    " 650.186655 6.257229 7.698333",
}
MARKOV = {
    True: "3340.847402 3884.614702 5344.947682 2527.352167 1971.912880 1282.847223 274.363256 381.062553 599.570650"
    " 171.145443 4.613618 1.722425",
    False: "3347.765891 3899.246228 5260.069561 2585.406272 1938.846090 1295.482152 276.651119 394.521465 604.831524"
    " 176.028054 4.258673 1.892970",
}
EFFECTS = {
    True: ".34902633 .40583500 .55839949 .26403854 .20601046 .13402212 .02866339 .03981052 .06263858 .01787997 .00048200"
    " .00017995",
    False: ".35750538 .41639755 .56171884 .27609358 .20704791 .13834356 .02954336 .04213065 .06458950 .01879790 .00045478"
    " .00020215",
}
SUM = {True: 2.0669863499, False: 2.1128251632}
RATES = (
    ".02118050 .01802597 .01843915 .02163664 .02897969 .02571027 .02154975 -.00101560 .02634710 .01807477 -.00001069"
    " .02492758"
)
MARKOV_VALUE = (
    "12631.0494 14686.9206 20208.1359 9555.3931 7455.3926 4850.1786 1037.3104 1440.7183 2266.8520 647.0653 17.4431 6.5121"
)
START = (
    ".16080419 .23110865 .32636021 .13711292 .08362089 .04341136 .00345073 .00121059 .00492154 .00787446 .00003394"
    " .00009051"
)


def numbers(text):
    return np.array([float(part) for part in text.split()])


@pytest.fixture(scope="module")
def paths():
    with gzip.open(data_folder("pathdata") / "paths.csv.gz", "rt", encoding="utf-8") as file:
        rows = [
            (row["path"].split(" > "), float(row["total_conversions"]), float(row["total_conversion_value"]),
             float(row["total_null"]))
            for row in csv.DictReader(file)
        ]  # fmt: skip
    found = Paths.of(rows)
    assert len(rows) > len(found), "rows repeat, and are added up"
    return found


def ordered(paths, values):
    return values[[paths.names.index(name) for name in NAMES]]


@pytest.mark.parametrize("rule", CONVERSIONS)
def test_credits_of_the_path_file(paths, rule):
    conversions, value = shapley(paths) if rule == "shapley" else credited(paths, rule)
    assert ordered(paths, conversions) == pytest.approx(numbers(CONVERSIONS[rule]), abs=SIX)
    assert ordered(paths, value) == pytest.approx(numbers(VALUES[rule]), abs=SIX)
    assert conversions.sum() == pytest.approx(36_147 if rule == "any" else 19_785, abs=SIX)
    assert value.sum() == pytest.approx(148_321.974581 if rule == "any" else 74_802.971587, abs=SIX)


@pytest.mark.parametrize("nulls", [True, False])
def test_markov_of_the_path_file(paths, nulls):
    found = markov(paths, nulls=nulls)
    assert ordered(paths, found.conversions) == pytest.approx(numbers(MARKOV[nulls]), abs=SIX)
    assert ordered(paths, found.effects) == pytest.approx(numbers(EFFECTS[nulls]), abs=EIGHT)
    assert found.effects.sum() == pytest.approx(SUM[nulls], abs=5e-11)
    assert found.rate == pytest.approx(19_785 / 88_387 if nulls else 1.0, abs=1e-14)
    if nulls:
        assert found.rate == pytest.approx(0.22384513559686378, abs=1e-15)
        assert ordered(paths, found.shares * paths.value.sum()) == pytest.approx(numbers(MARKOV_VALUE), abs=FOUR)


def test_collapsing_repeats_changes_no_credit_of_markov(paths):
    collapsed = paths.transformed(("collapse",))
    assert len(collapsed.codes) < len(paths.codes)
    assert markov(collapsed).conversions == pytest.approx(markov(paths).conversions, abs=1e-8)


def test_transitions_of_the_path_file(paths):
    """The published matrix has no channel follow itself: of paths whose repeats are collapsed."""
    chance = transitions(counted(paths.transformed(("collapse",))))
    place = {name: paths.names.index(name) for name in NAMES}
    conversion, null = len(NAMES), len(NAMES) + 1
    assert ordered(paths, chance[0, : len(NAMES)]) == pytest.approx(numbers(START), abs=EIGHT)
    wanted = {
        ("eta", "iota"): 0.08952741, ("eta", "alpha"): 0.13214040, ("eta", conversion): 0.11949415, ("eta", null): 0.40734687,
        ("alpha", conversion): 0.14915069, ("alpha", null): 0.52874598, ("mi", "iota"): 0.46666667,
        ("mi", conversion): 0.13333333, ("mi", null): 0.40000000,
    }  # fmt: skip
    for (start, end), value in wanted.items():
        assert chance[place[start] + 1, place.get(end, end)] == pytest.approx(value, abs=EIGHT)
    assert chance.sum(axis=1) == pytest.approx(np.ones(len(NAMES) + 1))


def test_shapley_rates_of_the_path_file(paths):
    found = shapley_rates(paths)
    assert found.errors is None
    assert ordered(paths, found.effects) == pytest.approx(numbers(RATES), abs=EIGHT)
    assert found.effects.sum() == pytest.approx(19_785 / 88_387)
    assert sorted(name for name, value in zip(paths.names, found.effects, strict=True) if value < 0) == ["delta", "zeta"]


def test_shapley_of_the_path_file_is_that_of_all_sets(paths):
    sets = {}
    path, code = paths.once()
    for number in range(len(paths)):
        key = tuple(paths.names[i] for i in code[path == number])
        sets[key] = sets.get(key, 0.0) + paths.conversions[number]
    found = naive.shapley(list(sets.items()), lambda some: sum(count for _, count in some))
    assert shapley(paths)[0] == pytest.approx([float(found[name]) for name in paths.names], abs=1e-9)


def test_a_simulated_reference_is_noise_where_channels_are_rare(paths):
    """The reference package draws 100,000 paths: kappa 310.10, zeta 346.82, delta 8.16 (+77 %), mi 4.08 (+137 %)."""
    found = dict(zip(paths.names, markov(paths).conversions, strict=True))
    simulated = {"kappa": 310.10, "zeta": 346.82, "delta": 8.16, "mi": 4.08}
    off = {name: round(100 * (value / found[name] - 1)) for name, value in simulated.items()}
    assert off == {"kappa": 13, "zeta": -9, "delta": 77, "mi": 137}


@pytest.mark.parametrize("order", [2, 4])
def test_longer_memory_keeps_the_rate_and_all_conversions(paths, order):
    found = markov(paths, order)
    assert found.rate == pytest.approx(19_785 / 88_387)
    assert found.conversions.sum() == pytest.approx(19_785)
