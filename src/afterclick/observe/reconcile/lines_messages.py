"""Messages: what was counted when it was intended and when it ended, beside the rows of the outbox as they stand."""

from __future__ import annotations

from contextlib import closing
from datetime import date

from afterclick.act import acts_file
from afterclick.act.outbox import table
from afterclick.core import spans
from afterclick.observe.reconcile.line import Days, Ledger, Line
from afterclick.observe.reconcile.reports import Reports


def message_lines(reports: Reports) -> list[Line]:
    """Intended = sent + suppressed + failed + uncertain + pending, each part beside its rows; of all time, not of the range.

    None where nothing was ever to be sent.
    """
    snapshot, zone = reports.scope.context.snapshot, reports.scope.context.zone
    if not acts_file.exists(snapshot.folder):
        return []
    last = spans.local_day(snapshot.last_at, zone)
    counted, kept = _both(reports)

    def left(_: Days) -> Ledger:
        return counted

    def right(_: Days) -> Ledger:
        return kept

    def day(_: str) -> date:
        return last

    return [Line(code="messages", number=9, left=left, right=right, days_of=day)]


def _both(reports: Reports) -> tuple[Ledger, Ledger]:
    """The counts and the rows of one moment."""
    with closing(acts_file.reader(reports.scope.context.snapshot.folder)) as reader:
        if not reader.execute("SELECT 1 FROM sqlite_master WHERE name = 'sends'").fetchone():
            return {}, {}
        reader.execute("BEGIN")
        balance = table.balance(reader)
        rows = dict(reader.execute("SELECT state, count(*) FROM sends GROUP BY state").fetchall())
    counted = {name: getattr(balance, name) for name in ("intended", *table.ENDS)}
    ended = {name: rows.get(name, 0) for name in table.ENDS}
    return counted, {"intended": sum(rows.values()), **ended}
