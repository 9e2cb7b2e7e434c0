"""Cohorts and the life cycle: newcomers of a day are its cohort, and whoever was active is new, returning or revived."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np

from afterclick.analyse.retention.lifecycle import Lifecycle
from afterclick.analyse.retention.retention import Retention
from afterclick.core import spans
from afterclick.observe.reconcile.line import Days, Ledger, Line
from afterclick.observe.reconcile.reports import Reports


def return_lines(reports: Reports) -> list[Line]:
    """§6's two identities of the life cycle, its active visitors, and the sizes of first-ever cohorts."""
    hand, zone = reports.hand, reports.scope.context.zone
    midnights: dict[date, int] = {}

    def begin(day: date) -> int:
        if day not in midnights:
            midnights[day] = spans.midnight(day, zone)
        return midnights[day]

    def lifecycle(days: Days) -> list[dict[str, int]]:
        rows: list[dict[str, int]] = reports.ask(Lifecycle, days, interval="day").frame.to_pylist()
        return rows

    def active(days: Days) -> Ledger:
        """Distinct visitors of each local day."""
        edges = np.array([begin(day) for day in _days(days, 1)], np.int64)
        place = np.searchsorted(edges, hand.at, side="right") - 1
        kept = hand.met & (place >= 0) & (place < len(edges) - 1)
        pairs = np.unique(np.stack([place[kept], hand.visitor[kept]]), axis=1)
        counts = np.bincount(pairs[0], minlength=len(edges) - 1)
        return {day.isoformat(): int(count) for day, count in zip(_days(days), counts, strict=True) if count}

    def cohorts(days: Days) -> Ledger:
        rows = reports.ask(Retention, days, interval="day").parts["cohorts"].to_pylist()
        return {row["cohort"]: row["size"] for row in rows if row["size"]}

    def born(days: Days) -> Ledger:
        period, found = reports.period(days), dict[int, int]()
        for visitor, at in zip(hand.visitor[hand.met].tolist(), hand.at[hand.met].tolist(), strict=True):
            found.setdefault(visitor, at)
        return Counter(spans.local_day(at, zone).isoformat() for at in found.values() if period.start <= at < period.end)

    def parts(days: Days, *names: str) -> Ledger:
        return {str(row["interval"]): sum(row[name] for name in names) for row in lifecycle(days)}

    return [
        Line(code="lifecycle_active", number=3, left=lambda days: _some(parts(days, "active")), right=active),
        Line(
            code="lifecycle_now", number=3, left=lambda days: parts(days, "new", "returning", "resurrecting"),
            right=lambda days: parts(days, "active"),
        ),
        Line(
            code="lifecycle_before", number=3, left=lambda days: parts(days, "returning", "dormant"),
            right=lambda days: parts(days, "active_before"),
        ),
        Line(code="cohorts", number=7, left=cohorts, right=born),
    ]  # fmt: skip


def _days(days: Days, more: int = 0) -> list[date]:
    return [days[0] + timedelta(days=i) for i in range((days[1] - days[0]).days + 1 + more)]


def _some(found: Ledger) -> Ledger:
    return {key: number for key, number in found.items() if number}
