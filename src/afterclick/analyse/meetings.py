"""Meetings as a relation: what visitors met first in each visit, what came right before it, and the order that followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from afterclick.analyse.context import Context
from afterclick.analyse.kernels import meetings as kernels
from afterclick.analyse.kernels.compiled import pool
from afterclick.analyse.orders import Orders, orders_of
from afterclick.analyse.scope import Scope
from afterclick.analyse.sessions import Sessions, sessions_of
from afterclick.core.arrays import frozen
from afterclick.store.columns import NO_AMOUNT, Flag

NEVER: Final = -(2**62)


@dataclass(frozen=True)
class Meetings:
    """One row per touchpoint and leg, by touchpoint, then by visitor and time. A leg is a visit, or its part before or
    after an order.

    row int64 (gathered row of `sessions.rows`), before int64 (the row right before it in its session, -1), basket int64
    (minor units in the basket before it), code int32 (touchpoint; `start` = the begin of a session), leg int32, earlier
    int32 (sessions begun before its own). Per leg: visitor int32, order int64 (gathered row of the next order, -1), worth
    int64 (that order's amount less its refunds). `touchpoint` int32 per gathered row, `names` per code, the first
    `pages` of which are pages.
    """

    sessions: Sessions
    touchpoint: np.ndarray
    names: tuple[str, ...]
    pages: int
    row: np.ndarray
    before: np.ndarray
    basket: np.ndarray
    code: np.ndarray
    leg: np.ndarray
    earlier: np.ndarray
    visitor: np.ndarray
    order: np.ndarray
    worth: np.ndarray

    @property
    def start(self) -> int:
        """The code that stands for the begin of a session."""
        return len(self.names)

    @cached_property
    def edges(self) -> np.ndarray:
        """Where the meetings of each code begin; int64[codes + 2]."""
        return np.searchsorted(self.code, np.arange(self.start + 2))

    @cached_property
    def session(self) -> np.ndarray:
        """The session of each meeting, int32."""
        sessions = self.sessions
        owner = np.repeat(
            np.arange(len(sessions), dtype=np.int32), np.diff(np.append(sessions.first, len(sessions.rows.at)))
        )
        found: np.ndarray = owner[self.row]
        return found

    @cached_property
    def touchpoint_of_landing(self) -> np.ndarray:
        """The landing page of each session, -1 without one; int32."""
        landing = self.sessions.landing
        if not len(self.touchpoint):
            return np.full(len(landing), -1, np.int32)
        return np.where(landing >= 0, self.touchpoint[np.maximum(landing, 0)], -1).astype(np.int32)

    def landed(self, meetings: np.ndarray) -> np.ndarray:
        """Which of these meetings are the landing page of their visit."""
        result: np.ndarray = self.row[meetings] == self.sessions.landing[self.session[meetings]]
        return result

    @cached_property
    def ordered_at(self) -> np.ndarray:
        """Per leg the instant of the next order, long before all time where there is none; int64 µs."""
        at = self.sessions.rows.at
        if not len(at):
            return np.zeros(0, np.int64)
        return np.where(self.order >= 0, at[np.maximum(self.order, 0)], NEVER)

    def of(self, code: int) -> slice:
        """The meetings of a touchpoint."""
        return slice(int(self.edges[code]), int(self.edges[code + 1]))

    def came_from(self, meetings: np.ndarray | slice) -> np.ndarray:
        """The touchpoint right before each meeting, `start` at the begin of a session; int32."""
        before = self.before[meetings]
        return np.where(before >= 0, self.touchpoint[np.maximum(before, 0)], self.start).astype(np.int32)

    def sessions_of(self, meetings: np.ndarray) -> np.ndarray:
        """The distinct sessions of these meetings, ascending."""
        there = np.zeros(len(self.sessions), bool)
        there[self.session[meetings]] = True
        return np.flatnonzero(there)

    def name(self, code: int) -> tuple[str, str]:
        """A touchpoint's name and type."""
        return self.names[code], "page" if code < self.pages else "event"


class Coding(NamedTuple):
    """What counts as a touchpoint: int32 per gathered row (-1 none), the names, how many of them are pages."""

    code: np.ndarray
    names: tuple[str, ...]
    pages: int


def meetings_of(scope: Scope) -> Meetings:
    """The meetings with pages and events inside the scope's period."""
    return _kept(scope, "touchpoints", lambda: _touchpoints(scope))


def moves_of(scope: Scope, *, pages: bool) -> Meetings:
    """The meetings with moves from one page to the next one (or event to event) of a visit, each named "from > to"."""
    return _kept(scope, "page moves" if pages else "event moves", lambda: _moves(scope, pages=pages))


def _kept(scope: Scope, what: str, code: Callable[[], Coding]) -> Meetings:
    asked = scope.question
    key = (
        "meetings",
        what,
        asked.identity,
        asked.bots,
        asked.where,
        scope.as_of,
        scope.period,
        scope.sessions_like.key,
    )
    return scope.context.keep(key, lambda: _meet(scope, code()))


def _meet(scope: Scope, coding: Coding) -> Meetings:
    context = scope.context
    sessions = sessions_of(context, scope.sessions_like, scope.as_of)
    rows = sessions.rows
    taken = rows.rows
    code, names, pages = coding
    starts = np.zeros(len(taken), np.uint8)
    starts[sessions.first] = 1
    orders = orders_of(scope)
    ordered, worth = _orders(context, orders, taken)
    inputs = (rows.offsets, rows.at, code, frozen(starts), ordered, _basket(context, taken), len(names))
    period = (scope.period.start, scope.period.end)
    cuts = rows.spans(kernels.first_meetings.parts(len(taken)))
    nothing = _room(0, 0)
    counts = [np.zeros(1, np.int64) for _ in cuts]

    def count(cut: tuple[int, int], legs: np.ndarray) -> int:
        return int(kernels.first_meetings(*inputs, *cut, *period, 0, 0, False, *nothing, legs, rows=len(taken)))

    sizes = list(pool().map(count, cuts, counts))
    bases = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    first = np.concatenate([[0], np.cumsum([int(one[0]) for one in counts])]).astype(np.int64)
    out = _room(int(bases[-1]), int(first[-1]))

    def fill(cut: tuple[int, int], base: int, leg: int) -> None:
        kernels.first_meetings(
            *inputs, *cut, *period, int(base), int(leg), True, *out, np.zeros(1, np.int64), rows=len(taken)
        )

    list(pool().map(fill, cuts, bases[:-1], first[:-1]))
    row, before, basket, order, met, leg, earlier, visitor = out
    by_code = np.argsort(met, kind="stable")
    return Meetings(
        sessions=sessions, touchpoint=code, names=names, pages=pages,
        row=row[by_code], before=before[by_code], basket=basket[by_code], code=met[by_code],
        leg=leg[by_code], earlier=earlier[by_code], visitor=visitor, order=order,
        worth=np.where(order >= 0, worth[np.maximum(order, 0)], 0) if len(worth) else np.zeros(len(order), np.int64),
    )  # fmt: skip


def _room(meetings: int, legs: int) -> tuple[np.ndarray, ...]:
    """row, before, basket, order, code, leg, earlier, visitor."""
    wide = [np.zeros(size, np.int64) for size in (meetings, meetings, meetings, legs)]
    return (*wide, *(np.zeros(size, np.int32) for size in (meetings, meetings, meetings, legs)))


def _touchpoints(scope: Scope) -> Coding:
    """Per row its page group or event; rows that do not count are none."""
    context = scope.context
    rows = sessions_of(context, scope.sessions_like, scope.as_of).rows.rows
    groups = context.texts("page_group")
    canonical = context.names()[0]
    events = sorted(set(canonical))
    place = {name: number for number, name in enumerate(events)}
    event_of = np.array([place[name] for name in canonical] or [0], np.int32)
    group = context.column("page_group")[rows]
    page = ((context.column("flags")[rows] & int(Flag.PAGE)) != 0) & (group >= 0)
    code = np.where(page, group, len(groups) + event_of[context.column("name")[rows]]).astype(np.int32)
    counted = scope.counted
    if counted is not None:
        code[~counted[rows]] = kernels.NOTHING
    return Coding(frozen(code), (*groups, *events), len(groups))


MOVES: Final = 400
"""The commonest moves keep a code of their own; what the others share is no move to look into."""
SEPARATOR: Final = " > "


def _moves(scope: Scope, *, pages: bool) -> Coding:
    found = meetings_of(scope)
    touchpoint, size = found.touchpoint, len(found.names)
    wanted = (touchpoint >= 0) & ((touchpoint < found.pages) == pages)
    rows = np.flatnonzero(wanted)
    session = found.sessions.of_row(rows) if len(found.sessions) else rows
    there = np.flatnonzero(session[1:] == session[:-1]) + 1
    pair = touchpoint[rows[there - 1]].astype(np.int64) * size + touchpoint[rows[there]]
    values, which, counts = np.unique(pair, return_inverse=True, return_counts=True)
    common = np.argsort(-counts, kind="stable")[:MOVES]
    place = np.full(len(values), len(common), np.int32)
    place[common] = np.arange(len(common))
    code = np.full(len(touchpoint), kernels.NOTHING, np.int32)
    code[rows[there]] = place[which]
    named = (divmod(int(values[one]), size) for one in common)
    names = (*(f"{found.names[a]}{SEPARATOR}{found.names[b]}" for a, b in named), "")
    return Coding(frozen(code), names, len(names) if pages else 0)


def _orders(context: Context, orders: Orders, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per gathered row whether it is a counted order (uint8), and what that order is worth less its refunds."""
    worth = np.zeros(context.snapshot.rows, np.int64)
    np.add.at(worth, orders.home, orders.amount)
    sold = np.zeros(context.snapshot.rows, np.uint8)
    sold[orders.row[~orders.refund]] = 1
    return frozen(sold[rows]), worth[rows]


def _basket(context: Context, rows: np.ndarray) -> np.ndarray:
    """What each row adds to the value of the basket, minor units."""
    name, amount = context.column("name")[rows], context.column("amount")
    change = np.zeros(len(rows), np.int64)
    for event, sign in (("Product Added", 1), ("Product Removed", -1)):
        for found in (np.flatnonzero(name == code) for code in context.name_codes(event)):
            worth = amount[rows[found]]
            change[found] = np.where(worth == NO_AMOUNT, 0, sign * worth)
    return frozen(change)
