"""Sessions agree: over channels, over the pages they begin and end on, and event by event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from afterclick.analyse.channels import Channels
from afterclick.analyse.fields import touch_field
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.landing import NONE, Touchpoints
from afterclick.observe.reconcile.line import Days, Ledger, Line, Side
from afterclick.observe.reconcile.reports import Reports, one, per_visitor


def visit_lines(reports: Reports) -> list[Line]:
    """Σ sessions over channels = Σ landings = Σ exits = sessions; events with an id = Σ events in sessions."""
    hand = reports.hand

    def visits(days: Days) -> np.ndarray:
        return hand.visits.within(reports.period(days))

    def by_visitor(days: Days) -> Ledger:
        m = reports.measured(days)
        return per_visitor(m.sessions.visitor[m.session_ids])

    fine = by_visitor, lambda days: per_visitor(hand.visits.visitor[visits(days)])
    sessions = Line(
        code="sessions", number=2, fine=fine, name=reports.handle,
        left=lambda days: one(reports.ask(Kpi, days).figures["sessions"]), right=lambda days: one(len(visits(days))),
    )  # fmt: skip
    channels = Line(
        code="channels", number=2, right=lambda days: _channels(reports, visits(days)),
        left=lambda days: {
            row["channel"]: row["sessions"] for row in reports.ask(Channels, days).frame.to_pylist() if row["sessions"]
        },
    )  # fmt: skip
    return [sessions, channels, _ends(reports, "landings", visits), _ends(reports, "exits", visits), *_events(reports)]


def _channels(reports: Reports, visits: np.ndarray) -> Ledger:
    code, values = touch_field(reports.scope.context, "channel")
    named = [values[one] if one >= 0 else NONE for one in code.tolist()]
    found = Counter(reports.hand.visits.touch[visits].tolist())
    out: Counter[str] = Counter()
    for touch, count in found.items():
        out[(named[touch] if touch >= 0 else NONE) or NONE] += count
    return out


def _ends(reports: Reports, part: str, visits: Callable[[Days], np.ndarray]) -> Line:
    """Sessions by the page they begin (or end) on, `(none)` without a page."""
    context = reports.scope.context

    def report(days: Days) -> Ledger:
        rows = reports.ask(Touchpoints, days).parts[part].to_pylist()
        return {row["touchpoint"]: row[part] for row in rows}

    def again(days: Days) -> Ledger:
        found = reports.hand.visits
        rows = (found.landing if part == "landings" else found.exit_page)[visits(days)]
        groups, names = context.texts("page_group"), context.texts("name")
        group, name = context.column("page_group"), context.column("name")
        out: Counter[str] = Counter()
        for row in rows.tolist():
            # A page view without an address is of no group; it goes by the name of its event.
            seen = "" if row < 0 else groups[group[row]] if group[row] >= 0 else names[name[row]].split("\x1f")[0]
            out[seen or NONE] += 1
        return out

    return Line(code=part, number=2, left=report, right=again)


def _events(reports: Reports) -> list[Line]:
    hand = reports.hand

    def held(days: Days) -> Ledger:
        m = reports.measured(days)
        return one(int(m.sessions.events[m.session_ids].sum()))

    def rows(days: Days) -> Ledger:
        return one(int(hand.visits.events[hand.visits.within(reports.period(days))].sum()))

    def counted(days: Days) -> Ledger:
        return one(int(hand.inside(reports.period(days)).sum()))

    def of_visitors(days: Days) -> Ledger:
        m = reports.measured(days)
        return per_visitor(m.sessions.visitor[m.sessions.of_row(np.flatnonzero(m.row_mask))])

    fine: tuple[Side, Side] = of_visitors, lambda days: per_visitor(hand.visitor[hand.inside(reports.period(days))])
    return [
        Line(code="session_events", number=2, left=held, right=rows, fine=_by_visit(reports), name=reports.handle),
        Line(
            code="events", number=2, right=counted, fine=fine, name=reports.handle,
            left=lambda days: one(reports.ask(Kpi, days).figures["events"]),
        ),
    ]  # fmt: skip


def _by_visit(reports: Reports) -> tuple[Side, Side]:
    """Events of the sessions that begin in the days, per visitor."""
    hand = reports.hand

    def held(days: Days) -> Ledger:
        m = reports.measured(days)
        return _summed(m.sessions.visitor[m.session_ids], m.sessions.events[m.session_ids])

    def rows(days: Days) -> Ledger:
        found = hand.visits.within(reports.period(days))
        return _summed(hand.visits.visitor[found], hand.visits.events[found])

    return held, rows


def _summed(visitors: np.ndarray, events: np.ndarray) -> Ledger:
    out: Counter[str] = Counter()
    for visitor, count in zip(visitors.tolist(), events.tolist(), strict=True):
        out[str(visitor)] += count
    return out
