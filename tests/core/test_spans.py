"""Ranges are whole days of the site's zone, daylight saving included."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterclick.core import clock, spans
from afterclick.core.errors import SpecError

SEOUL, NEW_YORK = ZoneInfo("Asia/Seoul"), ZoneInfo("America/New_York")
AS_OF = clock.from_datetime(datetime(2026, 9, 27, 14, 30, tzinfo=UTC))  # 23:30 in Seoul


def local(period, zone):
    return [clock.to_datetime(instant).astimezone(zone).isoformat() for instant in period]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", "2026-09-27", "2026-09-28"), ("yesterday", "2026-09-26", "2026-09-27"),
        ("28d", "2026-08-31", "2026-09-28"), ("mtd", "2026-09-01", "2026-09-28"),
        ("last-month", "2026-08-01", "2026-09-01"), ("ytd", "2026-01-01", "2026-09-28"),
        ("12mo", "2025-09-28", "2026-09-28"), ("2026-02-01..2026-02-28", "2026-02-01", "2026-03-01"),
    ],
)  # fmt: skip
def test_ranges_end_with_the_day_of_the_last_event(text, first, last):
    period = spans.resolve_range(text, AS_OF, 0, SEOUL)
    assert local(period, SEOUL) == [f"{first}T00:00:00+09:00", f"{last}T00:00:00+09:00"]


def test_all_begins_with_the_first_event():
    first = clock.from_datetime(datetime(2026, 1, 5, 20, tzinfo=UTC))
    assert local(spans.resolve_range("all", AS_OF, first, SEOUL), SEOUL)[0] == "2026-01-06T00:00:00+09:00"


def test_a_day_of_daylight_saving_has_23_or_25_hours():
    spring = spans.resolve_range("2026-03-08..2026-03-08", AS_OF, 0, NEW_YORK)
    autumn = spans.resolve_range("2026-11-01..2026-11-01", AS_OF, 0, NEW_YORK)
    assert (spring.span, autumn.span) == (23 * spans.HOUR, 25 * spans.HOUR)


@given(st.integers(1, 400))
def test_the_previous_period_is_as_long_and_just_before(days):
    period = spans.resolve_range(f"{days}d", AS_OF, 0, SEOUL)
    before = spans.resolve_compare("prev", period, SEOUL)
    assert before is not None
    assert (before.end, before.span) == (period.start, period.span)


def test_the_year_before_keeps_weekdays():
    period = spans.resolve_range("7d", AS_OF, 0, SEOUL)
    before = spans.resolve_compare("yoy", period, SEOUL)
    assert before is not None
    assert period.start - before.start == 364 * spans.DAY


@pytest.mark.parametrize("text", ["0d", "2026-02-30..2026-03-01", "2026-03-02..2026-03-01", "week"])
def test_impossible_ranges_are_refused(text):
    with pytest.raises(SpecError) as caught:
        spans.resolve_range(text, AS_OF, 0, SEOUL)
    assert caught.value.hint


@given(st.integers(0, 99999), st.sampled_from(["ms", "s", "m", "h", "d", "w"]))
def test_durations_round_trip(number, unit):
    span = spans.micros(f"{number}{unit}")
    assert spans.micros(spans.duration_text(span)) == span


@pytest.mark.parametrize("text", ["7", "7 d", "-1d", "1mo", "d", "", "1.5h"])
def test_a_bare_number_is_no_duration(text):
    with pytest.raises(SpecError):
        spans.micros(text)
