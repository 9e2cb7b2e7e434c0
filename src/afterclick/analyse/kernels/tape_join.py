"""Two visitors who turn out to be one, as numbers: their states become one as `decide.merging` makes memories one.

Where it would take the text of a touch or a whole session to tell what comes first, nothing is decided here.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels.tape_terms import (
    BASE,
    CAMPAIGN,
    CARRIED,
    CHANGED_AT,
    COUNT_EVER,
    COUNT_WITHIN,
    END_AT,
    EVENTS,
    FILLED,
    FIRST_AT,
    FIRST_TOUCH,
    FOLLOWING,
    IN_EVENTS,
    IN_ORDERS,
    IN_PAGES,
    IS_KNOWN,
    KEPT,
    KIND,
    LACKING,
    LAST_AT,
    LAST_TOUCH,
    LINES,
    MISSED,
    MISSING,
    MOST,
    NOBODY,
    ORDER_AT,
    ORDERED,
    ORDERS,
    OWN,
    PAGES,
    REACHED,
    RECENT_FOLLOWING,
    REFUNDED,
    RING,
    SEEN,
    SESSIONS,
    SINCE,
    SOLD,
    START_AT,
    STEPS,
    SUM_EVER,
    SUM_WITHIN,
    TOUCH,
    WITHIN,
)

UNDECIDED: Final = -1


def _going_on(state: Any, other: Any) -> int:
    """`order_of` of two visits: above 0 where the session of the first goes on, below where that of the other does."""
    mine, its = (state[SEEN] if state[SESSIONS] else -1), (other[SEEN] if other[SESSIONS] else -1)
    if mine == its:
        mine, its = state[START_AT], other[START_AT]
    if mine == its:
        mine, its = state[EVENTS], other[EVENTS]
    return 1 if mine > its else -1 if mine < its else 0


def _join_visits(state: Any, other: Any, going_on: int) -> int:
    """`VisitState.join`."""
    if other[SESSIONS] == 0:
        return 0
    mine, its = state[FIRST_TOUCH], other[FIRST_TOUCH]
    if state[SESSIONS] and state[FIRST_AT] == other[FIRST_AT] and mine != its and min(mine, its) != NOBODY:
        return UNDECIDED
    if state[SESSIONS] == 0 or other[FIRST_AT] < state[FIRST_AT]:
        state[FIRST_AT], mine, its = other[FIRST_AT], its, mine
    state[FIRST_TOUCH] = mine if mine != NOBODY else its
    touch, before = state[LAST_TOUCH], other[LAST_TOUCH]
    carried = state[CARRIED]
    if going_on < 0:
        touch, before, carried = before, touch, other[CARRIED]
        state[SEEN], state[CAMPAIGN], state[START_AT], state[END_AT] = (
            other[SEEN], other[CAMPAIGN], other[START_AT], other[END_AT],
        )  # fmt: skip
        state[IN_EVENTS], state[IN_PAGES], state[IN_ORDERS] = other[IN_EVENTS], other[IN_PAGES], other[IN_ORDERS]
        state[TOUCH], state[OWN] = other[TOUCH], other[OWN]
    state[CARRIED] = carried if carried != NOBODY else before
    state[LAST_TOUCH] = touch if touch != NOBODY else before
    state[LAST_AT] = max(state[LAST_AT], other[LAST_AT])
    state[SESSIONS] += other[SESSIONS]
    state[EVENTS] += other[EVENTS]
    state[PAGES] += other[PAGES]
    return 0


def _join_baskets(state: Any, other: Any, lines: int) -> int:
    """`BasketState.join`, before the orders are joined."""
    if other[ORDER_AT] != MISSING and other[ORDER_AT] >= state[CHANGED_AT]:
        state[FILLED] = 0
    left = other[FILLED]
    if state[ORDER_AT] != MISSING and state[ORDER_AT] >= other[CHANGED_AT]:
        left = 0
    newer = other[CHANGED_AT] - state[CHANGED_AT]
    mine = state[FILLED]
    for i in range(left):
        line, place = lines + 3 * i, 0
        while place < mine and state[lines + 3 * place] != other[line]:
            place += 1
        if place < mine:
            place = lines + 3 * place
            if newer == 0 and (state[place + 1] != other[line + 1] or state[place + 2] != other[line + 2]):
                return UNDECIDED
            if newer <= 0:
                continue
        else:
            if state[FILLED] == LINES:
                return UNDECIDED
            place = lines + 3 * state[FILLED]
            state[FILLED] += 1
        for j in range(3):
            state[place + j] = other[line + j]
    state[CHANGED_AT] = max(state[CHANGED_AT], other[CHANGED_AT])
    return 0


def _join_orders(state: Any, other: Any, orders: int) -> int:
    """What `VisitorState.join` makes of orders: those of the one who ordered later count, and stand behind."""
    newer = max(other[ORDER_AT], 0) - max(state[ORDER_AT], 0)
    mine, its = state[KEPT], other[KEPT]
    if newer == 0 and mine and its:
        return UNDECIDED
    both, size = np.empty(4 * ORDERS, np.int64), 0
    for turn in range(2):
        ours = (turn == 1) == (newer <= 0)
        for i in range(mine if ours else its):
            one = state[orders + 2 * i] if ours else other[orders + 2 * i]
            amount = state[orders + 2 * i + 1] if ours else other[orders + 2 * i + 1]
            place = 0
            while place < size and both[2 * place] != one:
                place += 1
            both[2 * place], both[2 * place + 1] = one, amount
            size = max(size, place + 1)
    over = max(size - ORDERS, 0)
    for i in range(over):
        state[ORDERED] += 1
        state[SOLD] += both[2 * i + 1]
    for i in range(2 * over, 2 * size):
        state[orders + i - 2 * over] = both[i]
    state[KEPT] = size - over
    state[ORDERED] += other[ORDERED]
    state[SOLD] += other[SOLD]
    state[REFUNDED] += other[REFUNDED]
    state[ORDER_AT] = max(state[ORDER_AT], other[ORDER_AT])
    return 0


def _join_within(state: Any, other: Any, base: int, oldest: int, width: int, most: int, room: int) -> int:
    """Instants (and values) of both in order, those before `oldest` left out, at most so many; -1 where there is no room."""
    both, size = np.empty(2 * width * room, np.int64), 0
    mine, its, i, j = state[base], other[base], 0, 0
    while i < mine or j < its:
        ours = j == its or (i < mine and state[base + 1 + i * width] <= other[base + 1 + j * width])
        place = base + 1 + (i if ours else j) * width
        for k in range(width):
            both[size * width + k] = state[place + k] if ours else other[place + k]
        size += 1 if both[size * width] >= oldest else 0
        i, j = (i + 1, j) if ours else (i, j + 1)
    if width == 2 and size > most:
        return UNDECIDED
    kept = min(size, most)
    for i in range(kept * width):
        state[base + 1 + i] = both[(size - kept) * width + i]
    state[base] = kept
    return 0


def _join_missed(state: Any, other: Any, base: int, oldest: int) -> int:
    """`Missing.join` of one asked about in a recent span: the latest begin whose span is over, then those still open."""
    for i in range(state[base + 1]):
        if state[base + 2 + i] < oldest:
            state[base] = max(state[base], state[base + 2 + i])
    state[base] = max(state[base], other[base])
    for i in range(other[base + 1]):
        if other[base + 2 + i] < oldest:
            state[base] = max(state[base], other[base + 2 + i])
    if state[base + 1] + other[base + 1] > RING:
        return UNDECIDED
    return _join_within(state, other, base + 1, oldest, 1, RING, RING)


def _join_lacking(state: Any, other: Any, base: int) -> None:
    """The same asked about ever: what came true for either, else the older open begin."""
    mine, its = state[base + 1], other[base + 1]
    state[base] = max(state[base], other[base])
    state[base + 1] = max(mine, its) if min(mine, its) == MISSING else min(mine, its)
    if state[base] != MISSING:
        state[base + 1] = MISSING


def _join_machine(state: Any, other: Any, terms: Any, term: int, t: int) -> int:
    """The `join` of the machine of a term; nothing is read of the two any more as of before `t`."""
    kind, base, oldest = terms[term, KIND], terms[term, BASE], t - terms[term, WITHIN]
    if kind in (COUNT_EVER, SUM_EVER):
        state[base] += other[base]
    elif kind == COUNT_WITHIN:
        return _join_within(state, other, base, oldest, 1, terms[term, MOST], RING)
    elif kind == SUM_WITHIN:
        return _join_within(state, other, base, oldest, 2, RING, RING)
    elif kind == SINCE:
        state[base] = max(state[base], other[base])
    elif kind == LACKING:
        _join_lacking(state, other, base)
    elif kind == MISSED:
        return _join_missed(state, other, base, oldest)
    elif kind in (FOLLOWING, RECENT_FOLLOWING, REACHED):
        for i in range(2 + terms[term, STEPS]):
            state[base + i] = max(state[base + i], other[base + i])
    return 0


def _join_guards(guards: Any, others: Any, mine: int, its: int, now: int) -> None:
    """A rule that has fired for either has fired for both. `mine` and `its` are the sessions that go on, -1 for none."""
    for one in range(len(guards)):
        if guards[one, 0] != MISSING:
            guards[one, 1] = now if guards[one, 1] == mine else 0
        at, session = others[one, 0], now if others[one, 1] == its else 0
        if at != MISSING and (at > guards[one, 0] or (at == guards[one, 0] and session > guards[one, 1])):
            guards[one, 0], guards[one, 1] = at, session


def _unite(state: Any, other: Any, guards: Any, others: Any, terms: Any, orders: int, lines: int, t: int) -> int:
    """`merging.merge` at `t`, the later of the instants that the two have come to; -1 where nothing is decided here."""
    going_on, mine, its = _going_on(state, other), state[SESSIONS], other[SESSIONS]
    if going_on == 0 and (mine or its):
        return UNDECIDED
    failed = _join_visits(state, other, going_on) + _join_baskets(state, other, lines)
    state[IS_KNOWN] = max(state[IS_KNOWN], other[IS_KNOWN])
    failed += _join_orders(state, other, orders)
    for term in range(len(terms)):
        failed += _join_machine(state, other, terms, term, t)
    _join_guards(guards, others, mine if going_on >= 0 else -1, its if going_on <= 0 else -1, state[SESSIONS])
    return failed


HELPERS: Final = (
    _going_on, _join_visits, _join_baskets, _join_orders, _join_within, _join_missed, _join_lacking, _join_machine,
    _join_guards, _unite,
)  # fmt: skip
"""In the order in which they call one another."""
