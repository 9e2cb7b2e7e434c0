"""Hours of a visitor's own clock in which advertising waits."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from afterclick.core import clock


def until(now: int, zone: ZoneInfo, hours: tuple[str, ...]) -> int | None:
    """The instant (µs UTC) at which the quiet hours that `now` lies in end, None outside of them.

    `hours` are (begin, end) as local times; begin > end goes over midnight; equal ones, or none, are no quiet hours.
    An end that a change of the clock skips is the moment after the gap; of one that comes twice the first that lies ahead.
    """
    if len(hours) < 2:
        return None
    begin, end = time.fromisoformat(hours[0]), time.fromisoformat(hours[1])
    local = clock.to_datetime(now).astimezone(zone)
    at = local.time()
    inside = begin <= at < end if begin < end else begin != end and (at >= begin or at < end)
    if not inside:
        return None
    for day in range(3):
        for fold in (0, 1):
            ends = datetime.combine(local.date() + timedelta(days=day), end, zone).replace(fold=fold)
            instant = clock.from_datetime(ends)
            if instant > now:
                return instant
    raise AssertionError("no day has an end")
