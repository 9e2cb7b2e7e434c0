"""A change of a product split over its factors, exactly: the Shapley value of the game that changes some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import factorial, prod
from typing import NamedTuple


def shapley(before: Sequence[Fraction], after: Sequence[Fraction]) -> list[Fraction]:
    """What each factor gave of Π after − Π before: the mean of its marginal effect over all orders of changing them.

    Zeros are no exception. Σ of the effects is the change exactly (Shapley 1953; for a product see SEMANTICS 9).
    """
    n = len(before)
    effects = []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        total = Fraction(0)
        for changed in product((False, True), repeat=n - 1):
            size = sum(changed)
            weight = Fraction(factorial(size) * factorial(n - 1 - size), factorial(n))
            total += weight * prod(
                (after[j] if new else before[j] for j, new in zip(others, changed, strict=True)), start=Fraction(1)
            )
        effects.append((after[i] - before[i]) * total)
    return effects


class Factors(NamedTuple):
    """Revenue = visitors × orders per visitor × revenue per order + the rest, exactly; None has no denominator.

    The rest is what no visitor × order holds: orders of nobody where nobody came, refunds where nothing was ordered.
    """

    visitors: Fraction
    rate: Fraction | None
    value: Fraction | None
    rest: Fraction

    @classmethod
    def of(cls, visitors: int, orders: int, revenue: int) -> Factors:
        """The factors of one period."""
        rate = Fraction(orders, visitors) if visitors else None
        value = Fraction(revenue, orders) if orders else None
        return cls(Fraction(visitors), rate, value, revenue - visitors * (rate or Fraction(0)) * (value or Fraction(0)))


def alike(before: Fraction | None, after: Fraction | None) -> tuple[Fraction, Fraction]:
    """A factor in both periods; where one has none it did not change: nobody came, so nobody bought less often."""
    known = before if before is not None else after if after is not None else Fraction(0)
    return (known if before is None else before), (known if after is None else after)


def whole(parts: Mapping[str, Fraction]) -> dict[str, int]:
    """Each part as an integer, their sum kept: the largest remainders are rounded up, ties to the earlier part.

    Raises ValueError where the sum is no integer.
    """
    total = sum(parts.values(), Fraction(0))
    if total.denominator != 1:
        raise ValueError(f"{total} cannot be split into whole parts")
    down = {name: part.numerator // part.denominator for name, part in parts.items()}
    short = int(total) - sum(down.values())
    ranked = sorted(parts, key=lambda name: down[name] - parts[name])
    for name in ranked[:short]:
        down[name] += 1
    return down
