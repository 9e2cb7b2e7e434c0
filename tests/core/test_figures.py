"""Numbers, money, rates, spans and dates as English and Korean write them."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterclick.core import i18n

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (1204, "1,204"),
        (-1204, "−1,204"),
        (3.256, "3.26"),
        (3.0, "3"),
        (1234567.891, "1,234,567.89"),
        (0.004, "0"),
        (-0.004, "0"),
        (-0.0, "0"),
        (2.675, "2.68"),
        (Decimal("12.345"), "12.34"),
        (10**30, "1,000,000,000,000,000,000,000,000,000,000"),
        (np.int64(1204), "1,204"),
        (np.float64(0.5), "0.5"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_number(value: float, expected: str) -> None:
    assert i18n.number(value, "en") == expected
    assert i18n.number(value, "ko") == expected


@pytest.mark.parametrize(
    ("value", "en", "ko"),
    [
        (412_800_000, "412.8M", "4.1억"),
        (107_800, "107.8K", "10.8만"),
        (6_270, "6,270", "6,270"),
        (9_999, "9,999", "9,999"),
        (10_000, "10K", "1만"),
        (12_345, "12.3K", "1.2만"),
        (999_949, "999.9K", "100만"),
        (999_950, "1M", "100만"),
        (12_345_678, "12.3M", "1,235만"),
        (99_996_000, "100M", "1억"),
        (1_234_567_890_123, "1.2T", "1.2조"),
        (12_000_000_000_000_000, "12,000T", "1.2경"),
        (-412_800_000, "−412.8M", "−4.1억"),
        (None, "–", "–"),
        (45_000.5, "45K", "4.5만"),
    ],
)
def test_compact(value: float, en: str, ko: str) -> None:
    assert i18n.number(value, "en", compact=True) == en
    assert i18n.number(value, "ko", compact=True) == ko


@pytest.mark.parametrize(
    ("minor", "currency", "en", "ko"),
    [
        (1_078_000_000, "KRW", "₩107,800", "107,800원"),
        (-1_078_000_000, "KRW", "−₩107,800", "−107,800원"),
        (125_000, "USD", "$12.50", "$12.50"),
        (-125_000, "USD", "−$12.50", "−$12.50"),
        (120_000, "USD", "$12.00", "$12.00"),
        (125_000, "EUR", "€12.50", "€12.50"),
        (125_000, "CHF", "CHF 12.50", "CHF 12.50"),
        (-125_000, "CHF", "−CHF 12.50", "−CHF 12.50"),
        (125_555, "KWD", "KWD 12.556", "KWD 12.556"),
        (125_000, "", "12.5", "12.5"),
        (Decimal("12.5"), "USD", "$12.50", "$12.50"),
        (1, "KRW", "₩0", "0원"),
        (-1, "USD", "$0.00", "$0.00"),
        (0, "KRW", "₩0", "0원"),
        (5_000, "KRW", "₩0", "0원"),
        (15_000, "KRW", "₩2", "2원"),
        (np.int64(125_000), "USD", "$12.50", "$12.50"),
        (None, "KRW", "–", "–"),
        (Decimal("NaN"), "KRW", "–", "–"),
        (2**63 - 1, "KRW", "₩922,337,203,685,478", "922,337,203,685,478원"),
    ],
)
def test_money(minor: int, currency: str, en: str, ko: str) -> None:
    assert i18n.money(minor, currency, "en") == en
    assert i18n.money(minor, currency, "ko") == ko


def test_money_compact() -> None:
    assert i18n.money(4_128_000_000_000, "KRW", "en", True) == "₩412.8M"
    assert i18n.money(4_128_000_000_000, "KRW", "ko", True) == "4.1억원"
    assert i18n.money(-4_128_000_000_000, "KRW", "ko", True) == "−4.1억원"
    assert i18n.money(4_128_000_000_000, "CHF", "en", True) == "CHF 412.8M"
    assert i18n.money(99_990_000, "KRW", "ko", True) == "9,999원"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.291, "29.1%"),
        (0.0312, "3.12%"),
        (0.0996, "9.96%"),
        (0.09996, "10.0%"),
        (0.1, "10.0%"),
        (0, "0.00%"),
        (1, "100.0%"),
        (-0.05, "−5.00%"),
        (-0.000001, "0.00%"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_rate(value: float, expected: str) -> None:
    assert i18n.rate(value, "en") == expected
    assert i18n.rate(value, "ko") == expected


@pytest.mark.parametrize(
    ("value", "en", "ko"),
    [
        (0.005, "+0.50 pt", "+0.50%p"),
        (-0.005, "−0.50 pt", "−0.50%p"),
        (0, "0.00 pt", "0.00%p"),
        (-0.00001, "0.00 pt", "0.00%p"),
        (0.25, "+25.0 pt", "+25.0%p"),
        (None, "–", "–"),
    ],
)
def test_points(value: float, en: str, ko: str) -> None:
    assert i18n.points(value, "en") == en
    assert i18n.points(value, "ko") == ko


def test_percent_change() -> None:
    assert i18n.percent_change(0.084) == "+8.4%"
    assert i18n.percent_change(-0.084, "ko") == "−8.4%"
    assert i18n.percent_change(0) == "0.0%"
    assert i18n.percent_change(12.3456) == "+1,234.6%"
    assert i18n.percent_change(None) == "–"


@pytest.mark.parametrize(
    ("span", "en", "ko"),
    [
        (19 * HOUR, "19 h", "19시간"),
        (19 * HOUR + 20 * MINUTE, "19 h", "19시간"),
        (3 * DAY + 7 * HOUR, "3 d 7 h", "3일 7시간"),
        (12 * MINUTE, "12 min", "12분"),
        (12 * MINUTE + 29 * SECOND, "12 min", "12분"),
        (2 * HOUR + 15 * MINUTE, "2 h 15 min", "2시간 15분"),
        (2 * HOUR, "2 h", "2시간"),
        (90 * SECOND, "1 min 30 s", "1분 30초"),
        (45 * SECOND, "45 s", "45초"),
        (2_400_000, "2.4 s", "2.4초"),
        (2_000_000, "2 s", "2초"),
        (350_000, "350 ms", "350밀리초"),
        (0, "0 s", "0초"),
        (400, "0 s", "0초"),
        (999_600, "1 s", "1초"),
        (9_960_000, "10 s", "10초"),
        (59_600_000, "1 min", "1분"),
        (59 * MINUTE + 40 * SECOND, "1 h", "1시간"),
        (9 * HOUR + 59 * MINUTE + 40 * SECOND, "10 h", "10시간"),
        (23 * HOUR + 40 * MINUTE, "1 d", "1일"),
        (DAY, "1 d", "1일"),
        (29 * DAY + 23 * HOUR + 45 * MINUTE, "30 d", "30일"),
        (45 * DAY + 13 * HOUR, "46 d", "46일"),
        (1000 * DAY, "1,000 d", "1,000일"),
        (-2 * HOUR, "−2 h", "−2시간"),
        (1.5 * HOUR, "1 h 30 min", "1시간 30분"),
        (None, "–", "–"),
        (math.nan, "–", "–"),
    ],
)
def test_duration(span: float, en: str, ko: str) -> None:
    assert i18n.duration(span, "en") == en
    assert i18n.duration(span, "ko") == ko


def test_dates() -> None:
    day = dt.date(2026, 9, 1)
    assert i18n.date(day) == "1 Sep"
    assert i18n.date(day, "ko") == "9월 1일"
    assert i18n.date(day, "en", True) == "1 Sep 2026"
    assert i18n.date(day, "ko", with_year=True) == "2026년 9월 1일"
    assert i18n.date(None) == "–"
    at = 1_788_271_380_000_000
    assert i18n.instant(at) == "1 Sep 2026, 14:03"
    assert i18n.instant(at + 10 * HOUR, "en", ZoneInfo("Asia/Seoul")) == "2 Sep 2026, 09:03"
    assert i18n.date(at + 10 * HOUR, "ko", zone="Asia/Seoul") == "9월 2일"
    assert i18n.date(dt.datetime(2026, 9, 1, 23, tzinfo=dt.UTC), "ko", zone="Asia/Seoul") == "9월 2일"
    assert (
        i18n.instant(dt.datetime(2026, 9, 1, 23, tzinfo=dt.UTC), "ko", "Asia/Seoul") == "2026년 9월 2일 08:00"
    )
    assert i18n.instant(None) == "–"
    assert [i18n.date(dt.date(2026, m, 1), "en") for m in (1, 5, 12)] == ["1 Jan", "1 May", "1 Dec"]


def test_spans_of_days() -> None:
    first, last = dt.date(2026, 9, 1), dt.date(2026, 9, 30)
    assert i18n.days(first, last) == "1–30 Sep"
    assert i18n.days(first, last, "ko") == "9월 1~30일"
    assert i18n.days(first, first) == "1 Sep"
    assert i18n.days("2026-08-28", last) == "28 Aug – 30 Sep"
    assert i18n.days(first, last, "ko", True) == "2026년 9월 1일 ~ 2026년 9월 30일"
    assert i18n.days("2025-12-31", "2026-01-01") == "31 Dec 2025 – 1 Jan 2026"
    assert i18n.days(None, last) == "–"


def test_unknown_language_is_english() -> None:
    assert i18n.duration(HOUR, "de") == "1 h"
    assert i18n.money(1_078_000_000, "KRW", "de") == "₩107,800"
    assert i18n.number(412_800_000, "de", True) == "412.8M"


figures = st.integers() | st.floats() | st.decimals(allow_nan=True, allow_infinity=True, places=3)


@given(figures, st.sampled_from(["en", "ko"]))
@settings(max_examples=300, deadline=None)
def test_every_figure_can_be_written(value: float, lang: str) -> None:
    written = [
        i18n.number(value, lang),
        i18n.number(value, lang, compact=True),
        i18n.rate(value, lang),
        i18n.points(value, lang),
        i18n.percent_change(value, lang),
        i18n.duration(value, lang),
    ]
    for text in written:
        assert text
        assert "-" not in text
        assert "nan" not in text.lower()
        assert "E+" not in text


@given(
    st.integers(-(2**62), 2**62), st.sampled_from(["KRW", "USD", "CHF", ""]), st.sampled_from(["en", "ko"])
)
@settings(max_examples=200, deadline=None)
def test_money_can_be_read_back(minor: int, currency: str, lang: str) -> None:
    text = i18n.money(minor, currency, lang)
    digits = Decimal("".join(char for char in text if char in "0123456789."))
    step = Decimal(1) if currency == "KRW" else Decimal("0.01")
    assert abs(digits - abs(Decimal(minor)) / 10_000) <= step / 2
    assert text.startswith("−") == (minor < 0 and digits > 0)
