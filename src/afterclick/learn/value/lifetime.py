"""What every model of a buyer's lifetime can say: fitted from histories, asked about the living and about newcomers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from afterclick.learn.value import fitting
from afterclick.learn.value.fitting import Curve, Fit
from afterclick.learn.value.histories import Histories

ENOUGH: Final = 50
"""Buyers who bought again below which no model is fitted."""

_STARTS: Final = ((-0.9, -1.8, -0.2, 0.7), (0.0, 0.0, 0.0, 0.0), (0.7, 0.7, 0.7, 0.7))
"""Logs of the parameters to begin the climb with, in turn, in units of the median age: many who bought once, then even."""


class Lifetime(ABC):
    """A model with its parameters; a subclass gives formulas. Times are weeks, the unit of the histories it was fitted on.

    `timed` says which parameters are times. Arrays run over the rows of the histories unless told otherwise.
    """

    word: ClassVar[str]
    names: ClassVar[tuple[str, ...]]
    timed: ClassVar[tuple[bool, ...]]

    def __init__(self, values: Sequence[float]) -> None:
        if len(values) != len(self.names) or not all(np.isfinite(value) and value > 0 for value in values):
            raise ValueError(f"{self.word} needs {len(self.names)} positive parameters, not {values!r}")
        self.values = tuple(float(value) for value in values)

    @classmethod
    @abstractmethod
    def score(cls, values: Sequence[float], h: Histories) -> tuple[float, np.ndarray]:
        """The log-likelihood of all customers, and its gradient by the parameters."""

    @classmethod
    def curve(cls, h: Histories) -> Curve | None:  # noqa: ARG003 - what a subclass knows of
        """The same by the logs of the parameters, with second derivatives; None where nobody has worked them out."""
        return None

    @abstractmethod
    def alive(self, h: Histories) -> np.ndarray:
        """P(alive) of each history, 0..1."""

    @abstractmethod
    def living(self, repeats: np.ndarray, age: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Expected purchases within `times` of somebody who is alive; float64[histories, times]."""

    @abstractmethod
    def chance(self, repeats: np.ndarray, time: float) -> np.ndarray:
        """P(X(time) = repeats) of a newcomer, per number of repeats."""

    def endless(self, h: Histories, rate: float) -> np.ndarray | None:
        """Discounted expected purchases of all the time to come, at a continuous rate a week; None without closed form."""
        del h, rate
        return None

    def ahead(self, h: Histories, times: np.ndarray) -> np.ndarray:
        """E[Y(t)]: expected purchases within each of `times` from now; float64[rows, times]."""
        repeats, age, of = h.pairs
        result: np.ndarray = self.alive(h)[:, None] * self.living(repeats, age, times)[of]
        return result

    def fresh(self, times: np.ndarray) -> np.ndarray:
        """E[X(t)]: expected repeat purchases of a newcomer within each of `times`."""
        result: np.ndarray = self.ahead(_newcomer(), np.asarray(times, np.float64))[0]
        return result

    @classmethod
    def fit(cls, h: Histories, enough: int = ENOUGH) -> Fit:
        """The most likely parameters. Refused, with the reason in the fit, where too few bought again or none is best.

        Times are divided by the median age, so that days, weeks and years end at the same fit.
        """
        if h.repeaters < enough:
            return fitting.none(cls.word, cls.names, h.customers, "few_repeaters")
        unit = _median(h) if any(cls.timed) else 1.0
        scaled = h.scaled(unit)

        def score(logs: np.ndarray) -> tuple[float, np.ndarray]:
            values = np.exp(logs)
            value, gradient = cls.score(values.tolist(), scaled)
            return value, gradient * values

        starts = [np.array(start) for start in _STARTS]
        units = np.where(cls.timed, unit, 1.0)
        found = fitting.fitted(cls.word, cls.names, score, starts, units, h.customers, cls.curve(scaled))
        if found.reason:
            return found
        value, _ = cls.score(found.values, h)
        return Fit(
            found.model, found.names, found.values, found.errors, found.covariance, float(value), found.rows,
        )  # fmt: skip


def _newcomer() -> Histories:
    return Histories.of_values(np.zeros(1), np.zeros(1), np.zeros(1))


def _median(h: Histories) -> float:
    """The median age of the customers; 1 where it is 0."""
    order = np.argsort(h.age, kind="stable")
    reached = np.cumsum(h.count[order])
    return float(h.age[order][np.searchsorted(reached, reached[-1] / 2)]) or 1.0
