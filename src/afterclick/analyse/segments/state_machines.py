"""What is known of one visitor, kept up to date event by event: visits, touches, orders, stage, basket, traits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from afterclick.analyse.segments.basket_state import NAMES, BasketState
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.machines import NEVER, cut, passing
from afterclick.analyse.segments.state_terms import IDENTIFIED
from afterclick.analyse.segments.visit_state import Setting, VisitState
from afterclick.core import money
from afterclick.core.condition_values import is_missing, leaf_matches
from afterclick.core.rule_terms import ABANDONED_AFTER, TOUCH, SinceInstant, State, Trait, Was
from afterclick.store.columns import Flag

__all__ = ["READ", "Bounds", "Setting", "Stating", "VisitState", "VisitorState", "read_state", "turn_of_state"]

_KNOWN: Final = int(Flag.KNOWN | Flag.CONTACT)
_ORDER: Final = int(Flag.ORDER)
_REFUND: Final = int(Flag.REFUND)
_PROPERTY: Final = "properties."


class Bounds(NamedTuple):
    """What a bounded state keeps: traits by name with the longest span anybody looks back (µs), orders by id, lines.

    An order that is told again behind so many others counts anew.
    """

    traits: Mapping[str, int]
    orders: int = 16
    lines: int = 100
    changes: int = 32


class VisitorState:
    """One visitor; the terms of the state read from here. Without bounds it keeps everything."""

    def __init__(self, setting: Setting, bounds: Bounds | None = None) -> None:
        self.setting = setting
        self.bounds = bounds
        self.visits = VisitState(setting)
        self.basket = BasketState(bounds.lines if bounds else 0)
        self.known = False
        self.stage = -1
        self.orders: dict[str, int] = {}
        self.ordered, self.sold = 0, 0
        """Orders that are kept as a number and a sum alone: without an id, or too many."""
        self.refunds = 0
        self.last_order_at: int | None = None
        self.traits: dict[str, list[tuple[int, Any]]] = {}

    def add(self, one: Happening) -> None:
        """The next event."""
        self.visits.add(one)
        if not one.names.isdisjoint(NAMES):
            self.basket.add(one)
        flags = one.flags
        if flags & _KNOWN:
            self.known = True
        if one.stages and one.stages[-1] > self.stage:
            self.stage = max(self.stage, *one.stages)
        if flags & _ORDER:
            self._order(one)
        elif flags & _REFUND:
            self.refunds += one.amount or 0
        if IDENTIFIED.event in one.names:
            self._learn(one)

    def _order(self, one: Happening) -> None:
        self.last_order_at = one.at
        if one.order:
            self.orders[one.order] = one.amount or 0
            self._bound_orders()
        else:
            self.ordered, self.sold = self.ordered + 1, self.sold + (one.amount or 0)

    def _bound_orders(self) -> None:
        while self.bounds and len(self.orders) > self.bounds.orders:
            self.ordered, self.sold = self.ordered + 1, self.sold + self.orders.pop(next(iter(self.orders)))

    def _learn(self, one: Happening) -> None:
        for field, value in one.fields.items():
            name = field.removeprefix(_PROPERTY)
            if not field.startswith(_PROPERTY) or is_missing(value):
                continue
            if self.bounds is None:
                self.traits.setdefault(name, []).append((one.at, value))
            elif name in self.bounds.traits:
                self.traits[name] = self._changes(name, [*self.traits.get(name, ()), (one.at, cut(value))])

    def _changes(self, name: str, held: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        """Only changes, only those that anybody looks back at."""
        assert self.bounds is not None
        begin = held[-1][0] - self.bounds.traits[name]
        found = held[:1]
        for since, value in held[1:]:
            if type(value) is type(found[-1][1]) and value == found[-1][1]:
                continue
            if since <= begin:
                found.pop()
            found.append((since, value))
        return found[-self.bounds.changes :]

    def value(self, field: str, at: int) -> Any:
        """A field of `rule_terms.STATE`."""
        return READ[field](self, at)

    @property
    def revenue(self) -> int:
        """Of all orders less refunds, minor units."""
        return self.sold + sum(self.orders.values()) - self.refunds

    def join(self, other: VisitorState) -> None:
        """Take over what is known of the same visitor under another id: the same whichever of the two takes over.

        Numbers add up, the session seen later goes on, what two histories have in common (orders by id) counts once.
        """
        self.visits.join(other.visits)
        self.basket.join(other.basket, self.last_order_at, other.last_order_at)
        self.known = self.known or other.known
        self.stage = max(self.stage, other.stage)
        newer = (self.last_order_at or 0, repr(self.orders)) >= (other.last_order_at or 0, repr(other.orders))
        self.orders = {**other.orders, **self.orders} if newer else {**self.orders, **other.orders}
        self.ordered, self.sold = self.ordered + other.ordered, self.sold + other.sold
        self.refunds += other.refunds
        self._bound_orders()
        known = [at for at in (self.last_order_at, other.last_order_at) if at is not None]
        self.last_order_at = max(known, default=None)
        for name, changes in other.traits.items():
            both = sorted([*self.traits.get(name, ()), *changes], key=lambda change: (change[0], repr(change[1])))
            self.traits[name] = self._changes(name, both) if self.bounds and name in self.bounds.traits else both


def _of_session(name: str, state: VisitorState, _at: int) -> Any:
    return state.visits.session.get(name)


def _length(state: VisitorState, _at: int) -> Any:
    session = state.visits.session
    return session["end"] - session["start"] if session else None


def _of_session_touch(name: str, state: VisitorState, _at: int) -> Any:
    touch = state.visits.session.get("touch")
    return touch.get(name) if touch else None


def _of_touch(root: str, name: str, state: VisitorState, _at: int) -> Any:
    touch = getattr(state.visits, root)
    return touch.get(name) if touch else None


def _of_basket(name: str, state: VisitorState, at: int) -> Any:
    return state.basket.value(name, at)


READ: Final[dict[str, Callable[[VisitorState, int], Any]]] = {
    "visitor.sessions": lambda state, _: state.visits.sessions,
    "visitor.pages": lambda state, _: state.visits.pages,
    "visitor.events": lambda state, _: state.visits.events,
    "visitor.orders": lambda state, _: len(state.orders) + state.ordered,
    "visitor.revenue": lambda state, _: money.to_decimal(state.revenue),
    "visitor.known": lambda state, _: state.known,
    "visitor.stage": lambda state, _: state.setting.stages[state.stage] if state.stage >= 0 else None,
    "visitor.first_seen_at": lambda state, _: state.visits.first_at if state.visits.sessions else None,
    "visitor.last_seen_at": lambda state, _: state.visits.last_at if state.visits.sessions else None,
    "visitor.last_order_at": lambda state, _: state.last_order_at,
    "session.length": _length,
    **{f"session.{name}": partial(_of_session, name) for name in ("pages", "events", "orders")},
    **{f"session.{name}": partial(_of_session_touch, name) for name in TOUCH},
    **{f"{root}.{name}": partial(_of_touch, root, name) for root in ("first_touch", "last_touch") for name in TOUCH},
    **{f"basket.{name}": partial(_of_basket, name) for name in ("value", "units", "lines", "changed_at", "abandoned_at")},
}
"""How each field of `rule_terms.STATE` is read at an instant; `rfm` compares with other visitors and is not here."""


class Stating:
    """A term that reads the visitor's state; the state itself is fed once, for all of them."""

    def __init__(self, term: State | SinceInstant | Trait | Was, state: VisitorState, compared: tuple[int, ...]) -> None:
        self.term = term
        self.state = state
        self.spans = compared

    def add(self, one: Happening) -> None:
        """Nothing: the state knows already."""

    def value(self, at: int) -> Any:
        """The value then."""
        return read_state(self.term, self.state, at)

    def turn(self, at: int) -> int:
        """When time alone may change it."""
        return turn_of_state(self.term, self.state, self.spans, at)


