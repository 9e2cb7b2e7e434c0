"""Who meets a rule at an instant: each term as a column over all visitors, then the rule over the columns."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np

from afterclick.analyse.question import SessionQuestion
from afterclick.analyse.scope import Scope
from afterclick.analyse.segments import baskets
from afterclick.analyse.segments.event_terms import EventTerms
from afterclick.analyse.segments.state_terms import IDENTIFIED, StateTerms
from afterclick.analyse.segments.step_rows import step_rows
from afterclick.core.arrays import frozen
from afterclick.core.condition import Column, Flags, Numbers
from afterclick.core.rule import Rule
from afterclick.core.rule_terms import (
    Count,
    Figure,
    Member,
    Reached,
    Sequence,
    Since,
    SinceInstant,
    State,
    Term,
    Trait,
    Was,
    steps_of,
)
from afterclick.core.step import Step

_READY: Final = 6
_OPTIONS: Final = (
    "timeout", "new_on_campaign", "new_on_referrer", "new_on_midnight", "max_length", "session_source", "identity",
    "bots",
)  # fmt: skip


class Members:
    """A rule over a store: `at(instant)` says who meets it, of the visitors with an event by then."""

    def __init__(self, scope: Scope, rule: Rule) -> None:
        self.scope = scope
        self.rule = rule
        terms = list(rule.terms.values())
        steps = [step for term in terms for step in steps_of(term)]
        self._events = EventTerms(scope, step_rows(scope, steps)) if steps else None
        own = [step for term in terms for step in _own_steps(term)]
        self._state = StateTerms(scope, step_rows(scope, own, require=False) if own else None)
        self.at = lru_cache(maxsize=2)(self._at)

    @property
    def size(self) -> int:
        """Size of the label space."""
        return self._state.size

    @property
    def mixed(self) -> bool:
        """Whether the rule asks for sums of amounts in several currencies, which are missing then."""
        asks = any(isinstance(term, State) and term.kind == "money" for term in self.rule.terms.values())
        return (asks and self._state.mixed) or (self._events is not None and self._events.mixed)

    def everyone(self, at: int) -> np.ndarray:
        """Which visitors have an event by then, bool per label."""
        rows = self._state.sessions.rows
        out: np.ndarray = np.diff(rows.offsets) > 0
        if at < self.scope.as_of and len(rows.at):
            out &= rows.at[np.minimum(rows.offsets[:-1], len(rows.at) - 1)] <= at
        return out

    def _at(self, at: int) -> np.ndarray:
        columns = {text: self.column(term, at) for text, term in self.rule.terms.items()}
        mask: np.ndarray = self.rule.mask(columns, self.size)
        return frozen(mask & self.everyone(at))

    def column(self, term: Term, at: int) -> Column:
        """The values of a term for every visitor at an instant."""
        events, state = self._events, self._state
        match term:
            case Count() | Figure() | Since() | Sequence() | Reached():
                assert events is not None
                return _of_events(events, term, at)
            case SinceInstant(field):
                return Numbers(at - state.instants(field, at))
            case State(field):
                return state.state(field, at)
            case Trait(name):
                return state.trait(name, at)
            case Was():
                return state.was(term, at)
            case Member(name):
                return Flags(self._listed(name))

    def _listed(self, name: str) -> np.ndarray:
        from afterclick.analyse.segments.lists import listed  # noqa: PLC0415 - reads files, and few rules ask

        return listed(self.scope, name)


def _of_events(events: EventTerms, term: Count | Figure | Since | Sequence | Reached, at: int) -> Column:
    match term:
        case Count():
            return events.count(term, at)
        case Figure():
            return events.figure(term, at)
        case Since():
            return events.since(term, at)
        case Sequence():
            return events.sequence(term, at)
        case Reached():
            return events.reached(term, at)


def _own_steps(term: Term) -> tuple[Step, ...]:
    """The events that a term of the state is read from."""
    match term:
        case Trait() | Was():
            return (IDENTIFIED,)
        case State(field) | SinceInstant(field) if field.startswith("basket."):
            return baskets.STEPS
        case _:
            return ()


def members_of(scope: Scope, rule: Rule) -> Members:
    """The members of a rule among the visitors of a scope, whatever its range and conditions; kept by what matters."""
    plain = plain_scope(scope)
    question = plain.question
    key = rule.text, question.identity, question.bots, plain.as_of, plain.sessions_like.key
    known = scope.context.keep(("members",), Known)
    return known.of(key, lambda: Members(plain, rule))


class Known:
    """The members asked for last: their rows are many, so that only a few rules are kept ready at once."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[object, ...], Members] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: tuple[object, ...], make: Callable[[], Members]) -> Members:
        """The members under a key, made where they are not ready."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        made = make()
        with self._lock:
            self._found[key] = made
            while len(self._found) > _READY:
                self._found.popitem(last=False)
        return made


def plain_scope(scope: Scope) -> Scope:
    """The scope without its range and conditions: what a visitor is does not depend on what a question looks at."""
    like = scope.sessions_like
    question = SessionQuestion(compare="none", **{name: getattr(like, name) for name in _OPTIONS})
    return Scope(context=scope.context, question=question, as_of=scope.as_of, period=scope.period, previous=None)


