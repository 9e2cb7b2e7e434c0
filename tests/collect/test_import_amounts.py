"""Amounts of whole columns, against the one exact definition in core.money."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.collect import amounts
from afterclick.core import money


def read(values: list[object], kind: pa.DataType | None = None) -> list[int | str | None]:
    found = amounts.read(pa.array(values, kind))
    return [
        "bad" if bad else int(minor) if present else None
        for minor, present, bad in zip(found.minor, found.present, found.bad, strict=True)
    ]


def expected(value: object) -> int | str:
    try:
        return money.to_minor(value)
    except ValueError:
        return "bad"


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1.5", 15_000),
        (" 7 ", 70_000),
        ("-3.5", -35_000),
        ("+2", 20_000),
        ("1e3", 10_000_000),
        (".5", 5_000),
        ("5.", 50_000),
        ("1,299", 12_990_000),
        ("1,234,567.89", 12_345_678_900),
        ("₩12,000", 120_000_000),
        ("12,000원", 120_000_000),
        ("$-5", -50_000),
        ("-$5.25", -52_500),
        ("12.50 USD", 125_000),
        ("0.00005", 0),
        ("0.00015", 2),
        ("2.00005", 20_000),
        ("9999999999.9999", 99_999_999_999_999),
        ("", None),
        ("null", None),
        ("NaN", "bad"),
        ("inf", "bad"),
        ("-Infinity", "bad"),
        ("abc", "bad"),
        ("1,5", "bad"),
        ("12,34,567", "bad"),
        ("1.234,56", "bad"),
        ("10000000000", "bad"),
        ("0x1A", "bad"),
        ("1_000", "bad"),
        ("TRUE", "bad"),
    ],
)
def test_text(text: str, minor: int | str | None) -> None:
    assert read([text, "1", None]) == [minor, 10_000, None]


@given(st.lists(st.decimals(-(10**11), 10**11, places=6) | st.decimals(-10, 10, places=5), min_size=1))
def test_any_decimal_as_text_and_typed(values: list[Decimal]) -> None:
    assert read([format(value, "f") for value in values]) == [expected(value) for value in values]
    assert read(values, pa.decimal128(38, 6)) == [expected(value) for value in values]


@given(st.lists(st.floats(-2e10, 2e10) | st.integers(-(10**7), 10**7).map(lambda n: n / 100_000), min_size=1))
def test_any_float_counts_as_it_prints(values: list[float]) -> None:
    assert read(values) == [expected(value) for value in values]
    assert read([repr(value) for value in values]) == [expected(value) for value in values]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_any_integer(values: list[int]) -> None:
    assert read(values, pa.int64()) == [expected(value) for value in values]


@pytest.mark.parametrize("kind", [pa.int8(), pa.int16(), pa.uint8(), pa.uint64(), pa.float32(), pa.decimal128(9, 2)])
def test_narrow_types(kind: pa.DataType) -> None:
    assert read([100, None], kind) == [1_000_000, None]


def test_what_is_no_amount_by_its_type() -> None:
    assert read([math.nan, math.inf, None]) == ["bad", "bad", None]
    assert read([True, None]) == ["bad", None]
    assert read([None], pa.null()) == [None]
    assert read([2**64 - 1], pa.uint64()) == ["bad"]


quantities = st.integers(-(10**6), 10**6).map(Decimal) | st.decimals(-(10**5), 10**5, places=4)


@given(st.lists(st.tuples(st.decimals(-(10**9), 10**9, places=4), quantities), min_size=1))
def test_price_times_quantity_is_exact(pairs: list[tuple[Decimal, Decimal]]) -> None:
    found = amounts.product(
        amounts.read(pa.array([format(price, "f") for price, _ in pairs])),
        amounts.read(pa.array([format(quantity, "f") for _, quantity in pairs])),
    )
    for (price, quantity), minor, bad in zip(pairs, found.minor, found.bad, strict=True):
        exact = (price * quantity * money.SCALE).to_integral_value(ROUND_HALF_EVEN)
        assert bad == (abs(price * quantity) >= money.LIMIT)
        assert bad or minor == int(exact)


def test_a_missing_quantity_is_one_piece_and_a_missing_price_nothing() -> None:
    found = amounts.product(amounts.read(pa.array(["2.5", None])), amounts.read(pa.array([None, "3"])))
    assert found.minor.tolist()[0] == 25_000
    assert found.present.tolist() == [True, False]
