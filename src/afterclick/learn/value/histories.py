"""Purchase histories reduced to what the models read: each distinct (repeats, last, age) once, with its customers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

import numpy as np

Unit = Literal["day", "week"]
DAYS: Final = 7.0
"""Days of a week: the unit in which ages and recencies are told."""


@dataclass(frozen=True)
class Histories:
    """One row per distinct history, in ascending order of (repeats, last, age).

    repeats int64 (purchases after the first one), last and age float64 (weeks from the first purchase to the last one
    and to the end of what is known), count int64 (customers with that history), of int64 (per customer its row).
    """

    repeats: np.ndarray
    last: np.ndarray
    age: np.ndarray
    count: np.ndarray
    of: np.ndarray = field(repr=False)

    @classmethod
    def of_days(cls, repeats: np.ndarray, last: np.ndarray, age: np.ndarray, unit: float = DAYS) -> Histories:
        """From one row per customer with `last` and `age` in whole days (int64). Raises ValueError for no history."""
        if len(repeats) and ((repeats < 0) | (last < 0) | (last > age) | ((repeats == 0) != (last == 0))).any():
            raise ValueError("a history needs 0 <= last <= age, and last = 0 just where nothing was repeated")
        width = int(age.max(initial=0)) + 1
        keys = (repeats.astype(np.int64) * width + last) * width + age
        kept, of, count = np.unique(keys, return_inverse=True, return_counts=True)
        rest, ages = np.divmod(kept, width)
        repeated, lasts = np.divmod(rest, width)
        return cls(repeated, lasts / unit, ages / unit, count.astype(np.int64), of.reshape(-1).astype(np.int64))

    @classmethod
    def of_values(
        cls, repeats: np.ndarray, last: np.ndarray, age: np.ndarray, count: np.ndarray | None = None
    ) -> Histories:
        """From one row per history with `last` and `age` in weeks (float64), as published summaries give them."""
        weights = np.ones(len(repeats), np.int64) if count is None else np.asarray(count, np.int64)
        table = np.stack([np.asarray(column, np.float64) for column in (repeats, last, age)], axis=1)
        kept, of = np.unique(table, axis=0, return_inverse=True)
        of = of.reshape(-1)
        counted = np.bincount(of, weights=weights, minlength=len(kept)).astype(np.int64)
        return cls(kept[:, 0].astype(np.int64), kept[:, 1], kept[:, 2], counted, of)

    def __len__(self) -> int:
        return len(self.repeats)

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return int(self.count.sum())

    @property
    def repeaters(self) -> int:
        """Customers who bought again."""
        return int(self.count[self.repeats > 0].sum())

    def scaled(self, by: float) -> Histories:
        """The same in another unit of time: `last` and `age` divided by `by`."""
        made = Histories(self.repeats, self.last / by, self.age / by, self.count, self.of)
        # Division keeps the order: what is distinct stays so, and need not be found again.
        (last, of_last), (age, of_age) = self._last, self._age
        vars(made).update(_repeats=self._repeats, _last=(last / by, of_last), _age=(age / by, of_age))
        return made

    @cached_property
    def _repeats(self) -> tuple[np.ndarray, np.ndarray]:
        return _distinct(self.repeats)

    @cached_property
    def _last(self) -> tuple[np.ndarray, np.ndarray]:
        return _distinct(self.last)

    @cached_property
    def _age(self) -> tuple[np.ndarray, np.ndarray]:
        return _distinct(self.age)

    @cached_property
    def weights(self) -> np.ndarray:
        """`count` as float64."""
        return self.count.astype(np.float64)

    @cached_property
    def per_repeats(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct numbers of repeats (float64), and how many customers have each (float64)."""
        values, of = self._repeats
        return values.astype(np.float64), np.bincount(of, weights=self.count, minlength=len(values))

    @cached_property
    def per_age(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The distinct ages, and of the customers with each how many there are and their repeats together (float64)."""
        values, of = self._age
        size = len(values)
        return values, np.bincount(of, self.weights, size), np.bincount(of, self.weights * self.repeats, size)

    @cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per row the place of its repeats, of its last and of its age among the distinct ones."""
        return self._repeats[1], self._last[1], self._age[1]

    @property
    def lasts(self) -> np.ndarray:
        """The distinct values of `last`."""
        return self._last[0]

    def by_repeats(self, made: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """A function of `repeats`, computed once per distinct value; per row."""
        return _spread(self._repeats, made)

    def by_last(self, made: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """A function of `last`, computed once per distinct value; per row."""
        return _spread(self._last, made)

    def by_age(self, made: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """A function of `age`, computed once per distinct value; per row."""
        return _spread(self._age, made)

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The distinct (repeats, age), and per row which of them it has: what is expected of the living needs no `last`."""
        (_, repeated), (ages, aged) = self._repeats, self._age
        kept, of = np.unique(repeated * len(ages) + aged, return_inverse=True)
        return self._repeats[0][kept // max(len(ages), 1)], ages[kept % max(len(ages), 1)], of.reshape(-1)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the distinct histories and their customers: equal histories have equal fits."""
        seen = hashlib.sha256()
        for column in (self.repeats, self.last, self.age, self.count):
            seen.update(np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<")).tobytes())
        return seen.hexdigest()


def _distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kept, of = np.unique(values, return_inverse=True)
    return kept, of.reshape(-1)


def _spread(distinct: tuple[np.ndarray, np.ndarray], made: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    values, of = distinct
    result: np.ndarray = made(values)[of]
    return result
