"""Lifetime models fitted beside lifetimes', a million buyers, and the questions about value on the bench's own shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np

from afterclick.analyse.context import Context
from afterclick.app import questions
from afterclick.app.bench.clickhouse import Aside
from afterclick.app.bench.row import Row
from afterclick.app.bench.timing import Run, alternated, timed
from afterclick.core.errors import AfterclickError
from afterclick.learn.value.fitting import Fit
from afterclick.learn.value.histories import Histories
from afterclick.learn.value.models import MODELS
from afterclick.learn.value.repeat import Repeat
from afterclick.learn.value.rfm import Rfm
from afterclick.learn.value.spend import GammaGamma, Spent
from afterclick.learn.value.value import Value
from afterclick.store.snapshot import Snapshot

PEER: Final = ("lifetimes", ("lifetimes==0.11.3", "numpy<2", "pandas<2", "scipy<1.13"))
"""The package, and what must be installed with it: it was archived in 2024 and runs with nothing newer."""
BOUND: Final = 1 / 15
BUYERS: Final = 2_357
"""As many as the sample its papers use."""
CROWD: Final = 1_000_000
CROWD_BOUND: Final = 2.5
"""Seconds: about two."""
RECORDED: Final[Mapping[str, float]] = {"bg": 21, "pareto": 54, "gamma_gamma": 15, "bgbb": 43}
"""How many times as fast a plain version was on that sample, where lifetimes cannot be had (MODELS, section 9)."""
TIMES: Final = 5
"""Fits in a row that make a run, on both sides: a fit is shorter than what it takes to be woken up."""
_SIDE: Final = Path(__file__).with_name("lifetimes_side.py")
_AGAINST: Final = "lifetimes 0.11.3, the same buyers"


def buyers(count: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Whole days of made-up buyers who come and drop out as BG/NBD says with the parameters of its paper.

    repeats, last, age (days), mean (money); weeks, lasts, periods: the same by weeks with a purchase.
    """
    rng = np.random.default_rng(seed)
    rate, leave = rng.gamma(0.243, 1 / 4.414, count) / 7, rng.beta(0.793, 2.426, count)
    age = rng.integers(189, 273, count)
    found = {name: np.zeros(count, np.int64) for name in ("repeats", "last", "weeks", "lasts")}
    at, there, week = np.zeros(count), np.ones(count, bool), np.zeros(count, np.int64)
    while there.any():
        at = at + rng.exponential(1.0, count) / np.maximum(rate, 1e-9)
        day = np.ceil(np.minimum(at, 1e9)).astype(np.int64)
        there &= day <= age
        new = there & (day > found["last"])
        found["repeats"][new] += 1
        found["last"][new] = day[new]
        whole = -(-day // 7)
        fresh = new & (whole > week) & (whole <= age // 7)
        found["weeks"][fresh] += 1
        week[fresh] = found["lasts"][fresh] = whole[fresh]
        there &= rng.random(count) >= leave
    mean = 35 * rng.gamma(6.25, 1 / 6.25, count) / rng.gamma(3.74, 1 / 3.74, count)
    return {**found, "age": age, "mean": mean, "periods": age // 7}


def fits(given: Mapping[str, np.ndarray]) -> dict[str, Callable[[], Fit]]:
    """By model what fits it here, from the same columns lifetimes gets."""
    again = given["repeats"] > 0
    spent = Spent(given["repeats"][again], given["mean"][again])

    def histories() -> Histories:
        return Histories.of_days(given["repeats"], given["last"], given["age"])

    def by_weeks() -> Histories:
        return Histories.of_days(given["weeks"], given["lasts"], given["periods"], 1.0)

    days = {word: (lambda word=word: MODELS[word].fit(histories())) for word in ("bg", "mbg", "pareto")}
    return {**days, "gamma_gamma": lambda: GammaGamma.fit(spent), "bgbb": lambda: MODELS["bgbb"].fit(by_weeks())}


def value_rows(snapshot: Snapshot, folder: Path, python: Path | None, repeats: int, crowd: int = CROWD) -> list[Row]:
    """A row per model beside lifetimes (`python` is one that has it; without it the rows say so), then ours alone."""
    given = buyers(BUYERS)
    found: dict[str, Fit] = {}

    def run(word: str, fit: Callable[[], Fit], times: int = TIMES) -> Run:
        def once() -> float:
            def work() -> None:
                for _ in range(times):
                    found[word] = fit()

            return timed(work) / times

        return once

    ours = {word: run(word, fit) for word, fit in fits(given).items()}
    rows = _beside(ours, given, folder, python, repeats, found)
    many = buyers(crowd, 2)
    whole = fits(many)["bg"]
    taken = alternated({"crowd": run("crowd", whole, 1)}, 1 if repeats == 1 else 3)["crowd"]
    rows.append(Row(what=f"value: BG/NBD of {crowd:,} buyers", taken=taken, bound=CROWD_BOUND))
    return rows + _questions(snapshot, repeats)


def _beside(
    ours: Mapping[str, Run], given: Mapping[str, np.ndarray], folder: Path, python: Path | None, repeats: int,
    found: Mapping[str, Fit],
) -> list[Row]:  # fmt: skip
    if python is None:
        return [_alone(word, taken, "not installed") for word, taken in alternated(ours, repeats).items()]
    weeks = {name: given[name] / 7 for name in ("last", "age")}
    file = folder / "buyers.npz"
    np.savez(file, **{**given, **weeks})  # type: ignore[arg-type]
    answers: dict[str, dict[str, Any]] = {}
    try:
        with closing(Aside(python, _SIDE, {"file": str(file), "times": TIMES}, "leave it out: --no-lifetimes")) as theirs:
            version, why = theirs.ready["version"], theirs.ready["why"]

            def ask(word: str) -> float:
                answers[word] = theirs.ask()
                assert answers[word]["model"] == word
                return float(answers[word]["seconds"])

            # lifetimes fits those it can in its own order; ours take turns with it in the same.
            sides: dict[str, Run] = {}
            for word in (word for word in why if not why[word]):
                sides |= {word: ours[word], f"{word} theirs": lambda word=word: ask(word)}  # type: ignore[misc]
            taken = alternated(sides, repeats)
    except AfterclickError as error:
        return [_alone(word, taken, error.message) for word, taken in alternated(ours, repeats).items()]
    rows = []
    for word in ours:
        if why[word]:
            alone = alternated({word: ours[word]}, repeats)[word]
            rows.append(_alone(word, alone, f"lifetimes {version} gives none: {why[word]}"))
            continue
        note = f"lifetimes {version}; " + agreement(found[word], answers[word]["parameters"])
        rows.append(
            Row(what=_what(word), taken=taken[word], against=_AGAINST, against_taken=taken[f"{word} theirs"], bound=BOUND,
                note=note)
        )  # fmt: skip
    return rows


def _what(word: str) -> str:
    return f"value: fit of {word} to {BUYERS:,} buyers"


def _alone(word: str, taken: tuple[float, ...], why: str) -> Row:
    recorded = f"; recorded: {RECORDED[word]:.0f} times as fast on the published sample" if word in RECORDED else ""
    return Row(what=_what(word), taken=taken, against=_AGAINST, bound=BOUND, note=why + recorded)


def agreement(ours: Fit, theirs: Mapping[str, float]) -> str:
    """Do both find the same parameters, to one in a hundred?"""
    names = {"gamma": "v"} if ours.model == "gamma_gamma" else {}
    apart = [
        abs(value - theirs[names.get(name, name)]) / value for name, value in zip(ours.names, ours.values, strict=True)
    ]
    if max(apart) <= 0.01:
        return "the same parameters"
    pairs = ", ".join(
        f"{name} {value:.4g} / {theirs[names.get(name, name)]:.4g}" for name, value in zip(ours.names, ours.values, strict=True)
    )
    return f"parameters differ (ours / theirs): {pairs}"


def _questions(snapshot: Snapshot, repeats: int) -> list[Row]:
    """The questions on the shop itself, fits taken from its model files once they are there."""
    scope = {"range": "all", "compare": "none"}
    asked = {"value": Value(**scope), "rfm": Rfm(**scope), "repeat": Repeat(**scope)}  # type: ignore[arg-type]

    def run(question: Any) -> Run:
        def once() -> float:
            context = Context(snapshot)
            context.labels(question.identity, context.as_of(question.as_of))
            seconds = timed(lambda: _answered(question, context))
            context.forget()
            return seconds

        return once

    taken = alternated({name: run(question) for name, question in asked.items()}, repeats)
    return [Row(what=f"value: the question {name}", taken=each) for name, each in taken.items()]


def _answered(question: Any, context: Context) -> None:
    questions.answer(question, context)

