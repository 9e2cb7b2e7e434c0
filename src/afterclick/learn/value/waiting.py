"""How long people wait for what some of them never do: Kaplan and Meier's estimate, with the waits that are not over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from afterclick.core.moments import Z95, Interval


@dataclass(frozen=True)
class Waiting:
    """Distinct lengths of waits that ended, ascending; all arrays have one entry per length.

    length int64 (any unit), ended int64 (waits that ended just then), at_risk int64 (waits of that length or longer),
    longest: the longest wait seen, ended or not.
    """

    length: np.ndarray
    ended: np.ndarray
    at_risk: np.ndarray
    n: int
    longest: int

    @classmethod
    def of(cls, lengths: np.ndarray, over: np.ndarray) -> Waiting:
        """From waits (int64, not negative) and whether each is over; one that ends and one cut at the same length: the
        latter still was at risk."""
        ordered = np.sort(lengths)
        length, ended = np.unique(lengths[over], return_counts=True)
        at_risk = len(ordered) - np.searchsorted(ordered, length, side="left")
        longest = int(ordered[-1]) if len(ordered) else 0
        return cls(length, ended.astype(np.int64), at_risk.astype(np.int64), len(ordered), longest)

    @cached_property
    def still(self) -> np.ndarray:
        """S: the share that still waits after each length, Π (1 − ended / at risk) (Kaplan, Meier 1958, equation 2b)."""
        result: np.ndarray = np.cumprod(1 - self.ended / self.at_risk)
        return result

    @cached_property
    def _variance(self) -> np.ndarray:
        """Of ln S: Greenwood's sum of ended / (at risk × (at risk − ended)); infinite once nobody waits any more."""
        left = self.at_risk - self.ended
        parts = np.divide(self.ended, self.at_risk * left, out=np.full(len(left), np.inf), where=left > 0)
        result: np.ndarray = np.cumsum(parts)
        return result

    def place(self, length: float) -> int:
        """The last length that is not beyond; −1 before the first."""
        return int(np.searchsorted(self.length, length, side="right")) - 1

    def done(self, length: float) -> float | None:
        """The share whose wait is over by then, 1 − S; None where nobody was watched for so long."""
        if not self.n or (length > self.longest and self._open):
            return None
        place = self.place(length)
        return 0.0 if place < 0 else 1 - float(self.still[place])

    def interval(self, length: float) -> Interval | None:
        """The 95 % interval of `done`, symmetric in ln(−ln S) (Kalbfleisch, Prentice 1980, p. 15); None at 0 and 1."""
        done, place = self.done(length), self.place(length)
        if done is None or not 0 < done < 1:
            return None
        log_still = float(np.log(self.still[place]))
        half = Z95 * float(np.sqrt(self._variance[place])) / abs(log_still)
        low, high = (1 - float(np.exp(log_still * np.exp(side * half))) for side in (-1, 1))
        return Interval(low, high)

    def quantile(self, share: float) -> int | None:
        """The length by which the share has ended; None where fewer ever did."""
        reached = np.flatnonzero(self.still <= 1 - share + 1e-12)
        return int(self.length[reached[0]]) if len(reached) else None

    @property
    def _open(self) -> bool:
        """Did the longest wait end unfinished?"""
        return not len(self.still) or float(self.still[-1]) > 0
