"""Orders and money agree: order by order, channel by channel, factor by factor, and whoever is taken for one visitor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import numpy as np

from afterclick.analyse.channels import Channels
from afterclick.analyse.fields import touch_field
from afterclick.analyse.kpi import Kpi
from afterclick.analyse.landing import NONE
from afterclick.analyse.orders import Orders
from afterclick.analyse.product_lines import lines_of
from afterclick.core.money import SCALE
from afterclick.observe.reconcile.hand_orders import Sale
from afterclick.observe.reconcile.line import Days, Ledger, Line, Side
from afterclick.observe.reconcile.reports import Reports, minor, one

Number = Callable[[Sale], int]


def money_lines(reports: Reports) -> list[Line]:
    """The lines about orders and revenue; money that cannot be added is left unchecked."""
    mixed = "mixed_currencies" if reports.hand_orders.mixed else ""
    made = [
        _figure(reports, "orders", lambda sale: int(not sale.refund), ""),
        _figure(reports, "gross", lambda sale: 0 if sale.refund else sale.amount, mixed),
        _figure(reports, "refunds", lambda sale: -sale.amount if sale.refund else 0, mixed),
        _figure(reports, "revenue", lambda sale: sale.amount, mixed),
    ]
    return [*made, _by_channel(reports, mixed), _factors(reports, mixed), _items(reports, mixed)]


def _figure(reports: Reports, name: str, number: Number, mixed: str) -> Line:
    """A key figure beside the log's own orders."""
    money = name != "orders"

    def report(days: Days) -> Ledger:
        value = reports.ask(Kpi, days).figures[name]
        return one(minor(value) if money else value)

    def again(days: Days) -> Ledger:
        return one(sum(number(sale) for sale in reports.sales(days)))

    def by_order(days: Days) -> Ledger:
        found: Counter[str] = Counter()
        for sale in reports.sales(days):
            found[sale.key] += number(sale)
        return found

    def related(days: Days) -> Ledger:
        m = reports.measured(days)
        return _of_relation(reports, m.orders, np.flatnonzero(m.order_mask), number)

    fine: tuple[Side, Side] = related, by_order
    unit = "money" if money else "count"
    return Line(code=name, number=6, left=report, right=again, fine=fine, unit=unit, unchecked=mixed)  # type: ignore[arg-type]


def _of_relation(reports: Reports, orders: Orders, places: np.ndarray, number: Number) -> Ledger:
    """The orders that reports are made of, by order id (else event id)."""
    context, found = reports.scope.context, Counter[str]()
    rows = orders.row[places]
    names, ids = context.texts("order"), context.event_ids(rows)
    codes = context.snapshot.take("order", rows).tolist() if len(rows) else []
    for place, code, event_id in zip(places.tolist(), codes, ids, strict=True):
        refund, amount = bool(orders.refund[place]), int(orders.amount[place])
        sale = Sale(int(orders.row[place]), -1, "", 0, amount, refund, 0, met=True)
        found[names[code] if code >= 0 else event_id] += number(sale)
    return found


def _by_channel(reports: Reports, mixed: str) -> Line:
    context, hand = reports.scope.context, reports.hand
    code, values = touch_field(context, "channel")
    visit_of = dict(zip(hand.row.tolist(), hand.visit.tolist(), strict=True)) if reports.hand_orders.sales else {}

    def channel(sale: Sale) -> str:
        """That of the visit the order was placed in."""
        visit = visit_of.get(sale.home, -1)
        touch = int(hand.visits.touch[visit]) if visit >= 0 else -1
        return values[code[touch]] if touch >= 0 and code[touch] >= 0 else NONE

    def again(days: Days) -> Ledger:
        found: Counter[str] = Counter()
        for sale in reports.sales(days):
            found[channel(sale)] += sale.amount
        return found

    def report(days: Days) -> Ledger:
        return {row["channel"]: minor(row["revenue"]) for row in reports.ask(Channels, days).frame.to_pylist()}

    return Line(code="channel_revenue", number=6, left=report, right=again, unit="money", unchecked=mixed)


