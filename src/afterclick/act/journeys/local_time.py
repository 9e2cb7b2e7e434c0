"""When a time of day comes next where the visitor lives, on days of 23 and 25 hours too."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from afterclick.core import clock


def at_local(day: datetime, zone: ZoneInfo) -> int:
    """The instant (µs UTC) of a naive local time.

    As in RFC 5545 3.3.5: a time that is skipped is read with the offset before the gap (02:30 becomes 03:30), of one that
    comes twice the first is meant.
    """
    return clock.from_datetime(day.replace(tzinfo=zone, fold=0))


def next_local(at: int, until: str, weekdays: Collection[int], zone: ZoneInfo) -> int:
    """The next instant, `at` itself included, at which it is `until` ("10:00") in a zone, on one of the weekdays.

    1 = Monday; none = every day.
    """
    wanted = time.fromisoformat(until)
    today = clock.to_datetime(at).astimezone(zone).date()
    for ahead in range(9):
        day = today + timedelta(days=ahead)
        if weekdays and day.isoweekday() not in weekdays:
            continue
        found = at_local(datetime.combine(day, wanted), zone)
        if found >= at:
            return found
    raise ValueError(f"no day of {sorted(weekdays)} within a week")


def last_local(at: int, until: str, zone: ZoneInfo) -> int:
    """The last instant, `at` itself included, at which it was `until` in a zone."""
    wanted = time.fromisoformat(until)
    today = clock.to_datetime(at).astimezone(zone).date()
    found = at_local(datetime.combine(today, wanted), zone)
    return found if found <= at else at_local(datetime.combine(today - timedelta(days=1), wanted), zone)
