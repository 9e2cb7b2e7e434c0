"""A funnel over time: of those who began in each day, week or month, how many took each step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from afterclick.core import spans
from afterclick.core.event import INSTANT
from afterclick.core.moments import Share
from afterclick.core.spans import Period

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from afterclick.analyse.funnel_reading import Reading

DAYS, WEEKS = 45, 400
"""Up to so many days the conversion is shown by day, and up to so many by week."""

_SCHEMA = pa.schema(
    [
        ("interval", pa.string()), ("start_at", INSTANT), ("end_at", INSTANT), ("step", pa.int32()), ("n", pa.int64()),
        ("rate", pa.float64()), ("low", pa.float64()), ("high", pa.float64()), ("incomplete", pa.bool_()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Trend:
    """`table` has one row per interval and step; `names` are the first local days of the intervals, `place` int64 the
    interval in which each unit began, `incomplete` how many intervals are not over for everybody."""

    interval: str
    names: list[str]
    place: np.ndarray
    table: pa.Table
    incomplete: int


def trend_of(reading: Reading) -> Trend:
    """Units by the local day, ISO week or month of their step 1; intervals without any are there too."""
    scope, found = reading.scope, reading.found
    interval = _interval(reading.funnel.interval, scope.period, scope.context.zone)
    firsts = _first_days(interval, scope.period, scope.as_of, scope.context.zone)
    edges = [max(spans.midnight(day, scope.context.zone), scope.period.start) for day in firsts]
    ends = [*edges[1:], min(scope.period.end, _end(interval, firsts[-1], scope.context.zone))]
    place = _places(found.times[0], edges)
    counts = [np.bincount(place[here], minlength=len(edges)).tolist() for here in found.reaching]
    unfinished = _unfinished(reading, place, ends)
    rows = []
    for i, first in enumerate(firsts):
        for k, of_step in enumerate(counts):
            share = Share(of_step[i], counts[0][i])
            low, high = share.interval or (None, None)
            rows.append(
                {
                    "interval": first.isoformat(), "start_at": edges[i], "end_at": ends[i], "step": k + 1,
                    "n": of_step[i], "rate": share.rate, "low": low, "high": high, "incomplete": unfinished[i],
                }
            )  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=_SCHEMA)
    return Trend(interval, [first.isoformat() for first in firsts], place, table, sum(unfinished))


def _interval(asked: str, period: Period, zone: ZoneInfo) -> str:
    if asked != "auto":
        return asked
    days = (spans.local_day(period.end - 1, zone) - spans.local_day(period.start, zone)).days + 1
    return "day" if days <= DAYS else "week" if days <= WEEKS else "month"


def _first_days(interval: str, period: Period, as_of: int, zone: ZoneInfo) -> list[date]:
    """The first day of each interval that overlaps the period up to `as_of`."""
    begin = spans.local_day(period.start, zone)
    last = max(begin, spans.local_day(min(period.end - 1, as_of), zone))
    day = {"day": begin, "week": begin - timedelta(days=begin.weekday()), "month": begin.replace(day=1)}[interval]
    found = []
    while day <= last:
        found.append(day)
        day = _next(interval, day)
    return found


def _next(interval: str, day: date) -> date:
    if interval == "month":
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=7 if interval == "week" else 1)


def _end(interval: str, day: date, zone: ZoneInfo) -> int:
    return spans.midnight(_next(interval, day), zone)


def _places(at: np.ndarray, edges: list[int]) -> np.ndarray:
    """The interval of each instant; a division where all but the first and last are equally long, which is quicker."""
    inner = np.diff(edges[1:])
    found: np.ndarray
    if len(edges) < 4 or (inner != inner[0]).any():
        found = np.searchsorted(np.array(edges), at, side="right") - 1
        return found
    found = np.maximum((at - edges[1]) // int(inner[0]) + 1, 0)
    return found


def _unfinished(reading: Reading, place: np.ndarray, ends: list[int]) -> list[bool]:
    """Is a unit that began at the very end of an interval still waiting, or the interval itself not over?"""
    chain, horizon = reading.chain, reading.horizon
    if not reading.funnel.windowed:
        waiting = np.bincount(place[reading.waiting], minlength=len(ends)) > 0
        return [bool(waits) or end - 1 > horizon for waits, end in zip(waiting.tolist(), ends, strict=True)]
    reach = chain.within * (len(chain.required) - 1 if chain.from_previous else 1)
    return [end - 1 + reach > horizon for end in ends]
