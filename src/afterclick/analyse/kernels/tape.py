"""Live rules over many visitors at once: each visitor's events in order, conditions as tapes over the values of terms."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels import tape_state, tape_terms
from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.tape_state import (
    ACTS,
    HAS_CAMPAIGN,
    KNOWN,
    ORDER,
    REFUND,
    SETS,
    _behave,
    _fill,
    _sell,
)
from afterclick.analyse.kernels.tape_terms import (
    FIELD,
    FOLLOWED,
    HEAD,
    IS_KNOWN,
    MISSING,
    NEVER,
    NOBODY,
    SESSIONS,
    SLOT,
    _take,
    _turn,
    _value,
)
from afterclick.core.arrays import frozen

BETWEEN, OUTSIDE, LISTED, ELSE_TO, THEN_TO, NOT, TRUE, FALSE = range(8)
"""Operations of a tape, four numbers each: (BETWEEN, place in the state, low, high), (LISTED, place, where its table
begins, 0), (ELSE_TO, the operation to go on with if it is false so far, 0, 0)."""
WIDTH: Final = 4

CONDITION, ASKED_AT, ONCE, EVERY, GROUP, COOLDOWN = range(6)
"""Columns of the table of rules; `ASKED_AT` is 1 where the rule is asked at events of its own."""
ALWAYS, ONCE_A_SESSION, ONCE_EVER, ONCE_EVERY = range(4)

_FIVE_MINUTES: Final = 300_000_000


def _holds(tape: Any, first: int, last: int, state: Any) -> int:
    """Whether a condition holds; what cannot change the answer any more is left out."""
    found, i = 0, first
    while i < last:
        op, one = tape[_u(i)], tape[_u(i + 1)]
        i += WIDTH
        if op <= OUTSIDE:
            value = state[_u(one)]
            inside = (tape[_u(i - 2)] <= value) & (value <= tape[_u(i - 1)])
            found = 1 if (inside != (op == OUTSIDE)) & (value != MISSING) else 0
        elif op == ELSE_TO:
            if not found:
                i = one
        elif op == THEN_TO:
            if found:
                i = one
        elif op == LISTED:
            found = tape[_u(tape[_u(i - 2)] + state[_u(one)] + 1)]
        elif op == NOT:
            found = 1 - found
        else:
            found = 1 if op == TRUE else 0
    return int(found)


def _look(tape: Any, begins: Any, state: Any, held: Any, risen: Any) -> int:
    """Bring the conditions up to date; how many have come true."""
    found = 0
    for one in range(len(held)):
        now = _holds(tape, begins[one], begins[one + 1], state)
        risen[one] = 1 if now and not held[one] else 0
        found += risen[one]
        held[one] = now
    return found


def _may(rules: Any, one: int, guards: Any, t: int, session: int, taken: int) -> bool:
    """Whether once, group and cooldown let a rule fire. A guard is the instant and the session of the last firing."""
    once, last, group = rules[one, ONCE], guards[one, 0], rules[one, GROUP]
    if last != MISSING and once != ALWAYS:
        if once == ONCE_EVERY and t - last < rules[one, EVERY]:
            return False
        if once == ONCE_EVER or (once == ONCE_A_SESSION and session == guards[one, 1]):
            return False
    if group >= 0 and (taken >> group) & 1:
        return False
    if rules[one, COOLDOWN] > 0:
        if group >= 0:
            for other in range(len(rules)):
                if rules[other, GROUP] == group:
                    last = max(last, guards[other, 0])
        return bool(last == MISSING or last <= t - rules[one, COOLDOWN])
    return True


def _fire(
    rules: Any, found: Any, asked: int, held: Any, every: bool, state: Any, guards: Any, t: int, since: int, out: Any, n: int,
    visitor: int, row: int, timed: int,
) -> int:  # fmt: skip
    """Let rules fire whose condition has come true (`found`; all that hold with `every`) or that are `asked` now (bits)."""
    taken = 0
    for one in range(len(rules)):
        condition = rules[one, CONDITION]
        if rules[one, ASKED_AT]:
            wanted = (asked >> one) & 1 and held[condition]
        else:
            wanted = held[condition] if every else found[condition]
        if not wanted or t < since or not _may(rules, one, guards, t, state[SESSIONS], taken):
            continue
        if rules[one, GROUP] >= 0:
            taken |= 1 << rules[one, GROUP]
        if rules[one, ONCE] != ALWAYS:
            guards[one, 0], guards[one, 1] = t, state[SESSIONS]
        if n < len(out):
            out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4] = visitor, one, t, row, timed
        n += 1
    return n


def _example_calls() -> tuple[Any, ...]:
    long = np.zeros(1, np.int64)
    return frozen(np.array([0, 1])), frozen(long), long.copy(), frozen(long), 0, 1


@kernel(example=_example_calls)
def order_calls(offsets: Any, at: Any, key: Any, happened: Any, first: int, last: int) -> None:
    """Bring the rows of visitors first <= v < last that arrived at one instant into the order in which they happened.

    Rows are gathered by arrival `at`, stably; `happened` is by global row. What arrives at one instant is one call.
    """
    for visitor in range(first, last):
        low = offsets[visitor]
        for i in range(low + 1, offsets[visitor + 1]):
            k = key[i]
            j = i - 1
            while j >= low and at[j] == at[i] and happened[key[j] >> 16] > happened[k >> 16]:
                key[j + 1] = key[j]
                j -= 1
            key[j + 1] = k




def _read(state: Any, terms: Any, one: int, spans: Any, t: int, orders: int, lines: int, turns: Any) -> int:
    """Bring the value of a term up to date, and, if time changes it (1), when it does."""
    state[terms[one, SLOT]] = _value(state, terms, one, t, orders, lines)
    if terms[one, FOLLOWED]:
        turns[one] = _turn(state, terms, one, spans, t)
    return int(terms[one, FOLLOWED])


def _tell(state: Any, terms: Any, t: int, orders: int, lines: int, told: Any, first: int, last: int) -> None:
    """Write the values of all terms at an instant beside firings that were just written."""
    for k in range(first, min(last, len(told))):
        for j in range(len(terms)):
            told[k, j] = _value(state, terms, j, t, orders, lines)


_HELPERS: Final = (*tape_terms.HELPERS, *tape_state.HELPERS, _holds, _look, _may, _fire, _read, _tell)


def _example() -> tuple[Any, ...]:
    table, long = np.zeros((1, 13), np.int64), np.zeros(1, np.int64)
    one, two, narrow = frozen(long), frozen(table), frozen(np.zeros(1, np.int32))
    rows = frozen(np.array([0, 0])), one, one, one, one, narrow, one, narrow, one, one, one, two
    sets = frozen(np.zeros(2, np.int64)), two, one, one
    nothing = frozen(np.zeros(0, np.int64))
    program = two, one, nothing, nothing, nothing, nothing, frozen(np.array([TRUE, 0, 0, 0])), frozen(np.array([0, WIDTH])), two
    outs = np.zeros(1, np.uint8), np.zeros((1, 5), np.int64), table.copy()
    blank = frozen(np.zeros(200, np.int64))
    return *rows, *sets, *program, blank, HEAD, HEAD, frozen(np.zeros(1, np.int32)), 0, 1, 0, 1, 0, 0, *outs


@kernel(*_HELPERS, example=_example)
def fold_rules(
    offsets: Any, at: Any, key: Any, happened: Any, campaign: Any, touch: Any, amount: Any, order: Any, line: Any, pieces: Any,
    price: Any, figures: Any,
    set_from: Any, uses: Any, asked_by: Any, basket_by: Any,
    terms: Any, spans: Any, by_visit: Any, by_basket: Any, when_asked: Any, timed: Any, tape: Any, begins: Any, rules: Any,
    blank: Any, orders: int, lines: int,
    chosen: Any, first: int, last: int, live: int, timeout: int, since: int, until: int,
    beyond: Any, out: Any, told: Any,
) -> int:  # fmt: skip
    """Write (visitor, rule, instant, row, by time alone) of each firing to `out`, in the order of `chosen[first:last]`.

    Returns how many there are, which may be more than `out` has room for. `beyond[visitor]` is set where a state has no
    room here: that visitor's firings are left out. Rows are gathered by arrival, see `order_calls`; with `live` they happened
    at `happened[row]`. `by_visit`, `by_basket` and `when_asked` are the terms to be read anew with each behaviour, each change
    of the basket and each event that asks a rule; `timed` those that time changes. `told` gets the values of all terms.
    """
    state, turns, guards = blank.copy(), np.full(len(terms), NEVER), np.empty((len(rules), 2), np.int64)
    held, risen = np.empty(len(begins) - 1, np.int64), np.zeros(len(begins) - 1, np.int64)
    n = 0
    for place in range(first, last):
        visitor = chosen[place]
        begin, moment, failed, next_turn, row = n, 0, 0, NEVER, -1
        state[:] = blank
        turns[:] = NEVER
        guards[:, :] = MISSING
        for j in range(len(held)):
            held[j] = _holds(tape, begins[j], begins[j + 1], state)
        for i in range(offsets[visitor], offsets[visitor + 1] + 1):
            ended = i == offsets[visitor + 1]
            arrival = until + 1 if ended else at[_u(i)]
            t = arrival
            if live and not ended:
                t = happened[_u(key[_u(i)] >> 16)]
            late = arrival - t > _FIVE_MINUTES
            if ended:
                t = until
            elif t > arrival + _FIVE_MINUTES:
                t = arrival
            # Time goes to the arrival first, then, if that is later, to when the event is said to have happened.
            while next_turn < arrival or next_turn <= t:
                moment = next_turn
                next_turn = NEVER
                for k in range(len(timed)):
                    j = timed[k]
                    if turns[j] <= moment:
                        _read(state, terms, j, spans, moment, orders, lines, turns)
                    next_turn = min(next_turn, turns[j])
                if _look(tape, begins, state, held, risen) and state[SESSIONS] > 0:
                    before = n
                    n = _fire(rules, risen, 0, held, False, state, guards, moment, since, out, n, visitor, row, 1)
                    _tell(state, terms, moment, orders, lines, told, before, n)
            if ended:
                break
            t = max(t, moment)
            moment = t
            row, symbol = key[_u(i)] >> 16, key[_u(i)] & 0xFFFF
            served, was_here = symbol & SETS, state[SESSIONS] > 0
            basket, asked = basket_by[_u(served)], asked_by[_u(served)]
            if basket:
                failed += _fill(state, basket, t, line[row], pieces[row], price[row], lines)
            if symbol & ACTS:
                _behave(state, symbol, t, touch, row, campaign[_u(row)] if symbol & HAS_CAMPAIGN else 0, timeout)
            if symbol & KNOWN:
                state[IS_KNOWN] = 1
            if symbol & (ORDER | REFUND):
                known = row < len(amount)
                _sell(state, symbol, t, amount[row] if known else 0, order[row] if known else NOBODY, orders)
            wound = 0
            for k in range(set_from[_u(served)], set_from[_u(served + 1)]):
                j = uses[k, 0]
                value = figures[terms[j, FIELD], row] if terms[j, FIELD] >= 0 else 0
                failed += _take(state, terms, j, uses[k, 1], t, value)
                wound += _read(state, terms, j, spans, t, orders, lines, turns)
            if failed:
                break
            if symbol & ACTS:
                for k in range(len(by_visit)):
                    wound += _read(state, terms, by_visit[k], spans, t, orders, lines, turns)
            if basket:
                for k in range(len(by_basket)):
                    wound += _read(state, terms, by_basket[k], spans, t, orders, lines, turns)
            if asked:
                for k in range(len(when_asked)):
                    wound += _read(state, terms, when_asked[k], spans, t, orders, lines, turns)
            if wound:
                next_turn = NEVER
                for k in range(len(timed)):
                    next_turn = min(next_turn, turns[timed[k]])
            rose = 0
            for one in range(len(held)):
                now = _holds(tape, begins[_u(one)], begins[_u(one + 1)], state)
                risen[_u(one)] = 1 if now > held[_u(one)] else 0
                rose += risen[_u(one)]
                held[_u(one)] = now
            if late or state[SESSIONS] == 0 or (not rose and was_here and not asked):
                continue
            before = n
            n = _fire(rules, risen, asked, held, not was_here, state, guards, t, since, out, n, visitor, row, 0)
            _tell(state, terms, t, orders, lines, told, before, n)
        if failed:
            beyond[visitor] = 1
            n = begin
    return n