def _factors(reports: Reports, mixed: str) -> Line:
    """Visitors × orders per visitor × revenue per order = revenue, to the minor unit."""

    def product(days: Days) -> Ledger:
        found = reports.ask(Kpi, days).figures
        if found["conversion_rate"] is None or found["aov"] is None:
            return one(minor(found["revenue"]))
        rate = Decimal(repr(found["conversion_rate"]))
        return one(round(found["visitors"] * rate * Decimal(found["aov"]) * SCALE))

    def revenue(days: Days) -> Ledger:
        return one(sum(sale.amount for sale in reports.sales(days)))

    return Line(code="factors", number=6, left=product, right=revenue, unit="money", unchecked=mixed, tolerance=1)


def _items(reports: Reports, mixed: str) -> Line:
    """Orders that came as lines: Σ lines = order. (A file of lines knows no shipping, tax or discount of an order.)"""
    context = reports.scope.context

    def of_lines(days: Days) -> tuple[Orders, np.ndarray]:
        m = reports.measured(days)
        places = np.flatnonzero(m.order_mask & ~m.orders.refund)
        line = context.snapshot.log_rows(m.orders.row[places], ("order_line",))["order_line"].to_numpy(
            zero_copy_only=False
        )
        return m.orders, places[line.astype(bool)] if len(places) else places

    def totals(days: Days) -> Ledger:
        orders, places = of_lines(days)
        return _of_relation(reports, orders, places, lambda sale: sale.amount)

    def lines(days: Days) -> Ledger:
        orders, places = of_lines(days)
        found, names = lines_of(context, orders, places), Counter[str]()
        texts, codes = context.texts("order"), context.column("order")
        for place, amount in zip(found.place.tolist(), found.amount.tolist(), strict=True):
            names[texts[codes[orders.row[place]]]] += amount
        return names

    lacking = mixed or ("" if len(of_lines(reports.days)[1]) else "no_order_lines")
    return Line(code="order_lines", number=6, left=totals, right=lines, unit="money", unchecked=lacking)


def _again(orders: Orders) -> np.ndarray:
    """Rows of order ids that came more than once."""
    return np.concatenate([orders.replaced, np.array([row for pair in orders.conflicts for row in pair], np.int64)])


def identity_lines(reports: Reports) -> list[Line]:
    """Events, orders and revenue are the same for stitched visitors and for ids as they were sent.

    An order id that came more than once is left out of the money: whose it is decides which of its rows counts.
    """
    context = reports.scope.context
    other = "raw" if reports.scope.question.identity == "stitched" else "stitched"
    mixed = "mixed_currencies" if reports.hand_orders.mixed else ""

    def counts(days: Days, identity: str) -> Ledger:
        # A condition on a visit means another visit under another identity, so that none is asked for.
        found = reports.ask(Kpi, days, identity=identity, where=(), segment=()).figures
        return {name: found[name] for name in ("events", "orders")}

    def money(days: Days, identity: str) -> Ledger:
        m = reports.measured(days, identity=identity, where=(), segment=())
        twice = {context.texts("order")[code] for code in context.snapshot.take("order", _again(m.orders)).tolist()}
        found = _of_relation(reports, m.orders, np.flatnonzero(m.order_mask), lambda sale: sale.amount)
        return {key: amount for key, amount in found.items() if key not in twice}

    own = reports.scope.question.identity
    return [
        Line(
            code="identity_counts", number=10, left=lambda days: counts(days, own), right=lambda days: counts(days, other)
        ),
        Line(
            code="identity_revenue", number=10, unit="money", unchecked=mixed, left=lambda days: money(days, own),
            right=lambda days: money(days, other),
        ),
    ]  # fmt: skip
