"""Orders and refunds counted a second time: the log's own rows, one after the other, in exact decimals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from afterclick.analyse.scope import Scope
from afterclick.core import spans
from afterclick.core.names import ORDER_COMPLETED, ORDER_LINE, ORDER_REFUNDED
from afterclick.core.spans import Period
from afterclick.store.columns import Flag

_COLUMNS = ("event_id", "event", "type", "order_id", "amount", "currency", "order_line")


class Sale(NamedTuple):
    """A counted order (`refund` False) or refund: global row, visitor (-1 nobody), key (order id, else event id), the
    instant it is dated to, net amount in minor units, the row it belongs to (a refund's is its order's), meets the
    conditions."""

    row: int
    visitor: int
    key: str
    at: int
    amount: int
    refund: bool
    home: int
    met: bool


class _Row(NamedTuple):
    at: int
    event_id: str
    row: int
    visitor: int
    order: str | None
    amount: int | None
    currency: str | None
    refund: bool


class HandOrders:
    """`sales` are all orders and refunds up to `as_of`; `mixed` says that their currencies cannot be added."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        rows = self._rows()
        self._amounts = self._in_one_currency(rows)
        self.mixed = self._amounts is None
        self.again: set[str] = set()
        self.sales: tuple[Sale, ...] = tuple(self._counted(rows))

    def within(self, period: Period) -> list[Sale]:
        """What is dated inside the period and meets the conditions."""
        return [sale for sale in self.sales if sale.met and period.start <= sale.at < period.end]

    def _rows(self) -> list[_Row]:
        """Rows that sell or refund, further lines of an order folded into its first, in the order of time."""
        context = self.scope.context
        names = context.names()[0]
        wanted = [code for code, name in enumerate(names) if name in (ORDER_COMPLETED, ORDER_REFUNDED, ORDER_LINE)]
        place = np.flatnonzero(np.isin(context.column("name"), wanted))
        log = context.snapshot.log_rows(place, _COLUMNS).to_pylist()
        at, device = context.column("at")[place], context.column("device")[place]
        visitor = np.full(len(place), -1, np.int64)
        visitor[device >= 0] = self.scope.labels.of(device[device >= 0], at[device >= 0])
        bots = self.scope.question.bots == "in"
        out = (context.column("flags")[place] & (0 if bots else int(Flag.BOT))) != 0
        lines: dict[tuple[str, str], list[int]] = {}
        heads = []
        for i, one in enumerate(log):
            if one["order_line"] and one["order_id"] is not None:
                lines.setdefault((one["order_id"], one["event"]), []).append(i)
            else:
                heads.append((i, one["amount"]))
        for members in lines.values():
            head = min(members, key=lambda i: (int(at[i]), log[i]["event_id"]))
            own = [log[i]["amount"] for i in members if log[i]["currency"] == log[head]["currency"]]
            known = [amount for amount in own if amount is not None]
            heads.append((head, sum(known) if known else None))
        return sorted(
            _Row(
                int(at[i]), log[i]["event_id"], int(place[i]), int(visitor[i]), log[i]["order_id"], amount,
                log[i]["currency"], log[i]["event"] == ORDER_REFUNDED,
            )
            for i, amount in heads
            if at[i] <= self.scope.as_of and not out[i]
        )  # fmt: skip

    def _in_one_currency(self, rows: Iterable[_Row]) -> dict[int, int] | None:
        """Amounts by row, in the store's currency; None where they cannot be added."""
        definitions, zone = self.scope.context.snapshot.definitions, self.scope.context.zone
        own, rates = definitions.currency, definitions.rates
        used = {row.currency or own for row in rows}
        if not (rates and own):
            return {row.row: row.amount or 0 for row in rows} if len(used) <= 1 else None
        found: dict[int, int] = {}
        for row in rows:
            currency, amount = row.currency or own, row.amount or 0
            if currency != own:
                day = spans.local_day(row.at, zone)
                known = [rate for on, rate in sorted(rates.get(currency, ())) if date.fromisoformat(on) <= day]
                if not known:
                    return None
                amount = int((Decimal(amount) * Decimal(known[-1])).to_integral_value())
            found[row.row] = amount
        return found

    def _counted(self, rows: list[_Row]) -> Iterable[Sale]:
        """Each order id once: the same visitor's later row replaces, another visitor's does not count; then refunds."""
        stands: dict[str, _Row] = {}
        single = []
        for row in (row for row in rows if not row.refund):
            if row.order is None:
                single.append(row)
                continue
            before = stands.setdefault(row.order, row)
            if before is not row:
                self.again.add(row.order)
                if before.visitor == row.visitor:
                    stands[row.order] = row
        met = self._met([row.row for row in rows])
        amounts = self._amounts or {}
        for row in [*single, *stands.values()]:
            key, amount = row.order or row.event_id, amounts.get(row.row, 0)
            yield Sale(row.row, row.visitor, key, row.at, amount, False, row.row, met[row.row])
        for row in (row for row in rows if row.refund):
            order = stands.get(row.order or "") or row
            key, amount = row.order or row.event_id, -amounts.get(row.row, 0)
            yield Sale(row.row, row.visitor, key, order.at, amount, True, order.row, met[row.row])

    def _met(self, rows: list[int]) -> dict[int, bool]:
        counted = self.scope.counted
        return {row: counted is None or bool(counted[row]) for row in rows}
