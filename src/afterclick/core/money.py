"""Exact amounts: int64 minor units with four decimals, because real files carry thousandths."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

DECIMALS = 4
SCALE = 10**DECIMALS
LIMIT = 10**10
"""Largest amount, in major units, that is believed: sums of ninety thousand still fit into int64."""


def to_minor(text: str | int | float | Decimal) -> int:
    """An amount as minor units, rounded half to even at the fourth decimal.

    Raises ValueError for NaN, infinity, and what is no number.
    """
    try:
        value = Decimal(repr(text) if isinstance(text, float) else text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no amount") from None
    if not value.is_finite():
        raise ValueError(f"{text!r} is no amount")
    if abs(value) >= LIMIT:
        raise ValueError(f"{text!r} is beyond {LIMIT:,}")
    return int((value * SCALE).to_integral_value(ROUND_HALF_EVEN))


def to_decimal(minor: int) -> Decimal:
    """Minor units as an exact Decimal, without trailing zeros beyond what the amount needs."""
    value = Decimal(int(minor)) / SCALE
    result: Decimal = value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()
    return result
