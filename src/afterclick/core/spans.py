"""Durations and ranges as people write them: `30m`, `7d`, `28d`, `2026-09-01..2026-09-30`, `mtd`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from afterclick.core import clock
from afterclick.core.errors import SpecError
from afterclick.core.said import Said

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

DURATION_PATTERN = r"^\d{1,7}(ms|s|m|h|d|w)$"
RANGE_PATTERN = r"^(today|yesterday|\d{1,4}d|mtd|last-month|ytd|12mo|all|\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d)$"
_UNITS = {"ms": 1000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


def micros(duration: str) -> int:
    """A duration such as `30m` or `7d` in microseconds; a bare number is refused."""
    found = re.fullmatch(r"(\d{1,7})(ms|s|m|h|d|w)", duration)
    if not found:
        raise SpecError(Said("refusals.no_duration", duration=duration), hint=Said("refusals.write_duration"))
    return int(found[1]) * _UNITS[found[2]]


def duration_text(span: int) -> str:
    """Microseconds as the shortest exact duration text, `604800000000` -> `7d`."""
    for unit in ("d", "h", "m", "s"):
        if span and span % _UNITS[unit] == 0:
            return f"{span // _UNITS[unit]}{unit}"
    return f"{span // 1000}ms"


class Period(NamedTuple):
    """Instants `[start, end)` in microseconds, UTC."""

    start: int
    end: int

    @property
    def span(self) -> int:
        """Length in microseconds."""
        return self.end - self.start


def midnight(day: date, zone: ZoneInfo) -> int:
    """The instant at which `day` begins in `zone`."""
    return clock.from_datetime(datetime.combine(day, time(), zone))


def local_day(instant: int, zone: ZoneInfo) -> date:
    """The calendar day of an instant in `zone`."""
    return clock.to_datetime(instant).astimezone(zone).date()


def resolve_range(text: str, as_of: int, first: int, zone: ZoneInfo) -> Period:
    """The instants of a range text: whole days of `zone`, relative ones ending with the day of `as_of`.

    `first` is the first event of the store, where `all` begins. Raises SpecError for unreadable text.
    """
    with _within_calendar(text):
        today = local_day(as_of, zone)
        start, end = _days(text, today)
        begin = local_day(min(first, as_of), zone) if start is None else start
        return Period(midnight(begin, zone), midnight(end + timedelta(days=1), zone))


def _days(text: str, today: date) -> tuple[date | None, date]:
    if text == "all":
        return None, today
    if text == "today":
        return today, today
    if text == "yesterday":
        return today - timedelta(days=1), today - timedelta(days=1)
    if text == "mtd":
        return today.replace(day=1), today
    if text == "ytd":
        return today.replace(month=1, day=1), today
    if text == "last-month":
        end = today.replace(day=1) - timedelta(days=1)
        return end.replace(day=1), end
    if text == "12mo":
        return _year_before(today) + timedelta(days=1), today
    if found := re.fullmatch(r"(\d{1,4})d", text):
        if int(found[1]) < 1:
            raise SpecError(Said("refusals.no_days"), hint=Said("refusals.at_least_a_day"), path="range")
        return today - timedelta(days=int(found[1]) - 1), today
    try:
        start, end = (date.fromisoformat(part) for part in text.split(".."))
    except ValueError:
        raise SpecError(
            Said("refusals.no_range", text=text),
            hint=Said("refusals.write_range"),
            path="range",
        ) from None
    if end < start:
        raise SpecError(
            Said("refusals.range_backwards", text=text),
            hint=Said("refusals.write_turned", end=end, start=start),
            path="range",
        )
    return start, end


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def resolve_compare(text: str, period: Period, zone: ZoneInfo) -> Period | None:
    """The period to compare with: `prev` is as many whole days just before, `yoy` 52 weeks back (weekdays aligned)."""
    if text == "none":
        return None
    with _within_calendar(text):
        first, last = local_day(period.start, zone), local_day(period.end - 1, zone)
        days = (last - first).days + 1
        if text == "prev":
            start, end = first - timedelta(days=days), first - timedelta(days=1)
        elif text == "yoy":
            start, end = first - timedelta(weeks=52), last - timedelta(weeks=52)
        else:
            absolute_start, end = _days(text, last)
            start = absolute_start or first
        return Period(midnight(start, zone), midnight(end + timedelta(days=1), zone))


@contextmanager
def _within_calendar(text: str) -> Iterator[None]:
    try:
        yield
    except OverflowError:
        raise SpecError(
            Said("refusals.beyond_calendar", text=text), hint=Said("refusals.write_calendar"), path="range"
        ) from None
