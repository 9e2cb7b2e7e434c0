"""How well a model foresaw what has happened since: fitted on the past alone, held against what came, beside simple rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa

from afterclick.core.moments import Moments
from afterclick.learn.value.lifetime import Lifetime
from afterclick.learn.value.purchases import Counted, Purchases

MOST: Final = 7
"""Repeats from which on buyers stand in one row."""

CALIBRATION: Final = pa.schema(
    [
        ("repeats", pa.int64()), ("more", pa.bool_()), ("customers", pa.int64()), ("expected", pa.float64()),
        ("actual", pa.float64()), ("actual_low", pa.float64()), ("actual_high", pa.float64()), ("own_pace", pa.float64()),
    ]
)  # fmt: skip
RULES: Final = pa.schema(
    [
        ("foreseen_by", pa.string()), ("total", pa.float64()), ("actual", pa.int64()), ("error", pa.float64()),
        ("correlation", pa.float64()), ("auc", pa.float64()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Holdout:
    """Buyers known before `day` (labels), what a model expected of each since then, and what they did."""

    day: int
    weeks: float
    buyers: np.ndarray
    counted: Counted = field(repr=False)
    expected: np.ndarray = field(repr=False)
    actual: np.ndarray = field(repr=False)

    @cached_property
    def own_pace(self) -> np.ndarray:
        """The simple rule: everybody goes on at the pace of before, repeats ÷ age."""
        h = self.counted.histories
        pace = np.divide(h.repeats, h.age, out=np.zeros(len(h)), where=h.age > 0)
        result: np.ndarray = pace[h.of] * self.weeks
        return result

    def group(self, repeats: int) -> np.ndarray:
        """Which buyers had so many repeats before; the last row has all with more too."""
        found: np.ndarray = self.counted.repeats >= MOST if repeats == MOST else self.counted.repeats == repeats
        return found

    def calibration(self) -> list[dict[str, Any]]:
        """By repeats before: what was expected and what came, per buyer, with Student's interval of the latter."""
        rows = []
        for repeats in range(MOST + 1):
            which = self.group(repeats)
            if not which.any():
                continue
            came = Moments.of(self.actual[which])
            low, high = came.interval or (None, None)
            rows.append(
                {
                    "repeats": repeats, "more": repeats == MOST, "customers": came.n,
                    "expected": float(self.expected[which].mean()), "actual": came.mean,
                    "actual_low": None if low is None else max(0.0, low), "actual_high": high,
                    "own_pace": float(self.own_pace[which].mean()),
                }
            )  # fmt: skip
        return rows

    def rules(self, name: str) -> list[dict[str, Any]]:
        """The model beside simple rules: total, mean absolute error, correlation, and how well each ranks who came back."""
        h = self.counted.histories
        silent = -(h.age - h.last)[h.of]
        found = [
            self._rule(name, self.expected),
            self._rule("own_pace", self.own_pace),
            self._rule("recency", None, silent),
        ]
        return [row | {"actual": int(self.actual.sum())} for row in found]

    def _rule(self, name: str, expected: np.ndarray | None, score: np.ndarray | None = None) -> dict[str, Any]:
        ranked = expected if score is None else score
        assert ranked is not None
        active = auc(ranked, self.actual > 0)
        if expected is None:
            return {"foreseen_by": name, "total": None, "error": None, "correlation": None, "auc": active}
        varies = bool(expected.std() > 0 and self.actual.std() > 0)
        return {
            "foreseen_by": name, "total": float(expected.sum()), "error": float(np.abs(expected - self.actual).mean()),
            "correlation": float(np.corrcoef(expected, self.actual)[0, 1]) if varies else None, "auc": active,
        }  # fmt: skip


def split_of(purchases: Purchases, days: int) -> int | None:
    """The last day of the past so that `days` follow; half of all days for 0. None where either side would be empty."""
    if not len(purchases.buyers):
        return None
    begun = int(purchases.first.min())
    whole = purchases.until - begun + 1
    held = days or (whole + 1) // 2
    day = purchases.until - held
    return day if begun < day < purchases.until else None


def holdout(purchases: Purchases, before: Purchases, counted: Counted, model: Lifetime, unit_weeks: bool) -> Holdout:
    """The model of `before` held against all purchases: buyers first seen since then are not asked about."""
    weeks = (purchases.until - before.until) / 7
    times = np.array([np.floor(weeks) if unit_weeks else weeks])
    h = counted.histories
    expected = model.ahead(h, times)[:, 0][h.of]
    actual = purchases.after(before.until, before.buyers)
    if unit_weeks:
        actual = _weeks_after(purchases, before)
    return Holdout(before.until, float(times[0]), before.buyers, counted, expected, actual)


def _weeks_after(purchases: Purchases, before: Purchases) -> np.ndarray:
    """Whole weeks of each buyer's own count with a purchase, of those that begin after the split."""
    later = purchases.counted("week").repeats
    place = np.searchsorted(purchases.buyers, before.buyers)
    past = before.counted("week").repeats
    result: np.ndarray = np.maximum(later[place] - past, 0)
    return result


def auc(score: np.ndarray, hit: np.ndarray) -> float | None:
    """The chance that a hit has the higher score than a miss, ties half (Mann, Whitney 1947); None without both."""
    hits, misses = int(hit.sum()), int((~hit).sum())
    if not hits or not misses:
        return None
    _, of, size = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(size) - (size - 1) / 2)[of.reshape(-1)]
    return float((ranks[hit].sum() - hits * (hits + 1) / 2) / (hits * misses))


def fit_check(counted: Counted, model: Lifetime, most: int = 10) -> Iterator[tuple[int, int, float]]:
    """(repeats, buyers who have so many, buyers the model expects to), the last row with all beyond `most` − 1."""
    h = counted.histories
    ages, of = np.unique(h.age, return_inverse=True)
    weight = np.bincount(of.reshape(-1), weights=h.count, minlength=len(ages))
    numbers = np.arange(most)
    expected = np.zeros(most)
    for age, customers in zip(ages.tolist(), weight.tolist(), strict=True):
        expected += customers * model.chance(numbers, age)
    actual = np.bincount(np.minimum(counted.repeats, most), minlength=most + 1)
    for number in range(most):
        yield number, int(actual[number]), float(expected[number])
    yield most, int(actual[most]), max(0.0, float(h.customers - expected.sum()))
