"""What came in is accounted for: stored, known already, or rejected, import by import."""

from __future__ import annotations

from datetime import date

from afterclick.core import spans
from afterclick.observe.reconcile.line import Days, Ledger, Line
from afterclick.observe.reconcile.reports import Reports


def log_lines(reports: Reports) -> list[Line]:
    """Rows read, as each import says, beside the rows that lie in the store and those that were turned away."""
    snapshot, zone = reports.scope.context.snapshot, reports.scope.context.zone
    day_of = {entry.id: spans.local_day(entry.at, zone) for entry in snapshot.imports}
    held = {piece.segment: piece.rows for piece in snapshot.pieces}

    def read(_: Days) -> Ledger:
        return {entry.id: entry.counts.get("read", 0) for entry in snapshot.imports}

    def kept(_: Days) -> Ledger:
        return {
            entry.id: sum(held.get(segment.name, 0) for segment in entry.segments)
            + entry.counts.get("duplicates", 0)
            + sum(1 for _ in snapshot.rejects(entry.id))
            for entry in snapshot.imports
        }

    def day(key: str) -> date:
        return day_of[key]

    return [Line(code="received", number=1, left=read, right=kept, days_of=day)]
