"""Do the reports agree? Every equation that must hold, each side computed by a way of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from afterclick.analyse.context import Context
from afterclick.analyse.describe import people_of
from afterclick.analyse.question import Compare, Range, SessionQuestion
from afterclick.analyse.scope import scope_of
from afterclick.core.money import to_decimal
from afterclick.core.result import Note, People, Result, Term, Text
from afterclick.observe.reconcile.line import Line, Verdict, judge
from afterclick.observe.reconcile.lines_credit import credit_lines, score_lines
from afterclick.observe.reconcile.lines_log import log_lines
from afterclick.observe.reconcile.lines_messages import message_lines
from afterclick.observe.reconcile.lines_money import identity_lines, money_lines
from afterclick.observe.reconcile.lines_paths import path_lines
from afterclick.observe.reconcile.lines_people import people_lines
from afterclick.observe.reconcile.lines_reports import report_lines
from afterclick.observe.reconcile.lines_returns import return_lines
from afterclick.observe.reconcile.lines_visits import visit_lines
from afterclick.observe.reconcile.reports import Reports

LINES: Final[tuple[Callable[[Reports], list[Line]], ...]] = (
    log_lines,
    visit_lines,
    people_lines,
    path_lines,
    return_lines,
    money_lines,
    credit_lines,
    score_lines,
    identity_lines,
    report_lines,
    message_lines,
)
_AMOUNT = pa.decimal128(28, 4)
_SCHEMA = pa.schema(
    [
        ("status", pa.string()), ("line", pa.string()), ("position", pa.int32()), ("text_id", pa.string()),
        ("params", pa.string()), ("unit", pa.string()), ("left", _AMOUNT), ("right", _AMOUNT), ("difference", _AMOUNT),
        ("day", pa.date32()), ("key", pa.string()), ("left_there", _AMOUNT), ("right_there", _AMOUNT),
        ("tolerance", _AMOUNT), ("reason", pa.string()),
    ]
)  # fmt: skip
_ORDER: Final = {"failed": 0, "unchecked": 1, "ok": 2}


class Reconcile(SessionQuestion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Do the reports agree: sessions, visitors, orders and revenue counted twice, and where two sides part."""

    key_word = "reconcile"

    range: Range = "all"
    compare: Compare = "none"

    def answer(self, context: Context) -> Result:
        """One row per equation, those that fail first, with the first local day and the key on which the sides part."""
        scope = scope_of(context, self)
        reports = Reports(scope, self)
        found = [judge(line, reports.days) for make in LINES for line in make(reports)]
        found.sort(key=lambda one: (_ORDER[one.status], one.line.number))
        rows = [_row(one) for one in found]
        counts = {status: sum(one.status == status for one in found) for status in _ORDER}
        return Result(
            self, pa.Table.from_pylist(rows, schema=_SCHEMA), sentence=_sentence(rows, counts),
            figures={"lines": len(found), **counts}, notes=_notes(found), people=_people(reports, found),
            about=scope.about("lines", events=len(reports.hand.row), compare=None),
        )  # fmt: skip


def _row(found: Verdict) -> dict[str, Any]:
    line, parting = found.line, found.parting

    def amount(value: int) -> Any:
        return to_decimal(value) if line.unit == "money" else to_decimal(value * 10_000)

    there = line.unchecked == ""
    row = {
        "status": found.status, "line": line.code, "position": line.number, "text_id": f"reconcile.{line.code}",
        "params": msgspec.json.encode({}).decode(), "unit": line.unit, "left": amount(found.left) if there else None,
        "right": amount(found.right) if there else None,
        "difference": amount(found.left - found.right) if there else None, "day": None, "key": None, "left_there": None,
        "right_there": None, "tolerance": amount(line.tolerance), "reason": line.unchecked,
    }  # fmt: skip
    if parting:
        row |= {
            "day": parting.day, "key": line.name(parting.key) if parting.key else "",
            "left_there": amount(parting.left), "right_there": amount(parting.right),
        }  # fmt: skip
    return row


def _sentence(rows: list[dict[str, Any]], counts: dict[str, int]) -> Text:
    if not counts["failed"]:
        return Text("sentence.reconciled", {"count": counts["ok"]})
    first = min(
        (row for row in rows if row["status"] == "failed"), key=lambda row: (row["day"] is None, row["day"] or 0)
    )
    params = {"count": counts["failed"], "line": Term(f"reconcile.{first['line']}", first["line"]), "key": first["key"]}
    if first["day"] is None:
        return Text("sentence.reconcile_failed_somewhere", params)
    return Text("sentence.reconcile_failed", {**params, "day": first["day"]})


def _notes(found: list[Verdict]) -> tuple[Note, ...]:
    reasons = sorted({one.line.unchecked for one in found if one.line.unchecked})
    rounded = [one.line.code for one in found if one.line.tolerance]
    return (
        *(Note(f"reconcile_{reason}") for reason in reasons),
        *((Note("reconcile_rounded", {"count": len(rounded)}),) if rounded else ()),
    )


def _people(reports: Reports, found: list[Verdict]) -> dict[str, Callable[[], People]]:
    """The visitor on whom a failed line parts, where its key is a visitor."""

    def cell(label: int) -> Callable[[], People]:
        return lambda: people_of(reports.scope, np.array([label]), Text("people.reconcile"))

    return {
        f"line={one.line.code}": cell(int(one.parting.key))
        for one in found
        if one.parting and one.line.name == reports.handle and one.parting.key.isdecimal()
    }
