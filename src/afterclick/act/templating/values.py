"""What a template may look at: plain data alone, so that no way leads from a value to a class or a function."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

MOST: Final = 1000
"""Entries of a list or an object that a template sees."""
LONGEST: Final = 10_000
"""Characters of one text."""
_DEPTH: Final = 8
_LARGEST: Final = 10**18

ROOTS: Final = ("visitor", "event", "basket", "run", "currency", "zone", "lang")
"""What stands in every set of values."""


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON would hold it, cut where it is too long or too deep; what is no data is None."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # A text may come as a kind of text that says of itself that it is safe HTML.
        return str.__str__(value)[:LONGEST]
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if depth >= _DEPTH:
        return None
    if isinstance(value, Mapping):
        return {str(key)[:LONGEST]: plain(inner, depth + 1) for key, inner in list(value.items())[:MOST]}
    if isinstance(value, list | tuple):
        return [plain(inner, depth + 1) for inner in value[:MOST]]
    return None


def _number(value: int | float | Decimal) -> int | float | Decimal | None:
    """Whole numbers as int, other exact ones as Decimal; None for infinity and what is beyond belief."""
    # Compared before anything is asked of it: an int may be too large even for that.
    if not -_LARGEST <= value <= _LARGEST:
        return None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
