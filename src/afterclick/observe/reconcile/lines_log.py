"""What came in is accounted for: stored, known already, or rejected, import by import, and live traffic as a whole."""

from __future__ import annotations

from datetime import date

from afterclick.core import spans
from afterclick.observe.reconcile.line import Days, Ledger, Line
from afterclick.observe.reconcile.reports import Reports
from afterclick.store import standing, traffic
from afterclick.store.snapshot import Snapshot

LIVE = "live"


def log_lines(reports: Reports) -> list[Line]:
    """Rows read, as each import says, beside the rows that lie in the store and those that were turned away.

    Live traffic: the events received, as the collector counted them, beside what lies in segments and in the tail.
    """
    snapshot, zone = reports.scope.context.snapshot, reports.scope.context.zone
    day_of = {entry.id: spans.local_day(entry.at, zone) for entry in snapshot.imports}
    day_of[LIVE] = spans.local_day(snapshot.last_at, zone)
    any_live = snapshot.tail.balance.received > 0 or bool(snapshot.live)

    def read(_: Days) -> Ledger:
        found = {entry.id: entry.counts.get("read", 0) for entry in snapshot.imports}
        return {**found, LIVE: snapshot.tail.balance.received} if any_live else found

    def kept(_: Days) -> Ledger:
        held = standing.held(snapshot.manifest.entries, {piece.segment: piece.rows for piece in snapshot.pieces})
        found = {
            entry.id: held[entry.id] + entry.counts.get("duplicates", 0) + _rejects(snapshot, entry.id)
            for entry in snapshot.imports
        }
        return {**found, LIVE: _live(snapshot, held)} if any_live else found

    def day(key: str) -> date:
        return day_of[key]

    return [Line(code="received", number=1, left=read, right=kept, days_of=day)]


def _rejects(snapshot: Snapshot, imported: str) -> int:
    """Rejects of an import that are kept, and those that were erased with a person."""
    entry = next(one for one in snapshot.imports if one.id == imported)
    now = snapshot.manifest.rejects_of(entry)
    erased = (entry.rejects.rows if entry.rejects else 0) - (now.rows if now else 0)
    return sum(1 for _ in snapshot.rejects(imported)) + erased


def _live(snapshot: Snapshot, held: Ledger) -> int:
    """Events of live traffic that lie in segments and in the tail, or were turned away."""
    counted = traffic.balance(snapshot)
    rows = sum(held[entry.id] for entry in snapshot.live) + sum(piece.rows for piece in snapshot.tail.pieces)
    return rows + counted.duplicates + counted.rejected
