"""Money and quantities of any column as exact int64 with four decimals, vectorised, with the doubtful few done by hand.

A number is read as the nearest double first. Rounding that to four decimals is certain unless it lies next to the middle
between two of them; only those go through `money.to_minor`, so the result is the same as if all had.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from afterclick.collect import cells
from afterclick.core import money

_NUMBER: Final = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$"
_THOUSANDS: Final = r"^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$"
_SIGN_BEFORE: Final = r"^([-+]?)\s*(?:[₩￦$€£¥]|KRW|USD|EUR|GBP|JPY)\s*([-+]?)"
_SIGN_BEHIND: Final = r"\s*(?:[₩￦$€£¥원円]|KRW|USD|EUR|GBP|JPY)$"
_ABSENT: Final = pa.array(["null", "NULL", "Null", "none", "None", "NONE", "\\N", "-", "undefined", "N/A", "n/a"])


class Amounts(NamedTuple):
    """int64 minor units, where there is one, and where there is something that is no amount; all (n)."""

    minor: np.ndarray
    present: np.ndarray
    bad: np.ndarray


def read(array: pa.Array) -> Amounts:
    """The amounts of a column of text, numbers or decimals. NaN, infinity, no number and beyond `money.LIMIT` are bad."""
    if cells.is_text(array.type):
        array = numbers(array)
        bad_text = cells.present(array.field("bad"))
        return _from_doubles(array.field("number"), array.field("text"), bad_text)
    if pa.types.is_null(array.type):
        nothing = np.zeros(len(array), bool)
        return Amounts(np.zeros(len(array), np.int64), nothing, nothing)
    if pa.types.is_integer(array.type):
        return _from_integers(array)
    if pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
        return _from_doubles(array.cast(pa.float64()), array, np.zeros(len(array), bool))
    filled = cells.present(array)
    return Amounts(np.zeros(len(array), np.int64), np.zeros(len(array), bool), filled)


def numbers(array: pa.Array) -> pa.StructArray:
    """Text as numbers: struct of `number` (double, null if none), `text` (cleaned), `bad` (true where it is no number).

    Thousands may be set off by commas, a currency sign may stand before or behind; `1,5` and `1.234,56` are no numbers.
    """
    try:
        number = pc.cast(array, pa.float64())
        return _struct(number, array, pa.nulls(len(array), pa.bool_()))
    except pa.ArrowInvalid:
        text = cells.trimmed(array)
    text = pc.if_else(pc.is_in(text, value_set=_ABSENT), pa.scalar(None, pa.string()), text)
    text = pc.replace_substring_regex(text, _SIGN_BEFORE, r"\1\2")
    text = pc.replace_substring_regex(text, _SIGN_BEHIND, "")
    grouped = pc.match_substring_regex(text, _THOUSANDS)
    text = pc.if_else(grouped, pc.replace_substring(text, ",", ""), text)
    fits = pc.match_substring_regex(text, _NUMBER)
    plain = pc.replace_substring_regex(text, r"^\+", "")
    number = pc.cast(pc.if_else(fits, plain, pa.scalar(None, pa.string())), pa.float64())
    bad = pc.if_else(pc.fill_null(pc.invert(fits), False), True, pa.scalar(None, pa.bool_()))
    return _struct(number, plain, bad)


def _struct(number: pa.Array, text: pa.Array, bad: pa.Array) -> pa.StructArray:
    return pa.StructArray.from_arrays([number, text, bad], names=["number", "text", "bad"])


def _from_integers(array: pa.Array) -> Amounts:
    filled = cells.present(array)
    # The limit and everything near it is exact in a double, which holds uint64 too.
    small = cells.flags(pc.less(pc.abs(pc.cast(array, pa.float64(), safe=False)), float(money.LIMIT)))
    held = pc.fill_null(pc.if_else(pa.array(small), array, pa.scalar(0, array.type)), 0)
    minor = held.cast(pa.int64()).to_numpy(zero_copy_only=False) * money.SCALE
    return Amounts(minor, filled & small, filled & ~small)


def _from_doubles(number: pa.Array, exact: pa.Array, bad: np.ndarray) -> Amounts:
    filled = cells.present(number)
    value = np.asarray(pc.fill_null(number, 0.0).to_numpy(zero_copy_only=False), np.float64)
    bad = bad | (filled & ~(np.abs(value) < money.LIMIT))
    scaled = np.where(bad, 0.0, value) * money.SCALE
    nearest = np.rint(scaled)
    # Half an ulp of the double, grown by the scaling, is how far the exact value may lie from `scaled`.
    doubt = np.abs(np.abs(scaled - nearest) - 0.5) <= 1e-6 + np.abs(scaled) * 2.0**-50
    minor = nearest.astype(np.int64)
    places = np.flatnonzero(doubt & filled & ~bad)
    if len(places):
        coded = exact.take(pa.array(places)).dictionary_encode()
        by_hand = np.array([money.to_minor(text) for text in coded.dictionary.to_pylist()], np.int64)
        minor[places] = by_hand[coded.indices.to_numpy()]
    return Amounts(minor, filled & ~bad, bad)


def product(price: Amounts, quantity: Amounts) -> Amounts:
    """price × quantity, exact and rounded half to even at the fourth decimal; a missing quantity is one piece."""
    pieces = np.where(quantity.present, quantity.minor, money.SCALE)
    size = np.abs(price.minor.astype(np.float64) * pieces) / money.SCALE
    bad = price.bad | quantity.bad | (price.present & (size >= float(money.LIMIT * money.SCALE)))
    whole = pieces % money.SCALE == 0
    minor = np.where(whole & ~bad, price.minor * (pieces // money.SCALE), 0)
    parts = ~whole & ~bad & price.present
    small = parts & (size < 2.0**62 / money.SCALE)
    minor[small] = _halves_to_even(price.minor[small] * pieces[small])
    for row in np.flatnonzero(parts & ~small):
        # Products beyond int64: amounts of hundreds of millions by a fraction of a piece.
        exact = Decimal(int(price.minor[row]) * int(pieces[row])) / money.SCALE
        minor[row] = int(exact.to_integral_value(ROUND_HALF_EVEN))
    return Amounts(minor, price.present & ~bad, bad)


def _halves_to_even(scaled: np.ndarray) -> np.ndarray:
    quotient, rest = np.divmod(scaled, money.SCALE)
    half = money.SCALE // 2
    return np.asarray(quotient + ((rest > half) | ((rest == half) & (quotient % 2 == 1))))
