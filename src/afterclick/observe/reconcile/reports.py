"""The reports under test, asked for any days in the scope of one question, beside the same rows counted by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from afterclick.analyse.context import ids_of
from afterclick.analyse.handles import best, handle
from afterclick.analyse.measures import Measures, measures
from afterclick.analyse.question import Question
from afterclick.analyse.scope import Scope, scope_of
from afterclick.core import spans
from afterclick.core.money import SCALE
from afterclick.core.result import Result
from afterclick.core.spans import Period
from afterclick.observe.reconcile.hand import Hand
from afterclick.observe.reconcile.hand_orders import HandOrders, Sale
from afterclick.observe.reconcile.line import Days, Ledger


class Reports:
    """Asks questions in the scope of `asked` (resolved: `scope`), whose whole range is `days`."""

    def __init__(self, scope: Scope, asked: Question) -> None:
        self.scope = scope
        self.asked = asked
        zone = scope.context.zone
        self.days: Days = spans.local_day(scope.period.start, zone), spans.local_day(scope.period.end - 1, zone)

    def question(self, kind: type[Any], days: Days, **own: Any) -> Any:
        """A question of that kind over these days: every field of scope both have is carried over."""
        asked = self.asked
        both = {field.name for field in kind.fields() if field.scope} & {
            field.name for field in type(asked).fields() if field.scope
        }
        fields = {name: getattr(asked, name) for name in both}
        return kind(**{**fields, "range": f"{days[0]}..{days[1]}", "compare": "none", **own})

    def ask(self, kind: type[Any], days: Days, **own: Any) -> Result:
        """The report's answer. Those of the whole range are kept for the other lines."""
        spec = self.question(kind, days, **own)
        context = self.scope.context
        answer: Result = (
            context.keep(("result", spec.key), lambda: spec.answer(context))
            if days == self.days
            else spec.answer(context)
        )
        return answer

    def measured(self, days: Days, **changed: Any) -> Measures:
        """The sessions and orders that the reports of these days are made of."""
        scope = scope_of(self.scope.context, self.question(type(self.asked), days, **changed))
        return measures(scope, scope.period)

    def period(self, days: Days) -> Period:
        """The instants of these days."""
        zone = self.scope.context.zone
        return Period(spans.midnight(days[0], zone), spans.midnight(days[1] + timedelta(days=1), zone))

    @cached_property
    def hand(self) -> Hand:
        """Rows and sessions counted a second time."""
        return Hand(self.scope)

    @cached_property
    def hand_orders(self) -> HandOrders:
        """Orders counted a second time."""
        return HandOrders(self.scope)

    def sales(self, days: Days) -> list[Sale]:
        """Orders and refunds of these days, counted a second time."""
        return self.hand_orders.within(self.period(days))

    def handle(self, visitor: str) -> str:
        """A visitor's label as an id that may be shown."""
        label = int(visitor)
        texts = ids_of(self.scope.context, self.scope.labels, np.array([label]))[label]
        return handle(best(texts)) if texts else visitor


def minor(amount: Decimal | None) -> int:
    """An amount of a report in minor units; one that cannot be said counts as nothing."""
    return 0 if amount is None else int(amount * SCALE)


def per_visitor(visitors: Iterable[int] | np.ndarray) -> Ledger:
    """How often each visitor stands in a list."""
    return Counter(str(one) for one in np.asarray(visitors).tolist())


def one(number: int) -> Ledger:
    """A side that is one number."""
    return {"": int(number)}
