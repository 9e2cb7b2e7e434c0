"""Sufficient statistics that merge by addition, and what may be said from them; never an invented number.

Where a figure is undefined it is None, and `reason` holds the code of why: `empty` (nothing counted),
`single` (one value has no spread), `constant` (all values equal, so the spread is unknown). The catalogue has
their texts as `reason.<code>`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

Reason = Literal["empty", "single", "constant"]

Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution: an interval holds 95 %."""


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


class Share(msgspec.Struct, frozen=True):
    """`hits` of `n`: the rate of something each of n did or did not do. Raises ValueError outside 0..n."""

    hits: int
    n: int

    def __post_init__(self) -> None:
        for name in ("hits", "n"):
            msgspec.structs.force_setattr(self, name, _whole(getattr(self, name)))
        if not 0 <= self.hits <= self.n:
            raise ValueError(f"{self.hits} of {self.n} is no share")

    def __add__(self, other: Share) -> Share:
        """The share of both groups together."""
        return Share(self.hits + other.hits, self.n + other.n)

    @property
    def rate(self) -> float | None:
        """hits / n in 0..1; None for an empty group."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's score interval without continuity correction (Wilson 1927; Newcombe 1998, method 3)."""
        if not self.n:
            return None
        low, high = _wilson(self.hits, self.n, math.sqrt)
        # At the ends the formula gives 0 and 1 exactly; floats miss them by a hair.
        return Interval(0.0 if self.hits == 0 else low, 1.0 if self.hits == self.n else high)

    @property
    def reason(self) -> Reason | None:
        """Why there is no rate."""
        return None if self.n else "empty"


def shares(
    hits: npt.NDArray[np.int64], n: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rates with the limits of their intervals as `Share` has them, of many at once; n > 0 everywhere."""
    low, high = _wilson(hits, n, np.sqrt)
    return hits / n, np.where(hits == 0, 0.0, low), np.where(hits == n, 1.0, high)


def _wilson(hits: Any, n: Any, root: Callable[[Any], Any]) -> tuple[Any, Any]:
    z2 = Z95**2
    middle = (hits + z2 / 2) / (n + z2)
    half = Z95 / (n + z2) * root(hits * (n - hits) / n + z2 / 4)
    return middle - half, middle + half


class Moments(msgspec.Struct, frozen=True):
    """Count, sum and sum of squares of values; exact where they are integers (money in minor units)."""

    n: int
    total: int | float
    squares: int | float

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "n", _whole(self.n))
        for name in ("total", "squares"):
            msgspec.structs.force_setattr(self, name, _plain(getattr(self, name)))
        if self.n < 0 or self.squares < 0 or (self.n == 0 and (self.total or self.squares)):
            raise ValueError(f"n {self.n}, total {self.total}, squares {self.squares} are no moments")

    @classmethod
    def of(cls, values: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> Moments:
        """The moments of an array; integers stay exact, though squares overflow int64 after a few rows."""
        if values.dtype.kind == "f":
            return cls(len(values), math.fsum(values), math.fsum(values * values))
        signed = values.astype(np.int64)
        size = np.where(signed < 0, -signed.astype(np.uint64), signed.astype(np.uint64))
        high, low = size >> np.uint64(32), size & np.uint64(0xFFFFFFFF)
        squares = (_sum(high * high) << 64) + (_sum(high * low) << 33) + _sum(low * low)
        total = (int((signed >> 32).sum()) << 32) + int((signed & 0xFFFFFFFF).sum())
        return cls(len(values), total, squares)

    def __add__(self, other: Moments) -> Moments:
        """The moments of both groups together."""
        return Moments(self.n + other.n, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float | None:
        """total / n; None for an empty group."""
        return self.total / self.n if self.n else None

    @property
    def variance(self) -> float | None:
        """The unbiased variance (divisor n - 1); None under two values."""
        if self.n < 2:
            return None
        if isinstance(self.total, int) and isinstance(self.squares, int):
            return (self.n * self.squares - self.total**2) / (self.n * (self.n - 1))
        return max(0.0, (self.squares - self.total * (self.total / self.n)) / (self.n - 1))

    @property
    def interval(self) -> Interval | None:
        """Student's interval of the mean, mean ± t(n - 1) · s / √n; None where `reason` says why."""
        if self.reason is not None:
            return None
        from scipy.special import stdtrit  # noqa: PLC0415 - scipy is slow to import

        mean, variance = self.total / self.n, self.variance or 0.0
        half = float(stdtrit(self.n - 1, 0.975)) * math.sqrt(variance / self.n)
        return Interval(mean - half, mean + half)

    @property
    def reason(self) -> Reason | None:
        """Why there is no interval (and, if `empty`, no mean)."""
        if not self.n:
            return "empty"
        if self.n == 1:
            return "single"
        return None if self.variance else "constant"


class Quantiles(msgspec.Struct, frozen=True):
    """The quartiles and the 90 % point of n values; None for none.

    Linear between the two nearest values, at position (n - 1) p counted from 0 (Hyndman & Fan 1996, type 7).
    """

    n: int
    p25: float | None
    median: float | None
    p75: float | None
    p90: float | None

    @classmethod
    def of(cls, values: npt.NDArray[np.int64]) -> Quantiles:
        """The quantiles of an int64 array in any order; the values next to each position are used exactly."""
        if not len(values):
            return cls(0, None, None, None, None)
        points = _quantiles(values, (25, 50, 75, 90))
        return cls(len(values), *points)

    @property
    def reason(self) -> Reason | None:
        """Why there are no quantiles."""
        return None if self.n else "empty"


def _quantiles(values: npt.NDArray[np.int64], percents: Sequence[int]) -> list[float]:
    last = len(values) - 1
    positions = [divmod(last * percent, 100) for percent in percents]
    # One rank at a time, each in what the one before left above it: numpy is ten times as quick with a single rank.
    rest, start, points = values.copy(), 0, []
    for lower, hundredths in positions:
        rank = lower - start
        rest.partition(rank)
        below = int(rest[rank])
        above = int(rest[rank + 1 :].min()) if hundredths else below
        points.append((below * (100 - hundredths) + above * hundredths) / 100)
        rest, start = rest[rank:], lower
    return points


def _sum(parts: npt.NDArray[np.uint64]) -> int:
    """The exact sum of up to 2**32 uint64 values, added in two halves."""
    return (int((parts >> np.uint64(32)).sum()) << 32) + int((parts & np.uint64(0xFFFFFFFF)).sum())


def _whole(value: int) -> int:
    """A count as a Python int, whatever integer type it came in."""
    return value.__index__()


def _plain(value: int | float) -> int | float:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no sum")
        return float(value)
    return value.__index__()
