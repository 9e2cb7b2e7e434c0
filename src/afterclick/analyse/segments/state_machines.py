"""What is known of one visitor, kept up to date event by event: visits, touches, orders, stage, basket, traits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from afterclick.analyse.segments.baskets import ADDED, ORDERED, REMOVED
from afterclick.analyse.segments.happening import Happening
from afterclick.analyse.segments.machines import NEVER, passing
from afterclick.analyse.segments.state_terms import IDENTIFIED
from afterclick.core import money, spans
from afterclick.core.condition_values import as_number, is_missing, leaf_matches
from afterclick.core.rule_terms import ABANDONED_AFTER, SinceInstant, State, Trait, Was
from afterclick.store.columns import Flag


class Setting(NamedTuple):
    """What a visitor's state depends on beside the events: options of sessions, names of stages, the direct touch."""

    timeout: int = 30 * spans.MINUTE
    max_length: int = 0
    on_campaign: bool = True
    on_referrer: bool = False
    stages: tuple[str, ...] = ("Attract", "Convert", "Close", "Delight")
    direct: Mapping[str, Any] = {"channel": "direct"}


class VisitState:
    """Sessions as they are cut while they happen, with the same options and to the same effect as in `kernels.sessions`."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.sessions = self.events = self.pages = 0
        self.first_at = self.last_at = 0
        self.session: dict[str, Any] = {}
        self.first_touch: Mapping[str, Any] | None = None
        self.last_touch: Mapping[str, Any] | None = None
        self._carried: Mapping[str, Any] | None = None
        self._seen = self._began = self._campaign = 0
        self._origin: Any = None

    def add(self, one: Happening) -> None:
        """Count it in its session, a new one if it begins one."""
        if one.system:
            return
        if not self.sessions:
            self.first_at = one.at
        self.last_at = one.at
        gap = one.at - self._seen > self.setting.timeout
        begins = not self.sessions or (gap if one.server_sale else self._cuts(one, gap=gap))
        if begins:
            self._begin(one)
        if begins or not one.server_sale:
            self._campaign = one.campaign or self._campaign
            if one.touch and one.flags & Flag.CONTEXT and one.touch is not self.setting.direct:
                self._origin = one.touch.get("source")
            self._seen = one.at
        self._count(one)

    def _cuts(self, one: Happening, *, gap: bool) -> bool:
        setting = self.setting
        outside = one.touch and one.flags & Flag.CONTEXT and one.touch is not setting.direct
        return (
            gap
            or bool(setting.max_length and one.at - self._began >= setting.max_length)
            or bool(setting.on_campaign and one.campaign and one.campaign != self._campaign)
            or bool(setting.on_referrer and outside and one.touch and one.touch.get("source") != self._origin)
        )

    def _begin(self, one: Happening) -> None:
        if self.session.get("touch_own", True):
            self._carried = self.session.get("touch")
        self.sessions += 1
        self._began, self._campaign, self._origin = one.at, 0, None
        self.session = {"start": one.at, "end": one.at, "events": 0, "pages": 0, "orders": 0, "touch": None}

    def _count(self, one: Happening) -> None:
        session = self.session
        page, order = bool(one.flags & Flag.PAGE), bool(one.flags & Flag.ORDER)
        self.events += 1
        self.pages += page
        session["events"] += 1
        session["pages"] += page
        session["orders"] += order
        if not one.server_sale:
            session["end"] = one.at
        if session["touch"] is None and one.flags & Flag.CONTEXT and one.touch is not None:
            # An empty touch came from inside: the visit goes on with the visitor's last channel, else direct.
            session["touch_own"] = bool(one.touch)
            session["touch"] = one.touch or self._carried or self.setting.direct
            self.last_touch = session["touch"]
            self.first_touch = self.first_touch or self.last_touch

    def touch(self, root: str) -> Mapping[str, Any]:
        """The touch of the session, the first or the last one; empty where there is none."""
        found = {"session": self.session.get("touch"), "first_touch": self.first_touch, "last_touch": self.last_touch}
        return found[root] or {}


class BasketState:
    """The lines of the basket since the last order."""

    def __init__(self) -> None:
        self.lines: dict[tuple[Any, Any], list[int]] = {}
        self.changed_at = 0

    def add(self, one: Happening) -> None:
        """Put in, take out, or clear."""
        if one.serves(ORDERED):
            self.lines = {}
            return
        added = one.serves(ADDED)
        if not added and not one.serves(REMOVED):
            return
        self.changed_at = one.at
        quantity = _number(one.value("quantity"))
        pieces = 1 if quantity is None else max(0, round(quantity))
        line = self.lines.setdefault((one.value("product_id"), one.value("variant")), [0, 0])
        if added:
            line[:] = line[0] + pieces, _price(one, pieces)
        else:
            line[0] = 0 if quantity is None else max(0, line[0] - pieces)

    def value(self, name: str, at: int) -> Any:
        """A field of the basket."""
        held = [line for line in self.lines.values() if line[0]]
        if name == "value":
            return money.to_decimal(sum(pieces * price for pieces, price in held))
        if name in ("units", "lines"):
            return sum(pieces for pieces, _ in held) if name == "units" else len(held)
        if not held or (name == "abandoned_at" and at <= self.changed_at + ABANDONED_AFTER):
            return None
        return self.changed_at


class VisitorState:
    """One visitor; the terms of the state read from here."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.visits = VisitState(setting)
        self.basket = BasketState()
        self.known = False
        self.stage = -1
        self.orders: dict[Any, int] = {}
        self.refunds = 0
        self.last_order_at: int | None = None
        self.traits: dict[str, list[tuple[int, Any]]] = {}

    def add(self, one: Happening) -> None:
        """The next event."""
        self.visits.add(one)
        self.basket.add(one)
        self.known = self.known or bool(one.flags & (Flag.KNOWN | Flag.CONTACT))
        self.stage = max(self.stage, *one.stages, -1)
        if one.flags & Flag.ORDER:
            self.orders[one.order or len(self.orders)] = one.amount or 0
            self.last_order_at = one.at
        elif one.flags & Flag.REFUND:
            self.refunds += one.amount or 0
        if one.serves(IDENTIFIED):
            for name, value in one.fields.items():
                if name.startswith("properties.") and not is_missing(value):
                    self.traits.setdefault(name.removeprefix("properties."), []).append((one.at, value))

    def value(self, field: str, at: int) -> Any:
        """A field of `rule_terms.STATE`."""
        root, _, name = field.partition(".")
        if root == "basket":
            return self.basket.value(name, at)
        if root != "visitor":
            return self._of_visit(root, name)
        found = {
            "sessions": self.visits.sessions, "pages": self.visits.pages, "events": self.visits.events,
            "orders": len(self.orders), "revenue": money.to_decimal(sum(self.orders.values()) - self.refunds),
            "known": self.known, "stage": self.setting.stages[self.stage] if self.stage >= 0 else None,
            "first_seen_at": self.visits.first_at if self.visits.sessions else None,
            "last_seen_at": self.visits.last_at if self.visits.sessions else None, "last_order_at": self.last_order_at,
        }  # fmt: skip
        return found[name]

    def _of_visit(self, root: str, name: str) -> Any:
        session = self.visits.session
        if root == "session" and name in ("pages", "events", "orders"):
            return session.get(name)
        if root == "session" and name == "length":
            return session["end"] - session["start"] if session else None
        return self.visits.touch(root).get(name)


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
        match self.term:
            case State(field):
                return self.state.value(field, at)
            case SinceInstant(field):
                since = self.state.value(field, at)
                return None if since is None else at - since
            case Trait(name):
                held = self.state.traits.get(name)
                return held[-1][1] if held else None
            case Was(name, leaf, within):
                held = self.state.traits.get(name, [])
                until = [since for since, _ in held[1:]] + [NEVER] * bool(held)
                return any(
                    end > at - within and leaf_matches(leaf, value)
                    for (_, value), end in zip(held, until, strict=True)
                )

    def turn(self, at: int) -> int:
        """When time alone may change it."""
        match self.term:
            case SinceInstant(field):
                since: int | None = self.state.value(field, at)
                return min(passing(since, self.spans, at), self._abandoned(field, at))
            case State(field):
                return self._abandoned(field, at)
            case Was(name, _, within):
                ends: list[int] = [since + within for since, _ in self.state.traits.get(name, [])[1:]]
                return min((end for end in ends if end > at), default=NEVER)
            case Trait():
                return NEVER

    def _abandoned(self, field: str, at: int) -> int:
        turn = self.state.basket.changed_at + ABANDONED_AFTER + 1
        return turn if field == "basket.abandoned_at" and turn > at else NEVER


def _number(value: Any) -> float | None:
    number = None if value is None else as_number(value)
    return None if number is None else float(number)


def _price(one: Happening, pieces: int) -> int:
    price = _number(one.value("price"))
    if price is not None and abs(price) < money.LIMIT:
        minor: int = round(price * money.SCALE)
        return minor
    return (one.amount or 0) // pieces if pieces else 0
