"""At most so many messages to one visitor, by day, week or span, of all kinds or of one channel or tag."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from afterclick.core import spans
from afterclick.store.automations import Cap

REACHING: Final = frozenset(("email", "push", "webhook"))
"""Channels that reach for a visitor who did nothing; a cap of no channel counts these. What is shown on one's own site, or
handed to an audience, counts for caps that name it."""


def refused(
    reader: sqlite3.Connection,
    visitor: str,
    channel: str,
    tags: Sequence[str],
    caps: Sequence[Cap],
    now: int,
    zone: ZoneInfo,
) -> Cap | None:
    """The first cap that one more message would break, None where all let it pass.

    Counted are advertising messages that left, that are on their way, and those of unknown outcome.
    """
    mine = [cap for cap in caps if _applies(cap, channel, tags)]
    if not mine:
        return None
    starts = [start_of(cap.per, now, zone) for cap in mine]
    rows = reader.execute(
        "SELECT channel, tags, counted_at FROM sends WHERE visitor = ? AND counted_at > ? AND advertising = 1",
        (visitor, min(starts)),
    ).fetchall()
    for cap, start in zip(mine, starts, strict=True):
        met = sum(at > start and _applies(cap, known, said.split("\n")) for known, said, at in rows)
        if met >= cap.most:
            return cap
    return None


def start_of(per: str, now: int, zone: ZoneInfo) -> int:
    """The last instant before the period of a cap: of the visitor's day or week (from Monday), or of a span back from now."""
    if per not in ("day", "week"):
        return now - spans.micros(per)
    day = spans.local_day(now, zone)
    return spans.midnight(day - timedelta(days=day.weekday() if per == "week" else 0), zone) - 1


def _applies(cap: Cap, channel: str, tags: Sequence[str]) -> bool:
    where = channel == cap.channel if cap.channel else channel in REACHING
    # A cap of a tag alone counts the tag wherever it goes.
    return (where or (bool(cap.tag) and not cap.channel)) and (not cap.tag or cap.tag in tags)
