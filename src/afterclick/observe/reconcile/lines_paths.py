"""Paths conserve: every column holds all sessions (or visitors), and what flows out of a node is what stands in it."""

from __future__ import annotations

from collections import Counter

from afterclick.analyse.paths.paths import Paths
from afterclick.observe.reconcile.line import Days, Ledger, Line
from afterclick.observe.reconcile.reports import Reports


def path_lines(reports: Reports) -> list[Line]:
    """Column sums beside the sessions and visitors counted again, and the links beside the nodes they leave."""
    return [_columns(reports, "sessions"), _columns(reports, "visitors"), _links(reports)]


def _columns(reports: Reports, unit: str) -> Line:
    hand = reports.hand

    def report(days: Days) -> Ledger:
        found: Counter[str] = Counter()
        for row in reports.ask(Paths, days, unit=unit).frame.to_pylist():
            found[str(row["column"])] += row["paths"]
        return found

    def again(days: Days) -> Ledger:
        period = reports.period(days)
        every = len(hand.visits.within(period)) if unit == "sessions" else len(hand.visitors(period))
        # How far the longest path goes is the report's to say; up to there no column may be missing.
        last = max((int(column) for column in report(days)), default=0)
        return {str(column): every for column in range(last + 1)} if every else {}

    return Line(code=f"path_{unit}", number=4, left=report, right=again)


def _links(reports: Reports) -> Line:
    """From every node of a column, but of the last, as many go on (to a step or to the end) as stand in it."""

    def leaving(days: Days) -> Ledger:
        found: Counter[str] = Counter()
        for row in reports.ask(Paths, days, unit="sessions").parts["links"].to_pylist():
            found[_key(row["column"], row["from_type"], row["from"])] += row["paths"]
        return found

    def standing(days: Days) -> Ledger:
        result = reports.ask(Paths, days, unit="sessions")
        rows = result.frame.to_pylist()
        last = max((row["column"] for row in rows), default=0)
        return {_key(row["column"], row["type"], row["node"]): row["paths"] for row in rows if row["column"] != last}

    return Line(code="path_links", number=4, left=leaving, right=standing)


def _key(column: int, kind: str, node: str) -> str:
    return f"{column} {node or kind}"