def read_state(term: State | SinceInstant | Trait | Was, state: VisitorState, at: int) -> Any:
    """The value of such a term at an instant."""
    match term:
        case State(field):
            return READ[field](state, at)
        case SinceInstant(field):
            since = READ[field](state, at)
            return None if since is None else at - since
        case Trait(name):
            held = state.traits.get(name)
            return held[-1][1] if held else None
        case Was(name, leaf, within):
            held = state.traits.get(name, [])
            until = [since for since, _ in held[1:]] + [NEVER] * bool(held)
            return any(
                end > at - within and leaf_matches(leaf, value) for (_, value), end in zip(held, until, strict=True)
            )


def turn_of_state(
    term: State | SinceInstant | Trait | Was, state: VisitorState, compared: tuple[int, ...], at: int
) -> int:
    """When time alone may change the value of such a term that is compared with these spans."""
    match term:
        case SinceInstant(field):
            since: int | None = READ[field](state, at)
            return min(passing(since, compared, at), _abandoned(state, field, at))
        case State(field):
            return _abandoned(state, field, at)
        case Was(name, _, within):
            ends: list[int] = [since + within for since, _ in state.traits.get(name, [])[1:]]
            return min((end for end in ends if end > at), default=NEVER)
        case Trait():
            return NEVER


def _abandoned(state: VisitorState, field: str, at: int) -> int:
    if field != "basket.abandoned_at":
        return NEVER
    turn = state.basket.changed_at + ABANDONED_AFTER + 1
    return turn if turn > at else NEVER
