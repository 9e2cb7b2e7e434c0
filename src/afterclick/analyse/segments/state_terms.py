"""The terms that ask what is known of a visitor: visits, touches, stage, orders, basket, scores, traits, lists."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from afterclick.analyse import fields, rfm_scores
from afterclick.analyse.fields import touch_field
from afterclick.analyse.journey import journey_of
from afterclick.analyse.local_days import local_days
from afterclick.analyse.orders import Orders, orders_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.segments.baskets import BasketRows, Baskets
from afterclick.analyse.segments.step_rows import StepRows, last_of_each
from afterclick.analyse.segments.visits import Visits
from afterclick.analyse.sessions import Sessions, sessions_of
from afterclick.analyse.slices import known_field
from afterclick.core.arrays import frozen
from afterclick.core.condition import NO_AMOUNT, Amounts, Coded, Column, Condition, Flags, Numbers
from afterclick.core.rule_terms import ABANDONED_AFTER, TOUCH, Was
from afterclick.core.step import Step
from afterclick.stitch.stages import stages_of
from afterclick.store.columns import Flag

IDENTIFIED = Step(event="Identified")
_KNOWN = int(Flag.KNOWN | Flag.CONTACT)


class StateTerms:
    """The values of such terms; `found` holds the rows of baskets and traits where the rule asks for them."""

    def __init__(self, scope: Scope, found: StepRows | None) -> None:
        self.scope = scope
        self.found = found
        self._traits = lru_cache(maxsize=None)(self._trait_rows)
        self._visits = lru_cache(maxsize=4)(lambda at: Visits(self.sessions, at))
        self._basket = lru_cache(maxsize=4)(self._baskets)
        self._scores = lru_cache(maxsize=4)(self._scored)

    @cached_property
    def sessions(self) -> Sessions:
        """All sessions."""
        return sessions_of(self.scope.context, self.scope.sessions_like, self.scope.as_of)

    @cached_property
    def size(self) -> int:
        """Size of the label space."""
        return self.scope.labels.size

    @property
    def mixed(self) -> bool:
        """Whether amounts are of several currencies without a rate."""
        return self.orders.mixed

    def state(self, field: str, at: int) -> Column:
        """A field of `rule_terms.STATE` at an instant."""
        root, _, name = field.partition(".")
        if root == "visitor":
            return self._visitor(name, at)
        if root == "session":
            return self._session(name, at)
        if root == "basket":
            return self._of_basket(name, at)
        if root == "rfm":
            return self._rfm(name, at)
        return self._touch(name, self._visits(at).touches(first=root == "first_touch"))

    def instants(self, field: str, at: int) -> np.ndarray:
        """An instant of the state per visitor, float64 µs, NaN for none."""
        root, _, name = field.partition(".")
        if root == "basket":
            return _instants(self._changed(name, at), self._changed(name, at) > 0)
        visits: Visits = self._visits(at)
        if name == "first_seen_at":
            offsets, times = visits.sessions.rows.offsets[:-1], visits.sessions.rows.at
            return self._over(visits, times[offsets[visits.there]])
        if name == "last_seen_at":
            return self._over(visits, visits.last_seen())
        past = self._sold(at)
        out = np.full(self.size, np.nan)
        np.fmax.at(out, self.orders.visitor[past], self._order_at[past].astype(np.float64))
        return out

    # -- what was done so far

    def _visitor(self, name: str, at: int) -> Column:
        visits: Visits = self._visits(at)
        if name == "sessions":
            return Numbers(visits.begun.astype(np.float64))
        if name in ("pages", "events"):
            return Numbers((visits.pages() if name == "pages" else visits.events()).astype(np.float64))
        if name == "orders":
            return Numbers(np.bincount(self.orders.visitor[self._sold(at)], minlength=self.size).astype(np.float64))
        if name == "revenue":
            return Amounts(self._revenue(at))
        if name == "known":
            return Flags(self._known_since <= at)
        if name == "stage":
            stages = stages_of(self.scope.context.snapshot.definitions)
            highest = journey_of(self.scope, stages, self.scope.period).highest(at + 1)
            return Coded(highest.astype(np.int32), [stage.name for stage in stages])
        return Numbers(self.instants(f"visitor.{name}", at))

    def _session(self, name: str, at: int) -> Column:
        visits: Visits = self._visits(at)
        if name in TOUCH:
            touch = np.full(self.size, -1, np.int64)
            touch[visits.there] = visits.last_touch_of_session
            return self._touch(name, touch)
        values = {
            "pages": "last_pages", "events": "last_events", "orders": "last_orders", "length": "last_length",
        }  # fmt: skip
        return Numbers(self._over(visits, getattr(visits, values[name])))

    def _touch(self, name: str, touch: np.ndarray) -> Column:
        codes, texts = touch_field(self.scope.context, name)
        if not len(codes):
            return Coded(np.full(len(touch), -1, np.int32), texts)
        return Coded(np.where(touch >= 0, codes[np.maximum(touch, 0)], -1).astype(np.int32), texts)

    def _over(self, visits: Visits, values: np.ndarray) -> np.ndarray:
        out = np.full(self.size, np.nan)
        out[visits.there] = values
        return out

    @cached_property
    def _known_since(self) -> np.ndarray:
        """Per visitor the first event that carries a user id, e-mail or phone, far ahead where none does; int64 µs."""

        def make() -> np.ndarray:
            since = np.full(self.size, 2**62, np.int64)
            out = int(Flag.BOT) if self.scope.question.bots == "out" else 0
            for chunk in self.scope.context.snapshot.chunks(("flags", "device", "at"), None):
                flags, device, at = (chunk.columns[name] for name in ("flags", "device", "at"))
                rows = np.flatnonzero(((flags & _KNOWN) != 0) & ((flags & out) == 0) & (device >= 0))
                rows = rows[at[rows] <= self.scope.as_of]
                np.minimum.at(since, self.scope.labels.of(device[rows], at[rows]), at[rows])
            return frozen(since)

        question = self.scope.question
        return self.scope.context.keep(("known since", question.identity, question.bots, self.scope.as_of), make)

    # -- orders and their scores

    @cached_property
    def orders(self) -> Orders:
        """All orders."""
        return orders_of(self.scope)

    @cached_property
    def _order_at(self) -> np.ndarray:
        """The instant at which each row of the orders happened; a refund's own, not its order's."""
        return self.scope.context.snapshot.take("at", self.orders.row)

    def _sold(self, at: int) -> np.ndarray:
        orders = self.orders
        return np.flatnonzero(~orders.refund & (orders.visitor >= 0) & (self._order_at <= at))

    def _revenue(self, at: int) -> np.ndarray:
        orders = self.orders
        if orders.mixed:
            return np.full(self.size, NO_AMOUNT, np.int64)
        past = np.flatnonzero((orders.visitor >= 0) & (self._order_at <= at))
        out = np.zeros(self.size, np.int64)
        np.add.at(out, orders.visitor[past], orders.amount[past])
        return out

    def _scored(self, at: int) -> dict[str, np.ndarray]:
        """Scores of the buyers, -1 for those who are none: by the day of the last order, orders, net revenue."""
        buyers, orders = np.unique(self.orders.visitor[self._sold(at)], return_counts=True)
        last = self.instants("visitor.last_order_at", at)[buyers].astype(np.int64)
        found = {
            "recency": rfm_scores.scores(local_days(last, self.scope.context.zone)),
            "frequency": rfm_scores.scores(orders),
            "money": rfm_scores.scores(self._revenue(at)[buyers]),
        }
        found["name"] = rfm_scores.names(found["recency"], found["frequency"])
        if self.orders.mixed:
            found["money"] = np.full(len(buyers), -1, np.int8)
        wide = {}
        for name, values in found.items():
            wide[name] = np.full(self.size, -1, np.int32)
            wide[name][buyers] = values
        return wide

    def _rfm(self, name: str, at: int) -> Column:
        found = self._scores(at)[name]
        if name == "name":
            return Coded(found, list(rfm_scores.NAMES))
        return Numbers(np.where(found < 0, np.nan, found))

    # -- the basket

    @cached_property
    def basket_rows(self) -> BasketRows:
        """The rows that change baskets."""
        assert self.found is not None
        return BasketRows(self.scope, self.found)

    def _baskets(self, at: int) -> Baskets:
        return self.basket_rows.at_instant(at)

    def _of_basket(self, name: str, at: int) -> Column:
        basket: Baskets = self._basket(at)
        if name == "value":
            return Amounts(basket.value)
        if name in ("units", "lines"):
            return Numbers((basket.units if name == "units" else basket.lines).astype(np.float64))
        return Numbers(self.instants(f"basket.{name}", at))

    def _changed(self, name: str, at: int) -> np.ndarray:
        changed: np.ndarray = self._basket(at).changed_at
        return changed if name == "changed_at" else np.where(at > changed + ABANDONED_AFTER, changed, 0)

    # -- traits and lists

    def _trait_rows(self, name: str) -> tuple[np.ndarray, np.ndarray, Column]:
        """(visitor, instant, value) of the identifications that carry a trait, in order of visitor and time."""
        assert self.found is not None
        places = np.flatnonzero(self.found.serves(IDENTIFIED))
        field = known_field(self.scope.context, name, "segment")
        column = fields.column(self.scope.context, field, self.scope.taker(0, self.found.rows.rows_at(places)))
        if isinstance(column, Numbers):
            there = ~np.isnan(column.values)
            kept: Column = Numbers(column.values[there])
        elif isinstance(column, Coded):
            there = column.codes >= 0
            kept = Coded(column.codes[there], column.values)
        else:
            there, kept = np.ones(len(places), bool), column
        return self.found.owner[places[there]], self.found.rows.at[places[there]], kept

    def trait(self, name: str, at: int) -> Column:
        """The latest value of a trait."""
        owner, times, column = self._traits(name)
        here = np.flatnonzero(times <= at)
        last = here[last_of_each(owner[here])]
        if isinstance(column, Coded):
            codes = np.full(self.size, -1, np.int32)
            codes[owner[last]] = column.codes[last]
            return Coded(codes, column.values)
        out = np.full(self.size, np.nan)
        out[owner[last]] = column.values[last]
        return Numbers(out)

    def was(self, term: Was, at: int) -> Column:
        """Whether the trait met the condition at some moment of the span that ends now."""
        owner, times, column = self._traits(term.trait)
        met = Condition(term.leaf).mask({term.leaf.field: column}, len(owner))
        until = np.append(times[1:], 2**62)
        until[last_of_each(owner)] = 2**62
        out = np.zeros(self.size, bool)
        out[owner[met & (times <= at) & (until > at - term.within)]] = True
        return Flags(out)


def _instants(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.where(there, values.astype(np.float64), np.nan)
