"""What each model credits each value with: revenue to the smallest coin, conversions, new buyers and how many stand behind."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from afterclick.analyse.attribution.conversions import Conversions
from afterclick.analyse.attribution.rules import RULES, WHOLE, Shape
from afterclick.analyse.attribution.trails import Windows
from afterclick.analyse.kernels import attribution as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.core.arrays import frozen

_FEW: Final = 10_000
"""Touches of conversions up to which one thread is as quick as several."""


@dataclass(frozen=True)
class Credit:
    """Per value of one model: revenue (exact minor units), conversions and those of new buyers, visitors with some of it."""

    revenue: list[int]
    conversions: np.ndarray
    new: np.ndarray
    buyers: np.ndarray


@dataclass(frozen=True)
class Split:
    """What is to be credited, a row per conversion or line of one, those of a visitor together.

    low, high int64 as in `Windows`, visitor int32, amount, unit, parts int64 (of `rules.WHOLE`), first uint8; `conversion`
    int64 the place of each in Conversions.
    """

    low: np.ndarray
    high: np.ndarray
    visitor: np.ndarray
    amount: np.ndarray
    unit: np.ndarray
    parts: np.ndarray
    first: np.ndarray
    conversion: np.ndarray


def split_of(windows: Windows, conversions: Conversions) -> Split:
    """Every conversion of the period as a whole."""
    place = windows.place
    return Split(
        low=windows.low, high=windows.high, visitor=frozen(conversions.visitor[place]),
        amount=frozen(conversions.amount[place]), unit=frozen(conversions.unit[place]),
        parts=frozen(np.full(len(place), WHOLE)), first=frozen(conversions.first[place].astype(np.uint8)),
        conversion=place,
    )  # fmt: skip


def credit_rules(
    windows: Windows,
    split: Split,
    *,
    half_life: int,
    custom: Shape | None,
    value: np.ndarray | None = None,
    names: int = 0,
) -> dict[str, Credit]:
    """The credit of every rule in one pass; `value` and `names` are other values of the touches than their own."""
    size = names or len(windows.names)
    codes, shapes = frozen(windows.value if value is None else value), kernels.shapes_of(custom)

    def credit(first: int, last: int) -> np.ndarray:
        out = np.zeros((5, len(RULES) * size), np.int64)
        kernels.credit_rules(
            split.low, split.high, windows.at, codes, windows.marks, split.visitor, split.amount, split.unit,
            split.parts, split.first, first, last, float(half_life), shapes, out, rows=_work(split),
        )  # fmt: skip
        return out

    cuts = _cuts(split)
    parts = list(pool().map(credit, cuts[:-1], cuts[1:]))
    rows = sum(parts, np.zeros((5, len(RULES) * size), np.int64)).reshape(5, len(RULES), size)
    return {rule: _read(rows[:, number]) for number, rule in enumerate(RULES) if rule != "custom" or custom}


def _read(rows: np.ndarray) -> Credit:
    high, low = rows[kernels.MONEY_HIGH].tolist(), rows[kernels.MONEY_LOW].tolist()
    return Credit(
        revenue=[(above << 32) + below for above, below in zip(high, low, strict=True)],
        conversions=rows[kernels.PARTS] / WHOLE, new=rows[kernels.FRESH] / WHOLE, buyers=rows[kernels.BUYERS],
    )  # fmt: skip


def _work(split: Split) -> int:
    return int((split.high - split.low).sum()) + len(split.low)


def _cuts(split: Split) -> list[int]:
    """Where the rows are cut into spans; a visitor lies in one."""
    count = len(split.visitor)
    parts = kernels.credit_rules.parts(_work(split)) if _work(split) >= _FEW else 1
    new = np.flatnonzero(np.diff(split.visitor, prepend=-1))
    marks = np.searchsorted(new, np.linspace(0, count, parts + 1)[1:-1])
    cuts = [0, *(int(new[mark]) if mark < len(new) else count for mark in marks), count]
    return [0, *(high for low, high in pairwise(cuts) if high > low)] if count else [0, 0]
