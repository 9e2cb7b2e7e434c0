"""Rules as tables of numbers, for those whose terms the kernel knows; all others go through the engine itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from afterclick.analyse.context import TOUCH_FIELDS
from afterclick.analyse.kernels import tape_rules, tape_state, tape_terms
from afterclick.analyse.kernels.tape_terms import HEAD, MISSING, NOBODY, RING
from afterclick.analyse.segments.baskets import ADDED, ORDERED, REMOVED
from afterclick.core.arrays import frozen
from afterclick.core.rule_terms import (
    TOUCH,
    Count,
    Figure,
    Reached,
    Since,
    SinceInstant,
    State,
    Term,
)
from afterclick.core.rule_terms import (
    Sequence as Chain,
)
from afterclick.core.step import Step
from afterclick.decide.backtest.tapes import FAR, NotHere, field_of_state, tapes_of
from afterclick.decide.rules.asked import Asked
from afterclick.decide.rules.book import RuleBook
from afterclick.decide.rules.running import Running

MOST_RULES: Final = 60
_MOST_STEPS: Final = 60

FIELDS: Final[dict[str, int]] = {
    "visitor.sessions": tape_terms.F_SESSIONS, "visitor.pages": tape_terms.F_PAGES, "visitor.events": tape_terms.F_EVENTS,
    "visitor.orders": tape_terms.F_ORDERS, "visitor.revenue": tape_terms.F_REVENUE, "visitor.known": tape_terms.F_KNOWN,
    "visitor.first_seen_at": tape_terms.F_FIRST_AT, "visitor.last_seen_at": tape_terms.F_LAST_AT,
    "visitor.last_order_at": tape_terms.F_ORDER_AT, "session.pages": tape_terms.F_IN_PAGES,
    "session.events": tape_terms.F_IN_EVENTS, "session.orders": tape_terms.F_IN_ORDERS, "session.length": tape_terms.F_LENGTH,
    "basket.value": tape_terms.F_VALUE, "basket.units": tape_terms.F_UNITS, "basket.lines": tape_terms.F_LINES,
    "basket.changed_at": tape_terms.F_CHANGED_AT, "basket.abandoned_at": tape_terms.F_ABANDONED_AT,
    **{f"session.{name}": tape_terms.F_TOUCH for name in TOUCH},
    **{f"first_touch.{name}": tape_terms.F_FIRST_TOUCH for name in TOUCH},
    **{f"last_touch.{name}": tape_terms.F_LAST_TOUCH for name in TOUCH},
}  # fmt: skip
_IN_PLACE: Final[dict[int, int]] = {
    tape_terms.F_SESSIONS: tape_terms.SESSIONS, tape_terms.F_PAGES: tape_terms.PAGES,
    tape_terms.F_EVENTS: tape_terms.EVENTS, tape_terms.F_KNOWN: tape_terms.IS_KNOWN,
    tape_terms.F_ORDER_AT: tape_terms.ORDER_AT, tape_terms.F_IN_PAGES: tape_terms.IN_PAGES,
    tape_terms.F_IN_EVENTS: tape_terms.IN_EVENTS, tape_terms.F_IN_ORDERS: tape_terms.IN_ORDERS,
    tape_terms.F_TOUCH: tape_terms.TOUCH, tape_terms.F_FIRST_TOUCH: tape_terms.FIRST_TOUCH,
    tape_terms.F_LAST_TOUCH: tape_terms.LAST_TOUCH,
}  # fmt: skip
"""Fields whose value is a number that is kept anyway, and where."""
_FEEDS: Final = ("by_visit", "by_basket", "when_asked", "timed")


class Program(NamedTuple):
    """The tables of `tape.fold_rules`. `steps` are all steps that rows may serve, `columns` the fields sums are over.

    `uses[step]` are (term, place among its steps); `basket` says which of the steps change baskets, `asked[step]` the rules
    that are asked at such an event (bits); `wants` what else of the rows is read, `running` the rules in their order.
    """

    terms: np.ndarray
    spans: np.ndarray
    by_visit: np.ndarray
    by_basket: np.ndarray
    when_asked: np.ndarray
    timed: np.ndarray
    tape: np.ndarray
    begins: np.ndarray
    rules: np.ndarray
    blank: np.ndarray
    orders: int
    lines: int
    steps: tuple[Step, ...]
    uses: Mapping[int, tuple[tuple[int, int], ...]]
    asked: Mapping[int, int]
    basket: Mapping[int, int]
    columns: tuple[str, ...]
    wants: frozenset[str]
    running: tuple[Running, ...]

    @property
    def numbers(self) -> np.ndarray:
        """The number in the book of each rule of the tape."""
        return np.array([one.number for one in self.running], np.int64)

    @property
    def reach(self) -> int:
        """How long (µs) behind the last event time alone may still change anything."""
        if not len(self.timed):
            return 0
        spans = self.terms[:, (tape_terms.WITHIN, tape_terms.RECENT)]
        return 1 + max(int(spans.max()), int(self.spans.max()), tape_terms.ABANDONED)

    def tables(self) -> tuple[Any, ...]:
        """What the kernel takes, in its order."""
        return (
            self.terms, self.spans, self.by_visit, self.by_basket, self.when_asked, self.timed, self.tape, self.begins,
            self.rules, self.blank, self.orders, self.lines,
        )  # fmt: skip


def program_of(book: RuleBook, touches: Mapping[str, Sequence[Any]]) -> Program:
    """The tables of a book; `touches` are the fields of each touch by its code. Raises NotHere."""
    return _Making(book, touches).program()


class _Making:
    def __init__(self, book: RuleBook, touches: Mapping[str, Sequence[Any]]) -> None:
        if not 0 < len(book.running) <= MOST_RULES:
            raise NotHere("rules")
        self.book = book
        self.touches = touches
        self.steps: dict[tuple[str, str], int] = {}
        self.listed: list[Step] = []
        self.columns: list[str] = []
        self.compared: list[int] = []
        self.uses: dict[int, list[tuple[int, int]]] = {}
        self.asked: dict[int, int] = {}
        self.slots: list[int] = []
        # Machines begin behind what is known of everybody; what has more than one word is set to nothing there.
        self.blank = [0] * HEAD
        for place in (tape_terms.TOUCH, tape_terms.FIRST_TOUCH, tape_terms.LAST_TOUCH, tape_terms.CARRIED):
            self.blank[place] = NOBODY
        for place in (tape_terms.ORDER_AT, tape_terms.IN_PAGES, tape_terms.IN_EVENTS, tape_terms.IN_ORDERS):
            self.blank[place] = MISSING

    def program(self) -> Program:
        terms = np.array([self._term(one) for one in self.book.asked], np.int64).reshape(-1, 13)
        tape, begins = tapes_of(self.book, self.slots, self.touches)
        urgent = sorted(self.book.running, key=lambda one: one.order)
        rules = np.array([self._rule(place, one) for place, one in enumerate(urgent)], np.int64).reshape(-1, 6)
        basket = self._basket()
        orders = len(self.blank)
        lines = orders + 2 * tape_terms.ORDERS
        blank = [*self.blank, *[0] * (lines + 3 * tape_terms.LINES - orders)]
        fed = {name: _listed(one.number for one in self.book.asked if self._is_fed(one, name)) for name in _FEEDS}
        return Program(
            terms=frozen(terms), spans=_listed([*self.compared, 0]), tape=_listed(tape), begins=_listed(begins),
            rules=frozen(rules), blank=_listed(blank), orders=orders, lines=lines, steps=tuple(self.listed),
            uses={step: tuple(found) for step, found in self.uses.items()}, asked=dict(self.asked), basket=basket,
            columns=tuple(self.columns), wants=self._wants(), running=tuple(urgent), **fed,
        )  # fmt: skip

    def _is_fed(self, one: Asked, by: str) -> bool:
        """Whether a term is read anew then. The engine follows through time what may fire by it, and reads what is asked
        at an event alone when it is asked."""
        if by == "timed":
            return one.number in self.book.timed
        if by == "when_asked":
            return one.number not in self.book.timed and one.direction != "no"
        if by == "by_basket":
            return one.family == "basket"
        return one.family == "visit" and FIELDS[field_of_state(one.term)] not in _IN_PLACE

    # -- terms

    def _term(self, one: Asked) -> list[int]:
        row = [0] * 13
        row[tape_terms.KIND] = self._kind(one.term)
        row[tape_terms.BASE] = len(self.blank)
        row[tape_terms.FIELD] = -1
        match one.term:
            case Count(within=within):
                row[tape_terms.WITHIN], row[tape_terms.MOST] = within, one.most
            case Figure(field=field, within=within):
                row[tape_terms.WITHIN], row[tape_terms.FIELD] = within, self._column(field)
            case Chain(within=within, recent=recent):
                row[tape_terms.WITHIN], row[tape_terms.RECENT] = within, recent
            case Reached(within=within):
                row[tape_terms.WITHIN] = within
            case State(field) | SinceInstant(field):
                row[tape_terms.FIELD] = FIELDS[field]
        row[tape_terms.STEPS], row[tape_terms.FOLLOWED] = len(one.steps), int(one.number in self.book.timed)
        row[tape_terms.SPAN_FROM], row[tape_terms.SPAN_TO] = self._compared(one.spans)
        row[tape_terms.DROP_FROM], row[tape_terms.DROP_TO] = self._compared(one.drops)
        self.blank += _words(row)
        row[tape_terms.SLOT] = self._slot(one, row)
        self.slots.append(row[tape_terms.SLOT])
        for place, step in enumerate(one.steps):
            self.uses.setdefault(self._step(step), []).append((one.number, place))
        return row

    def _kind(self, term: Term) -> int:
        match term:
            case Count(same="", within=within):
                return tape_terms.COUNT_WITHIN if within else tape_terms.COUNT_EVER
            case Figure(which="sum", within=within):
                return tape_terms.SUM_WITHIN if within else tape_terms.SUM_EVER
            case Since():
                return tape_terms.SINCE
            case Chain(same="", absent=True, recent=recent):
                return tape_terms.MISSED if recent else tape_terms.LACKING
            case Chain(same="", recent=recent):
                return tape_terms.RECENT_FOLLOWING if recent else tape_terms.FOLLOWING
            case Reached(same=""):
                return tape_terms.REACHED
            case State(field) if field in FIELDS:
                return tape_terms.STATE
            case SinceInstant(field) if field in FIELDS:
                return tape_terms.SINCE_STATE
            case _:
                raise NotHere(term.text())

    def _compared(self, numbers: Sequence[int]) -> tuple[int, int]:
        if any(abs(number) >= FAR for number in numbers):
            raise NotHere("spans")
        first = len(self.compared)
        self.compared += numbers
        return first, len(self.compared)

    def _column(self, field: str) -> int:
        name = field.removeprefix("properties.")
        if name not in self.columns:
            self.columns.append(name)
        return self.columns.index(name)

    def _step(self, step: Step) -> int:
        if step.condition is not None:
            fields = {name.removeprefix("properties.") for name in step.condition.fields}
            if not fields.isdisjoint(TOUCH_FIELDS):
                raise NotHere("the channel of an event")
        key = step.event, step.condition.text() if step.condition else ""
        if key not in self.steps:
            if len(self.listed) == _MOST_STEPS:
                raise NotHere("steps")
            self.steps[key] = len(self.listed)
            self.listed.append(step)
        return self.steps[key]

    def _slot(self, one: Asked, row: Sequence[int]) -> int:
        """Where the value stands: what is known of everybody in its own place, all else behind its machine."""
        field = row[tape_terms.FIELD]
        if row[tape_terms.KIND] == tape_terms.STATE and field in _IN_PLACE:
            return _IN_PLACE[field]
        value = self.book.conditions.blank[one.number]
        self.blank.append(MISSING if value is None else int(value))
        return len(self.blank) - 1

    def _basket(self) -> dict[int, int]:
        if not self._fills:
            return {}
        acts = {ADDED: tape_state.ADDS, REMOVED: tape_state.REMOVES, ORDERED: tape_state.CLEARS}
        return {self._step(step): act for step, act in acts.items()}

    def _wants(self) -> frozenset[str]:
        fields = {one.term.field for one in self.book.asked if isinstance(one.term, State | SinceInstant)}
        wanted = {"orders"} if fields & {"visitor.orders", "visitor.revenue"} else set()
        return frozenset(wanted | ({"basket"} if self._fills else set()))

    @property
    def _fills(self) -> bool:
        return any(one.family == "basket" for one in self.book.asked)

    # -- rules

    def _rule(self, place: int, one: Running) -> list[int]:
        for name in one.rule.on:
            step = self._step(Step(event=name))
            self.asked[step] = self.asked.get(step, 0) | 1 << place
        once = tape_rules.ALWAYS if one.always else tape_rules.ONCE_EVERY if one.every else tape_rules.ONCE_A_SESSION
        if not (one.always or one.every or one.session):
            once = tape_rules.ONCE_EVER
        groups = sorted(self.book.groups)
        group = groups.index(one.rule.group) if one.rule.group else -1
        return [one.condition, int(bool(one.rule.on)), once, one.every, group, one.cooldown]


def _listed(numbers: Iterable[int]) -> np.ndarray:
    return frozen(np.array(list(numbers), np.int64))


def _words(row: Sequence[int]) -> list[int]:
    """The state of a machine that has seen nothing."""
    kind = row[tape_terms.KIND]
    if kind == tape_terms.COUNT_WITHIN:
        if row[tape_terms.MOST] > RING:
            raise NotHere("counts")
        return [0] * (1 + row[tape_terms.MOST])
    if kind == tape_terms.SUM_WITHIN:
        return [0] * (1 + 2 * RING)
    if kind == tape_terms.MISSED:
        return [MISSING, 0, *[0] * RING]
    if kind == tape_terms.LACKING:
        return [MISSING, MISSING]
    if kind == tape_terms.SINCE:
        return [MISSING]
    if kind in (tape_terms.FOLLOWING, tape_terms.RECENT_FOLLOWING, tape_terms.REACHED):
        return [0, MISSING, *[MISSING] * row[tape_terms.STEPS]]
    return [0] if kind in (tape_terms.COUNT_EVER, tape_terms.SUM_EVER) else []
