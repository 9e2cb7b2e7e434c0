"""Live rules over many visitors at once: each visitor's events in order, conditions as tapes over the values of terms."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from afterclick.analyse.kernels import tape_join, tape_rules, tape_state, tape_terms
from afterclick.analyse.kernels.compiled import index as _u
from afterclick.analyse.kernels.compiled import kernel
from afterclick.analyse.kernels.holding import uncounted
from afterclick.analyse.kernels.tape_join import _unite
from afterclick.analyse.kernels.tape_owners import BITS, MASK, OPENS
from afterclick.analyse.kernels.tape_rules import TRUE, WIDTH, _fire, _holds, _look
from afterclick.analyse.kernels.tape_state import (
    ACTS,
    CONTEXT,
    HAS_CAMPAIGN,
    KNOWN,
    ORDER,
    PRESENT,
    REFUND,
    SETS,
    _arrive,
    _behave,
    _fill,
    _sell,
)
from afterclick.analyse.kernels.tape_terms import (
    BASE,
    COUNT_WITHIN,
    DROP_FROM,
    DROP_TO,
    FIELD,
    FOLLOWED,
    HEAD,
    IS_KNOWN,
    KIND,
    MISSING,
    MOST,
    NEVER,
    NOBODY,
    SESSIONS,
    SLOT,
    TOUCH,
    WITHIN,
    _take,
    _take_within,
    _turn,
    _value,
)
from afterclick.core.arrays import frozen

MOMENT, NEXT, ROW, WHOSE = range(4)
"""What else is known of each visitor: the last instant, when time changes anything next, the latest row, who it is."""
JOINS: Final = (1 << 2 * BITS) - 1

_FIVE_MINUTES: Final = 300_000_000


def _read(state: Any, terms: Any, one: int, spans: Any, t: int, orders: int, lines: int, turns: Any) -> int:
    """Bring the value of a term up to date, and, if time changes it (1), when it does."""
    state[terms[one, SLOT]] = _value(state, terms, one, t, orders, lines)
    if terms[one, FOLLOWED]:
        turns[one] = _turn(state, terms, one, spans, t)
    return int(terms[one, FOLLOWED])


def _count(state: Any, terms: Any, one: int, spans: Any, t: int, turns: Any) -> int:
    """Take an event that is counted in a sliding span and read the term, as `_take` and `_read` do: the commonest of all."""
    base, within = terms[one, BASE], terms[one, WITHIN]
    _take_within(state, base, t - within, t, 0, 1, terms[one, MOST])
    size, drop = state[base], 0
    # All that are left are inside.
    for i in range(terms[one, DROP_FROM], terms[one, DROP_TO]):
        if spans[i] <= size:
            drop = max(drop, spans[i])
    turns[one] = state[base + 1 + size - drop] + within + 1 if drop > 0 and terms[one, FOLLOWED] else NEVER
    state[terms[one, SLOT]] = size
    return int(terms[one, FOLLOWED])


def _tell(state: Any, terms: Any, t: int, orders: int, lines: int, told: Any, first: int, last: int) -> None:
    """Write the values of all terms at an instant beside firings that were just written."""
    for k in range(first, min(last, len(told))):
        for j in range(len(terms)):
            told[k, j] = _value(state, terms, j, t, orders, lines)


def _pass(
    state: Any, turns: Any, guards: Any, held: Any, risen: Any, terms: Any, spans: Any, timed: Any, tape: Any, begins: Any,
    rules: Any, orders: int, lines: int, since: int, before: int, until: int, mark: Any, out: Any, told: Any, n: int,
) -> int:  # fmt: skip
    """Let time come to just before one instant, and to another if that is later: how many firings there are then."""
    while mark[NEXT] < before or mark[NEXT] <= until:
        moment = mark[MOMENT] = mark[NEXT]
        mark[NEXT] = NEVER
        for k in range(len(timed)):
            j = timed[k]
            if turns[j] <= moment:
                _read(state, terms, j, spans, moment, orders, lines, turns)
            mark[NEXT] = min(mark[NEXT], turns[j])
        if _look(tape, begins, state, held, risen) and state[SESSIONS] > 0:
            first = n
            n = _fire(rules, risen, 0, held, False, state, guards, moment, since, out, n, mark[WHOSE], mark[ROW], 1)
            _tell(state, terms, moment, orders, lines, told, first, n)
    return n


def _wind(turns: Any, timed: Any) -> int:
    """When time changes anything next."""
    found = NEVER
    for k in range(len(timed)):
        found = min(found, turns[timed[k]])
    return int(found)


def _open(state: Any, turns: Any, guards: Any, held: Any, mark: Any, blank: Any, at_first: Any, whose: int) -> None:
    """A visitor of whom nothing is known yet."""
    state[:] = blank
    turns[:] = NEVER
    guards[:, :] = MISSING
    held[:] = at_first
    mark[MOMENT], mark[NEXT], mark[ROW], mark[WHOSE] = 0, NEVER, -1, whose


_HELPERS: Final = (
    *tape_terms.HELPERS, *tape_state.HELPERS, *tape_join.HELPERS, *tape_rules.HELPERS, _read, _count, _tell, _pass, _wind,
    _open,
)  # fmt: skip


def _example() -> tuple[Any, ...]:
    table, long = np.zeros((1, 13), np.int64), np.zeros(1, np.int64)
    one, two, narrow = frozen(long), frozen(table), frozen(np.zeros(1, np.int32))
    rows = frozen(np.array([0, 0])), one, one, one, one, narrow, one, narrow, one, one, one, two
    sets = frozen(np.zeros(2, np.int64)), two, one, one
    nothing = frozen(np.zeros(0, np.int64))
    program = two, one, nothing, nothing, nothing, nothing, frozen(np.array([TRUE, 0, 0, 0])), frozen(np.array([0, WIDTH])), two
    outs = np.zeros(1, np.uint8), np.zeros((1, 5), np.int64), table.copy()
    blank = frozen(np.zeros(200, np.int64))
    owners = frozen(np.full(1, -1)), one, narrow, 1
    return *rows, *owners, *sets, *program, blank, HEAD, HEAD, narrow, 0, 1, 0, 1, 0, 0, *outs


@kernel(*_HELPERS, example=_example, inlined=True)
def fold_rules(
    offsets: Any, at: Any, key: Any, happened: Any, campaign: Any, touch: Any, amount: Any, order: Any, line: Any, pieces: Any,
    price: Any, figures: Any,
    base: Any, words: Any, keys: Any, room: int,
    set_from: Any, uses: Any, asked_by: Any, basket_by: Any,
    terms: Any, spans: Any, by_visit: Any, by_basket: Any, when_asked: Any, timed: Any, tape: Any, begins: Any, rules: Any,
    blank: Any, orders: int, lines: int,
    chosen: Any, first: int, last: int, live: int, timeout: int, since: int, until: int,
    beyond: Any, out: Any, told: Any,
) -> int:  # fmt: skip
    """Write (visitor, rule, instant, row, by time alone) of each firing to `out`, in the order of `chosen[first:last]`.

    Returns how many there are, which may be more than `out` has room for. `beyond[label]` is set where a state has no room
    here: the firings of that label are left out. Rows are gathered by arrival, see `order_calls`; with `live` they happened
    at `happened[row]`. A label is one visitor, or where `base[label]` is not negative the `words` from there on say whose
    each row is and `keys` who that is, see `own_rows`; `room` is how many there are at once. `by_visit`, `by_basket` and
    `when_asked` are the terms to be read anew with each behaviour, each change of the basket and each event that asks a
    rule; `timed` those that time changes. `told` gets the values of all terms.
    """
    terms, spans, timed, rules = uncounted(terms), uncounted(spans), uncounted(timed), uncounted(rules)
    tape, begins, out, told = uncounted(tape), uncounted(begins), uncounted(out), uncounted(told)
    states, winds = np.empty((room, len(blank)), np.int64), np.empty((room, len(terms)), np.int64)
    guarded, holding = np.empty((room, len(rules), 2), np.int64), np.zeros((room + 1, len(begins) - 1), np.int64)
    marks = np.full((room, 4), NOBODY)
    risen, at_first = uncounted(holding[room]), np.empty(len(begins) - 1, np.int64)
    for j in range(len(at_first)):
        at_first[j] = _holds(tape, begins[j], begins[j + 1], blank)
    n = 0
    for place in range(first, last):
        label = chosen[place]
        begin, failed, top, several = n, 0, 1, base[label] >= 0
        low, high, end = offsets[label], offsets[label + 1], offsets[label]
        state, turns, guards = uncounted(states[0]), uncounted(winds[0]), uncounted(guarded[0])
        held, mark = uncounted(holding[0]), uncounted(marks[0])
        if not several:
            _open(state, turns, guards, held, mark, blank, at_first, label)
        while end < high and not failed:
            begin_at, end = end, high
            if several:
                first_word = base[label] + begin_at - low
                word = words[first_word]
                end = begin_at + 1
                if word == 0:
                    continue
                here = (word & MASK) - 1
                top = max(top, here + 1)
                state, turns, guards = uncounted(states[here]), uncounted(winds[here]), uncounted(guarded[here])
                held, mark = uncounted(holding[here]), uncounted(marks[here])
                if word >> OPENS:
                    _open(state, turns, guards, held, mark, blank, at_first, keys[first_word])
                rest = (word >> BITS) & JOINS
                while rest:
                    other = (rest & MASK) - 1
                    rest >>= BITS
                    for one in (here, other):
                        n = _pass(
                            states[one], winds[one], guarded[one], holding[one], risen, terms, spans, timed, tape, begins,
                            rules, orders, lines, since, at[begin_at], MISSING, marks[one], out, told, n,
                        )  # fmt: skip
                    mark[MOMENT] = max(mark[MOMENT], marks[other, MOMENT])
                    mark[ROW] = max(mark[ROW], marks[other, ROW])
                    marks[other, WHOSE] = NOBODY
                    failed += _unite(state, states[other], guards, guarded[other], terms, orders, lines, mark[MOMENT])
                    for j in range(len(terms)):
                        _read(state, terms, j, spans, mark[MOMENT], orders, lines, turns)
                    mark[NEXT] = _wind(turns, timed)
                    # What holds now counts as having held.
                    _look(tape, begins, state, held, risen)
                if failed or key[begin_at] & PRESENT == 0:
                    continue
                while end < high and words[end + base[label] - low] == here + 1:
                    end += 1
            moment, next_turn, row, whose = mark[MOMENT], mark[NEXT], mark[ROW], mark[WHOSE]
            for i in range(begin_at, end):
                arrival = at[_u(i)]
                t = arrival
                if live:
                    t = happened[_u(key[_u(i)] >> 16)]
                late = arrival - t > _FIVE_MINUTES
                if t > arrival + _FIVE_MINUTES:
                    t = arrival
                # Time goes to the arrival first, then, if that is later, to when the event is said to have happened.
                if next_turn < arrival or next_turn <= t:
                    mark[MOMENT], mark[NEXT], mark[ROW] = moment, next_turn, row
                    n = _pass(
                        state, turns, guards, held, risen, terms, spans, timed, tape, begins, rules, orders, lines, since,
                        arrival, t, mark, out, told, n,
                    )  # fmt: skip
                    moment, next_turn = mark[MOMENT], mark[NEXT]
                t = max(t, moment)
                moment = t
                row, symbol = key[_u(i)] >> 16, key[_u(i)] & 0xFFFF
                served, was_here = symbol & SETS, state[SESSIONS] > 0
                basket, asked = basket_by[_u(served)], asked_by[_u(served)]
                if basket:
                    failed += _fill(state, basket, t, line[row], pieces[row], price[row], lines)
                if symbol & ACTS:
                    _behave(state, symbol, t, campaign[_u(row)] if symbol & HAS_CAMPAIGN else 0, timeout)
                    if state[TOUCH] == NOBODY and symbol & CONTEXT:
                        _arrive(state, touch[_u(row)])
                if symbol & KNOWN:
                    state[IS_KNOWN] = 1
                if symbol & (ORDER | REFUND):
                    known = row < len(amount)
                    _sell(state, symbol, t, amount[row] if known else 0, order[row] if known else NOBODY, orders)
                wound = 0
                for k in range(set_from[_u(served)], set_from[_u(served + 1)]):
                    j = uses[k, 0]
                    if terms[j, KIND] == COUNT_WITHIN:
                        wound += _count(state, terms, j, spans, t, turns)
                        continue
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
                    next_turn = _wind(turns, timed)
                rose = 0
                for one in range(len(held)):
                    now = _holds(tape, begins[_u(one)], begins[_u(one + 1)], state)
                    risen[_u(one)] = 1 if now > held[_u(one)] else 0
                    rose += risen[_u(one)]
                    held[_u(one)] = now
                if late or state[SESSIONS] == 0 or (not rose and was_here and not asked):
                    continue
                before = n
                n = _fire(rules, risen, asked, held, not was_here, state, guards, t, since, out, n, whose, row, 0)
                _tell(state, terms, t, orders, lines, told, before, n)
            mark[MOMENT], mark[NEXT], mark[ROW] = moment, next_turn, row
        for one in range(top):
            if not failed and marks[one, WHOSE] != NOBODY and marks[one, NEXT] <= until:
                state, turns, guards = uncounted(states[one]), uncounted(winds[one]), uncounted(guarded[one])
                held, mark = uncounted(holding[one]), uncounted(marks[one])
                n = _pass(
                    state, turns, guards, held, risen, terms, spans, timed, tape, begins, rules, orders, lines, since,
                    until + 1, until, mark, out, told, n,
                )  # fmt: skip
            marks[one, WHOSE] = NOBODY
        if failed:
            beyond[label] = 1
            n = begin
    return n
