"""Rules run over all history beside a bare scan of the columns they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from afterclick.analyse.context import Context
from afterclick.analyse.kernels import tape, tape_order, tape_owners
from afterclick.app.bench.row import Row
from afterclick.app.bench.scan import columns_read, scanning
from afterclick.app.bench.timing import Run, alternated, timed
from afterclick.core import spans
from afterclick.core.spans import Period
from afterclick.decide.backtest.running import book_of, run
from afterclick.store.automations import LiveRule, Show
from afterclick.store.snapshot import Snapshot

BOUND: Final = 10.0
_DAYS: Final = 28
RULES: Final = (
    LiveRule(
        name="first visits that came by a portal's ads",
        when="session.pages >= 4 && visitor.sessions == 1 && session.portal && session.paid && !visitor.known", show=Show(),
    ),
    LiveRule(name="three products in a week", when='count("Product Viewed", 7d) >= 3', once="7d", show=Show()),
    LiveRule(
        name="a basket left for a day", when='sequence("Product Added" then not "Order Completed" within 1d)', once="7d",
        show=Show(),
    ),
)  # fmt: skip


def backtest_rows(snapshot: Snapshot, repeats: int) -> list[Row]:
    """Two rows per rule, of all visitors, those with several ids among them, against a scan of the columns that takes: asked
    when it is known which ids joined when, which no rule changes, and asked first of all.
    """
    for kernel in (tape.fold_rules, tape_owners.note_ids, tape_owners.own_rows, tape_order.order_calls):
        kernel.warm()
    rows, kept = [], Context(snapshot)
    for rule in RULES:
        columns = columns_read(snapshot, lambda watched, rule=rule: _run(Context(watched), rule))  # type: ignore[misc]
        _run(kept, rule)
        ways = {"again": _running(lambda: kept, rule), "first": _running(lambda: Context(snapshot), rule)}
        taken = alternated({**ways, "scan": scanning(snapshot, columns)}, repeats)
        against = f"bare scan of {', '.join(columns)}"
        for way, what in (("again", rule.name), ("first", f"{rule.name}, the first one")):
            rows.append(
                Row(
                    what=f"backtest: {what}", taken=taken[way], against=against, against_taken=taken["scan"], bound=BOUND
                )
            )  # fmt: skip
    kept.forget()
    return rows


def _running(context: Callable[[], Context], rule: LiveRule) -> Run:
    return lambda: timed(lambda: _run(context(), rule))


def _run(context: Context, rule: LiveRule) -> None:
    as_of = context.as_of("")
    period = Period(as_of - _DAYS * spans.DAY, as_of + 1)
    run(context, book_of(context, [rule], period.start), period, as_of)
